"""All weights are loaded as float32, with the values of the file; values that are not finite are refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sembridge.bridge import load_bridge
from sembridge.encoder.head import encode_sparse
from sembridge.encoder.loading import load_encoder
from sembridge.pipeline import transfer
from sembridge.weights.checked_load import dtype, stored_dtype, used_output
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import FAMILIES, batch_of, family_encoder, family_folder, russian, texts
from tests.helpers.spoiled_models import as_type, rewritten
from tests.helpers.tokenizers_made import english

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def in_half(folder: str, out: Path, half: torch.dtype, back: bool) -> str:
    """Copy a folder with all weights rounded to half precision, stored so or (`back`) as float32 again."""
    shutil.copytree(folder, out)
    for path in out.rglob("model.safetensors"):
        tensors = as_type(half)(load_file(path))
        save_file(as_type(torch.float32)(tensors) if back else tensors, path, metadata={"format": "pt"})
    return str(out)


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_in_half_precision_is_its_float32_copy(tmp_path, family, name):
    whole = family_folder(tmp_path / "whole", family)
    half, copy = (load_encoder(in_half(whole, tmp_path / f"{back}", HALF[name], back)) for back in (False, True))
    assert {tensor.dtype for tensor in half.state_dict().values() if tensor.is_floating_point()} == {torch.float32}
    assert (stored_dtype(half), stored_dtype(copy), dtype(half)) == (name, "float32", "float32")
    state = copy.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in half.state_dict().items())
    for side in ("query", "document"):
        rows = [encode_sparse(encoder, batch_of(encoder, texts()[:12]), side).toarray() for encoder in (half, copy)]
        assert rows[0].any() and np.array_equal(*rows)


@pytest.mark.parametrize("name", HALF)
def test_a_bridge_in_half_precision_is_its_float32_copy(tmp_path, name):
    whole = str(made_bridge_folder(tmp_path / "whole", english()))
    half, copy = (load_bridge(in_half(whole, tmp_path / f"{back}", HALF[name], back)) for back in (False, True))
    assert dtype(half) == "float32" and np.array_equal(half.encode(texts()[:12]), copy.encode(texts()[:12]))


def test_the_record_says_how_weights_were_stored_and_are_written(tmp_path):
    folder = in_half(family_folder(tmp_path / "whole", "bert"), tmp_path / "half", torch.bfloat16, False)
    encoder = transfer(folder, russian(), "mean")
    options = encoder.transfer_record.recipe.options
    assert (options["source weights"], options["weights"]) == ("bfloat16", "float32")
    encoder.save_pretrained(str(tmp_path / "out"))
    assert {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float32}
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| source weights | `bfloat16` |" in card and "| weights | `float32` |" in card
    memory = family_encoder(tmp_path / "memory", "bert").to(torch.bfloat16)
    del memory.stored_dtype
    options = transfer(memory, russian(), "mean").transfer_record.recipe.options
    assert (options["source weights"], options["weights"]) == ("bfloat16", "bfloat16")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_layers_that_are_not_finite_are_named(tmp_path, value):
    def spoil(tensors):
        tensors["bert.encoder.layer.1.output.dense.weight"][3, 4] = value
        return tensors

    folder = rewritten(family_folder(tmp_path / "whole", "bert"), tmp_path / "spoiled", spoil)
    with pytest.raises(ValueError) as error:
        load_encoder(str(folder))
    assert str(error.value) == (
        f"model {str(folder)!r} has values that are not finite in 1 of its tensors "
        "(bert.encoder.layer.1.output.dense.weight); "
        "get its files again, or an earlier checkpoint of the training"
    )


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_rows_of_the_vocabulary_are_left_to_who_uses_them(tmp_path, family, tied):
    def spoil(tensors):
        for name, tensor in tensors.items():
            if "word_embeddings" in name or "decoder" in name or "projector" in name or name.endswith("s.bias"):
                tensor[7] = float("nan")
        return tensors

    folder = rewritten(family_folder(tmp_path / "whole", family, tied=tied), tmp_path / "spoiled", spoil)
    assert not torch.isfinite(load_encoder(str(folder))[0].model.get_input_embeddings().weight[7]).any()


def test_values_past_float32_are_not_finite(tmp_path):
    def spoil(tensors):
        return tensors | {"bert.embeddings.LayerNorm.bias": torch.full((32,), 1e300, dtype=torch.float64)}

    folder = rewritten(family_folder(tmp_path / "whole", "bert"), tmp_path / "large", spoil)
    with pytest.raises(ValueError, match=r"not finite in 1 of its tensors \(bert\.embeddings\.LayerNorm"):
        load_encoder(str(folder))


def test_which_output_a_module_uses():
    def forward(name):
        return {"text": {"method": "forward", "method_output_name": name}}

    assert used_output(forward("pooler_output")) == "pooler_output"
    assert used_output({"text": {"method": "get_text_features", "method_output_name": "pooler_output"}}) == ""
    assert used_output(forward(None)) == used_output({}) == used_output(None) == ""
