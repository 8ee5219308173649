"""What fills a method's field, by a stage that adds the numbers of its files; what is left on disk; failures."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from harness.cli.inputs import Input
from harness.cli.method import Method
from harness.cli.prepare import prepare
from harness.initialization.needs import Need, Option
from harness.store.artifact import Artifact, Local, Location
from harness.store.stage import Stage


def add(out, parameters, inputs):
    """Store (the numbers of all files) x times, and the texts among its parameters."""
    total = sum(int(location.path.read_text()) for location in inputs.values())
    notes = " ".join(str(parameters[name]) for name in ("prompt", "language", "profile"))
    (out / "total.txt").write_text(f"{total * parameters['times']} {notes}")


SUM = Stage("sum", version=1, seconds=0, build=add)
FIRST, SECOND, THIRD = (Option(name, f"a file of the {name} number") for name in ("first", "second", "third"))


def artifacts(materials):
    texts = {"prompt": materials.prompt, "language": materials.language, "profile": materials.profile}
    return {"sum": Artifact(SUM, {"times": 1, **materials.training} | texts, materials.sources)}


PLAIN: dict[str, Any] = {
    "field": "total",
    "options": ((FIRST, SECOND), (THIRD,)),
    "inputs": artifacts,
    "load": lambda inputs: (inputs["sum"].path / "total.txt").read_text(),
    "makes": "numbers are added",
    "training": lambda: {"times": 1},
}
NEAR = {"sides": lambda total: (np.array([[float(total[:2])]]), np.array([[2.0]])), "measure": "by hand"}


@dataclass(frozen=True)
class Keeping:
    """A method that has one input and one setting."""

    total: str = ""
    alpha: float = 1.0
    name = "keeping"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of the numbers 10, 20 and 30, and a folder for temporary ones."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    paths = {}
    for name, number in (("first", 10), ("second", 20), ("third", 30)):
        paths[name] = tmp_path / f"{name}.txt"
        paths[name].write_text(str(number))
    return paths


def prepared(files, names, settings=None, lines=None, near=True, **options):
    """Prepare the method with the files of these names."""
    need = Need("sum", **PLAIN, **(NEAR if near else {}))
    inputs = {name: Input(str(files[name]), Local(files[name])) for name in names}
    located = {name: Location(str(files[name])) for name in names}
    located |= {"source": Location("org/enc", "abc"), "tokenizer": Location("org/words", "def")}
    lines = [] if lines is None else lines
    method = Method(Keeping, [need], settings or {}, inputs)
    return prepare(method, located, lambda *line: lines.append(line), **options)


def test_the_first_option_of_each_group_is_read_and_named(files):
    lines = []
    initializer, _ = prepared(files, ("first", "third"), lines=lines)
    assert initializer == Keeping("40 None  fixed", 1.0), "the own prompt of a bridge, no language"
    assert lines[0] == ("sum", "first.txt, third.txt: numbers are added") and lines[1][0] == "" and len(lines) == 2
    assert prepared(files, ("second", "third"))[0].total.split()[0] == "50"


def test_settings_reach_the_stage_or_the_method(files):
    options = {"prompt": "query:", "language": "ko", "profile": "compat"}
    initializer, _ = prepared(files, ("first", "third"), {"times": 2, "alpha": 3.0}, **options)
    assert initializer == Keeping("80 query: ko compat", 3.0)


def test_the_space_of_the_donor_search(files):
    _, nearness = prepared(files, ("first", "third"))
    assert (nearness.source.tolist(), nearness.target.tolist(), nearness.measure) == ([[40.0]], [[2.0]], "by hand")
    assert prepared(files, ("first", "third"), near=False)[1] is None


def test_nothing_is_left_on_disk(files, tmp_path):
    prepared(files, ("first", "third"))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_failure_names_the_options_and_leaves_nothing(files, tmp_path):
    files["third"].unlink()
    with pytest.raises(ValueError, match=r"--first '.*first\.txt', --third '.*third\.txt' cannot be read"):
        prepared(files, ("first", "third"))
    assert list((tmp_path / "temporary").iterdir()) == []
