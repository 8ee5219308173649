"""Stage: the bridge's vectors of the target vocabulary, with pieces placed by the words of a text that contain them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.initialization import token_vectors, word_vectors
from harness.initialization.needs import TEXT, Materials, OnRequest
from harness.initialization.word_vectors import WORD_COUNTS, WORD_VECTORS
from harness.store.artifact import Artifact, Location
from harness.store.stage import Stage

BY_WORDS = OnRequest(TEXT, "pieces", "words", "pieces keep the vectors of their own texts")
"""How a method asks for pieces by words: it has a field `pieces`, and it is "words"."""


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Place pieces; parameters: profile; inputs: own (vectors of the vocabulary), tokenizer, words, word_vectors."""
    from sembridge.bridging.piece_vectors import place_pieces
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    tokenizer = load_tokenizer(*inputs["tokenizer"])
    vocabulary = Vocabulary.from_tokenizer(tokenizer, parameters["profile"])
    words, vectors = word_vectors.load_counts(inputs["words"].path), word_vectors.load(inputs["word_vectors"].path)
    own = inputs["own"].path
    placed = place_pieces(token_vectors.load(own), vocabulary, tokenizer, words, vectors)
    token_vectors.save(out, placed, token_vectors.load_prompt(own))


PIECE_VECTORS = Stage("piece-vectors", version=3, seconds=3, build=build)


def by_words(own: Artifact, materials: Materials) -> Artifact:
    """Return the vectors of the target vocabulary with pieces by words, made of the plain ones and a text."""
    from sembridge.bridging.counted_words import MOST

    counted = {"language": materials.language, "most": MOST}
    words = Artifact(WORD_COUNTS, counted, {"text": materials.sources[TEXT.name]})
    vectors = Artifact(
        WORD_VECTORS, {"prompt": materials.prompt}, {"bridge": materials.sources["bridge"], "words": words}
    )
    read = {"own": own, "tokenizer": materials.tokenizer, "words": words, "word_vectors": vectors}
    return Artifact(PIECE_VECTORS, {"profile": materials.profile}, read)
