"""What a cell is made from: the parameters and inputs of each artifact, written out by hand for hub models."""

from __future__ import annotations

from typing import Any

import pytest

from harness.plan.graph import cell_artifact
from harness.plan.inputs import Inputs
from harness.plan.preset import Preset
from harness.results.record import Identity
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions
from harness.store.artifact import Artifact, Hub, Member

COMMIT = "0123456789abcdef" * 2 + "01234567"
ENCODER, BRIDGE, WORDS = Hub("org/a", "1"), Hub("org/b", "2"), Hub("org/ru", "3")
READ = {"k": 100, "max_length": None, "precision": "auto"}
FIXED = {"bias": "transfer", "special_ids": "target"}


def hub(model: Hub, **options: Any) -> dict[str, Any]:
    return {"model": model.name, "revision": model.revision, "hub": True, **options}


@pytest.fixture(scope="module")
def artifact():
    """Return the artifact of one cell of a preset whose inputs are all on the hub."""

    def artifact(
        initializer: str,
        regime: str = "zero-shot",
        bridge: str = "",
        alpha: float | None = None,
        vectors: VectorOptions = AS_ENCODED,
        **options: Any,
    ) -> Artifact:
        content = {
            "title": "t",
            "languages": ["ru"],
            "architectures": {"a": hub(ENCODER)},
            "tokenizers": {"ru": hub(WORDS)},
            "bridges": {"b": hub(BRIDGE, prompt="p: ", query_prompt="q: ")},
            "collections": {name: {"hub": f"org/{name}", "revision": COMMIT} for name in ("c", "d")},
            "initializers": [initializer],
        }
        preset = Preset.model_validate(content | options)
        cell = Identity("ru", "a", "c", initializer, bridge, alpha, regime, 7)
        return cell_artifact(preset, Inputs(preset), cell, vectors)

    return artifact


def below(artifact: Artifact, name: str) -> Artifact:
    source = artifact.inputs[name]
    assert isinstance(source, Artifact)
    return source


def collection_of(artifact: Artifact, name: str = "collection") -> str:
    collection = below(artifact, name)
    assert collection.stage.name == "collection" and set(collection.parameters) == {"hub", "revision", "kind", "config"}
    return collection.parameters["hub"]


def test_reference_rows_read_what_they_are(artifact):
    bm25 = artifact("bm25")
    assert bm25.stage.name == "bm25" and bm25.parameters == {"k": 100, "language": "ru"}
    assert list(bm25.inputs) == ["collection"] and collection_of(bm25) == "org/c"
    dense = artifact("dense", bridge="b")
    assert dense.stage.name == "dense"
    assert dense.parameters == READ | {"query_prompt": "q: ", "document_prompt": None}
    assert set(dense.inputs) == {"bridge", "collection"} and dense.inputs["bridge"] == BRIDGE
    base = artifact("base", evaluation={"k": 200, "max_length": 64})
    assert base.stage.name == "evaluation" and base.parameters == {"k": 200, "max_length": 64, "precision": "auto"}
    assert set(base.inputs) == {"encoder", "collection"} and base.inputs["encoder"] == ENCODER


def test_milco_chooses_its_precision_itself(artifact):
    def parameters(**options):
        reference = artifact("mine", references={"mine": hub(Hub("org/r", "4"), **options)})
        assert reference.stage.name == "reference" and reference.inputs["encoder"] == Hub("org/r", "4")
        return reference.parameters

    assert parameters() == READ | {"kind": "sparse-encoder", "remote_code": False}
    milco = {"kind": "milco", "remote_code": True}
    assert parameters(**milco) == READ | milco | {"precision": None}


def test_an_initialized_encoder_is_evaluated_without_being_saved(artifact):
    cell = artifact("sembridge", bridge="b", alpha=2.0, settings={"sembridge": {"position": 0.5}})
    assert cell.stage.name == "evaluation" and cell.parameters == FIXED | READ
    assert set(cell.inputs) == {"encoder", "tokenizer", "initialization", "collection"}
    initialization = below(cell, "initialization")
    assert initialization.stage.name == "initialization"
    assert initialization.parameters == {
        "initializer": "sembridge",
        "settings": {"position": 0.5, "alpha": 2.0},
        "seed": 7,
        "profile": "fixed",
        "overlap": "fuzzy",
        "donors": None,
    }
    assert set(initialization.inputs) == {"encoder", "tokenizer", "bridge_source", "bridge_target"}
    for side, tokenizer in {"bridge_source": ENCODER, "bridge_target": WORDS}.items():
        vectors = below(initialization, side)
        assert vectors.parameters == {"prompt": "p: ", "profile": "fixed"}
        assert vectors.inputs == {"bridge": BRIDGE, "tokenizer": tokenizer}


