"""Commands in this process, as a person calls them, that must refuse what they are given."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run `run_grid` or (first argument transfer, explain, compare, doctor) `sembridge-bench`; the one line it refuses with.

    Exit code 2, nothing on stdout, and neither store nor results.
    """
    from harness.cli.grid import main as grid
    from harness.cli.main import main as bench

    monkeypatch.setattr("harness.cli.grid._run", lambda *arguments: pytest.fail("was not refused"))

    def run(*arguments: object) -> str:
        given = [str(argument) for argument in arguments]
        places = tmp_path / "new store", tmp_path / "new results"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                if given[0] in ("transfer", "explain", "compare", "doctor"):
                    code = bench(given)
                else:
                    code = grid(
                        [*given, "--store", str(places[0]), "--results", str(places[1])],
                        ROOT / "experiments" / "presets",
                    )
            except SystemExit as stopped:
                code = int(stopped.code or 0)
        said = err.getvalue()
        assert code == 2 and out.getvalue() == "", said
        assert said.startswith("error: ") and said.endswith("\n") and said.count("\n") == 1, said
        assert len(said) < 1000, "a message, not the input once more"
        assert not any(place.exists() for place in places)
        return said

    return run
