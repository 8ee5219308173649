"""Headers of safetensors files are read without their weights; damaged, cut and missing files are named."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from sembridge.weights.stored import INDEX, SINGLE, Stored, dtype_of, header, quantized, stored_tensors

TENSORS = {
    "a": torch.zeros(2, 3),
    "b": torch.zeros(4, dtype=torch.bfloat16),
    "c": torch.zeros((), dtype=torch.int64),
    "d": torch.zeros(0, 5, dtype=torch.float16),
}
STORED = {"a": Stored("F32", (2, 3)), "b": Stored("BF16", (4,)), "c": Stored("I64", ()), "d": Stored("F16", (0, 5))}


def test_names_types_and_shapes_are_those_of_the_file(tmp_path):
    save_file(TENSORS, tmp_path / SINGLE, metadata={"format": "pt"})
    assert header(tmp_path / SINGLE) == stored_tensors(tmp_path) == STORED
    assert dtype_of(STORED) == "bfloat16 and float16 and float32" and dtype_of({"c": STORED["c"]}) == ""


def test_shards_are_one_model(tmp_path):
    save_file({"a": TENSORS["a"]}, tmp_path / "x-1.safetensors")
    save_file({"b": TENSORS["b"]}, tmp_path / "x-2.safetensors")
    place = {"a": "x-1.safetensors", "b": "x-2.safetensors"}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": place}))
    assert stored_tensors(tmp_path) == {"a": STORED["a"], "b": STORED["b"]}
    (tmp_path / "x-2.safetensors").unlink()
    with pytest.raises(ValueError, match=r"index\.json names x-2\.safetensors, which is not in the folder; copy all"):
        stored_tensors(tmp_path)


def test_a_folder_without_weights(tmp_path):
    save_file(TENSORS, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"has no model\.safetensors; save its weights with transformers'"):
        stored_tensors(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": [1]}', "{oops", '{"weight_map": {"a": "../x"}}'])
def test_a_damaged_index(tmp_path, content):
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(ValueError, match=r"model\.safetensors\.index\.json names .*; get the (file|model) again"):
        stored_tensors(tmp_path)


def test_a_file_that_is_cut_off_says_by_how_much(tmp_path):
    save_file({"a": torch.zeros(100)}, tmp_path / SINGLE)
    whole = (tmp_path / SINGLE).read_bytes()
    (tmp_path / SINGLE).write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=rf"is cut off: {len(whole) - 1:,} of {len(whole):,} bytes; get the file"):
        stored_tensors(tmp_path)


def described(entry: object) -> bytes:
    text = json.dumps(entry).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x04",
        b"{oops",
        b"\xff" * 80,
        described([]),
        described({"a": 1}),
        described({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}),
        described({"a": {"dtype": "F32", "shape": 3, "data_offsets": [0, 0]}}),
        described({"a": {"dtype": "F32", "shape": [1]}}),
        described({"a": {"dtype": "F32", "shape": [1], "data_offsets": []}}),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / SINGLE).write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors is not a safetensors file, or is damaged; get the file"):
        stored_tensors(tmp_path)


def test_tensors_of_less_than_16_bits_are_quantized():
    types = ["I8", "U8", "F8_E4M3", "F4", "I64", "F16", "BOOL", "I32", "F64"]
    assert quantized({name: Stored(name, (1,)) for name in types}) == ["I8", "U8", "F8_E4M3", "F4"]