def test_settings_of_a_need_s_stage_go_to_it_and_text_is_that_of_the_collection(artifact):
    initialization = below(artifact("focus", settings={"focus": {"epochs": 2}}), "initialization")
    assert initialization.parameters["settings"] == {}
    auxiliary = below(initialization, "auxiliary")
    assert auxiliary.parameters == {"epochs": 2}
    text = auxiliary.inputs["text"]
    assert isinstance(text, Member) and text.path == "corpus.jsonl" and text.artifact.parameters["hub"] == "org/c"
    other = below(below(artifact("focus", text="collection:d"), "initialization"), "auxiliary").inputs["text"]
    assert isinstance(other, Member) and other.artifact.parameters["hub"] == "org/d"


def test_query_weights_are_counted_for_initialized_encoders_only(artifact):
    assert "query_weights" not in artifact("mean").inputs
    assert "query_weights" not in artifact("base", query_weights="idf").inputs
    counted = below(artifact("mean", query_weights="idf"), "query_weights")
    assert counted.stage.name == "query-weights" and counted.parameters == {}
    assert set(counted.inputs) == {"tokenizer", "text"} and counted.inputs["tokenizer"] == WORDS


def test_a_training_knows_its_pairs_workers_and_seed_but_not_what_is_evaluated(artifact):
    cell = artifact("mean", "fine-tuned", training={"epochs": 3, "collection": "d", "workers": 2})
    assert cell.parameters == READ and set(cell.inputs) == {"trained", "collection"}
    trained = below(cell, "trained")
    assert trained.stage.name == "trained-encoder"
    assert set(trained.parameters) == {"bias", "special_ids", "training", "workers", "seed"}
    assert trained.parameters["workers"] == 2 and trained.parameters["seed"] == 7
    training = trained.parameters["training"]
    assert training["epochs"] == 3 and not {"collection", "workers", "points"} & set(training)
    assert set(trained.inputs) == {"encoder", "tokenizer", "initialization", "pairs"}
    assert (collection_of(trained, "pairs"), collection_of(cell)) == ("org/d", "org/c")
    assert collection_of(below(artifact("base", "fine-tuned"), "trained"), "pairs") == "org/c"


def test_points_of_a_training_are_measured_on_the_collection(artifact):
    trained = below(artifact("base", "fine-tuned", training={"points": 4, "collection": "d"}), "trained")
    assert set(trained.parameters) == {"training", "workers", "seed", "points", "evaluation"}
    assert trained.parameters["points"] == 4 and trained.parameters["evaluation"] == READ
    assert (collection_of(trained, "pairs"), collection_of(trained)) == ("org/d", "org/c")


def test_shares_are_merged_by_an_evaluation_that_reads_descriptions(artifact):
    whole, merged = artifact("mean"), artifact("mean", evaluation={"shares": 3})
    assert merged.stage.name == "evaluation" and merged.parameters == {}
    shares = ["share-0000", "share-0001", "share-0002"]
    assert list(merged.inputs) == ["initialization", "collection", *shares]
    for number, name in enumerate(shares):
        share = below(merged, name)
        assert share.stage.name == "evaluation-share"
        assert share.parameters == whole.parameters | {"share": number, "shares": 3}
        assert share.inputs == whole.inputs


def test_rows_that_are_left_out_are_named_in_the_initialization_and_only_there(artifact):
    plain, refused = artifact("mean"), artifact("mean", nonfinite="refuse")
    left_out = artifact("mean", nonfinite="leave-out")
    assert plain.key == refused.key and "nonfinite" not in below(plain, "initialization").parameters
    assert below(left_out, "initialization").parameters == below(plain, "initialization").parameters | {
        "nonfinite": "leave-out"
    }
    assert (
        left_out.parameters == plain.parameters and artifact("base").key == artifact("base", nonfinite="leave-out").key
    )


@pytest.mark.parametrize(("alpha", "named"), [(1.0, True), (1.5, True), (2.0, False), (4.0, False), (0.0, False)])
def test_rounded_directions_are_named_where_alpha_is_below_2(artifact, alpha, named):
    """0 stands for auto. Keys of all others stay as they were."""
    parameters = below(artifact("sembridge", bridge="b", alpha=alpha), "initialization").parameters
    assert parameters.get("directions") == ("rounded" if named else None)


