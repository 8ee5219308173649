"""Declare the need `bridge` and its stage: the bridge's vectors of one vocabulary.

All architectures, alphas and seeds with the same vocabulary share them. A method that asks for it gets those of the
target vocabulary with pieces placed by words of a text (`piece_vectors`), where there is a text.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.files import headway
from harness.initialization import token_vectors
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need
from harness.initialization.piece_vectors import BY_WORDS, by_words
from harness.initialization.token_vectors import load
from harness.store.artifact import Artifact, Location, Source
from harness.store.stage import Stage

BATCH = 1024  # tokens that are embedded together


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Embed a vocabulary; parameters: prompt (None: the bridge's own), profile; inputs: bridge, tokenizer."""
    from sembridge.bridge import embed_vocabulary, load_bridge
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.prompt import prompt_of
    from sembridge.vocabulary.vocabulary import Vocabulary

    vocabulary = Vocabulary.from_tokenizer(load_tokenizer(*inputs["tokenizer"]), parameters["profile"])
    bridge, progress = load_bridge(*inputs["bridge"]), sys.stderr.isatty()  # no progress bars in logs
    prompt = prompt_of(bridge) if parameters["prompt"] is None else parameters["prompt"]
    options: dict[str, Any] = {"prompt": prompt, "batch_size": BATCH // batch_divisor, "progress": progress}
    with headway.counting("tokens", int(vocabulary.exists.sum())):
        tokens = embed_vocabulary(bridge, vocabulary, advance=headway.advance, **options)
    token_vectors.save(out, tokens, prompt)


BRIDGE_VECTORS = Stage("bridge-vectors", version=5, seconds=2, build=build)


def _inputs(materials: Materials) -> Mapping[str, Source]:
    parameters = {"prompt": materials.prompt, "profile": materials.profile}
    sides = {"bridge_source": materials.source_tokenizer, "bridge_target": materials.tokenizer}
    bridge = materials.sources["bridge"]
    vectors = {
        name: Artifact(BRIDGE_VECTORS, parameters, {"bridge": bridge, "tokenizer": tokenizer})
        for name, tokenizer in sides.items()
    }
    if TEXT.name in materials.sources:
        vectors["bridge_target"] = by_words(vectors["bridge_target"], materials)
    return vectors


def _load(inputs: Mapping[str, Location]) -> Any:
    from sembridge.bridge import BridgeVectors

    source, target = inputs["bridge_source"].path, inputs["bridge_target"].path
    return BridgeVectors(load(source), load(target), token_vectors.load_prompt(source))


def _dimensions(inputs: Mapping[str, Source], sizes: Any) -> int:
    vectors = inputs["bridge_source"]
    assert isinstance(vectors, Artifact)
    return sizes.dimensions(vectors.inputs["bridge"])


NEED = Need(
    "bridge",
    field="bridge",
    options=((BRIDGE,),),
    on_request=(BY_WORDS,),
    inputs=_inputs,
    load=_load,
    makes="vectors of the tokens of both vocabularies",
    sides=lambda bridge: (bridge.source.vectors, bridge.target.vectors),
    measure="as the bridge sees them",
    dimensions=_dimensions,
)
