"""`export-encoder` writes what the grid measured: the same weights and the same record as `transfer` makes."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from sentence_transformers import SparseEncoder

from harness.cli.main import main
from harness.evaluation.stage import EVALUATION
from harness.initialization.encoders import zero_shot_encoder
from harness.initialization.initialization import INITIALIZATION
from harness.initialization.needs import Materials, needs_of
from harness.references.bm25 import BM25
from harness.results.export import write_results
from harness.results.measurement import failed, record
from harness.results.record import Identity
from harness.store.artifact import Artifact, Local
from harness.store.integrity import MANIFEST
from harness.store.store import Store
from harness.training.stage import TRAINED_ENCODER
from sembridge.model_card.record import load_record
from sembridge.registry import initializer_class
from tests.helpers.measurements_made import write_measurement

ZERO = Identity("ru", "bert", "own", "sembridge", "bge", 4.0, "zero-shot", 1)
TUNED, BASE = (
    dataclasses.replace(ZERO, regime="fine-tuned"),
    dataclasses.replace(ZERO, initializer="base", bridge="", alpha=None, regime="fine-tuned"),
)
WORDS, BROKEN = (
    dataclasses.replace(ZERO, initializer="bm25", bridge="", alpha=None),
    dataclasses.replace(ZERO, initializer="mean", bridge="", alpha=None),
)
TRAINING = {"training": {"batch_size": 4, "max_pairs": None}, "workers": 1, "seed": 1}
TRANSPLANT = {"bias": "transfer", "special_ids": "target"}


def trained(out, parameters, inputs, scratch):
    """Train without Ray: move every weight of the zero-shot encoder a little."""
    encoder = zero_shot_encoder(parameters, inputs)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.01)
    encoder.save_pretrained(str(out), create_model_card=False)
    about = {"training": {"pairs": 9, "pairs_used": 8, "steps": 2}}
    (out / "about.json").write_text(json.dumps(about), encoding="utf-8")


def measured(out, parameters, inputs):
    write_measurement(out, 0.25 if "encoder" in inputs or "trained" in inputs else 0.125)


@dataclasses.dataclass(frozen=True)
class Grid:
    root: Path
    artifacts: dict[Identity, Artifact]

    def export(self, cell: str, *options: object, out: str = "out") -> int:
        words = [
            "export-encoder",
            self.root / "results",
            cell,
            "--store",
            self.root / "store",
            "--out",
            self.root / out,
        ]
        return main([str(word) for word in [*words, *options]])

    def folder(self, stage: str) -> Path:
        (manifest, *_) = sorted((self.root / "store" / stage).glob(f"*/{MANIFEST}"))
        return manifest.parent


@pytest.fixture(scope="module")
def computed(made, tmp_path_factory):
    root = tmp_path_factory.mktemp("grid")
    collection = root / "ru"
    (collection / "qrels").mkdir(parents=True)
    (collection / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "кот"}\n', encoding="utf-8")
    encoder, tokenizer = Local(made.source), Local(made.target)
    kind = initializer_class("sembridge")
    inputs = {"encoder": encoder, "tokenizer": tokenizer}
    materials = Materials(encoder, tokenizer, {"bridge": Local(made.bridge)})
    rows = dict(inputs)
    for need in needs_of(kind):
        rows |= need.inputs(materials)
    parameters = {"initializer": "sembridge", "settings": {"alpha": 4.0}, "seed": 1}
    parameters |= {"profile": "fixed", "overlap": "fuzzy", "donors": None}
    initialization = Artifact(INITIALIZATION, parameters, rows)
    texts = {"pairs": Local(collection)}
    training = dataclasses.replace(TRAINED_ENCODER, build=trained)
    tuned = Artifact(training, TRANSPLANT | TRAINING, inputs | texts | {"initialization": initialization})
    base = Artifact(training, TRAINING, {"encoder": encoder} | texts)
    evaluation, searched = dataclasses.replace(EVALUATION, build=measured), {"collection": Local(collection)}
    zero = Artifact(evaluation, TRANSPLANT | {"k": 10}, inputs | searched | {"initialization": initialization})
    artifacts = {
        ZERO: zero,
        TUNED: Artifact(evaluation, {"k": 10}, {"trained": tuned} | searched),
        BASE: Artifact(evaluation, {"k": 10}, {"trained": base} | searched),
        WORDS: Artifact(dataclasses.replace(BM25, build=measured), {"k": 10}, searched),
    }
    store = Store(root / "store")
    store.create()
    for artifact in artifacts.values():
        store.make(artifact)
    records = [
        record(cell, artifact.key, cell.initializer, cell == WORDS, store.path(artifact))
        for cell, artifact in artifacts.items()
    ]
    paths = {artifact.key: store.path(artifact) for artifact in artifacts.values()}
    records.append(failed(BROKEN, "0" * 32, "mean", False, "no"))
    write_results(root / "results", records, lambda one: paths.get(one.key))
    return Grid(root, artifacts)


@contextmanager
def _nothing_written(root: Path):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    yield
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.fixture
def grid(computed, tmp_path):
    shutil.copytree(computed.root, tmp_path / "grid")
    return Grid(tmp_path / "grid", computed.artifacts)


def own(made):
    return ["--source", made.source, "--tokenizer", made.target]


def tensors(folder):
    return load_file(folder / "model.safetensors")


def test_a_zero_shot_cell_is_what_transfer_makes(grid, made, transferred, capsys):
    assert grid.export(ZERO.name, *own(made)) == 0
    assert "To publish it, once the licenses allow that:  hf upload OWNER/NAME" in capsys.readouterr().out
    out, twin = grid.root / "out", transferred("sembridge", "--seed", "1", "--alpha", "4")
    ours, theirs = tensors(out), tensors(twin)
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (out / "transfer.safetensors").read_bytes() == (twin / "transfer.safetensors").read_bytes()
    mine, other = load_record(out), load_record(twin)
    assert (mine.target, mine.source, mine.measure) == (other.target, other.source, other.measure)
    for name in ("source", "tokenizer", "initializer", "label", "inputs"):
        assert getattr(mine.recipe, name) == getattr(other.recipe, name), name
    assert mine.recipe.options == other.recipe.options and mine.recipe.parameters == {"alpha": 4.0}

    card = (out / "README.md").read_text(encoding="utf-8")
    assert "**Nothing was trained.**" in card and "- Not fine-tuned. Measured on one collection" in card
    assert main(["explain", str(out), "--worst", "3"]) == 0


def test_a_fine_tuned_cell_is_the_stored_encoder_and_loads_anywhere(grid, made, capsys):
    assert grid.export(grid.artifacts[TUNED].key[:9], *own(made)) == 0
    out, stored = grid.root / "out", Store(grid.root / "store").path(grid.artifacts[TUNED].needed[0])
    assert (out / "model.safetensors").read_bytes() == (stored / "model.safetensors").read_bytes()
    assert not (out / MANIFEST).exists() and not (out / "about.json").exists()
    encoder = SparseEncoder(str(out))
    assert encoder.encode_document(["кот"]).to_dense().max() > 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---\n")[1])["language"] == ["ru"]
    for line in (
        "**It was fine-tuned** in 2 steps on 8 pairs of a query and its document from ru.",
        "| this encoder | 0.250 | 0.250 | 0.250 |",
        "| BM25 (word matching) | 0.125 | 0.125 | 0.125 |",
        "## What its rows were made of, before the training",
        "| training: batch_size | `4` |",
        "| bridge | `bridge` |",
    ):
        assert line in card.splitlines(), line
    assert "this encoder 0.250, BM25 (word matching) 0.125" in capsys.readouterr().out
    assert str(grid.root) not in card + (out / "transfer.json").read_text(encoding="utf-8")


def test_a_fine_tuned_source_has_no_transfer(grid, made, capsys):
    assert grid.export(BASE.name, "--source", made.source) == 0
    out, printed = grid.root / "out", capsys.readouterr().out
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"The sparse encoder `{made.source.name}` with its own vocabulary." in card and "transfer" not in printed
    assert not list(out.glob("transfer.*")) and "explain" not in printed + card
    assert SparseEncoder(str(out)).encode_document(["cat"]).shape[0] == 1


def test_a_cell_without_bm25_beside_it_says_so(grid, made):
    path = grid.root / "results" / "cells.csv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(row for row in rows if "bm25" not in row), encoding="utf-8")
    assert grid.export(ZERO.name, *own(made)) == 0
    card = (grid.root / "out" / "README.md").read_text(encoding="utf-8")
    assert "BM25 was not measured beside it: add bm25 to the grid's initializers." in card and "| BM25" not in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            [],
            "the cell's source encoder is the folder 'bert' of yours, whose place the store does not record; add --so",
        ),
        (
            ["--source", "TARGET"],
            "does not hold what it held when the grid ran; the cell's source encoder is the folder",
        ),
        (
            ["--source", "SOURCE"],
            "the cell's tokenizer is the folder 'russian' of yours, whose place the store does not",
        ),
        (["--source", "nowhere"], "--source 'nowhere' is not a folder"),
    ],
)
def test_folders_of_the_user_are_asked_for_and_checked(grid, made, capsys, options, message):
    places = {"SOURCE": made.source, "TARGET": made.target}
    with _nothing_written(grid.root):
        assert grid.export(ZERO.name, *(places.get(option, option) for option in options)) == 2
    assert message in capsys.readouterr().err


def test_options_without_effect_and_places_that_would_harm_are_refused(grid, made, capsys):
    with _nothing_written(grid.root):
        assert grid.export(BASE.name, *own(made)) == 2
        assert "--tokenizer has no effect: the cell's tokenizer is its own; leave it out" in capsys.readouterr().err
        assert grid.export(ZERO.name, *own(made), out="store/x") == 2
        assert "is inside the store" in capsys.readouterr().err
        assert grid.export(ZERO.name, *own(made), out="results") == 2
        assert "holds 'results', which the transfer reads" in capsys.readouterr().err
        assert grid.export(WORDS.name) == 2 and "has no encoder" in capsys.readouterr().err
        assert grid.export(BROKEN.name) == 2 and "failed, so it has no encoder" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["trained-encoder", "initialization", "bridge-vectors"])
def test_what_is_missing_is_named_with_the_commands_that_make_it_again(grid, made, capsys, stage):
    """The proof is that the commands help: after them, the plan of the cell lacks what was missing."""
    for folder in (grid.root / "store" / stage).iterdir():
        shutil.rmtree(folder)
    with _nothing_written(grid.root):
        assert grid.export(TUNED.name, *own(made)) == 2
    error = capsys.readouterr().err
    assert re.match(rf"error: {stage}/[0-9a-f]{{32}}, which the cell was made from, is not in the store /", error)
    (removed,) = re.findall(r"to have it again: rm -r (.*); then run the grid's command again with --store ", error)
    for folder in removed.split():
        shutil.rmtree(folder)
    store = Store(grid.root / "store")
    store.make(grid.artifacts[TUNED])
    assert grid.export(TUNED.name, *own(made)) == 0


def test_damage_is_named_and_nothing_is_written(grid, made, capsys):
    path = grid.folder("initialization") / "about.json"
    path.write_text(path.read_text(encoding="utf-8").replace("mixed", "moxed", 1), encoding="utf-8")
    with _nothing_written(grid.root):
        assert grid.export(ZERO.name, *own(made)) == 2
    error = capsys.readouterr().err
    assert "is damaged (about.json has other bytes than were written); to have it again: rm -r" in error
