"""A small real world on disk for grid tests, and the grid command over it."""

from pathlib import Path

import pytest
from own_data_made import made_own_data


@pytest.fixture(scope="session")
def own_data(tmp_path_factory) -> Path:
    """A folder in the layout of the preset own-data, languages ru and en."""
    return made_own_data(tmp_path_factory.mktemp("own-data"))


@pytest.fixture
def command(own_data, tmp_path):
    """Run the grid command in this process; returns (exit code, stdout, stderr)."""
    import contextlib
    import io
    import os
    from unittest import mock

    from harness.cli.grid import main

    presets = Path(__file__).resolve().parents[2] / "experiments" / "presets"

    def run(*options: str, preset: str = "own-data", data: Path = own_data) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        arguments = [
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
            code = main(arguments, presets)
        return code, out.getvalue(), err.getvalue()

    return run
