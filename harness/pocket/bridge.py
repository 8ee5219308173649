"""Stage: the pocket's multilingual bridge, static embeddings of subwords trained on synonyms and parallel sentences."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.files import headway
from harness.pocket.phrasebook import LANGUAGES
from harness.store.artifact import Location
from harness.store.stage import Stage

VOCABULARY, SIZE = 8000, 96
SENTENCES = 500  # per training step


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Train the bridge and write it as a sentence-transformers folder. parameters: seed; inputs: text."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    from harness.pocket.static_embeddings import STEPS, train_static
    from harness.pocket.tokenizers import wordpiece

    folder = inputs["text"].path
    phrases = {
        row["concept"]: [form for language in LANGUAGES for form in row["forms"][language]]
        for row in _read_rows(folder / "phrases.jsonl")
    }
    parallel = [list(row.values()) for row in _read_rows(folder / "parallel.jsonl")]
    lines = [*itertools.chain.from_iterable(phrases.values()), *itertools.chain.from_iterable(parallel)]
    tokenizer = wordpiece(lines, VOCABULARY, lowercase=True).backend_tokenizer
    sentences = [
        {str(number): texts for number, texts in enumerate(parallel[start : start + SENTENCES])}
        for start in range(0, len(parallel), SENTENCES)
    ]
    groups = list(itertools.chain.from_iterable((phrases, group) for group in sentences))

    def tokenize(texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]

    with headway.counting("steps", STEPS):
        rows = train_static(tokenize, VOCABULARY, SIZE, groups, parameters["seed"])
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=rows.numpy())])
    model.save_pretrained(str(out), create_model_card=False)


POCKET_BRIDGE = Stage("pocket-bridge", version=1, seconds=40, build=build)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
