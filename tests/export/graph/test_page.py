"""The page of a graph says what precedes a text, what lies beside the graph, and what the output is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.export.documents import Lookup
from harness.export.graph.facts import Graph, GraphExport
from harness.export.graph.page import page

NO_PROMPTS = {"query": "", "document": ""}


def made(*, inputs=("input_ids", "attention_mask"), files=("model.onnx",), prompts=NO_PROMPTS, **options) -> str:
    settings = {"max_length": 512, "pooling": "max", "activation": "relu", "lookup": None} | options
    return page(GraphExport("made/encoder", Graph(files, inputs, 30522), prompts, **settings))


def code(shown: str) -> str:
    (found,) = re.findall(r"```python\n(.*?)```", shown, re.S)
    compile(found, "page", "exec")
    return found


def test_what_goes_in_and_comes_out():
    shown = made()
    assert "`model.onnx` (opset 18) reads documents and queries." in shown
    assert "- Inputs: `input_ids`, `attention_mask`, int64 [batch, length], length up to 512." in shown
    assert "float32 [batch, 30,522]: for each dimension log(1 + max(0, logit)), its maximum over the pos" in shown
    assert "token_type_ids" not in shown and "prompt" not in shown and "lie beside" not in shown
    assert "import json" not in code(shown)


@pytest.mark.parametrize(("pooling", "word"), [("max", "maximum"), ("sum", "sum")])
def test_the_formula_is_that_of_the_pooling(pooling, word):
    shown = made(pooling=pooling, activation="log1p_relu")
    assert f"log(1 + log(1 + max(0, logit))), its {word} over the positions" in shown


def test_type_ids_are_fed():
    shown = made(inputs=("input_ids", "attention_mask", "token_type_ids"))
    assert "`token_type_ids` are 0 for a text on its own" in shown
    assert '"token_type_ids": np.zeros_like(ids)' in code(shown)


def test_prompts_stand_in_the_text_and_in_the_code():
    shown = made(prompts={"query": 'ask "ü": ', "document": ""})
    assert 'precede every query by "ask \\"ü\\": ".' in shown
    assert 'def query(text):\n    return encode(["ask \\"ü\\": " + text])[0]' in code(shown)
    assert "def document(text):\n    return encode([text])[0]" in code(shown)


def test_queries_that_are_looked_up():
    lookup = Lookup(np.ones(3, dtype=np.float32), "{}", "ask: ")
    shown = made(lookup=lookup, prompts={"query": "ask: ", "document": ""})
    assert "reads documents; a query needs no model" in shown
    assert 'query_tokenizer.encode("ask: " + text, add_special_tokens=False)' in code(shown)


def test_weights_in_a_file_of_their_own():
    assert "`model.onnx.data` has to lie beside `model.onnx`" in made(files=("model.onnx", "model.onnx.data"))
