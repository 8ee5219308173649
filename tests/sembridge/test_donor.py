"""A donor is loaded as the encoder that its files say it is."""

from __future__ import annotations

import json

import pytest
from sentence_transformers import SentenceTransformer, SparseEncoder

from sembridge.donor import is_sparse, load_donor
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import FAMILIES
from tests.helpers.tokenizers_made import english


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    made_bridge_folder(folder, english())
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_sparse_encoders(folders, family):
    """Inference-free ones are folders of sentence-transformers, the others are bare masked LMs."""
    assert is_sparse(folders[family, True]) and isinstance(load_donor(folders[family, True]), SparseEncoder)


def test_a_saved_sparse_encoder(folders, tmp_path):
    load_donor(folders["bert", True]).save_pretrained(str(tmp_path))
    assert (tmp_path / "modules.json").is_file() and is_sparse(str(tmp_path))
    described = json.loads((tmp_path / "config_sentence_transformers.json").read_text())
    (tmp_path / "config_sentence_transformers.json").write_text(
        json.dumps({key: value for key, value in described.items() if key != "model_type"})
    )
    assert is_sparse(str(tmp_path)), "its modules tell"


def test_a_dense_encoder(dense):
    assert not is_sparse(str(dense)) and isinstance(load_donor(str(dense), device="cpu"), SentenceTransformer)


def test_damaged_files_are_left_to_the_loader(tmp_path):
    (tmp_path / "modules.json").write_text("{")
    assert not is_sparse(str(tmp_path))