def test_pieces_by_words_read_the_text_or_the_documents_of_the_collection(artifact):
    plain, by_words = (
        below(
            artifact("sembridge", bridge="b", alpha=4.0, settings={"sembridge": {"pieces": pieces}}), "initialization"
        )
        for pieces in ("own", "words")
    )
    assert by_words.parameters["settings"] == {"pieces": "words", "alpha": 4.0}
    assert by_words.inputs["bridge_source"] == plain.inputs["bridge_source"]
    pieces = below(by_words, "bridge_target")
    assert pieces.stage.name == "piece-vectors" and pieces.parameters == {"profile": "fixed"}
    assert pieces.inputs["own"] == plain.inputs["bridge_target"] and pieces.inputs["tokenizer"] == WORDS
    vectors, words = below(pieces, "word_vectors"), below(pieces, "words")
    assert vectors.parameters == {"prompt": "p: "} and vectors.inputs == {"bridge": BRIDGE, "words": words}
    assert words.parameters == {"language": "ru", "most": 100_000}
    text = words.inputs["text"]
    assert isinstance(text, Member) and text.path == "corpus.jsonl" and text.artifact.parameters["hub"] == "org/c"
    options = {"settings": {"sembridge": {"pieces": "words"}}, "text": "collection:d"}
    other = below(artifact("sembridge", bridge="b", alpha=4.0, **options), "initialization")
    assert below(below(other, "bridge_target"), "words").inputs["text"].artifact.parameters["hub"] == "org/d"


def test_options_of_vectors_share_stored_vectors_and_change_no_other_key(artifact):
    plain = artifact("mean")
    idf, pruned = VectorOptions(query_idf=True), VectorOptions(max_active_document=64)
    weighed, small = artifact("mean", vectors=idf), artifact("mean", vectors=pruned)
    assert plain.key == artifact("mean", vectors=AS_ENCODED, evaluation={"query_idf": [False, True]}).key
    assert weighed.stage.name == "evaluation"
    assert weighed.parameters == {"k": 100, "query_idf": True}
    assert small.parameters == {"k": 100, "max_active_document": 64}
    assert list(weighed.inputs) == ["initialization", "collection", "vectors-0000"]
    vectors = below(weighed, "vectors-0000")
    assert (
        vectors
        == below(small, "vectors-0000")
        == below(artifact("mean", vectors=idf, evaluation={"k": 200}), "vectors-0000")
    )
    assert vectors.stage.name == "vectors" and vectors.inputs == plain.inputs
    encoding = {name: value for name, value in plain.parameters.items() if name != "k"}
    assert vectors.parameters == encoding | {"share": 0, "shares": 1}


def test_shares_are_encoded_apart_and_searched_together(artifact):
    cell = artifact("mean", vectors=VectorOptions(query_idf=True), evaluation={"shares": 3})
    names = [name for name in cell.inputs if name.startswith("vectors-")]
    assert names == ["vectors-0000", "vectors-0001", "vectors-0002"] and cell.parameters == {
        "k": 100,
        "query_idf": True,
    }
    assert [below(cell, name).parameters["share"] for name in names] == [0, 1, 2]


def test_a_training_is_the_same_whatever_becomes_of_vectors(artifact):
    plain, weighed = (
        artifact("mean", "fine-tuned", vectors=vectors, training={"points": 4})
        for vectors in (AS_ENCODED, VectorOptions(query_idf=True))
    )
    trained = below(plain, "trained")
    assert trained == below(weighed, "trained") == below(below(weighed, "vectors-0000"), "trained")


def test_a_reference_is_encoded_once_for_all_options_of_vectors(artifact):
    options = {"references": {"mine": hub(Hub("org/r", "4"), kind="bge-m3")}}
    plain, weighed = artifact("mine", **options), artifact("mine", vectors=VectorOptions(query_idf=True), **options)
    assert weighed.stage.name == "reference" and set(weighed.inputs) == {"collection", "vectors-0000"}
    assert weighed.parameters == {"kind": "bge-m3", "k": 100, "query_idf": True}
    stored = below(weighed, "vectors-0000")
    assert stored.stage.name == "reference-vectors" and stored.inputs == plain.inputs
    assert stored.parameters == {name: value for name, value in plain.parameters.items() if name != "k"}


def test_own_documents_are_left_out_of_the_ranking_and_not_of_the_vectors(artifact):
    rule = {"collections": {"c": {"hub": "org/c", "revision": COMMIT, "ignore_identical_ids": True}}}
    cell = artifact("mean", vectors=VectorOptions(weight_bits=8), **rule)
    assert cell.parameters == {"k": 100, "ignore_identical_ids": True, "weight_bits": 8}
    assert below(cell, "vectors-0000") == below(artifact("mean", vectors=VectorOptions(weight_bits=8)), "vectors-0000")
