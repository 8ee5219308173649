"""Both cluster files fit Ray's schema, and their commands do what the comments say, with stand-ins for programs."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.helpers.cluster_files import CLOUD, LOCAL, ROOT, filled, placeholders

FILES = pytest.mark.parametrize("path", [CLOUD, LOCAL], ids=lambda path: path.name)
SETUP = ("initialization_commands", "head_setup_commands", "worker_setup_commands")
COMMANDS = (*SETUP, "head_start_ray_commands", "worker_start_ray_commands")
STAND_IN = '#!/usr/bin/env bash\nprintf "%s\\n" "$RAY_AUTH_MODE $(basename "$0") $*" >> "$CALLS"\n'


def prepared(path: Path, **values: str) -> dict[str, Any]:
    """Return the file as `ray up` passes it to the cloud: merged with the provider's defaults."""
    return prepare_config(filled(path, **values))


@FILES
def test_ray_accepts_it(path):
    validate_config(prepared(path))
    with pytest.raises(jsonschema.ValidationError, match="idle_minutes"):
        validate_config(prepared(path) | {"idle_minutes": 5})


@FILES
def test_placeholders_are_explained(path):
    guide = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert placeholders(path) >= {"FOLDER_OF_THIS_CHECKOUT"}
    for name in placeholders(path):
        assert f"`<{name}>`" in guide, name


@FILES
def test_versions_are_those_of_the_constraints(path):
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    install = [command for command in prepared(path)["head_setup_commands"] if "--editable" in command]
    assert len(install) == 1 and "--constraint ~/sembridge-bench/constraints.txt" in install[0]
    assert re.findall(r"'ray\[[a-z,]+\]==([\d.]+)'", install[0]) == [pinned["ray"]]
    for command in prepared(path)["head_setup_commands"] + prepared(path)["worker_setup_commands"]:
        if "pip install" in command:
            words = shlex.split(command.split("pip install")[1])
            packages = [word for word in words if not word.startswith(("-", "~"))]
            assert packages and all("==" in word for word in packages), command


def test_the_head_node_trains_nothing_and_workers_come_from_zero_by_spot_price():
    config = prepared(CLOUD)
    head, gpu = config["available_node_types"]["head"], config["available_node_types"]["gpu"]
    assert config["head_node_type"] == "head" and head["resources"] == {"CPU": 0}
    assert "InstanceMarketOptions" not in head["node_config"]
    assert any("--head" in command and "--num-cpus=0" in command for command in config["head_start_ray_commands"])
    assert gpu["min_workers"] == 0 and gpu["max_workers"] == config["max_workers"] <= 4
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert 5 <= config["idle_timeout_minutes"] <= 15 and config["provider"]["cache_stopped_nodes"] is False
    for node in (head["node_config"], gpu["node_config"]):
        assert node["InstanceInitiatedShutdownBehavior"] == "terminate"
        assert node["MetadataOptions"]["HttpTokens"] == "required"
        assert node["ImageId"] == "image" and node["SecurityGroupIds"] == ["security_group"]


def executed(config: dict[str, Any], kinds: tuple[str, ...], home: Path) -> list[str]:
    """Run the commands of these kinds in order, as a login shell at `home` would; return their calls.

    A call begins with the value of RAY_AUTH_MODE.
    """
    stand_ins, venv, calls = home / "stand-ins", home / "sembridge-venv" / "bin", home / "calls"
    programs = [stand_ins / name for name in ("sudo", "cloud-init", "python3", "mountpoint", "setsid")]
    for path in [*programs, venv / "ray", venv / "python"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STAND_IN + ("exit 1\n" if path.name == "mountpoint" else ""))
        path.chmod(0o755)
    environment = {"HOME": str(home), "PATH": f"{stand_ins}:{os.environ['PATH']}", "CALLS": str(calls)}
    environment |= {"USER": "somebody", "RAY_HEAD_IP": "10.0.0.1"}
    for kind in kinds:
        for command in config[kind]:
            process = subprocess.run(["bash", "-c", command], env=environment, cwd=home, capture_output=True, text=True)
            assert process.returncode == 0, (command, process.stderr)
    return calls.read_text().splitlines()


