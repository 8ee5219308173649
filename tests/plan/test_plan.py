"""The plan is pure, shares what can be shared, and names artifacts by content."""

import pytest

from harness.evaluation.own_documents import RULE
from harness.plan.load_preset import load_preset
from harness.plan.plan import missing, plan
from harness.store.store import Store
from tests.helpers.paths import PRESETS


@pytest.fixture
def cells_of(own_data):
    def make(*overrides, **choices):
        defaults = {"languages": ["ru"]}
        return plan(load_preset("own-data", PRESETS, [f"data={own_data}", *overrides], defaults | choices))

    return make


def test_the_pocket_grid_has_every_cell_once():
    cells = plan(load_preset("pocket", PRESETS))
    assert len(cells) == 5 * 2 * 2 * 10
    assert len({cell.identity for cell in cells}) == len(cells)
    trained = {
        artifact.key for cell in cells for artifact in cell.artifact.walk() if artifact.stage.name == "trained-encoder"
    }
    assert len(trained) == 5 * 9  # one fine-tune serves both collections; bm25 has none
    assert {cell.identity.initializer for cell in cells if cell.reference} == {"base", "bm25"}


def test_bridge_vectors_are_shared_by_alphas_and_seeds(cells_of):
    cells = cells_of(initializers=["sembridge"], alphas=[1.5, 2, 4], seeds=[1, 2], regimes=["zero-shot"])
    counts = {}
    for artifact in {a.key: a for cell in cells for a in cell.artifact.walk()}.values():
        counts[artifact.stage.name] = counts.get(artifact.stage.name, 0) + 1
    assert counts == {"bridge-vectors": 2, "initialization": 6, "evaluation": 6}


def test_keys_follow_content_not_names(cells_of, own_data, tmp_path):
    single = cells_of(initializers=["mean"], regimes=["zero-shot"])[0]
    renamed = cells_of(
        f"architectures.other.model={own_data}/source",
        initializers=["mean"],
        regimes=["zero-shot"],
        architectures=["other"],
    )[0]
    assert renamed.identity != single.identity and renamed.artifact.key == single.artifact.key
    other = cells_of("evaluation.max_length=16", initializers=["mean"], regimes=["zero-shot"])[0]
    assert other.artifact.key != single.artifact.key


def test_alpha_belongs_to_methods_that_have_one(cells_of):
    cells = cells_of(initializers=["sembridge", "ofa", "base"], alphas=[2, 4], regimes=["zero-shot"])
    assert [(c.identity.initializer, c.identity.bridge, c.identity.alpha) for c in cells] == [
        ("sembridge", "bridge", 2),
        ("sembridge", "bridge", 4),
        ("ofa", "", None),
        ("base", "", None),
    ]


def test_missing_lists_inputs_before_what_needs_them(cells_of, tmp_path):
    todo = missing(cells_of(), Store(tmp_path / "store"))
    seen = set()
    for artifact in todo:
        assert all(child.key in seen for child in artifact.needed)
        seen.add(artifact.key)
    assert not (tmp_path / "store").exists()


def test_training_pairs_may_come_from_a_collection_that_is_not_evaluated():
    cells = plan(load_preset("pocket", PRESETS, (), {"languages": ["ko"], "collections": ["pocket-passages"]}))
    assert {cell.identity.collection for cell in cells} == {"pocket-passages"}
    assert any(artifact.stage.name == "trained-encoder" for cell in cells for artifact in cell.artifact.walk())


def test_rows_say_which_word_vectors_ofa_had(cells_of, tmp_path):
    def label(*overrides):
        return cells_of(*overrides, initializers=["ofa"], regimes=["zero-shot"])[0].label

    assert label() == "ofa (bridge vectors)"
    for name, expected in (("mine.txt", "ofa (own word vectors)"), ("colexnet.txt", "ofa")):
        (tmp_path / name).write_text("")
        assert label(f"words={tmp_path / name}") == expected


def test_a_bridge_retrieves_by_itself_once_for_all_architectures_stages_and_seeds(cells_of, own_data):
    prompts = "prompt: 'query: ', query_prompt: 'query: ', document_prompt: 'passage: '"
    second = f"bridges.e5={{model: {own_data}/bridge, {prompts}}}"
    cells = cells_of(
        second, f"architectures.other.model={own_data}/source", initializers=["dense", "base"], seeds=[1, 2]
    )
    dense = [cell for cell in cells if cell.identity.initializer == "dense"]
    assert {(cell.label, cell.identity.bridge, cell.identity.alpha, cell.reference) for cell in dense} == {
        ("dense (bridge)", "bridge", None, True),
        ("dense (e5)", "e5", None, True),
    }
    assert len(dense) == 2 * 2 * 2 * 2 and len(artifacts(cells, "dense")) == 2
    assert not artifacts(dense, "evaluation") and not artifacts(dense, "trained-encoder")
    prompts = {
        (a.parameters["query_prompt"], a.parameters["document_prompt"]) for a in artifacts(cells, "dense").values()
    }
    assert prompts == {(None, None), ("query: ", "passage: ")}
    (other,) = artifacts(cells_of("evaluation.max_length=16", initializers=["dense"], regimes=["zero-shot"]), "dense")
    assert other not in artifacts(cells, "dense")


def artifacts(cells, stage):
    return {a.key: a for cell in cells for a in cell.artifact.walk() if a.stage.name == stage}


