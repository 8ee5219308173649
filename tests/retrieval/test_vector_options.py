"""Options of vectors: which of them a stage is told, and what they are called."""

from harness.retrieval.vector_options import AS_ENCODED, VectorOptions


def test_defaults_are_neither_parameters_nor_named():
    assert AS_ENCODED.parameters == {} and AS_ENCODED.label == ""


def test_every_option_is_a_parameter_and_named():
    options = VectorOptions(True, 32, 64, 0.9, 0.5, 8)
    assert options.parameters == {
        "query_idf": True,
        "max_active_query": 32,
        "max_active_document": 64,
        "mass_query": 0.9,
        "mass_document": 0.5,
        "weight_bits": 8,
    }
    assert options.label == "idf, query top 32, document top 64, query mass 0.9, document mass 0.5, 8 bits"
    assert VectorOptions.of({"k": 100, **options.parameters}) == options
    assert VectorOptions.of({"k": 100}) == AS_ENCODED
