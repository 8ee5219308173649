"""The faults of the fault injection run, and what they need of the machine: a movable wall clock, and a small disk."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.helpers.ray_nodes import RayNodes

MANIFEST = "MANIFEST.json"
WAIT = 180  # seconds to wait for a training, or for the end of one that was hit
SPARED = ("pocket-encoder", "pocket-bridge")  # take minutes to compute, which would be most of the run
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long *offset;
__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULT_CLOCK");
    int file = name ? open(name, O_RDONLY) : -1;
    void *memory = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    if (memory != MAP_FAILED) offset = memory;
}
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now);
    if (offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return result;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


class Clock:
    """The wall clock of the processes under test. `unavailable` says why it cannot be moved, or is empty."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        self.unavailable = "" if compiler else "no C compiler to build the clock with"
        self._file = folder / "clock"
        self._file.write_bytes(bytes(ctypes.sizeof(ctypes.c_long)))
        if compiler:
            (folder / "clock.c").write_text(SHIM, encoding="utf-8")
            library, source = folder / "clock.so", folder / "clock.c"
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
            os.environ |= {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[:] = seconds.to_bytes(len(memory), "little", signed=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[str]:
    """Mount a tmpfs of this size on a folder; yield why that was impossible, or an empty string."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    try:
        yield mounted.stderr.strip() if mounted.returncode else ""
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


class FaultInjector:
    """Every public method is a fault; it returns what it did in a few words, or None if there was nothing to hit.

    store     the store's folder
    start     starts the command once more
    drivers   the commands started so far
    damaged   how often each artifact was damaged, by (stage, key)
    """

    def __init__(
        self,
        store: Path,
        nodes: RayNodes,
        clock: Clock,
        disk: str,
        seed: int,
        start: Callable[[], Any],
        drivers: list[Any],
    ) -> None:
        self._store, self._nodes, self._clock, self._disk = store, nodes, clock, disk
        self._random, self._start, self._drivers = random.Random(seed), start, drivers
        self.damaged: Counter[tuple[str, str]] = Counter()

    def artifacts(self, stages: tuple[str, ...] = ()) -> list[Path]:
        folders = [path.parent for path in self._store.glob(f"*/*/{MANIFEST}") if not path.parent.name.startswith(".")]
        return sorted(
            folder
            for folder in folders
            if folder.parent.name not in ("damaged", "scratch", *SPARED)
            and (not stages or folder.parent.name in stages)
        )

    def kill_driver(self) -> str | None:
        running = [driver for driver in self._drivers if driver.poll() is None]
        if not running:
            return None
        driver = self._random.choice(running)
        driver.kill()
        driver.wait()
        return f"driver {driver.pid} killed"

    def kill_worker(self) -> str | None:
        workers = self._nodes.workers()
        if not workers:
            return None
        worker = self._random.choice(workers)
        with suppress(psutil.Error):
            worker.kill()
        return f"worker {worker.pid} got SIGKILL"

    def kill_node(self) -> str:
        self._replace_node()
        return "a node killed, another one started"

    def drain(self) -> str:
        """Kill a node some time after announcing it, as a cloud does."""
        seconds = self._random.randint(1, 5)
        self._nodes.drain(self._nodes.nodes[0], seconds)
        time.sleep(seconds)
        self._replace_node()
        return f"a node killed {seconds} s after that was announced, another one started"

    def kill_training(self) -> str | None:
        """Kill all workers and a node when a training leaves a checkpoint; then wait until it has resumed and ended.

        If a training and its cell are finished, both are damaged first, so that there is something to train.
        """
        self._damage_training()
        before = set(self._store.glob("scratch/*/step-*"))
        checkpoint = self._wait(lambda: next(iter(set(self._store.glob("scratch/*/step-*")) - before), None), 0.01)
        if checkpoint is None:
            return None
        workers = self._nodes.workers()
        for worker in workers:
            with suppress(psutil.Error):
                worker.kill()
        self._replace_node()
        about = self._store / "trained-encoder" / checkpoint.parent.name / "about.json"
        self._wait(lambda: about.with_name(MANIFEST).is_file(), 0.1)
        steps = json.loads(about.read_bytes())["training"]["resumed_from"] if about.is_file() else 0
        if not steps:  # the training ended before the kill, or one of its inputs had to be computed again
            return None
        hit = f"{len(workers)} workers and a node killed after {checkpoint.name} of a training"
        return f"{hit}, which went on from step {steps}"

    def stop_worker(self) -> str | None:
        workers = self._nodes.workers()
        if not workers:
            return None
        worker, seconds = self._random.choice(workers), self._random.uniform(2, 5)
        with suppress(psutil.Error):
            worker.suspend()
            time.sleep(seconds)
            worker.resume()
        return f"worker {worker.pid} stood still for {seconds:.1f} s"

    def truncate(self) -> str | None:
        return self._damage("truncated", self._truncate)

    def flip(self) -> str | None:
        return self._damage("one bit flipped", self._flip)

    def delete(self) -> str | None:
        return self._damage("deleted", Path.unlink)

    def delete_manifest(self) -> str | None:
        return self._damage("deleted", Path.unlink, MANIFEST)

    def truncate_manifest(self) -> str | None:
        return self._damage("truncated", self._truncate, MANIFEST)

    def damage_cell(self) -> str | None:
        """Damage a result, so that the grid has something to do."""
        return self._damage("one bit flipped", self._flip, stages=("evaluation", "bm25"))

    def full_disk(self) -> str:
        if self._disk:
            return f"skipped: {self._disk}"
        ballast, seconds = self._store.parent / "ballast", self._random.uniform(2, 6)
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**20))
        time.sleep(seconds)
        ballast.unlink()
        return f"no room for {seconds:.1f} s"

    def second_driver(self) -> str:
        others = sum(driver.poll() is None for driver in self._drivers)
        return f"driver {self._start().pid} started beside {others} other"

    def jump(self) -> str:
        """Move the wall clock, and the dates of files written meanwhile, by up to ten years from now on."""
        if self._clock.unavailable:
            return f"skipped: {self._clock.unavailable}"
        seconds = self._random.randint(-10 * 365 * 86400, 10 * 365 * 86400)
        self._clock.set(seconds)
        for artifact in self.artifacts():
            with suppress(OSError):
                os.utime(artifact / MANIFEST, (time.time() + seconds,) * 2)
        return f"clock {seconds / 86400:+.0f} days off"

    def _replace_node(self) -> None:
        self._nodes.kill(self._nodes.nodes[0])
        self._nodes.add(1)

    def _damage_training(self) -> None:
        cells = self.artifacts(("evaluation",))
        self._random.shuffle(cells)
        for cell in cells:
            with suppress(OSError, ValueError):  # damaged or set aside before
                sources = [entry["name"] for entry in json.loads((cell / MANIFEST).read_bytes())["inputs"].values()]
                encoder = next((self._store / name for name in sources if name.startswith("trained-encoder/")), None)
                if encoder and encoder.is_dir():
                    for artifact, file in ((encoder, "model.safetensors"), (cell, "measurement.json")):
                        self._flip(artifact / file)
                        self.damaged[artifact.parent.name, artifact.name] += 1
                    return

    def _wait(self, condition: Callable[[], Any], every: float) -> Any:
        """Return what `condition` returns, once true or after WAIT seconds; restart the command whenever it ends."""
        deadline = time.monotonic() + WAIT
        while not (result := condition()) and time.monotonic() < deadline:
            if all(driver.poll() is not None for driver in self._drivers):
                self._start()
            time.sleep(every)
        return result

    def _damage(
        self, how: str, harm: Callable[[Path], None], name: str = "", stages: tuple[str, ...] = ()
    ) -> str | None:
        artifacts = self.artifacts(stages)
        if not artifacts:
            return None
        artifact = self._random.choice(artifacts)
        try:
            content = (path for path in artifact.rglob("*") if path.name != MANIFEST)
            files = sorted(path for path in content if path.is_file() and path.stat().st_size)
            if not files:
                return None
            file = artifact / name if name else self._random.choice(files)
            harm(file)
        except FileNotFoundError:  # set aside just now, because of an earlier fault
            return None
        self.damaged[artifact.parent.name, artifact.name] += 1
        return f"{artifact.parent.name}/{artifact.name}/{file.relative_to(artifact)} {how}"

    def _truncate(self, file: Path) -> None:
        os.truncate(file, self._random.randrange(file.stat().st_size))

    def _flip(self, file: Path) -> None:
        with file.open("r+b") as opened:
            position = self._random.randrange(file.stat().st_size)
            opened.seek(position)
            byte = opened.read(1)[0] ^ 1 << self._random.randrange(8)
            opened.seek(position)
            opened.write(bytes([byte]))
