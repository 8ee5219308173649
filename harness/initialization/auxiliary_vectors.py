"""Declare the need `auxiliary` and its stage: FOCUS's vectors of the target tokens, trained on target-language text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.files import headway
from harness.initialization.needs import TEXT, Materials, Need
from harness.store.artifact import Artifact, Location, Source
from harness.store.stage import Stage

FILE = "vectors.safetensors"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Train auxiliary vectors.

    parameters  keyword arguments of `train_auxiliary`
    inputs      tokenizer, text (see `collections.text`)
    """
    from safetensors.numpy import save_file

    from baselines.focus import train_auxiliary
    from sembridge.encoder.loading import load_tokenizer

    text, tokenizer = lines(inputs["text"].path), load_tokenizer(*inputs["tokenizer"])
    with headway.counting("lines", 0):
        auxiliary = train_auxiliary(text, tokenizer, headway.reach, **parameters)
    save_file({"vectors": auxiliary.vectors, "known": auxiliary.known}, out / FILE)


AUXILIARY_VECTORS = Stage("auxiliary-vectors", version=2, seconds=5, build=build)


def load(folder: Path) -> Any:
    """Return the stored `AuxiliaryVectors`."""
    from safetensors.numpy import load_file

    from baselines.focus import AuxiliaryVectors

    return AuxiliaryVectors(**load_file(folder / FILE))


def _inputs(materials: Materials) -> Mapping[str, Source]:
    read = {"tokenizer": materials.tokenizer, "text": materials.sources["text"]}
    return {"auxiliary": Artifact(AUXILIARY_VECTORS, materials.training, read)}


def _training() -> Mapping[str, Any]:
    from baselines.focus import train_auxiliary

    return train_auxiliary.__kwdefaults__ or {}


def _dimensions(inputs: Mapping[str, Source], sizes: Any) -> int:
    vectors = inputs["auxiliary"]
    assert isinstance(vectors, Artifact)
    return vectors.parameters.get("dimension", _training()["dimension"])


NEED = Need(
    "auxiliary",
    field="text",
    options=((TEXT,),),
    inputs=_inputs,
    load=lambda inputs: load(inputs["auxiliary"].path),
    makes="token vectors are trained on it",
    training=_training,
    dimensions=_dimensions,
    extra="focus",
)
