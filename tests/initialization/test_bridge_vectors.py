"""The stage of the bridge's vectors: what is loaded is what the library embeds, prompt included."""

from __future__ import annotations

import numpy as np
import pytest

from harness.initialization import bridge_vectors
from sembridge.bridge import embed_vocabulary, load_bridge
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.batches_seen import batches_seen
from tests.helpers.vector_stages import assert_same_arrays, fresh, location


@pytest.mark.parametrize("prompt", ["", "query: "])
def test_bridge_vectors(materials, tmp_path, prompt):
    out = fresh(tmp_path / "out")
    bridge_vectors.build(
        out,
        {"prompt": prompt, "profile": "fixed"},
        {"bridge": location(materials / "bridge"), "tokenizer": location(materials / "target")},
    )
    vocabulary = Vocabulary.from_tokenizer(load_tokenizer(str(materials / "target")))
    expected = embed_vocabulary(load_bridge(str(materials / "bridge")), vocabulary, prompt=prompt)
    loaded = bridge_vectors.load(out)
    assert_same_arrays(loaded, expected, ("vectors", "known"))
    assert loaded.known.dtype == bool and 100 < loaded.known.sum() < len(vocabulary)


def test_a_prompt_of_the_bridge_is_put_before_every_token(materials, tmp_path):
    for name, prompt in (("plain", ""), ("prompted", "window ")):
        parameters, inputs = (
            {"prompt": prompt, "profile": "fixed"},
            {"bridge": location(materials / "bridge"), "tokenizer": location(materials / "target")},
        )
        bridge_vectors.build(fresh(tmp_path / name), parameters, inputs)
    plain, prompted = (bridge_vectors.load(tmp_path / name) for name in ("plain", "prompted"))
    np.testing.assert_array_equal(plain.known, prompted.known)
    assert np.abs(plain.vectors - prompted.vectors).max() > 0.1


def test_for_lack_of_memory_the_bridge_reads_fewer_texts_at_a_time(materials, tmp_path):
    inputs = {"bridge": location(materials / "bridge"), "tokenizer": location(materials / "target")}
    outputs = []
    for batch_divisor in (1, 16):
        with batches_seen() as batches:
            out = fresh(tmp_path / f"{batch_divisor}")
            bridge_vectors.build(out, {"prompt": "", "profile": "fixed"}, inputs, batch_divisor=batch_divisor)
        assert (max(texts for texts, _ in batches) == 1024 // 16) == (batch_divisor == 16), batches
        outputs.append(bridge_vectors.load(out))
    for array in ("vectors", "known"):
        np.testing.assert_allclose(getattr(outputs[0], array), getattr(outputs[1], array), atol=1e-6)
