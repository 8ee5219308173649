"""Copies of a model's folder with other tensors or settings, as broken or half-precision checkpoints have them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sembridge.encoder.loading import load_encoder
from sembridge.weights.check import check_weights

Tensors = dict[str, torch.Tensor]


def rewritten(source: str | Path, out: Path, change: Callable[[Tensors], Tensors], **settings: object) -> Path:
    """Copy a folder, with its tensors changed and `settings` in its config.json."""
    shutil.copytree(source, out)
    save_file(change(load_file(out / "model.safetensors")), out / "model.safetensors", metadata={"format": "pt"})
    if settings:
        config = json.loads((out / "config.json").read_text(encoding="utf-8")) | settings
        (out / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return out


def as_type(dtype: torch.dtype) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor.to(dtype) for name, tensor in tensors.items()}


def sharded(source: str | Path, out: Path) -> Path:
    """Copy a folder with its tensors in two files under an index."""
    shutil.copytree(source, out)
    tensors = load_file(out / "model.safetensors")
    (out / "model.safetensors").unlink()
    files = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    place = {name: files[position % 2] for position, name in enumerate(sorted(tensors))}
    for file in files:
        part = {name: tensor for name, tensor in tensors.items() if place[name] == file}
        save_file(part, out / file, metadata={"format": "pt"})
    index = {"metadata": {"total_size": 0}, "weight_map": place}
    (out / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return out


def without(part: str) -> Callable[[Tensors], Tensors]:
    """Drop the tensors whose names contain `part`."""
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name}


def bare(tensors: Tensors) -> Tensors:
    """Return the body of a BERT as BertModel saves it: without prefix and without the masked-LM head."""
    return {name.removeprefix("bert."): tensor for name, tensor in without("cls.")(tensors).items()}


HEAD = "save the model with its whole masked-LM head"
# changes that leave a BERT of two layers with weights drawn at random, and words of the refusal
BROKEN: dict[str, tuple[Callable[[Tensors], Tensors], dict[str, object], tuple[str, ...]]] = {
    "foreign prefix": (
        lambda tensors: {f"encoder.{name}": tensor for name, tensor in tensors.items()},
        {},
        ("lacks 44 tensors", "'encoder.bert.embeddings.LayerNorm.bias' for 'bert.embeddings.LayerNorm.bias'", "rename"),
    ),
    "no head": (without("cls."), {}, ("lacks 6 tensors", "cls.predictions.bias, cls.predictions.decoder.bias", HEAD)),
    "bare body": (bare, {}, ("lacks 6 tensors", "cls.predictions.bias, cls.predictions.decoder.bias", HEAD)),
    "no decoder": (
        lambda tensors: tensors,
        {"tie_word_embeddings": False},
        ("lacks 2 tensors", "cls.predictions.decoder.weight", "tie_word_embeddings: false", "save the decoder too"),
    ),
    "no second layer": (
        without(".layer.1."),
        {},
        ("lacks 16 tensors", "bert.encoder.layer.1.attention", "get the model's files again"),
    ),
}


def refusals(folder: Path, load=load_encoder, **options) -> str:
    """Return the one line with which a folder is refused, by the check and by the loading alike."""
    with pytest.raises(ValueError) as early:
        check_weights(str(folder), **options)
    with pytest.raises(ValueError) as late:
        load(str(folder))
    assert str(early.value) == str(late.value) and "\n" not in str(early.value) and len(str(early.value)) < 600
    return str(early.value)