def test_a_profile_reaches_vectors_rows_and_transplant_and_is_shown(cells_of):
    options = {"initializers": ["sembridge", "base"], "regimes": ["zero-shot"]}
    fixed, compat = cells_of(**options), cells_of("profile=compat", **options)
    assert [cell.label for cell in compat] == ["sembridge (compat)", "base"]
    for stage in ("bridge-vectors", "initialization"):
        assert not artifacts(fixed, stage).keys() & artifacts(compat, stage).keys()
    (evaluation,) = [cell.artifact for cell in compat if cell.identity.initializer == "sembridge"]
    assert evaluation.parameters["bias"] == evaluation.parameters["special_ids"] == "keep"
    assert fixed[1].artifact.key == compat[1].artifact.key, "the source as it is has no profile"
    (zeroed,) = cells_of("profile=compat", "bias=zero", initializers=["sembridge"], regimes=["zero-shot"])
    assert zeroed.artifact.parameters["bias"] == "zero" and zeroed.artifact.parameters["special_ids"] == "keep"


def test_donors_change_the_rows_and_not_the_vectors(cells_of):
    options = {"initializers": ["sembridge"], "regimes": ["zero-shot"]}
    ordinary, everyone = cells_of(**options), cells_of("donors=all", **options)
    assert artifacts(ordinary, "bridge-vectors").keys() == artifacts(everyone, "bridge-vectors").keys()
    assert not artifacts(ordinary, "initialization").keys() & artifacts(everyone, "initialization").keys()


def test_query_weights_are_counted_only_where_an_encoder_may_have_them(cells_of):
    cells = cells_of("query_weights=idf", initializers=["mean", "base"], regimes=["zero-shot"])
    assert not artifacts(cells, "query-weights"), "the folder shows that this encoder reads queries with its masked LM"
    hub = cells_of(
        "query_weights=idf", "architectures.doc.model=someone/doc", "architectures.doc.revision=abc",
        initializers=["mean", "base"], regimes=["zero-shot", "fine-tuned"], architectures=["doc"],
    )  # fmt: skip
    assert len(artifacts(hub, "query-weights")) == 1
    by_stage = {
        (cell.identity.initializer, cell.identity.regime): [a.stage.name for a in cell.artifact.walk()] for cell in hub
    }
    assert [key for key, stages in by_stage.items() if "query-weights" in stages] == [
        ("mean", "zero-shot"),
        ("mean", "fine-tuned"),
    ]


def test_the_cells_of_a_collection_and_language_share_their_strata(cells_of):
    cells = cells_of(languages=["ru", "en"])
    strata = {(cell.identity.language, cell.strata) for cell in cells}
    assert sorted(language for language, _ in strata) == ["en", "ru"] and len({each for _, each in strata}) == 2
    of_ru = next(each for language, each in strata if language == "ru")
    assert (of_ru.stage.name, of_ru.parameters, list(of_ru.inputs)) == ("strata", {"language": "ru"}, ["collection"])
    for cell in cells:
        assert cell.strata not in cell.artifact.walk(), "its key does not depend on them"
        assert {*cell.walk()} == {*cell.artifact.walk(), *cell.strata.walk()}


def test_strata_know_which_documents_are_not_ranked(cells_of):
    cells = cells_of("collections.own.ignore_identical_ids=true", initializers=["bm25"])
    assert all(cell.strata.parameters == {"language": "ru", RULE: True} for cell in cells)


def test_a_bias_is_calibrated_where_the_method_prefers_it_or_the_preset_says_so(cells_of):
    options = {"initializers": ["signet", "sembridge", "base"], "regimes": ["zero-shot"]}
    preferred = {cell.identity.initializer: cell.artifact for cell in cells_of(**options)}
    assert preferred["signet"].parameters["bias"] == "calibrated" and "thresholds" in preferred["signet"].inputs
    assert preferred["sembridge"].parameters["bias"] == "transfer" and "thresholds" not in preferred["sembridge"].inputs
    asked = {cell.identity.initializer: cell.artifact for cell in cells_of("bias=calibrated", **options)}
    assert asked["signet"].key == preferred["signet"].key and asked["base"].key == preferred["base"].key
    settings = {
        name: cell.inputs["initialization"].parameters["settings"] for name, cell in asked.items() if name != "base"
    }
    assert settings["signet"]["own"] == 1.0 and "own" not in settings["sembridge"]
    chosen = cells_of("settings.signet.own=0.25", **options)
    assert chosen[0].artifact.inputs["initialization"].parameters["settings"]["own"] == 0.25
    thresholds = asked["sembridge"].inputs["thresholds"]
    assert thresholds.inputs["initialization"].key == asked["sembridge"].inputs["initialization"].key
    assert {"encoder", "tokenizer", "text"} <= thresholds.inputs.keys()
    for refused in ("bias=transfer", "profile=compat"):
        for cell in cells_of(refused, **options):
            assert "thresholds" not in cell.artifact.inputs
            if "initialization" in cell.artifact.inputs:
                assert "own" not in cell.artifact.inputs["initialization"].parameters["settings"]


def test_a_training_starts_from_the_calibrated_bias_of_its_cell(cells_of):
    cells = cells_of("training.collection=own", initializers=["signet"], regimes=["fine-tuned", "zero-shot"])
    by_regime = {cell.identity.regime: cell.artifact for cell in cells}
    trained = by_regime["fine-tuned"].inputs["trained"]
    assert trained.inputs["thresholds"].key == by_regime["zero-shot"].inputs["thresholds"].key
