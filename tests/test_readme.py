"""The README's Python runs, and its table has the form of the file that a run writes."""

from __future__ import annotations

import re
from pathlib import Path

from sembridge.model_card.record import load_record
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import family_folder, with_marks
from tests.helpers.paths import ROOT
from tests.helpers.tokenizers_made import english, made_tokenizer, russian

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_lines_of_python_run(tmp_path, monkeypatch, capsys):
    """As they stand, but for the models: tiny ones instead of the pocket's, and tokens that these know."""
    block = re.search(r"\n\n((?:    .*\n|\n)+)", README.partition("## Six lines of Python")[2])
    assert block is not None
    code = "\n".join(line[4:] for line in block[1].splitlines())
    assert sum(bool(line) for line in code.splitlines()) == 6
    folders = {"bridge": tmp_path / "bridge", "encoders/bert": tmp_path / "bert", "tokenizers/ko": tmp_path / "ru"}
    made_bridge_folder(folders["bridge"], [*english(), *russian()])
    family_folder(folders["encoders/bert"], "bert")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(folders["tokenizers/ko"])
    monkeypatch.setattr("harness.pocket.names.pocket_folder", folders.__getitem__)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace('"대답", "영화"', '"кот", "песня"'), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"кот +.*= ", lines[0]) or lines[0].startswith("кот is read as"), lines
    assert load_record(Path("splade-ko")).recipe.initializer == "sembridge"
    assert (tmp_path / "splade-ko" / "README.md").is_file()


def test_the_table_is_a_summary_of_the_pocket():
    """Its rows and columns are those of the preset that `make grid` runs."""
    from harness.plan.load_preset import load_preset

    preset = load_preset("pocket", ROOT / "experiments" / "presets")
    lines = [line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| ")]
    header = next(cells for cells in lines if cells[0] == "method")
    columns = [f"{collection}, {regime}" for collection in preset.collections for regime in preset.regimes]
    assert list(dict.fromkeys(name.rpartition(", ")[0] for name in header[1:])) == columns
    assert {name.rpartition(", ")[2] for name in header[1:]} == {"all", "low", "high", "all low"}
    rows = [cells[0].split(" (")[0] for cells in lines if re.fullmatch(r"↓?\**[01]\.\d{3}\**†?", cells[-1])]
    assert rows == preset.initializers
