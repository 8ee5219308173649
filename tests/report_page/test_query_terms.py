"""The terms of the queries on the page: those of the cells' own encoders, or a sentence on what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.report_page.folder import ResultsFolder
from harness.report_page.queries_section import pieces
from harness.report_page.query_scores import QueryScores
from harness.report_page.query_terms import MOST, WithoutError, heaviest
from harness.report_page.store_files import StoreFiles
from tests.helpers.families_made import family_encoder, represented
from tests.helpers.results_made import record_of, results_of

KEYS = {"signet": "a" * 32, "ofa": "b" * 32, "mean": "c" * 32, "wechsel": "d" * 32}
TRAINED, VECTORS, GONE, COLLECTION = "1" * 32, "2" * 32, "3" * 32, "4" * 32
READ = {"max_length": None, "precision": "float32"}
QUERIES = ["the cat", "window song <b>river"]


def manifest(root: Path, place: str, parameters: dict, **inputs: str) -> None:
    (root / place).mkdir(parents=True, exist_ok=True)
    described = {name: {"name": each, "revision": None} for name, each in inputs.items()}
    content = json.dumps({"parameters": parameters, "inputs": described})
    (root / place / "MANIFEST.json").write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A store with a trained encoder, an evaluation of it, one of its vectors, and two without an encoder."""
    root = tmp_path_factory.mktemp("store")
    family_encoder(root / "made", "bert").save_pretrained(str(root / "trained-encoder" / TRAINED))
    own = {"collection": f"pocket-text/{COLLECTION}/ko"}
    trained = f"trained-encoder/{TRAINED}"
    manifest(root, trained, {})
    manifest(root, f"evaluation/{KEYS['signet']}", {"k": 10, **READ}, trained=trained, **own)
    manifest(root, f"vectors/{VECTORS}", READ, trained=trained, **own)
    pruned = {"vectors-0000": f"vectors/{VECTORS}", **own}
    manifest(root, f"evaluation/{KEYS['ofa']}", {"k": 10, "max_active_query": 2}, **pruned)
    manifest(root, f"evaluation/{KEYS['mean']}", {"k": 10, **READ}, encoder="naver/splade-v3", **own)
    manifest(root, f"evaluation/{KEYS['wechsel']}", {"k": 10, **READ}, trained=f"trained-encoder/{GONE}", **own)
    folder = root / "pocket-text" / COLLECTION / "ko"
    folder.mkdir(parents=True)
    lines = [json.dumps({"_id": f"q{number:02d}", "text": text}) + "\n" for number, text in enumerate(QUERIES)]
    (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "x"}\n', encoding="utf-8")
    (folder / "qrels.tsv").write_text("q00\td\t1\nq01\td\t1\n", encoding="utf-8")
    return root


@pytest.mark.parametrize("method", ["signet", "ofa"])
def test_they_are_the_largest_weights_of_the_encoder(root, method, tmp_path):
    encoder = family_encoder(tmp_path, "bert")
    expected = represented(encoder, QUERIES, side="query")
    names = encoder.tokenizer.convert_ids_to_tokens(range(expected.shape[1]))
    for terms, vector in zip(heaviest(StoreFiles(root), KEYS[method], QUERIES), expected, strict=True):
        order = np.argsort(-vector, kind="stable")[:MOST]
        assert [term.weight for term in terms] == pytest.approx(vector[order].tolist(), abs=1e-5)
        assert {term.token for term in terms} <= {*names, *(name.removeprefix("##") for name in names)}
        assert terms[0].token in names[order[0]]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (KEYS["mean"], "its source encoder is not in the store"),
        (KEYS["wechsel"], "its trained encoder is not in the store"),
        ("e" * 32, "its evaluation is not in the store"),
        ("no key", "its evaluation is not in the store"),
    ],
)
def test_what_is_missing_is_said(root, key, message):
    with pytest.raises(WithoutError, match=f"^{message}$"):
        heaviest(StoreFiles(root), key, QUERIES)


def shown(root: Path, folder: Path, methods: tuple[str, str], terms: bool = True) -> str:
    scores = {methods[0]: [1.0, 0.25], methods[1]: [0.0, 0.5]}
    cells = [(replace(record_of(name, "ko", own), key=KEYS[name]), own) for name, own in scores.items()]
    results = ResultsFolder(results_of(folder, cells))
    return "".join(pieces(results, QueryScores(results.path), StoreFiles(root), terms))


def test_the_page_shows_them_below_the_scores(root, tmp_path):
    page = shown(root, tmp_path, ("signet", "ofa"))
    assert page.count('<div class="terms" lang="ko">') == 4 and "before pruning and weighing" in page
    first = heaviest(StoreFiles(root), KEYS["signet"], QUERIES)[0][0]
    assert f"<span><bdi>{first.token}</bdi> {first.weight:.2f}</span>" in page


def test_a_row_whose_encoder_is_elsewhere_has_none_and_the_page_says_so(root, tmp_path):
    page = shown(root, tmp_path, ("signet", "mean"))
    assert page.count('<div class="terms"') == 2
    assert "Terms of mean in ko are missing: its source encoder is not in the store." in page


def test_without_the_option_the_page_says_how_to_get_them(root, tmp_path):
    page = shown(root, tmp_path, ("signet", "ofa"), terms=False)
    assert 'class="terms"' not in page and "report RESULTS --store STORE --terms" in page


def test_without_texts_there_is_nothing_to_encode(root, tmp_path):
    page = shown(tmp_path / "none", tmp_path, ("signet", "ofa"))
    assert "Terms are missing: the store has no text of these queries." in page and "relevant document" not in page