@FILES
def test_every_command_is_bash(path):
    config = prepared(path)
    for kind in COMMANDS:
        for command in config[kind]:
            process = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
            assert process.returncode == 0, (command, process.stderr)
    assert subprocess.run(["bash", "-n", "-c", "if true; do"], capture_output=True).returncode != 0


@FILES
def test_commands_run_and_run_again(path, tmp_path):
    """A second `ray up` runs all of them again on the same machine."""
    (tmp_path / "shared").mkdir()
    (tmp_path / ".ray").mkdir()
    token = tmp_path / ".ray" / "auth_token"
    token.write_text("secret")
    token.chmod(0o644)
    config = prepared(path, shared=str(tmp_path / "shared"))
    kinds = ("initialization_commands", "head_setup_commands", "head_start_ray_commands")
    for _ in range(2):
        called = executed(config, kinds, tmp_path)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert (tmp_path / ".bashrc").read_text().count("RAY_AUTH_MODE=token") == 1
    started = [line for line in called if "ray start" in line]
    assert len(started) == 2 and called[-1] == started[-1]
    assert started[0].startswith("token ray start --head") and "--dashboard-host=127.0.0.1" in started[0]
    joined = executed(config, ("worker_setup_commands", "worker_start_ray_commands"), tmp_path)
    assert "token ray start --address=10.0.0.1:6379" in joined


def test_a_shared_folder_that_is_missing_ends_the_installation(tmp_path):
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("secret")
    with pytest.raises(AssertionError, match="test -w"):
        executed(prepared(LOCAL, shared=str(tmp_path / "nowhere")), ("head_setup_commands",), tmp_path)


def test_the_cloud_mounts_what_it_shares(tmp_path):
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("secret")
    config = prepared(CLOUD, shared=str(tmp_path / "nowhere"), FILE_SYSTEM="fs-1", REGION="eu-west-1")
    called = executed(config, ("head_setup_commands",), tmp_path)
    mounted = [line for line in called if " mount " in line]
    assert len(mounted) == 1 and mounted[0].endswith(f"fs-1.efs.eu-west-1.amazonaws.com:/ {tmp_path}/nowhere")
    assert any(line.endswith(f"chown somebody {tmp_path}/nowhere") for line in called)


@pytest.mark.parametrize(
    ("path", "last"), [(CLOUD, "sudo shutdown -h now"), (LOCAL, "ray stop")], ids=["cloud", "local"]
)
def test_a_worker_that_has_lost_its_head_node_ends(path, last, tmp_path):
    """Run its watch with an instant `sleep`: it stays while the head node answers, and ends some time after."""
    watch = next(command for command in prepared(path)["worker_start_ray_commands"] if "flock" in command)
    words = shlex.split(watch)
    script = words[words.index("-c") + 1]
    calls, answers = tmp_path / "calls", tmp_path / "answers"
    stand_ins = {
        "sleep": "exit 0",
        "sudo": "exit 0",
        "timeout": f"n=$(cat {answers}); echo $((n - 1)) > {answers}; [ $n -gt 0 ] || [ $n -eq -3 ]",
    }
    for name, does in stand_ins.items():
        (tmp_path / name).write_text(f'#!/usr/bin/env bash\necho "{name} $*" >> {calls}\n{does}\n')
        (tmp_path / name).chmod(0o755)
    ray = tmp_path / "sembridge-venv" / "bin" / "ray"
    ray.parent.mkdir(parents=True)
    ray.write_text(f'#!/usr/bin/env bash\necho "ray $*" >> {calls}\n')
    ray.chmod(0o755)
    answers.write_text("4")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "RAY_HEAD_IP": "10.0.0.1"}
    subprocess.run(["bash", "-c", script], env=environment, check=True, timeout=60)
    called = calls.read_text().splitlines()
    looks = [line for line in called if line.startswith("timeout") and "10.0.0.1/6379" in line]
    patience = int(re.search(r"-lt (\d+)", script)[1])
    # Four answers, three misses, an answer that resets the count, and then as many misses as the watch tolerates.
    assert len(looks) == 4 + 3 + 1 + patience and called[-1] == last
    assert 60 <= patience * int(re.search(r"sleep (\d+)", script)[1]) <= 600
