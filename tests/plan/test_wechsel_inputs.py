"""WECHSEL in the grid: its inputs are required before anything runs, shared where possible, and named in its label."""

import json

import pytest

from baselines.vectors.fasttext import save, train_words
from harness.plan.load_preset import load_preset
from harness.plan.plan import missing, plan
from harness.plan.preset import PresetError
from harness.store.artifact import Local
from harness.store.store import Store
from tests.helpers.paths import PRESETS

DICTIONARY = "apple\tяблоко\nriver\tрека\ncandle\tсвеча\nwindow\tокно\n"


@pytest.fixture
def files(tmp_path, own_data):
    """A dictionary, source text, and a fastText model."""
    (tmp_path / "en-ru.tsv").write_text(DICTIONARY, encoding="utf-8")
    save(train_words([["apple", "river"]] * 5, dimension=4, epochs=1, buckets=10), tmp_path / "en.bin")
    return {
        "dictionary": tmp_path / "en-{language}.tsv",
        "source_text": own_data / "text" / "en.txt",
        "model": tmp_path / "en.bin",
    }


@pytest.fixture
def cells_of(own_data):
    def make(*overrides, **choices):
        defaults = {"languages": ["ru"], "initializers": ["wechsel"], "regimes": ["zero-shot"]}
        return plan(load_preset("own-data", PRESETS, [f"data={own_data}", *overrides], defaults | choices))

    return make


def given(files, **others):
    options = {"dictionary": files["dictionary"], "source_text": files["source_text"], **others}
    return [f"{name}={value}" for name, value in options.items()]


def stages(cells):
    artifacts = {}
    for artifact in {a.key: a for cell in cells for a in cell.artifact.walk()}.values():
        artifacts.setdefault(artifact.stage.name, []).append(artifact)
    return artifacts


def refusal(cells_of, *overrides):
    with pytest.raises(PresetError) as raised:
        cells_of(*overrides)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_missing_options_are_named(cells_of, files):
    message = refusal(cells_of, "dictionary=null")
    assert "a source word, a tab and a target word on each line: add --set dictionary=FILE" in message
    message = refusal(cells_of, f"dictionary={files['dictionary']}", "source_text=null")
    assert "add --set source_vectors=FILE or --set source_text=FILE" in message


def test_files_are_looked_into(cells_of, files, tmp_path):
    message = refusal(cells_of, *given(files, dictionary=tmp_path / "other-{language}.tsv"))
    assert message.startswith("dictionary: ") and "does not exist" in message
    (tmp_path / "en-ru.tsv").write_text(DICTIONARY + "no tab\n", encoding="utf-8")
    message = refusal(cells_of, *given(files))
    assert "en-ru.tsv', line 5: expected a source word, a tab and a target word, found 'no tab'" in message
    (tmp_path / "en-ru.tsv").write_text("\n", encoding="utf-8")
    assert "is empty" in refusal(cells_of, *given(files))
    (tmp_path / "en-ru.tsv").write_text(DICTIONARY, encoding="utf-8")
    for option in ("source_vectors", "target_vectors"):
        assert f"{option}: " in (message := refusal(cells_of, *given(files, **{option: files["source_text"]})))
        assert "is not a fastText model" in message


def test_only_wechsel_asks_for_its_files(cells_of):
    assert cells_of("dictionary=nowhere", "source_text=nowhere", initializers=["mean"])


def test_models_are_trained_once_a_language(cells_of, files):
    artifacts = stages(cells_of(*given(files), languages=["ru"], regimes=["zero-shot", "fine-tuned"]))
    assert (
        len(artifacts["fasttext"]) == 2
        and len(artifacts["aligned-vectors"]) == 1
        and len(artifacts["initialization"]) == 1
    )
    assert {artifact.parameters["language"] for artifact in artifacts["fasttext"]} == {"en", "ru"}


def test_settings_of_the_training_go_to_the_training(cells_of, files):
    artifacts = stages(cells_of(*given(files), "settings.wechsel={epochs: 2, buckets: 10, neighbours: 3}"))
    assert all(
        artifact.parameters.items() >= {"epochs": 2, "buckets": 10}.items() for artifact in artifacts["fasttext"]
    )
    assert artifacts["initialization"][0].parameters["settings"] == {"neighbours": 3}
    assert "settings.wechsel.epoch is unknown; did you mean 'epochs'?" in refusal(
        cells_of, *given(files), "settings.wechsel.epoch=2"
    )
    assert "set by the grid; use the option dictionary instead" in refusal(
        cells_of, *given(files), "settings.wechsel.aligned=x"
    )
    assert "neighbours 0 must be at least 1" in refusal(cells_of, *given(files), "settings.wechsel.neighbours=0")


def test_models_of_the_user_are_taken_as_they_are(cells_of, files):
    artifacts = stages(cells_of(*given(files, source_vectors=files["model"], target_vectors=files["model"])))
    inputs = artifacts["aligned-vectors"][0].inputs
    assert "fasttext" not in artifacts and inputs["source_words"] == inputs["target_words"] == Local(files["model"])
    artifacts = stages(cells_of(*given(files, source_vectors=files["model"])))
    assert [artifact.parameters["language"] for artifact in artifacts["fasttext"]] == ["ru"]


def test_the_label_says_when_more_than_specials_is_copied(cells_of, files):
    labels = {
        overlap: cells_of(*given(files), f"overlap={overlap}")[0].label for overlap in ("special", "exact", "fuzzy")
    }
    own = "wechsel (own reading)"
    assert labels == {"special": own, "exact": f"{own} (overlap exact)", "fuzzy": f"{own} (overlap fuzzy)"}
    assert cells_of(*given(files), "overlap=exact", initializers=["mean"])[0].label == "mean"


def test_a_cell_is_computed(cells_of, files, tmp_path):
    """Every stage below it, on the small world."""
    (cell,) = cells_of(
        *given(files), "settings.wechsel={epochs: 2, dimension: 8, min_count: 2, buckets: 100, min_n: 3}"
    )
    store = Store(tmp_path / "store")
    store.create()
    for artifact in missing([cell], store):
        assert store.make(artifact)
    initialization = next(artifact for artifact in cell.artifact.walk() if artifact.stage.name == "initialization")
    about = json.loads((store.path(initialization) / "about.json").read_text(encoding="utf-8"))
    assert about["statistics"]["mixed"] > 20 and store.has(cell.artifact)
