"""What the stages of vectors read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.pocket.tokenizers import wordpiece
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian
from tests.helpers.vector_stages import CYRILLIC


@pytest.fixture(scope="session")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An English tokenizer with Cyrillic letters (like BERT's), a Russian one, text, a bridge that knows all words."""
    folder = tmp_path_factory.mktemp("materials")
    wordpiece([*english(), CYRILLIC, CYRILLIC.replace(" ", "")], 400, lowercase=True).save_pretrained(folder / "source")
    made_tokenizer("wordpiece", "russian").save_pretrained(folder / "target")
    made_bridge_folder(folder / "bridge", [*english(), *russian()])
    (folder / "text.txt").write_text("\n".join(russian()) + "\n", encoding="utf-8")
    return folder
