"""The card of a transferred folder: its programs run, the hub reads its front matter, licenses are the inputs'."""

from __future__ import annotations

import re
import shutil

import pytest
import torch
import yaml

CARD = "---\nlanguage: en\nlicense: {}\n---\n# A model\n\n---\nlicense: mit\n---\n"


@pytest.mark.parametrize("family", ["bert", "inference-free"])
def test_the_programs_in_the_card_run(made, transferred, tmp_path, monkeypatch, capsys, family):
    card = (transferred("mean", source=made.sources[family], out=tmp_path / family) / "README.md").read_text(
        encoding="utf-8"
    )
    by_library, by_transformers = re.findall(r"```python\n(.*?)```", card, re.S)
    monkeypatch.chdir(tmp_path)
    exec(by_library.replace("a document", "новый кот"), namespace := {})
    exec(by_transformers.replace("a document", "новый кот"), others := {})
    weights = others["weights"][0]
    assert torch.allclose(weights, namespace["documents"].to_dense()[0], atol=1e-5) and weights.max() > 0


def test_licenses_come_from_the_cards_of_the_inputs(made, transferred, tmp_path):
    for name, folder, license in (("source", made.source, "cc-by-nc-sa-4.0"), ("bridge", made.bridge, "mit")):
        shutil.copytree(folder, tmp_path / name, dirs_exist_ok=True)
        (tmp_path / name / "README.md").write_text(CARD.format(license), encoding="utf-8")
    folder = transferred("sembridge", "--bridge", tmp_path / "bridge", "--language", "ru", source=tmp_path / "source")
    card = (folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["license"] == "cc-by-nc-sa-4.0" and head["language"] == ["ru"] and "base_model" not in head
    assert (
        head["library_name"] == "sentence-transformers"
        and head["pipeline_tag"] == "feature-extraction"
        and "splade" in head["tags"]
    )
    for line in (
        "- source, `source`: cc-by-nc-sa-4.0",
        "- tokenizer, `russian`: unknown: check before you publish",
        "- bridge, `bridge`: mit",
    ):
        assert line in card.splitlines()
    assert "**Not for commercial use**: the source is under cc-by-nc-sa-4.0." in card
