"""Declare the need `bridge` and its stage: the bridge's vectors of one vocabulary.

All architectures, alphas and seeds with the same vocabulary share them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.files.headway import counting_rows
from harness.initialization.needs import BRIDGE, Materials, Need
from harness.store.artifact import Artifact, Location, Source
from harness.store.stage import Stage

FILE, ABOUT = "vectors.safetensors", "about.json"
BATCH = 1024  # tokens that are embedded together


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Embed a vocabulary; parameters: prompt (None: the bridge's own), profile; inputs: bridge, tokenizer."""
    from safetensors.numpy import save_file

    from sembridge.bridge import embed_vocabulary, load_bridge
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.prompt import prompt_of
    from sembridge.vocabulary.vocabulary import Vocabulary

    vocabulary = Vocabulary.from_tokenizer(load_tokenizer(*inputs["tokenizer"]), parameters["profile"])
    bridge, progress = load_bridge(*inputs["bridge"]), sys.stderr.isatty()  # no progress bars in logs
    prompt = prompt_of(bridge) if parameters["prompt"] is None else parameters["prompt"]
    options: dict[str, Any] = {"prompt": prompt, "batch_size": BATCH // batch_divisor, "progress": progress}
    with counting_rows(bridge, "tokens", int(vocabulary.exists.sum())):
        tokens = embed_vocabulary(bridge, vocabulary, **options)
    save_file({"vectors": tokens.vectors, "known": tokens.known}, out / FILE)
    (out / ABOUT).write_text(json.dumps({"prompt": prompt}, ensure_ascii=False), encoding="utf-8")


BRIDGE_VECTORS = Stage("bridge-vectors", version=4, seconds=2, build=build)


def load(folder: Path) -> Any:
    """Return the stored `TokenVectors`."""
    from safetensors.numpy import load_file

    from sembridge.bridge import TokenVectors

    return TokenVectors(**load_file(folder / FILE))


def _inputs(materials: Materials) -> Mapping[str, Source]:
    parameters = {"prompt": materials.prompt, "profile": materials.profile}
    sides = {"bridge_source": materials.source_tokenizer, "bridge_target": materials.tokenizer}
    bridge = materials.sources["bridge"]
    return {
        name: Artifact(BRIDGE_VECTORS, parameters, {"bridge": bridge, "tokenizer": tokenizer})
        for name, tokenizer in sides.items()
    }


def _load(inputs: Mapping[str, Location]) -> Any:
    from sembridge.bridge import BridgeVectors

    source, target = inputs["bridge_source"].path, inputs["bridge_target"].path
    prompt = json.loads((source / ABOUT).read_text(encoding="utf-8"))["prompt"]
    return BridgeVectors(load(source), load(target), prompt)


def _dimensions(inputs: Mapping[str, Source], sizes: Any) -> int:
    vectors = inputs["bridge_source"]
    assert isinstance(vectors, Artifact)
    return sizes.dimensions(vectors.inputs["bridge"])


NEED = Need(
    "bridge",
    field="bridge",
    options=((BRIDGE,),),
    inputs=_inputs,
    load=_load,
    makes="vectors of the tokens of both vocabularies",
    sides=lambda bridge: (bridge.source.vectors, bridge.target.vectors),
    measure="as the bridge sees them",
    dimensions=_dimensions,
)
