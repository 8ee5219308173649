"""Whatever saves a transferred encoder writes its record, and a model card where nobody else writes one."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest
from sentence_transformers import SparseEncoder

from sembridge.model_card.record import load_record
from sembridge.pipeline import transfer
from tests.helpers.families_made import Copying, family_folder, represented, with_marks
from tests.helpers.tokenizers_made import made_tokenizer


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An English encoder and a Russian tokenizer."""
    root = tmp_path_factory.mktemp("transferred")
    family_folder(root / "source", "bert")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(root / "russian")
    return str(root / "source"), str(root / "russian")


def test_copies_and_pickles_remember(folders, tmp_path):
    encoder = transfer(*folders, Copying())
    for copied in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        copied.save_pretrained(str(tmp_path / "copied"))
        assert load_record(tmp_path / "copied").recipe == encoder.transfer_record.recipe
        assert represented(copied, ["новый кот"]).tobytes() == represented(encoder, ["новый кот"]).tobytes()
    assert type(encoder).__name__ == "SparseEncoder", "sentence-transformers writes the name into cards"


def test_a_trained_encoder_keeps_the_record_and_gets_the_trainers_card(folders, tmp_path):
    encoder = transfer(*folders, Copying())
    encoder.save_pretrained(str(tmp_path / "untrained"))
    assert "**Nothing was trained.**" in (tmp_path / "untrained" / "README.md").read_text(encoding="utf-8")
    encoder.model_card_data.add_tags(["generated_from_trainer"])  # as the trainers of sentence-transformers do
    encoder.save_pretrained(str(tmp_path / "trained"))
    assert "**Nothing was trained.**" not in (tmp_path / "trained" / "README.md").read_text(encoding="utf-8")
    assert load_record(tmp_path / "trained").origin.tolist() == encoder.transfer_record.origin.tolist()
    encoder.save_pretrained(str(tmp_path / "plain"), create_model_card=False)
    assert not (tmp_path / "plain" / "README.md").exists() and (tmp_path / "plain" / "transfer.json").exists()


def test_an_encoder_class_of_ones_own_stays(folders, caplog):
    class Own(SparseEncoder):
        pass

    with caplog.at_level(logging.WARNING):
        encoder = transfer(Own(folders[0], device="cpu"), folders[1], Copying())
    assert type(encoder) is Own and encoder.transfer_record is not None
    assert "write the record with encoder.transfer_record.save(folder)" in caplog.text
