"""Secrets of the environment, of files and of addresses: in nothing that is written, and in nothing that is printed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.files import redaction
from harness.files.redaction import HIDDEN, without_secrets
from harness.results.measurement import failed
from harness.results.record import Identity
from harness.run.progress import Progress
from tests.helpers import hub_repositories as real
from tests.helpers.own_data_made import made_own_data
from tests.helpers.paths import ROOT

SECRETS = {
    "HF_TOKEN": "hf_RecognisableHubToken42",
    "AWS_ACCESS_KEY_ID": "AKIARECOGNISABLE0042",
    "AWS_SECRET_ACCESS_KEY": "recognisable/aws+secret/42",
    "AWS_SESSION_TOKEN": "recognisable-session-42==",
    "WANDB_API_KEY": "recognisable0wandb0key0042",
    "GIT_PASSWORD": "recognisable-password-42",
    "RAY_AUTH_TOKEN": "recognisable0ray0token00420042004200420042004200420042004200420042",
}  # fmt: skip
IN_A_FILE = "recognisable0file0token00420042004200420042004200420042004200420042"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with both token files, and the secrets in the environment."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HF_HOME", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for path in (tmp_path / "home/.ray/auth_token", tmp_path / "home/.cache/huggingface/token"):
        path.parent.mkdir(parents=True)
        path.write_text(IN_A_FILE + "\n")
    redaction._file_tokens.cache_clear()
    yield tmp_path / "home"
    redaction._file_tokens.cache_clear()


def found(*texts: str, below: Path | None = None) -> list[str]:
    """Names of the secrets in these texts and in the files below a folder."""
    known = {**SECRETS, "a file": IN_A_FILE}
    contents = [text.encode() for text in texts]
    contents += [path.read_bytes() for path in below.rglob("*") if path.is_file()] if below else []
    return [name for name, value in known.items() if any(value.encode() in content for content in contents)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("401 for Bearer {HF_TOKEN}", f"401 for Bearer {HIDDEN}"),
        ("GET https://me:{GIT_PASSWORD}@host/x failed", f"GET https://{HIDDEN}@host/x failed"),
        ("https://u:unknown-to-us@host/x", f"https://{HIDDEN}@host/x"),
        ("s3 said {AWS_SECRET_ACCESS_KEY} and {AWS_SESSION_TOKEN}", f"s3 said {HIDDEN} and {HIDDEN}"),
        ("key AKIAABCDEFGHIJKLMNOP of another", f"key {HIDDEN} of another"),
        ("https://cdn/large?X-Amz-Signature=abc&x=1 broke", f"https://cdn/large?{HIDDEN} broke"),
        ("token hf_ThatIsNotInTheEnvironment!", f"token {HIDDEN}!"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {HIDDEN}"),
        (f"ray has {IN_A_FILE}", f"ray has {HIDDEN}"),
        (
            "TOKENIZERS_PARALLELISM=false; see https://huggingface.co/a/b",
            "TOKENIZERS_PARALLELISM=false; see https://huggingface.co/a/b",
        ),
        (
            "computed ru_source_own_mean_zero-shot_s42: 0.123 in 3 s",
            "computed ru_source_own_mean_zero-shot_s42: 0.123 in 3 s",
        ),
    ],
)
def test_what_is_hidden_and_what_is_not(home, text, shown):
    assert without_secrets(text.format(**SECRETS)) == shown


def test_logs_and_records_of_failures(home, tmp_path):
    message = " ".join([*SECRETS.values(), IN_A_FILE])
    printed: list[str] = []
    Progress(1, tmp_path / "run.log", printed.append).line(f"FAILED: {message}")
    record = failed(Identity("ru", "a", "c", "mean", "", None, "zero-shot", 1), "key", "mean", False, message)
    assert found(*printed, record.error, (tmp_path / "run.log").read_text()) == []
    assert HIDDEN in printed[0] and HIDDEN in record.error


@pytest.mark.parametrize("kind", ["gated", "private", "missing", "wrong token"])
def test_errors_of_the_hub(home, hub, tmp_path, monkeypatch, kind):
    """The double is told a token it does not know, and asked through an address with a password in it."""
    from huggingface_hub import constants

    from harness.collections.collection import CollectionError
    from harness.collections.streams import hub_streams

    monkeypatch.setenv("HF_TOKEN", SECRETS["HF_TOKEN"])
    monkeypatch.setattr(constants, "ENDPOINT", hub.url.replace("://", f"://me:{SECRETS['GIT_PASSWORD']}@"))
    commit = (
        "0" * 40
        if kind == "missing"
        else hub.add("faq/x", real.webfaq(), **({kind: True} if kind in ("gated", "private") else {}))
    )
    with pytest.raises(CollectionError) as error:
        hub_streams({"hub": "faq/x", "revision": commit, "kind": "beir", "config": "kor"})
    assert found(str(error.value)) == [] and "\n" not in str(error.value)


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_own_data(tmp_path_factory.mktemp("own-data"))


@contextlib.contextmanager
def short_folder():
    """Ray's sockets lie in it, whose paths may have 107 bytes."""
    folder = tempfile.mkdtemp(prefix="sb-", dir="/tmp")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_nothing_that_commands_write_or_print_holds_a_secret(home, own_data, tmp_path):
    """A grid with a failed and a trained cell, and a transfer: store, results, Ray's logs, model card, both streams."""
    with short_folder() as sessions:
        environment = {key: value for key, value in os.environ.items() if key != "RAY_AUTH_TOKEN"}
        environment |= {"RAY_TMPDIR": str(sessions), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        grid = [
            sys.executable,
            ROOT / "experiments" / "run_grid.py",
            "--preset",
            "own-data",
            "--set",
            f"data={own_data}",
            "--languages",
            "ru",
        ]
        grid += [
            "--initializers",
            "focus",
            "mean",
            "--regimes",
            "fine-tuned",
            "--set",
            "settings.focus.min_count=100000",
        ]
        grid += [
            part for option in ("batch_size=4", "max_pairs=8", "epochs=1") for part in ("--set", f"training.{option}")
        ]
        grid += ["--store", tmp_path / "written/store", "--results", tmp_path / "written/results"]
        transfer = [
            sys.executable,
            "-m",
            "harness.cli.main",
            "transfer",
            own_data / "source",
            "--tokenizer",
            own_data / "tokenizers/ru",
        ]
        transfer += ["--initializer", "mean", "--out", tmp_path / "written/encoder"]
        for command, code in ((grid, 1), (transfer, 0)):
            ran = subprocess.run(
                list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
            )
            assert ran.returncode == code, ran.stderr
            assert found(ran.stdout, ran.stderr) == []
        assert (tmp_path / "written/results/run.log").is_file() and (tmp_path / "written/encoder/README.md").is_file()
        assert "no token occurs 100000 times" in (tmp_path / "written/results/cells.csv").read_text()
        (measured,) = (tmp_path / "written/store/evaluation").glob("*/measurement.json")
        assert json.loads(measured.read_text())["about"]["training"]["steps"] == 2
        assert found(below=tmp_path / "written") == []
        assert list(sessions.rglob("*.out")) and found(below=sessions) == []
