"""Signed weights and residuals through library, store and grid: the same bits on every way."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import load_file

from harness.initialization import initialization
from harness.initialization.encoders import zero_shot_encoder
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.plan.preset import PresetError
from harness.store.artifact import Location
from harness.store.store import Store
from sembridge import explain, transfer
from sembridge.assembly import assemble
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import decoder_rows, source_rows
from sembridge.initializer import MIXED, OWN, SAMPLED
from sembridge.mixture.mixture import UnitVectors
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.pipeline import make_task
from tests.helpers.families_made import Copying, decoder_bias, represented, texts, with_marks
from tests.helpers.own_parts_made import TOYS, Analogy, Regressed, directions
from tests.helpers.paths import PRESETS
from tests.helpers.registered import register
from tests.helpers.tokenizers_made import made_tokenizer

PARAMETERS = {"settings": {}, "profile": "fixed", "overlap": "fuzzy", "donors": None, "seed": 3}


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("target")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def without_needs(monkeypatch, tmp_path):
    """The toys, registered, without a bridge: they choose donors by their texts."""
    for kind in TOYS.values():
        monkeypatch.setattr(kind, "needs", ())
    register(tmp_path / "site", monkeypatch, TOYS)


def stored(folder, source, target, **parameters):
    inputs = {"encoder": Location(source), "tokenizer": Location(target)}
    folder.mkdir()
    initialization.build(folder, PARAMETERS | parameters, inputs)
    return inputs | {"initialization": Location(str(folder))}


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("name", TOYS)
def test_an_answer_comes_back_bit_for_bit(without_needs, folders, target, tmp_path, name, tied):
    source = folders["bert", tied]
    stored(tmp_path / "out", source, target, initializer=name)
    encoder = load_encoder(source)
    task, method = make_task(encoder, load_tokenizer(target), seed=3), TOYS[name]()
    expected = [method(task)]
    if not tied:
        expected.append(method(dataclasses.replace(task, rows=decoder_rows(encoder)[: len(task.source)])))
    loaded = initialization.load(tmp_path / "out", encoder)
    assert (loaded[1] is None) is tied
    for left, right in zip(loaded, expected, strict=False):
        assert left.rows.tobytes() == right.rows.tobytes() and left.origin.tolist() == right.origin.tolist()
        assert (left.mixture != right.mixture).nnz == 0
        assert (left.residual is None) is (right.residual is None) is (name == "toy-signed")
        assert left.residual is None or left.residual.tobytes() == right.residual.tobytes()
        assert left.statistics == expected[0].statistics
    if not tied:
        assert not np.array_equal(loaded[0].rows, loaded[1].rows)


def test_a_row_that_mixture_and_residual_give_is_not_stored_twice(without_needs, folders, target, tmp_path):
    for name in TOYS:
        stored(tmp_path / name, folders["bert", True], target, initializer=name)
        tensors = load_file(tmp_path / name / "embedding.safetensors")
        origin = np.array(json.loads((tmp_path / name / "about.json").read_text())["origin"])
        assert (origin[tensors["explicit_ids"]] == SAMPLED).all()
        assert ("residual_ids" in tensors) is (name != "toy-signed")
        if name != "toy-signed":
            assert np.isin(origin[tensors["residual_ids"]], [MIXED, OWN]).all() and len(tensors["residual_ids"]) > 9


def test_a_computed_softmax_mixture_with_a_residual_comes_back(folders, target, tmp_path):
    encoder = load_encoder(folders["bert", True])
    task, rng = make_task(encoder, load_tokenizer(target)), np.random.default_rng(2)
    shape, n = (len(task.missing), len(task.source)), len(task.missing) - 3
    queries = UnitVectors(rng.standard_normal((n, 8)).astype(np.float32), np.arange(n))
    donors = UnitVectors(rng.standard_normal((shape[1], 8)).astype(np.float32), np.flatnonzero(task.donors))
    mixture = SoftmaxMixture(queries, donors, np.arange(n), sp.csr_array(shape, dtype=np.float32))
    answer = assemble(task, mixture=mixture, residual=directions(task))
    source = source_rows(encoder)
    initialization._save(tmp_path / "embedding.safetensors", answer, source)
    about = {"origin": answer.origin.tolist(), "statistics": dict(answer.statistics)}
    loaded = initialization._load(tmp_path / "embedding.safetensors", source, about)
    assert loaded.rows.tobytes() == answer.rows.tobytes() and loaded.residual.tobytes() == answer.residual.tobytes()
    plain = assemble(task, mixture=mixture, sampled=np.zeros((shape[0], source.shape[1])))
    np.testing.assert_allclose(answer.rows - plain.rows, answer.residual, atol=1e-5)
    assert answer.own_share().tolist() == loaded.own_share().tolist() and answer.statistics["own"] == 3


@pytest.mark.parametrize(("family", "tied"), [("bert", True), ("roberta", False), ("inference-free", False)])
@pytest.mark.parametrize("name", TOYS)
def test_the_encoder_of_a_stored_answer_is_that_of_the_library(
    without_needs, folders, target, tmp_path, name, family, tied
):
    inputs = stored(tmp_path / "out", folders[family, tied], target, initializer=name)
    through_store = zero_shot_encoder({"bias": "transfer", "special_ids": "target"}, inputs)
    direct = transfer(folders[family, tied], target, name, seed=3)
    sides = ("document", "query") if family == "inference-free" else ("document",)
    for side in sides:
        left, right = (represented(encoder, texts()[:20], side=side) for encoder in (through_store, direct))
        assert left.tobytes() == right.tobytes() and np.isfinite(left).all() and (left >= 0).all()
    direct.save_pretrained(str(tmp_path / "saved"))
    saved = load_encoder(str(tmp_path / "saved"))
    assert represented(saved, texts()[:20]).tobytes() == represented(direct, texts()[:20]).tobytes()


def test_bias_and_query_weights_move_by_the_positive_weights(folders, target):
    """1.5 of one donor less .75 of another: the number of the first. Each row is all of what the weights say."""
    source = load_encoder(folders["inference-free", True])
    bias, weights = decoder_bias(source).copy(), splade_modules(source).query.weight.numpy().copy()
    rows, task = source_rows(source).copy(), make_task(source, load_tokenizer(target))
    encoder = transfer(source, target, Analogy())
    record = encoder.transfer_record
    mixed = np.flatnonzero(record.origin == MIXED)
    assert len(mixed) > 20 and len(task.missing) >= len(mixed)
    moved = splade_modules(encoder).query.weight.numpy()
    for token_id in mixed.tolist():
        (first, one), (second, other) = record.donors_of(token_id)
        assert (one, other) == (1.5, -0.75)
        exact = 1.5 * rows[first].astype(float) - 0.75 * rows[second].astype(float)
        np.testing.assert_allclose(source_rows(encoder)[token_id], exact, atol=1e-6)
        np.testing.assert_allclose(decoder_bias(encoder)[token_id], bias[first], rtol=1e-6)
        np.testing.assert_allclose(moved[token_id], weights[first], rtol=1e-6)
    assert (moved >= 0).all() and moved.max() <= weights.max()


def test_explained_from_the_encoder_and_from_its_folder(folders, target, tmp_path):
    encoder = transfer(folders["bert", True], target, Regressed())
    encoder.save_pretrained(str(tmp_path / "made"))
    record = encoder.transfer_record
    token_id = int(np.flatnonzero(record.origin == MIXED)[0])
    token = record.target.tokens[token_id]
    ways = [explain(place, token) for place in (encoder, tmp_path / "made")]
    assert str(ways[0]) == str(ways[1]) and ways[0].to_dict() == ways[1].to_dict()
    assert " - .50 " in str(ways[0]) and "and a direction of its own (" in str(ways[0])
    (told,) = ways[0].to_dict()["tokens"]
    part = source_rows(encoder)[token_id].astype(float)
    own = directions(make_task(load_encoder(folders["bert", True]), load_tokenizer(target)))
    missing = np.flatnonzero(np.isin(record.origin, [MIXED, OWN, SAMPLED]))
    residual = own[missing.tolist().index(token_id)]
    lengths = ((part - residual) ** 2).sum(), (residual**2).sum()
    assert told["own"] == pytest.approx(lengths[1] / sum(lengths), rel=1e-4)
    assert "and a direction of its own" in (tmp_path / "made" / "README.md").read_text(encoding="utf-8")


def test_weights_that_a_method_did_not_declare_are_refused(folders, target):
    @dataclasses.dataclass(frozen=True)
    class Undeclared(Copying):
        factor: float = 1.0

        def __call__(self, task):
            answer = super().__call__(task)
            return dataclasses.replace(answer, mixture=sp.csr_array(answer.mixture * self.factor))

    transfer(folders["bert", True], target, Undeclared(1.0005))
    refusal = r"initializer 'copying' made \d+ mixtures that are not convex, the first for '.*'signed' in its class"
    for factor in (1.01, 0.5, -1):
        with pytest.raises(ValueError, match=refusal):
            transfer(folders["bert", True], target, Undeclared(factor))
    Undeclared.weights = "any"
    with pytest.raises(ValueError, match="'copying' declares weights 'any'; it is convex or signed"):
        transfer(folders["bert", True], target, Undeclared())


def test_a_grid_refuses_an_unknown_declaration(monkeypatch, own_data):
    monkeypatch.setattr("baselines.mean.Mean.weights", "any", raising=False)
    with pytest.raises(PresetError, match="'mean' declares weights 'any'; it is convex or signed"):
        plan(load_preset("own-data", PRESETS, [f"data={own_data}"], {"languages": ["ru"], "initializers": ["mean"]}))


@pytest.fixture
def routed_data(own_data, folders, tmp_path):
    """The data folder with an inference-free encoder, whose document side has a decoder of its own."""
    folder = tmp_path / "routed"
    folder.mkdir()
    for name in ("tokenizers", "collections", "text", "bridge"):
        (folder / name).symlink_to(own_data / name)
    (folder / "source").symlink_to(folders["inference-free", False])
    return folder


def test_a_cell_of_a_grid(without_needs, routed_data, tmp_path):
    chosen = {"languages": ["ru"], "initializers": ["toy-both"], "regimes": ["zero-shot"]}
    (cell,) = plan(load_preset("own-data", PRESETS, [f"data={routed_data}"], chosen))
    store = Store(tmp_path / "store")
    store.create()
    store.make(cell.artifact)
    measured = json.loads((store.path(cell.artifact) / "measurement.json").read_text(encoding="utf-8"))
    assert 0 <= measured["scores"]["ndcg@10"] <= 1 and measured["statistics"]["doc_active"] > 0
    (below,) = [part for part in cell.artifact.walk() if part.stage.name == "initialization"]
    about = json.loads((store.path(below) / "about.json").read_text(encoding="utf-8"))
    assert about["statistics"]["mixed"] > 9 and about["statistics"]["sampled"] == about["statistics"]["own"] == 0
    sides = [load_file(store.path(below) / f"{side}.safetensors") for side in ("embedding", "decoder")]
    assert all(len(side["residual_ids"]) == about["statistics"]["mixed"] for side in sides)


def test_a_bridge_that_knows_some_tokens_leaves_rows_of_their_own(folders, target):
    task = make_task(load_encoder(folders["bert", True]), load_tokenizer(target))
    rng = np.random.default_rng(5)
    sides = [rng.standard_normal((len(side), 8)).astype(np.float32) for side in (task.source, task.target)]
    known = np.arange(len(task.target)) % 2 == 0
    bridge = BridgeVectors(TokenVectors(sides[0], np.ones(len(task.source), dtype=bool)), TokenVectors(sides[1], known))
    origin = Regressed(bridge)(task).origin
    missing = np.isin(np.arange(len(origin)), task.missing)
    assert (origin[missing & known & task.target.has_text] == MIXED).all() and (origin[missing & ~known] == OWN).all()
