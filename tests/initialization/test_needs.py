"""Needs: one declaration each, which a grid and a command line read alike, whichever package declares them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import scipy.sparse as sp

from harness.initialization import needs
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need, Option, needs_of, options
from harness.initialization.settings import filled_by, settable, type_problem
from harness.store.artifact import Hub, Local
from sembridge.registry import available_initializers, initializer_class
from tests.helpers.documented_packages import install
from tests.helpers.fresh_process import run_fresh
from tests.helpers.paths import PRESETS, ROOT

PAGE = ROOT / "docs" / "add-an-initializer.md"
WORD, OTHER = Option("word", "a word"), Option("other", "another word")
ENCODER, TOKENIZER, FILE = Hub("a/encoder", "1"), Hub("a/tokenizer", "1"), Hub("a/file", "1")


def declared(*groups, **rest):
    return Need("n", field="n", options=groups, inputs=lambda materials: {}, load=lambda inputs: None, **rest)


def spelled(option):
    return f"{option.flag} FILE"


def test_of_each_group_the_first_option_that_is_there_is_read():
    need = declared((WORD, BRIDGE), (WORD, TEXT))
    assert need.choose(["word", "bridge", "text"], "x", spelled) == [WORD]
    assert need.choose(["text", "bridge"], "x", spelled) == [BRIDGE, TEXT]
    with pytest.raises(
        ValueError, match=r"^initializer 'x' needs a word or text of .*: add --word FILE or --text FILE$"
    ):
        need.choose(["bridge"], "x", spelled)


def test_an_option_has_a_name_that_a_command_line_can_take():
    assert Option("source_text", "x").flag == "--source-text"
    with pytest.raises(ValueError, match="option 'source-text' is not a name"):
        Option("source-text", "x")


def test_every_initializer_has_declared_needs_with_fields():
    for name in available_initializers():
        kind = initializer_class(name)
        assert [need.name for need in needs_of(kind)] == list(kind.needs)
        assert {need.field for need in needs_of(kind)} <= set(kind.__dataclass_fields__)


# From the table in docs/add-an-initializer.md: files given; inputs of the initialization and the stages that make them.
CASES = {
    "bridge": (["bridge"], {"bridge_source": "bridge-vectors", "bridge_target": "bridge-vectors"}),
    "text": (["text"], {"text": None}),
    "auxiliary": (["text"], {"auxiliary": "auxiliary-vectors"}),
    "words": (["words"], {"words": "subword-vectors"}),
    "aligned": (["dictionary", "source_text", "text"], {"aligned": "aligned-vectors"}),
    "encoder": ([], {"encoder": None}),
    "donor": (["donor"], {"donor": None}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_need_is_made_of(name):
    available, expected = CASES[name]
    need = needs._load(name)
    read = need.choose(available, "x", spelled)
    assert [option.name for option in read] == available
    training = dict.fromkeys(need.training(), 1)
    materials = Materials(ENCODER, TOKENIZER, dict.fromkeys(available, FILE), training, "p", "ko", "compat")
    inputs = need.inputs(materials)
    assert {key: getattr(getattr(source, "stage", None), "name", None) for key, source in inputs.items()} == expected
    if name == "bridge":
        assert all(source.parameters == {"prompt": "p", "profile": "compat"} for source in inputs.values())
    if name == "auxiliary":
        assert inputs["auxiliary"].parameters == training
    if name == "aligned":
        (source, target) = (inputs["aligned"].inputs[side].artifact for side in ("source_words", "target_words"))
        assert source.parameters == training | {"language": "en"} and target.parameters == training | {"language": "ko"}


def test_words_of_the_bridge_stand_in_for_word_vectors():
    need = needs._load("words")
    materials = Materials(ENCODER, TOKENIZER, {"bridge": FILE, "text": TOKENIZER}, {}, "p", "ko")
    words = need.inputs(materials)["words"]
    assert words.parameters == {"prompt": "p", "language": "ko"} and set(words.inputs) == {
        "source", "target", "bridge", "text",
    }  # fmt: skip


def test_encoders_of_one_vocabulary_share_their_tokenizers_key(tmp_path):
    keys = []
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_text("{}", encoding="utf-8")
        (tmp_path / name / "model.safetensors").write_text(name, encoding="utf-8")
        encoder = Local(tmp_path / name)
        keys.append((encoder.key, Materials(encoder, TOKENIZER, {}).source_tokenizer.key))
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]
    assert Materials(ENCODER, TOKENIZER, {}).source_tokenizer == ENCODER


def test_what_may_be_set_of_a_method():
    wechsel, focus, ofa = (initializer_class(name) for name in ("wechsel", "focus", "ofa"))
    assert {"neighbours", "temperature", "epochs", "buckets"} <= settable(wechsel).keys()
    assert settable(wechsel)["epochs"] == 20 and settable(focus)["epochs"] == 3
    assert (
        not {"aligned", "text", "tokenizer", "source_tokenizer"}
        & (settable(wechsel) | settable(focus) | settable(ofa)).keys()
    )
    assert filled_by(wechsel, "aligned").name == filled_by(wechsel, "dictionary").name == "dictionary"
    assert filled_by(focus, "text") == TEXT and filled_by(ofa, "neighbours") is None


@pytest.mark.parametrize(
    ("value", "default", "problem"),
    [
        (2, 0.1, ""),
        (2, 1, ""),
        ([2], None, ""),
        (2.5, 1, "2.5 is not an int; the default is 1"),
        ("x", 0.1, "'x' is not a float; the default is 0.1"),
        (True, 1, "True is not an int; the default is 1"),
        (2**53, 0.1, f"{2**53} is not a float; the default is 0.1"),
        (float("inf"), 0.1, "inf is not a finite number; the default is 0.1"),
    ],
)
def test_values_are_of_the_type_of_the_default(value, default, problem):
    assert type_problem(value, default) == problem


@pytest.fixture
def entries(monkeypatch):
    """Register an entry point for the test alone."""
    registered = dict(needs._entries())

    def register(name, value):
        registered[name] = EntryPoint(name, value, needs.ENTRY_POINTS)
        monkeypatch.setattr(needs, "_entries", lambda: registered)

    yield register
    needs._load.cache_clear()


def test_a_need_that_cannot_be_loaded_hinders_only_those_who_need_it(entries, caplog):
    entries("broken", "no_such_module:NEED")
    assert "text" in options() and "need 'broken' cannot be loaded from no_such_module:NEED" in caplog.text
    assert [need.name for need in needs_of(initializer_class("focus"))] == ["auxiliary"]
    kind = type("Kind", (), {"name": "kind", "needs": ("broken",)})
    with pytest.raises(ValueError, match=r"ModuleNotFoundError: .*; repair or remove its package"):
        needs_of(kind)
    entries("other", "harness.initialization.target_text:NEED")
    kind.needs = ("other",)
    with pytest.raises(ValueError, match="it is not a Need called 'other'"):
        needs_of(kind)


def test_an_option_may_not_replace_one_of_the_command(monkeypatch, refused):
    monkeypatch.setattr("harness.cli.need_options.options", lambda: {"source": Option("source", "a source")})
    assert "a need declares --source, a name that this command has already" in refused("transfer", "x")


def test_a_need_that_nobody_declares(monkeypatch, refused, own_data):
    monkeypatch.setattr("baselines.focus.Focus.needs", ("auxilary",))
    problem = "initializer 'focus' needs 'auxilary', which no package declares under sembridge.needs"
    message = f"{problem}; did you mean 'auxiliary'"
    assert message in refused("--preset", "own-data", "--set", f"data={own_data}", "--initializers", "focus")
    models = [own_data / "source", "--tokenizer", own_data / "tokenizers" / "ru"]
    assert message in refused("transfer", *models, "--initializer", "focus", "--out", own_data / "new")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The packages of docs/add-an-initializer.md, installed, and romanizations of some words."""
    folder = tmp_path_factory.mktemp("site")
    for package in ("nearest-rows", "romanized-rows"):
        install(PAGE, package, folder)
    (folder / "ru.tsv").write_text("сад\tgarden\nлуг\tmeadow river\nокно\twindow\n", encoding="utf-8")
    (folder / "spoiled.tsv").write_text("сад garden\n", encoding="utf-8")
    return folder


