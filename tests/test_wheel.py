"""The wheel: what is in it, and that a grid runs from it where there is nothing but the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

FLOORS = ("sembridge", "baselines", "harness")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a build leaves folders behind; from the setuptools that is installed here, offline."""
    pytest.importorskip("setuptools", minversion="77", reason="the build needs a setuptools of 77 or newer")
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in (*FLOORS, "experiments"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(out), str(copy)], check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def test_its_files_are_the_three_floors_and_the_data_of_experiments(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == set(FLOORS)
    modules = {path.relative_to(ROOT).as_posix() for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules, "pyproject.toml lists packages one by one"
    for folder in ("presets", "expected"):
        shipped = {Path(name).name for name in names if name.startswith(f"harness/{folder}/")}
        assert shipped == {path.name for path in (ROOT / "experiments" / folder).iterdir()} and shipped
    data = {
        path.relative_to(ROOT).as_posix()
        for kind in ("yaml", "tsv", "html")
        for path in (ROOT / "harness").rglob(f"*.{kind}")
    }
    assert data <= set(names)


@pytest.mark.slow
def test_a_grid_runs_from_it_in_a_folder_of_its_own(wheel, tmp_path):
    """A folder called as the repository's own is in the way, and nothing of the checkout can be imported."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    libraries = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    # The libraries of this installation without its own .pth files, so without what makes this project editable.
    (libraries / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(place / "bin" / "python")]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    work = tmp_path / "work"
    (work / "experiments" / "presets").mkdir(parents=True)
    (work / "experiments" / "__init__.py").write_text("raise ImportError('not this one')", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str) -> str:
        done = subprocess.run(
            [str(place / "bin" / command[0]), *command[1:]], cwd=work, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert Path(run("python", "-c", "import harness; print(harness.__file__)").strip()).is_relative_to(libraries)
    assert "\nsmoke " in run("sembridge-bench", "grid", "--list-presets")
    out = run("sembridge-bench", "grid", "--preset", "smoke")
    assert (
        "\nEncoder bert: nDCG@10 (0 to 1, higher is better)" in out
        and (work / "results" / "tables" / "summary.md").is_file()
    )
    assert "not compared" in run("sembridge-bench", "compare", "results")
    assert run("sembridge-bench", "doctor", "smoke").splitlines()[-1] == "  sembridge-bench grid --preset smoke"
