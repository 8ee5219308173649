"""Bridges of static embeddings whose quality is planted: translations have one vector, or random ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def planted_bridge(
    folder: Path, pairs: Sequence[tuple[str, str]], others: Sequence[str] = (), *, translates: bool = True
) -> Path:
    """Write a SentenceTransformer that knows the words of the pairs and `others`, whole and in lower case.

    translates  both words of a pair have the same vector; else every word has a random one
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    words = list(dict.fromkeys([*(word.lower() for pair in pairs for word in pair), *others]))
    backend = Tokenizer(models.WordLevel({"[UNK]": 0} | {word: i for i, word in enumerate(words, 1)}, "[UNK]"))
    backend.normalizer, backend.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    rows = np.random.default_rng(0).standard_normal((len(words) + 1, 32)).astype(np.float32)
    if translates:
        for source, target in pairs:
            rows[1 + words.index(target.lower())] = rows[1 + words.index(source.lower())]
    model = SentenceTransformer(modules=[StaticEmbedding(backend, embedding_weights=rows)])
    model.save_pretrained(str(folder), create_model_card=False)
    return folder
