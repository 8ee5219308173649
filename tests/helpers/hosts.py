"""Separate hosts on one machine, reached by ssh alone, each with its own network, processes, hostname and home folder.

/dev/shm and /tmp/ray are a host's own too. Other folders of the machine are shared, and a test uses one of them as the
shared file system.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("ip", "unshare", "nsenter", "sshd", "ssh", "ssh-keygen", "rsync", "mount")
SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
START = """
set -e
hostname {name}
mount --make-rprivate /
mount -t tmpfs tmpfs /dev/shm
mkdir -p /tmp/ray /run/sshd
mount --bind {folder}/tmp-ray /tmp/ray
mount --bind {folder}/passwd /etc/passwd
ip link set lo up
{sshd} -D -e -f {folder}/sshd_config >{folder}/sshd.log 2>&1 &
touch {folder}/started
while true; do wait; sleep 1; done
"""
SSHD = """
HostKey {folder}/host_key
AuthorizedKeysFile {key}.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
PrintMotd no
MaxStartups 50
"""


def obstacle() -> str:
    """Return why this machine cannot have such hosts; "" if it can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=SEARCH_PATH)]
    if missing:
        return f"{', '.join(missing)} not installed"
    script = "ip link add name one type veth peer name two && mount -t tmpfs tmpfs /dev/shm"
    command = ["unshare", "-n", "-p", "-m", "-u", "-f", "--mount-proc", "sh", "-c", script]
    process = subprocess.run(command, capture_output=True, text=True)
    return f"namespaces: {process.stderr.strip()}" if process.returncode else ""


@dataclass
class Host:
    name: str
    address: str
    folder: Path
    init: int  # this machine's pid of its first process

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, command: str, timeout: float, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run bash on the host itself, not by ssh."""
        inside = ["nsenter", "-t", str(self.init), "-n", "-p", "-m", "-u", "bash", "-c", command]
        env = {"HOME": str(self.home), "PATH": SEARCH_PATH, "USER": "root", "LANG": "C.UTF-8"} | environment
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(inside, env=env, cwd=self.home, text=True, timeout=timeout, **pipes)

    def processes(self) -> list[str]:
        """Return the command lines of its processes, except the first and sshd's; zombies count too, as [name]."""
        space = os.readlink(f"/proc/{self.init}/ns/pid")
        lines = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if int(entry.name) == self.init or os.readlink(entry / "ns" / "pid") != space:
                    continue
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                line = line or f"[{(entry / 'comm').read_text().strip()}]"
            except OSError:  # it ended meanwhile
                continue
            if "sshd" not in line.split(" ")[0] and line != "sleep 1":
                lines.append(line)
        return lines


@dataclass
class Hosts:
    """Hosts on a switch of their own, 10.83.0.1 and upwards, and an ssh key for all of them."""

    folder: Path
    names: Sequence[str]
    all: list[Host] = field(default_factory=list)

    def __enter__(self) -> Hosts:
        self.key, self._started = self.folder / "key", list[subprocess.Popen]()
        _run(f"ssh-keygen -q -t ed25519 -N '' -f {self.key}")
        sleep = ["unshare", "-n", "--kill-child", "-f", "sleep", "infinity"]
        self._switch = subprocess.Popen(sleep, start_new_session=True)
        try:
            switch = _child(self._switch.pid)
            _run(f"nsenter -t {switch} -n sh -c 'ip link add sw type bridge && ip link set sw up'")
            for number, name in enumerate(self.names, start=1):
                self.all.append(self._host(name, f"10.83.0.{number}", number, switch))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for host in self.all:
            os.kill(host.init, signal.SIGKILL)  # also ends all processes of the host
        os.killpg(self._switch.pid, signal.SIGKILL)
        self._switch.wait()
        for started in self._started:
            started.wait(10)

    def _host(self, name: str, address: str, number: int, switch: int) -> Host:
        folder = self.folder / name
        for part in ("home", "tmp-ray"):
            (folder / part).mkdir(parents=True)
        (folder / "passwd").write_text(_passwd(folder / "home"), encoding="utf-8")
        _run(f"ssh-keygen -q -t ed25519 -N '' -f {folder}/host_key")
        (folder / "sshd_config").write_text(SSHD.format(folder=folder, key=self.key), encoding="utf-8")
        script = START.format(name=name, folder=folder, sshd=shutil.which("sshd", path=SEARCH_PATH))
        command = ["unshare", "-n", "-p", "-m", "-u", "-f", "--kill-child", "--mount-proc", "bash", "-c", script]
        environment = {"PATH": SEARCH_PATH, "HOME": str(folder / "home")}
        started = subprocess.Popen(command, env=environment, start_new_session=True)
        self._started.append(started)
        deadline = time.monotonic() + 10
        while not (folder / "started").exists():
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"host {name} did not start")
            time.sleep(0.05)
        init = _child(started.pid)
        _run(f"ip link add up{number} netns {switch} type veth peer name eth0 netns {init}")
        _run(f"nsenter -t {switch} -n sh -c 'ip link set up{number} master sw && ip link set up{number} up'")
        setup = f"ip addr add {address}/24 dev eth0 && ip link set eth0 up && ip route add default dev eth0"
        _run(f"nsenter -t {init} -n sh -c '{setup}'")
        return Host(name, address, folder, init)


def _passwd(home: Path) -> str:
    lines = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if not line.startswith("root:")]
    return "\n".join([f"root:x:0:0:root:{home}:/bin/bash", *others]) + "\n"


def _child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + 5
    while not (pids := children.read_text().split()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} has no child")
        time.sleep(0.02)
    return int(pids[0])


def _run(command: str) -> None:
    process = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={"PATH": SEARCH_PATH})
    if process.returncode:
        raise RuntimeError(f"{command}: {process.stderr.strip()}")
