"""Without the packages of the extras the library works, and transfer and explain; the rest says what it needs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from sembridge import extras
from sembridge.extras import EXTRAS, MissingExtraError, require
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import family_folder, with_marks
from tests.helpers.paths import ROOT
from tests.helpers.tokenizers_made import english, made_tokenizer, russian

PROGRAM = """
import contextlib, io, json, sys
work, = sys.argv[1:]
import sembridge
assert dir(sembridge) and all(getattr(sembridge, name) for name in dir(sembridge))
from harness.cli.main import main as command

def call(main, *arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(*arguments)
    return code, out.getvalue(), [line for line in err.getvalue().splitlines() if line.startswith("error")]

source, tokenizer, bridge, text = (f"{work}/{name}" for name in ("source", "russian", "bridge", "ru.txt"))
encoder = sembridge.transfer(source, tokenizer, sembridge.SemBridge(bridge))
encoder.save_pretrained(f"{work}/by python")
pocket = ["--preset", "pocket", "--store", f"{work}/store"]
to = ["transfer", source, "--tokenizer", tokenizer, "--out"]
heard = {
    "python": str(sembridge.explain(encoder, "кот")),
    "transfer": call(command, [*to, f"{work}/by command", "--bridge", bridge]),
    "explain": call(command, ["explain", f"{work}/by python", "кот"]),
    "focus": call(command, [*to, f"{work}/by focus", "--initializer", "focus", "--text", text]),
    "grid": call(command, ["grid", *pocket, "--results", f"{work}/results"]),
    "dry run": call(command, ["grid", *pocket, "--dry-run"]),
}
from baselines.focus import Focus
try:
    sembridge.transfer(source, tokenizer, Focus(text))
except ImportError as error:
    heard["focus in python"] = str(error)
json.dump(heard, sys.stdout)
"""


ABSENT = {package for packages in EXTRAS.values() for package in packages} | {"entmax", "datasets", "accelerate"}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    work = tmp_path_factory.mktemp("work")
    family_folder(work / "source", "bert")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(work / "russian")
    made_bridge_folder(work / "bridge", [*english(), *russian()])
    (work / "ru.txt").write_text("\n".join(russian()) + "\n", encoding="utf-8")
    (work / "site").mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if re.split(r"[-.]", entry.name)[0].lower() not in ABSENT:
            (work / "site" / entry.name).symlink_to(entry)
    command = [sys.executable, "-S", "-c", PROGRAM, str(work)]  # -S: no packages but those of the path
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{work / 'site'}", "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return work, json.loads(done.stdout)


def test_the_library_and_its_commands_need_no_extra(heard):
    work, outputs = heard
    assert outputs["transfer"][0] == 0 and outputs["explain"][0] == 0, outputs
    assert outputs["explain"][1] == f"{outputs['python']}\n" and outputs["python"].startswith("кот")
    assert (work / "by command" / "transfer.json").read_bytes() == (work / "by python" / "transfer.json").read_bytes()


def test_what_needs_an_extra_is_one_line(heard):
    work, outputs = heard
    code, _, errors = outputs["grid"]
    missing = "ray, pandas, pyarrow, bm25s, matplotlib"
    assert (code, errors) == (
        2, [f"error: a run of the grid needs {missing}, not installed here: pip install 'sembridge-bench[grid]'"]
    )  # fmt: skip
    assert outputs["dry run"][0] == 0 and "missing artifacts:" in outputs["dry run"][1], (
        "a plan needs nothing but the preset"
    )
    rest = "needs gensim, not installed here: pip install 'sembridge-bench[focus]'"
    assert outputs["focus"][0] == 2 and outputs["focus"][2] == [f"error: initializer 'focus' {rest}"]
    assert outputs["focus in python"] == f"training fastText vectors {rest}"
    assert not any((work / name).exists() for name in ("store", "results", "by focus"))


def test_require(monkeypatch):
    for extra in EXTRAS.keys() - {"onnx"}:  # large, and needed by slow tests only
        require(extra, "a test")
    monkeypatch.setitem(extras.EXTRAS, "more", ("json", "surely_not_there"))
    with pytest.raises(
        MissingExtraError, match=r"^a test needs surely_not_there, .*'sembridge-bench\[more\]'$"
    ) as info:
        require("more", "a test")
    assert info.value.name == "surely_not_there" and isinstance(info.value, ImportError)


def test_the_extras_are_those_of_the_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {extra: names(lines) for extra, lines in project["optional-dependencies"].items()}
    assert {extra: set(packages) for extra, packages in EXTRAS.items()} == {extra: declared[extra] for extra in EXTRAS}
    assert set(importlib.metadata.metadata("sembridge-bench").get_all("Provides-Extra") or ()) >= set(EXTRAS)


def test_every_dependency_is_imported_where_it_is_declared():
    """Of the library and the commands by what they always need; of an extra by what asks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = {"pyyaml": "yaml", "sentence-transformers": "sentence_transformers"}
    base = {package.get(name, name) for name in names(project["dependencies"])}
    optional = {name for packages in EXTRAS.values() for name in packages}
    imported = set()
    for floor in ("sembridge", "baselines", "harness"):
        for path in (ROOT / floor).rglob("*.py"):
            modules = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            imported |= set(modules)
    assert base | optional <= imported, "a package that no code imports is not a dependency"
    installed = set(importlib.metadata.packages_distributions())
    ours = {"sembridge", "baselines", "harness", "experiments"}
    ours |= {"requests", "httpx2"}  # the clients that ir_datasets and huggingface_hub fail with
    ours |= {"triton"}  # torch for CUDA brings it; without it the head stays with torch
    ours |= {"seismic", "pyterrier_pisa"}  # stand in the pages of exports, for a person to run
    assert (imported & installed) - sys.stdlib_module_names - ours <= base | optional, "imported, but not declared"


def names(requirements: list[str]) -> set[str]:
    """Names without extras, versions and markers."""
    return {re.split(r"[^\w-]", requirement)[0].lower() for requirement in requirements}