def with_packages(site):
    """The environment of a process that finds the installed packages."""
    return os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}


def run(site, folder, *arguments):
    """A command in a process of its own, which finds the installed packages."""
    ran = run_fresh(arguments, folder, with_packages(site))
    return ran.returncode, ran.stdout, ran.stderr


def transfer(site, own_data, folder, *options):
    arguments = [own_data / "source", "--tokenizer", own_data / "tokenizers" / "ru", "--initializer", "romanized"]
    return run(site, folder, "-m", "harness.cli.main", "transfer", *arguments, "--out", folder / "out", *options)


def test_transfer_takes_the_option_of_an_installed_need(site, own_data, tmp_path):
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.model_card.record import load_record

    code, out, err = transfer(site, own_data, tmp_path, "--romanization", site / "ru.tsv", "--set", "longest=1")
    assert code == 0, err
    assert "pieces     ru.tsv: romanizations are cut into English pieces" in out
    record = load_record(tmp_path / "out")
    source, target = (load_tokenizer(str(own_data / "tokenizers" / language)) for language in ("en", "ru"))
    first = source.encode("meadow river", add_special_tokens=False)[0]
    token_id = target.convert_tokens_to_ids("луг")
    assert token_id != target.unk_token_id and record.origin[token_id] == "mixed"
    assert [donor for donor, _ in record.donors_of(token_id)] == [first]
    assert "| longest | `1` |" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_transfer_refuses_wrong_inputs_of_an_installed_need(site, own_data, tmp_path):
    for typed, message in (
        ([], "with their romanizations, a tab between: add --romanization FILE"),
        (["--romanization", site / "spoiled.tsv"], "--romanization: line 1: expected a word, a tab"),
        (["--romanization", site / "ru.tsv", "--set", "longest=x"], "'x' is not an int; the default is 8"),
    ):  # fmt: skip
        code, _, err = transfer(site, own_data, tmp_path, *typed)
        assert code == 2 and message in err and err.count("\n") == 1, err
    assert "--romanization" in run(site, tmp_path, "-m", "harness.cli.main", "transfer", "--help")[1]
    probe = (
        "import sys; from harness.cli.main import main\n"
        "try: main(['explain', '--help'])\n"
        "except SystemExit: print('romanized_pieces' in sys.modules)"
    )
    assert run(site, tmp_path, "-c", probe)[1].splitlines()[-1] == "False"


