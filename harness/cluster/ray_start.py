"""Start Ray on this machine, or join a running cluster; what goes wrong is named in one line."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.cluster.child_processes import children, kill
from harness.cluster.stopping import keeping_handlers
from harness.files.home import home
from harness.plan.preset import PresetError

ATTEMPTS = 3
PAUSE_SECONDS = 5.0  # between two of them
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"
LONGEST_SOCKET = 107  # bytes of a path of a unix socket, by the system
# what Ray puts below its temporary folder, with the longest process id
_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
SHORT_FOLDER = Path("/tmp")
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}


class RayFailed(RuntimeError):
    """Ray did not start on this machine, or ended where Ray itself cannot say why."""


def ensure_home(say: Callable[[str], None]) -> None:
    """Give a user without a home folder an empty one until this process ends: Ray's libraries insist on one."""
    if home() is None:
        folder = _temporary("sembridge-home-")
        os.environ["HOME"] = folder
        say(f"this user has no home folder: HOME is {folder} for this run")


def join_cluster(address: str, options: dict[str, Any]) -> None:
    """Become part of the cluster at `address`; PresetError if that is impossible."""
    import ray

    secure_token(create=False)
    try:
        with keeping_handlers():
            ray.init(address=address, **_QUIET, **options)
    except Exception as error:
        if "Authentication" in f"{type(error).__name__} {type(error.__cause__).__name__} {error.__cause__}":
            raise PresetError(
                f"--address {address}: that cluster refuses access; set RAY_AUTH_MODE=token and put its "
                "token into ~/.ray/auth_token, or start the grid on its head node"
            ) from None
        if isinstance(error, ConnectionError):
            raise PresetError(
                f"--address {address}: no Ray cluster answers there; start one with `ray up` "
                "(see the page 'cluster' of the documentation)"
            ) from None
        raise PresetError(f"--address {address}: Ray cannot join that cluster ({_one_line(error)})") from None


def start_cluster(say: Callable[[str], None]) -> None:
    """Start a cluster of this machine alone, which listens on loopback only, and say what is unusual about it.

    On a busy machine Ray may miss its own limit of 30 s; it is then tried again. PresetError if a folder is to blame,
    RayFailed if all attempts failed.
    """
    import ray

    secure_token(create=True)
    # "local": a new cluster, not one that happens to run here
    options: dict[str, Any] = {"address": "local", "include_dashboard": False, "object_store_memory": 200 * 2**20}
    if not os.environ.get("RAY_TMPDIR"):  # Ray would take "" for the working directory
        os.environ.pop("RAY_TMPDIR", None)
    options |= _short_folder(say)
    for attempt in range(1, ATTEMPTS + 1):
        before = children()
        try:
            with keeping_handlers():
                ray.init(**_QUIET, **options)
            return
        except OSError as error:
            _end(before)
            if isinstance(error, ConnectionError | TimeoutError) or error.errno is None:
                cause = _one_line(error)
            else:
                raise PresetError(
                    f"Ray cannot start: {error.strerror}{f' ({error.filename})' if error.filename else ''}; "
                    f"set {_folder_variable() or 'TMPDIR'} to a folder with room that you may write, and run the same "
                    "command again"
                ) from None
        except Exception as error:
            _end(before)
            cause = _one_line(error)
        if attempt < ATTEMPTS:
            say(f"Ray did not start (attempt {attempt} of {ATTEMPTS}: {cause}); trying again")
            time.sleep(PAUSE_SECONDS)
    raise RayFailed(
        f"Ray did not start in {ATTEMPTS} attempts ({cause}); other programs may keep this machine busy, or "
        "its memory or its processes may be limited: run the same command again when there is room"
    )


def secure_token(create: bool) -> None:
    """Make the secret token of this user's clusters private; Ray would write it readable for everybody.

    create  write one where there is none: in the home folder, or, where none can be written, in a temporary folder
    """
    folder = home()
    token = Path(os.environ[TOKEN_PATH]) if os.environ.get(TOKEN_PATH) else folder and folder / ".ray" / "auth_token"
    try:
        if token and token.is_file():
            token.chmod(0o600)
            return
    except OSError:  # it belongs to somebody else, or its folder is closed
        token = None
    if not create:
        return
    try:
        if token:
            token.parent.mkdir(exist_ok=True)
            _write_token(token)
            return
    except OSError:  # the home folder of many a container
        pass
    token = Path(_temporary("sembridge-ray-")) / "auth_token"
    _write_token(token)
    os.environ[TOKEN_PATH] = str(token)


def _temporary(prefix: str) -> str:
    """Return a new private folder that is removed when this process ends."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _write_token(token: Path) -> None:
    with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))


def _folder_variable() -> str | None:
    """Return the variable that says where Ray's own files go; None if there is none."""
    return next((name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)), None)


def _short_folder(say: Callable[[str], None]) -> dict[str, str]:
    """Return Ray's option for a short temporary folder where the user's is too long for the system's sockets."""
    name = _folder_variable()
    if name is None or len(os.fsencode(os.environ[name] + _SOCKET)) <= LONGEST_SOCKET:
        return {}
    room = LONGEST_SOCKET - len(_SOCKET)
    problem = f"{name} {os.environ[name]} is too long for Ray's sockets (more than {room} bytes)"
    folder = SHORT_FOLDER / "ray"
    if not os.access(folder if folder.is_dir() else SHORT_FOLDER, os.W_OK | os.X_OK):
        raise PresetError(f"{problem}, and {folder} cannot be written; set {name} to a shorter folder")
    say(f"{problem}: Ray's own files go to {folder}")
    return {"_temp_dir": str(folder)}


def _end(before: set[int]) -> None:
    """End what a failed start of Ray has left: Ray itself would do so when this process ends."""
    import ray

    kill(children() - before)
    ray.shutdown()


def _one_line(error: BaseException) -> str:
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 160 else f"{line[:157]}..."
