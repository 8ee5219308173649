"""The English byte-level BPE tokenizer is an ordinary RoBERTa one: ids, marks, case, nothing unknown, lossless."""

from __future__ import annotations

import pytest

from harness.pocket.architectures import BPE_SIZE
from harness.pocket.tokenizers import MAX_LENGTH, byte_bpe
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def loaded(encoders):
    return load_tokenizer(str(encoders["roberta"]))


def test_size_and_roles(loaded):
    vocabulary = Vocabulary.from_tokenizer(loaded)
    assert vocabulary.kind == "byte-bpe" and len(vocabulary) == len(loaded) == BPE_SIZE
    assert vocabulary.role_ids == {"cls": 0, "pad": 1, "sep": 2, "unk": 3, "mask": BPE_SIZE - 1}
    assert loaded.model_max_length == MAX_LENGTH


def test_texts_are_cut_into_pieces_and_put_together_again(loaded, pocket_text):
    lines = (pocket_text / "text" / "en.txt").read_text(encoding="utf-8").splitlines()[::40]
    for line, ids in zip(lines, loaded(lines)["input_ids"], strict=True):
        assert ids[0] == 0 and ids[-1] == 2 and loaded.unk_token_id not in ids
        assert loaded.decode(ids, skip_special_tokens=True) == line
        assert len(ids) <= min(MAX_LENGTH, 0.7 * len(line))


def test_no_text_is_unknown(loaded):
    foreign = "의사 врач 🛶"
    assert loaded.decode(loaded(foreign)["input_ids"], skip_special_tokens=True) == foreign


def test_case_and_spaces_tell_tokens_apart(loaded):
    assert len({tuple(loaded.tokenize(text)) for text in ("the", "The", " the", " The")}) == 4


def test_a_mask_takes_the_space_before_it(loaded):
    assert loaded("the <mask>")["input_ids"] == loaded("the<mask>")["input_ids"]


def test_merges_by_hand():
    """ab is the most frequent pair, then (ab, c); merges follow four special tokens and 256 bytes, the mask is last."""
    tokenizer = byte_bpe(["abc abc ab", "xabc"], 263)
    assert [tokenizer.convert_ids_to_tokens(number) for number in range(260, 263)] == ["ab", "abc", "<mask>"]
    assert tokenizer.tokenize("abcab") == ["abc", "ab"]