GRID = """
import json, sys
from pathlib import Path
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.plan.preset import PresetError
from harness.store.store import Store
data, site, presets, folder = map(Path, sys.argv[1:])
def cells(*settings, **choices):
    chosen = {"languages": ["ru"], "initializers": ["romanized", "nearest"], "regimes": ["zero-shot"]} | choices
    try:
        return plan(load_preset("own-data", presets, [f"data={data}", *settings], chosen))
    except PresetError as error:
        return str(error)
file = f"romanization={site}/{{language}}.tsv"
store = Store(folder / "store")
store.create()
first, second = cells(file, "settings.romanized.longest=1")
for cell in (first, second):
    store.make(cell.artifact)
(below,) = [a for a in first.artifact.walk() if a.stage.name == "initialization"]
print(json.dumps({
    "labels": [first.label, second.label],
    "same": cells(f"inputs.{file}", "settings.romanized.longest=1")[0].artifact.key == first.artifact.key,
    "other": cells(file)[0].artifact.key == first.artifact.key,
    "parameters": below.parameters,
    "inputs": sorted(below.inputs),
    "pieces": str(store.path(below.inputs["pieces"])),
    "about": json.loads((store.path(below) / "about.json").read_text())["statistics"],
    "refused": [
        cells(), cells(file.replace("{language}", "spoiled")), cells(file, "settings.romanized.pieces=x"),
        cells(file, f"inputs.{file}"), cells("romanisation=x"), cells("inputs.romanisation=x"),
    ],
}))
"""


def test_a_grid_serves_an_installed_need(site, own_data, tmp_path):
    from sembridge.encoder.loading import load_tokenizer

    code, out, err = run(site, tmp_path, "-c", GRID, own_data, site, PRESETS, tmp_path)
    assert code == 0, err
    heard = json.loads(out.splitlines()[-1])
    assert heard["labels"] == ["romanized", "nearest"] and heard["same"] and not heard["other"]
    assert heard["parameters"]["settings"] == {} and heard["inputs"] == ["encoder", "pieces", "tokenizer"]
    assert heard["about"]["mixed"] > 0
    source, target = (load_tokenizer(str(own_data / "tokenizers" / language)) for language in ("en", "ru"))
    pieces = sp.load_npz(f"{heard['pieces']}/pieces.npz").toarray()
    expected = np.zeros_like(pieces)
    for word, latin in (("сад", "garden"), ("луг", "meadow"), ("окно", "window")):
        if (token_id := target.convert_tokens_to_ids(word)) != target.unk_token_id:
            expected[token_id, source.encode(latin, add_special_tokens=False)[0]] = 1
    assert expected.sum() >= 2 and (pieces == expected).all()
    for message, part in zip(heard["refused"], (
        "needs words of the new language with their romanizations, a tab between: add --set romanization=FILE",
        "romanization: line 1: expected a word, a tab and its romanization",
        "settings.romanized.pieces is set by the grid; use the option romanization instead",
        "romanization is given twice, at the top and below inputs; keep one",
        "option 'romanisation' is unknown; did you mean 'romanization'?",
        "inputs.romanisation is unknown; did you mean 'romanization'?",
    ), strict=True):  # fmt: skip
        assert part in message and "\n" not in message, message


@pytest.mark.slow
def test_the_grids_command_runs_a_method_with_a_need_of_its_own(site, own_data, tmp_path):
    """Through Ray, whose workers find the need in the installed package."""
    options = ["--preset", "own-data", "--set", f"data={own_data}", "--set", f"romanization={site}/{{language}}.tsv"]
    options += ["--languages", "ru", "--initializers", "romanized", "--regimes", "zero-shot"]
    command = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), *options]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=with_packages(site))
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "romanized" in (tmp_path / "results" / "cells.csv").read_text(encoding="utf-8")
