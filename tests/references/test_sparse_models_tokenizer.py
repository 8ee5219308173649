"""A reference whose tokenizer is not used as its tokenizer.json says is refused, before and while it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.references import sparse_models
from sembridge.search.encode_options import EncodeOptions
from tests.helpers.families_made import family_folder


@pytest.fixture
def lowercased(tmp_path) -> Path:
    """Return a reference whose class, BertTokenizer, does not lowercase as its tokenizer.json does."""
    folder = Path(family_folder(tmp_path, "bert"))
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text()) | {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    file.write_text(json.dumps(settings))
    return folder


def test_the_check_and_the_loading_refuse_it(lowercased):
    with pytest.raises(ValueError, match=r"is not used as its tokenizer\.json says: BertTokenizer ") as early:
        sparse_models.check("sparse-encoder", str(lowercased))
    with pytest.raises(ValueError) as late:
        sparse_models.load("sparse-encoder", (str(lowercased), None), False, EncodeOptions())
    assert str(early.value) == str(late.value)


def test_one_that_is_used_as_its_file_says(tmp_path):
    folder = family_folder(tmp_path, "bert")
    sparse_models.check("sparse-encoder", folder)
    assert sparse_models.load("sparse-encoder", (folder, None), False, EncodeOptions())
