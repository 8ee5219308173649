"""What tests of several packages share."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: threads would wait for each other. Read at imports
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if not Path("/dev/nvidiactl").exists():  # Triton reads it when it is first imported
    os.environ.setdefault("TRITON_INTERPRET", "1")

for _variable, _value in (("SEMBRIDGE_PRODUCTS", "blas"), ("SEMBRIDGE_SCREEN", "float32")):
    os.environ.setdefault(_variable, _value)  # no trial, so that every machine tests the same; its own tests unset them

if TYPE_CHECKING:
    from tests.helpers.hub_double import Hub


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], str]:
    """(family, tied) -> the folder of a tiny encoder."""
    from tests.helpers.families_made import FAMILIES, family_folder

    return {
        (family, tied): family_folder(tmp_path_factory.mktemp(family), family, tied=tied)
        for family in FAMILIES
        for tied in (True, False)
    }


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serve the hub's double; the real client, in this process, talks to it and to nothing else."""
    from huggingface_hub import constants

    from tests.helpers import hub_double

    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with hub_double.serve() as double:
        monkeypatch.setattr(constants, "ENDPOINT", double.url)
        if "transformers.utils.hub" in sys.modules:  # it keeps the address it met first
            monkeypatch.setattr("transformers.utils.hub._hf_api", None)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", double.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield double


@pytest.fixture(scope="session")
def own_data(tmp_path_factory) -> Path:
    """A folder in the layout of the preset own-data, languages ru and en."""
    from tests.helpers.own_data_made import made_own_data

    return made_own_data(tmp_path_factory.mktemp("own-data"))


@pytest.fixture
def command(own_data, tmp_path):
    """Run the grid command in this process; returns (exit code, stdout, stderr)."""
    from harness.cli.main import main

    def run(*options: str, preset: str = "own-data", data: Path = own_data) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        arguments = [
            "grid",
            "--preset",
            preset,
            "--store",
            str(tmp_path / "store"),
            "--results",
            str(tmp_path / "results"),
            *options,
        ]
        if preset == "own-data":
            arguments += ["--set", f"data={data}"]
        # The command says in its environment that it needs no hub; tests after it shall not inherit that.
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), mock.patch.dict(os.environ):
            code = main(arguments)
            mode = os.environ.get("RAY_AUTH_MODE")
        if mode is not None:  # ray.init sets it; this process would not work with a cluster without it any more
            os.environ["RAY_AUTH_MODE"] = mode
        return code, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run `sembridge-bench`, `grid` where the first argument is no command; the one line it refuses with.

    Exit code 2, nothing on stdout, and neither store nor results.
    """
    from harness.cli.main import main

    monkeypatch.setattr("harness.run.grid_run.run_grid", lambda *arguments: pytest.fail("was not refused"))

    def run(*arguments: object) -> str:
        given = [str(argument) for argument in arguments]
        places = tmp_path / "new store", tmp_path / "new results"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                if given[0] in ("transfer", "explain", "compare", "doctor"):
                    code = main(given)
                else:
                    code = main(["grid", *given, "--store", str(places[0]), "--results", str(places[1])])
            except SystemExit as stopped:
                code = int(stopped.code or 0)
        said = err.getvalue()
        assert code == 2 and out.getvalue() == "", said
        assert said.startswith("error: ") and said.endswith("\n") and said.count("\n") == 1, said
        assert len(said) < 1000, "a message, not the input once more"
        assert not any(place.exists() for place in places)
        return said

    return run
