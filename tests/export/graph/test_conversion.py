"""The graph on disk, run by onnxruntime, gives what sentence-transformers gives, alone and in a padded batch."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from harness.export.graph import module
from sembridge.encoder.loading import load_encoder
from sembridge.extras import EXTRAS
from tests.helpers.encoders_made import made_encoder_folder
from tests.helpers.families_made import represented, texts
from tests.helpers.graphs_made import ALL, graph_folder, pooled_folder

MISSING = ", ".join(package for package in EXTRAS["onnx"] if find_spec(package) is None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}; pip install 'sembridge-bench[onnx]'"),
]

TEXTS = texts()[:7] + texts()[-6:]  # two batches, of texts of unequal length, some beyond the limit of the encoder


def graph_vectors(folder, export):
    from harness.export.graph import running

    return running.graph_vectors(folder, export.graph.inputs, export.graph.dimensions)


@pytest.fixture
def written(tmp_path):
    from harness.export.graph.folder import write

    def run(model: str):
        encoder, folder = load_encoder(model), tmp_path / "out"
        folder.mkdir()
        return encoder, folder, write(folder, encoder, "made")

    return run


@pytest.mark.parametrize("family", ALL)
def test_every_family(tmp_path, written, family, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 100)
    encoder, folder, export = written(graph_folder(tmp_path / "made", family))
    vectors = graph_vectors(folder, export)
    own, found = represented(encoder, TEXTS), vectors(TEXTS).toarray()
    np.testing.assert_allclose(found, own, rtol=1e-4, atol=1e-5)
    alone = np.concatenate([vectors([text]).toarray() for text in TEXTS])
    np.testing.assert_allclose(alone, found, rtol=1e-5, atol=1e-6)
    assert ((alone > 0) == (found > 0)).all() and (0 < (found > 0).mean() < 1)
    assert ("token_type_ids" in export.graph.inputs) == (family == "bert")
    if family == "inference-free":
        from harness.export.graph.running import lookup_vectors

        queries = lookup_vectors(folder, export.graph.dimensions)(TEXTS).toarray()
        np.testing.assert_allclose(queries, represented(encoder, TEXTS, side="query"), rtol=1e-6)
        assert json.loads((folder / "export.json").read_text())["query_side"] == "inference-free"


@pytest.mark.parametrize(("strategy", "activation"), [("sum", "relu"), ("max", "log1p_relu")])
def test_other_poolings_and_prompts(tmp_path, written, strategy, activation):
    prompts = {"query": "cat ", "document": "song "}
    encoder, folder, export = written(pooled_folder(tmp_path / "made", strategy, activation, prompts))
    vectors = graph_vectors(folder, export)
    for side, prompt in prompts.items():
        found = vectors([prompt + text for text in TEXTS]).toarray()
        np.testing.assert_allclose(found, represented(encoder, TEXTS, side=side), rtol=1e-4, atol=1e-4)
    manifest = json.loads((folder / "export.json").read_text())
    assert (manifest["pooling"], manifest["activation"], manifest["prompts"]) == (strategy, activation, prompts)


def test_a_tokenizer_without_marks_and_a_text_without_tokens(tmp_path, written):
    encoder, folder, export = written(str(made_encoder_folder(tmp_path / "made")))
    vectors = graph_vectors(folder, export)
    found = vectors(["", TEXTS[0]]).toarray()
    assert not found[0].any() and not vectors([""]).toarray().any()
    np.testing.assert_allclose(found[1:], represented(encoder, TEXTS[:1]), rtol=1e-4, atol=1e-5)


def test_the_file_says_its_opset_its_axes_and_no_path_of_this_machine(tmp_path, written):
    encoder, folder, _ = written(graph_folder(tmp_path / "made", "bert"))
    content = (folder / "model.onnx").read_bytes()
    assert b".py" not in content and str(tmp_path).encode() not in content and b"site-packages" not in content
    import onnx

    graph = onnx.load(str(folder / "model.onnx"))
    assert [entry.version for entry in graph.opset_import if not entry.domain] == [18]
    for value in (*graph.graph.input, *graph.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch", value.name
    assert graph.graph.input[0].type.tensor_type.shape.dim[1].dim_param == "length"
    assert json.loads((folder / "vocab.json").read_text())[encoder.tokenizer.cls_token_id] == "[CLS]"


def test_weights_that_are_too_large_lie_beside(tmp_path, written, monkeypatch):
    from harness.export.graph import conversion

    monkeypatch.setattr(conversion, "MOST_BYTES", 1000)
    encoder, folder, export = written(graph_folder(tmp_path / "made", "distilbert"))
    assert export.graph.files == ("model.onnx", "model.onnx.data")
    assert {path.name for path in folder.iterdir()} >= set(export.graph.files)
    moved = folder.rename(tmp_path / "moved")
    vectors = graph_vectors(moved, export)(TEXTS).toarray()
    np.testing.assert_allclose(vectors, represented(encoder, TEXTS), rtol=1e-4, atol=1e-5)
    assert (moved / "model.onnx.data").stat().st_size > (moved / "model.onnx").stat().st_size / 10


def test_a_model_that_torch_cannot_trace_is_one_line(tmp_path, monkeypatch):
    from harness.export.graph import conversion

    encoder = load_encoder(graph_folder(tmp_path / "made", "distilbert"))

    def data_dependent(self, input_ids, attention_mask):
        return input_ids if bool((input_ids == 3).any()) else attention_mask

    monkeypatch.setattr(module.SparseGraph, "forward", data_dependent)
    with pytest.raises(ValueError, match=r"^torch \S+ cannot convert a DistilBertForMaskedLM to ONNX \(.+\)$") as info:
        conversion.convert(encoder, tmp_path)
    assert "\n" not in str(info.value)
