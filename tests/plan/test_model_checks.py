"""Models that a preset names are refused by their files, with the file and the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from harness.plan.model_checks import check_tokenizer
from harness.plan.preset import PresetError
from harness.store.artifact import Hub, Local


@pytest.fixture
def here(tmp_path) -> Path:
    return tmp_path


def test_a_local_tokenizer_is_whole_and_has_a_pad_token(here):
    def refused() -> str:
        with pytest.raises(PresetError, match=r"^--languages ko: ") as error:
            check_tokenizer("--languages ko", Local(here))
        return str(error.value)

    check_tokenizer("--languages ko", Hub("org/model", "abc"))  # is not here to be looked into
    assert "has no tokenizer.json; save the tokenizer with transformers' save_pretrained; if that writes" in refused()
    (here / "tokenizer.json").write_text("{}")
    assert "has no pad token; set pad_token in its tokenizer_config.json" in refused()
    (here / "special_tokens_map.json").write_text(json.dumps({"pad_token": "[PAD]"}))
    assert "tokenizer.json is not a tokenizer (" in refused()
    (here / "tokenizer_config.json").write_text("[]")
    assert refused().endswith("tokenizer_config.json holds no JSON object; get the file again")
    (here / "tokenizer_config.json").write_text('{"cut o')
    assert "tokenizer_config.json is not JSON (" in refused()
    (here / "tokenizer_config.json").write_text("{}")
    (here / "tokenizer.json").write_text(Tokenizer(models.WordLevel({"[PAD]": 0}, unk_token="[PAD]")).to_str())
    check_tokenizer("--languages ko", Local(here))
