"""The stage of FOCUS's auxiliary vectors: what is loaded is what the library trains, of as many dimensions."""

from __future__ import annotations

from baselines.vectors.auxiliary import train_auxiliary
from harness.initialization import auxiliary_vectors
from harness.initialization.needs import Materials
from harness.store.artifact import Hub
from sembridge.encoder.loading import load_tokenizer
from tests.helpers.tokenizers_made import russian
from tests.helpers.vector_stages import assert_same_arrays, fresh, location


def test_auxiliary_vectors(materials, tmp_path):
    out = fresh(tmp_path / "out")
    parameters = {"dimension": 8, "epochs": 1, "min_count": 5, "buckets": 500, "seed": 3}
    auxiliary_vectors.build(
        out, parameters, {"tokenizer": location(materials / "target"), "text": location(materials / "text.txt")}
    )
    expected = train_auxiliary(russian(), load_tokenizer(str(materials / "target")), **parameters)
    loaded = auxiliary_vectors.load(out)
    assert_same_arrays(loaded, expected, ("vectors", "known"))
    assert loaded.vectors.shape[1] == 8 and 20 < loaded.known.sum() < len(loaded.known)


def test_a_set_dimension_counts_and_else_that_of_the_training():
    source = Hub("org/model", "abc")
    for training, expected in (({}, 100), ({"dimension": 7}, 7), ({"epochs": 1}, 100)):
        materials = Materials(source, source, {"text": source}, training)
        assert auxiliary_vectors.NEED.dimensions(auxiliary_vectors.NEED.inputs(materials), None) == expected
