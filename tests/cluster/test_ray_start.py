"""What keeps Ray from starting is tried again or named in one line."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cluster import ray_start
from harness.cluster.child_processes import children
from harness.cluster.ray_start import RayFailed, ensure_home, join_cluster, secure_token, start_cluster
from harness.plan.preset import PresetError

SLOW = "The current node timed out during startup. This could happen because the GCS has become overloaded."


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Start Ray's double, which fails with these errors first; returns (options of every attempt, lines)."""
    import ray

    def start(*errors, action=start_cluster):
        attempts, lines, left = [], [], list(errors)

        def init(**options):
            attempts.append(options)
            if left:
                raise left.pop(0)

        monkeypatch.setattr(ray, "init", init)
        action(lines.append)
        return attempts, lines

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(ray_start.time, "sleep", lambda seconds: None)
    return start


def test_a_start_that_takes_ray_too_long_is_tried_again(start):
    attempts, lines = start(Exception(SLOW), Exception(SLOW))
    assert len(attempts) == 3
    assert lines == [f"Ray did not start (attempt {i} of 3: {SLOW}); trying again" for i in (1, 2)]
    with pytest.raises(RayFailed, match=r"did not start in 3 attempts .The current node timed out"):
        start(*[Exception(SLOW)] * 3)


def test_a_failed_start_leaves_no_process(start, monkeypatch):
    import ray

    left = []

    def init(**options):
        left.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        raise Exception(SLOW)

    before = children()
    with pytest.raises(RayFailed):
        start(action=lambda say: (monkeypatch.setattr(ray, "init", init), start_cluster(say)))
    assert [process.wait(10) for process in left] == [-9] * 3 and children() <= before
    for process in left:
        process.stdin.close()


def test_a_folder_that_is_to_blame_is_named(start, monkeypatch):
    with pytest.raises(PresetError, match=r"Ray cannot start: Permission denied .*/here.; set TMPDIR to a folder"):
        start(PermissionError(errno.EACCES, "Permission denied", "/here"))
    monkeypatch.setenv("RAY_TMPDIR", "/here")
    with pytest.raises(PresetError, match="; set RAY_TMPDIR to a folder"):
        start(PermissionError(errno.EACCES, "Permission denied", "/here"))


def test_an_empty_folder_for_ray_is_none(start, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "")  # Ray would write into the working directory
    start()
    assert "RAY_TMPDIR" not in os.environ


def test_a_temporary_folder_too_long_for_sockets(start, monkeypatch, tmp_path):
    socket = "/ray/session_2026-11-28_04-56-19_717089_4194304/sockets/plasma_store"  # a name that Ray made
    longest = "/" + "x" * (107 - len(socket) - 1)
    monkeypatch.setenv("TMPDIR", longest)
    attempts, lines = start()
    assert "_temp_dir" not in attempts[0] and lines == []
    monkeypatch.setenv("TMPDIR", longest + "x")
    monkeypatch.setattr(ray_start, "SHORT_FOLDER", tmp_path)
    attempts, (line,) = start()
    assert attempts[0]["_temp_dir"] == str(tmp_path / "ray")
    assert line.startswith(f"TMPDIR {longest}x is too long") and line.endswith(f"Ray's own files go to {tmp_path}/ray")
    monkeypatch.setattr(ray_start, "SHORT_FOLDER", Path("/proc/nothing"))
    with pytest.raises(PresetError, match=r"TMPDIR .* is too long .*; set TMPDIR to a shorter folder"):
        start()


def test_a_user_without_a_home_gets_one_for_the_run(start, monkeypatch, tmp_path):
    monkeypatch.delenv("HOME")
    monkeypatch.delenv(ray_start.TOKEN_PATH, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    _, (line,) = start(action=lambda say: (ensure_home(say), start_cluster(say)))
    made = Path(os.environ["HOME"])
    assert made.is_relative_to(tmp_path) and line == f"this user has no home folder: HOME is {made} for this run"
    assert (made / ".ray" / "auth_token").is_file()


@pytest.mark.parametrize("home", ["/proc/none", None])
def test_without_a_home_the_token_is_in_a_private_temporary_folder(home, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(ray_start.TOKEN_PATH, "")
    monkeypatch.setattr(ray_start, "home", lambda: home and Path(home))
    secure_token(create=False)
    assert os.environ[ray_start.TOKEN_PATH] == ""
    secure_token(create=True)
    token = Path(os.environ[ray_start.TOKEN_PATH])
    assert token.is_relative_to(tmp_path) and stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700 and len(token.read_text()) == 64


@pytest.mark.parametrize(
    ("error", "message"),
    [(ConnectionError("x"), "no Ray cluster answers there"),
     (RuntimeError("Version mismatch:\n 2.50"), r"Ray cannot join that cluster \(Version mismatch: 2.50\)")],
)  # fmt: skip
def test_a_cluster_that_cannot_be_joined(start, error, message):
    with pytest.raises(PresetError, match=f"--address here:1: {message}"):
        start(error, action=lambda say: join_cluster("here:1", {}))
