"""`compare` puts like beside like: tolerances, ranges, means; and says why where nothing can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from harness.results.export import write_results
from harness.results.published import load_expected
from harness.results.record import FAILED, OK, Identity, Record
from tests.helpers.paths import ROOT

WHOLE = """
collections:
  help: {source: {folder: x}, license: MIT, counts: {ko: {documents: 100, queries: 10, train_pairs: 40},
         ru: {documents: 200, queries: 20}}}
"""
HEAD = (
    "source: a paper\ncertainty: second hand\nmeasure: ndcg@10\nok: 0.005\nokish: 0.02\nmean_over: [ko, ru]\nfigures:\n"
)


def cell(
    language="ko",
    score=0.5,
    *,
    initializer="mean",
    collection="help",
    regime="zero-shot",
    bridge="",
    alpha=None,
    seed=1,
    label="",
    vectors="",
    **sizes,
):
    """A record as a grid leaves it. sizes: documents, queries, train_pairs, or error."""
    identity = Identity(language, "bert", collection, initializer, bridge, alpha, regime, seed, vectors)
    key = f"{identity.name}" if initializer != "bm25" else f"bm25 {language} {collection}"
    if "error" in sizes:
        return Record(identity, key, label or initializer, False, FAILED, sizes["error"])
    documents, queries = {"ko": (100, 10), "ru": (200, 20)}[language]
    about = {"training": {"pairs_used": sizes["train_pairs"]}} if "train_pairs" in sizes else {}
    counts = {"documents": sizes.get("documents", documents), "queries": sizes.get("queries", queries), "about": about}
    return Record(
        identity, key, label or initializer, False, OK, "", {"ndcg@10": score, "mrr@10": score / 2}, provenance=counts
    )


Compare = Callable[..., tuple[int, dict[str, str], str]]


@pytest.fixture
def compare(command, tmp_path) -> Compare:
    """Return a function that compares records with figures (lines of YAML).

    It returns the exit code, the lines of the figures with single spaces, and the last line.
    """

    def run(records, *figures: str, head: str = HEAD, options: tuple[str, ...] = ()):
        write_results(tmp_path / "results", records, lambda _: None)
        (tmp_path / "whole.yaml").write_text(WHOLE, encoding="utf-8")
        (tmp_path / "figures.yaml").write_text(
            head + "".join(f"  - {{{figure}}}\n" for figure in figures), encoding="utf-8"
        )
        figures_file, catalog = tmp_path / "figures.yaml", tmp_path / "whole.yaml"
        arguments = ["compare", tmp_path / "results", "--expected", figures_file, "--catalog", catalog, *options]
        code, out, err = command(*arguments)
        assert err == ""
        lines = [re.sub(r"\s+", " ", line) for line in out.splitlines() if line.startswith("[")]
        return code, lines, out.splitlines()[-1]

    return run


def figure(rest: str, language: str = "ko", initializer: str = "mean") -> str:
    coordinates = f"language: {language}, initializer: {initializer}, regime: zero-shot, architecture: bert"
    return f"collection: help, {coordinates}, {rest}"


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ("value: 0.495", "[OK] {} 0.500 0.495 +0.005"),  # .5 - .495 is a little more than .005 in binary
        ("value: 0.4949", "[OKish] {} 0.500 0.495 +0.005"),
        ("value: 0.52", "[OKish] {} 0.500 0.520 -0.020"),
        ("value: 0.521", "[FAIL] {} 0.500 0.521 -0.021"),
        ("either: [0.3, 0.503]", "[OK] {} 0.500 0.300 or 0.503 -0.003"),
        ("either: [0.498, 0.9]", "[OK] {} 0.500 0.498 or 0.900 +0.002"),
        ("range: [0.45, 0.55]", "[OK] {} 0.500 0.450-0.550 +0.000"),
        ("range: [0.1, 0.49]", "[OKish] {} 0.500 0.100-0.490 +0.010"),
        ("range: [0.51, 0.6]", "[OKish] {} 0.500 0.510-0.600 -0.010"),
        ("value: 0.5, certainty: two sources disagree", "[OK] {} 0.500 0.500 +0.000 two sources disagree"),
    ],
)
def test_marks(compare, published, message):
    code, lines, last = compare([cell()], figure(published))
    assert lines == [message.format("help zero-shot bert mean ko")]
    mark = message[1:].split("]")[0]
    assert code == 0 and f"1 {mark}" in last and last.count("1 ") == 1


def test_a_mean_needs_every_language(compare):
    both = [cell(score=0.4), cell("ru", 0.5)]
    assert compare(both, figure("value: 0.45", "mean"))[1] == ["[OK] help zero-shot bert mean mean 0.450 0.450 +0.000"]
    assert compare(both[:1], figure("value: 0.45", "mean"))[1] == [
        "[----] help zero-shot bert mean mean 0.450 ru: no such cell"
    ]


def test_seeds_are_averaged(compare):
    assert compare([cell(score=0.4), cell(score=0.6, seed=2)], figure("value: 0.5"))[1][0].startswith("[OK]")


@pytest.mark.parametrize(
    ("records", "details", "reason"),
    [
        ([cell(regime="fine-tuned")], "value: 0.5", "ko: no such cell"),
        ([cell(error="out of memory")], "value: 0.5", "ko: the cell failed"),
        ([cell(), cell(seed=2, error="out of memory")], "value: 0.5", "ko: the cell failed"),
        ([cell(collection="help-judged")], "value: 0.5", "ko: ours are on help-judged, not on help"),
        ([cell(documents=60)], "value: 0.5", "ko: ours is on 60 documents, all of help is 100"),
        ([cell(queries=9)], "value: 0.5", "ko: ours is on 9 queries, all of help is 10"),
        ([cell(documents="")], "value: 0.5", "ko: cells.csv does not say our documents"),
        (
            [cell(label="mean (of something)")],
            "value: 0.5, label: mean",
            "ko: ours is 'mean (of something)', another method",
        ),
        (
            [cell(label="mean (of something)"), cell(seed=2)],
            "value: 0.5, label: mean",
            "ko: ours is 'mean (of something)', another method",
        ),
        ([cell(alpha=2.0), cell(alpha=4.0)], "value: 0.5", "ko: several cells fit; they differ in alpha"),
        ([cell(train_pairs=16)], "value: 0.5, trained_on: help", "ko: ours is on 16 train pairs, all of help is 40"),
        ([cell()], "value: 0.5, trained_on: help", "ko: cells.csv does not say our train pairs"),
        ([cell("ru")], "value: 0.5, trained_on: help", "ko: no such cell"),
    ],
)
def test_what_is_not_alike_is_not_compared(compare, records, details, reason):
    code, lines, last = compare(records, figure(details))
    assert code == 0 and len(lines) == 1 and lines[0].startswith("[----]") and lines[0].endswith(f" 0.500 {reason}"), (
        lines
    )
    assert last == "0 OK, 0 OKish, 0 FAIL, 1 not compared"


def test_alpha_and_bridge_choose_among_cells(compare):
    cells = [
        cell(score=0.3, alpha=2.0, bridge="a"),
        cell(score=0.5, alpha=4.0, bridge="a"),
        cell(score=0.7, alpha=4.0, bridge="b"),
    ]
    assert compare(cells, figure("value: 0.5, alpha: 4, bridge: a"))[1] == [
        "[OK] help zero-shot bert mean a α=4 ko 0.500 0.500 +0.000"
    ]
    assert compare(cells, figure("value: 0.5, alpha: 4"))[1][0].endswith("several cells fit; they differ in bridge")


def test_one_run_of_bm25_serves_all_stages_and_architectures(compare):
    both = [cell(initializer="bm25", regime=stage) for stage in ("zero-shot", "fine-tuned")]
    assert compare(both, "collection: help, language: ko, initializer: bm25, value: 0.5")[1] == [
        "[OK] help bm25 ko 0.500 0.500 +0.000"
    ]


def test_full_training_is_compared(compare):
    assert compare([cell(train_pairs=40)], figure("value: 0.5, trained_on: help"))[1][0].startswith("[OK]")
    assert (
        "the catalog does not say how many train pairs all of help is"
        in compare([cell("ru", train_pairs=5)], figure("value: 0.5, trained_on: help", "ru"))[1][0]
    )


def test_strict(compare):
    strict = ("--strict",)
    assert compare([cell()], figure("value: 0.5"), options=strict)[0] == 0
    assert compare([cell()], figure("value: 0.9"), figure("value: 0.5"), options=strict)[0] == 1
    assert compare([cell()], figure("value: 0.9"))[0] == 0
    assert compare([cell(regime="fine-tuned")], figure("value: 0.5"), options=strict)[0] == 1, "nothing was compared"


def test_another_measure(compare):
    assert compare([cell()], figure("value: 0.25"), head=HEAD.replace("ndcg", "mrr"))[1][0].startswith(
        "[OK] help zero-shot bert mean ko 0.250"
    )


def test_the_project_s_figures(command, tmp_path):
    """Without --expected: all of them; a whole run of BM25 on WebFAQ in Korean is compared, and nothing else."""
    sizes = {"documents": 102000, "queries": 10000}
    write_results(tmp_path, [cell(initializer="bm25", collection="webfaq", score=0.3, **sizes)], lambda _: None)
    code, out, _ = command("compare", tmp_path)
    assert code == 0 and out.splitlines()[-1].startswith("1 OK, 0 OKish, 0 FAIL, ")
    assert re.search(r"\[OK\]\s+webfaq bm25 ko\s+0.300\s+0.296\s+\+0.004", out)
    shown = [line for line in out.splitlines() if line.startswith("[")]
    assert len(shown) == 1 and "bm25-webfaq.yaml; " in out, "only what applies"
    [left_out] = [line for line in out.splitlines() if line.startswith("left out: ")]
    every = {path: len(load_expected(path).figures) for path in (ROOT / "experiments" / "expected").glob("*.yaml")}
    assert left_out.startswith(f"left out: {sum(every.values()) - 1} figures, because the results, of webfaq, have no ")
    for path, figures in every.items():
        assert f"{path.name} {figures - (path.name == 'bm25-webfaq.yaml')}" in left_out
    asked = command("compare", tmp_path, "--expected", *every)[1]
    assert sum(line.startswith("[") for line in asked.splitlines()) == sum(every.values()) and "left out" not in asked


def test_what_cannot_be_compared_says_why_and_what_has_no_cell_is_counted(command, tmp_path):
    """A part of a collection is a cell of the figure, so its line tells why it is not compared."""
    part = cell(initializer="bm25", collection="webfaq-judged", score=0.3)
    write_results(tmp_path, [part], lambda _: None)
    _, out, _ = command("compare", tmp_path)
    assert re.search(r"\[----\]\s+webfaq bm25 ko\s+0.296\s+ko: ours are on webfaq-judged, not on webfaq", out)
    assert "miracl bm25" not in out and "bm25-miracl.yaml 5" in out


def test_a_bridge_as_a_dense_retriever_is_compared_with_its_own_figures(command, tmp_path):
    """A run of e5-large on WebFAQ in Korean has one published figure, and other bridges' are left out."""
    sizes = {"documents": 102000, "queries": 10000}
    dense = cell(initializer="dense", bridge="e5-large", collection="webfaq", score=0.83, **sizes)
    write_results(tmp_path, [dense], lambda _: None)
    code, out, _ = command("compare", tmp_path)
    assert code == 0 and out.splitlines()[-1].startswith("0 OK, 0 OKish, 1 FAIL, ")
    assert re.search(r"\[FAIL\]\s+webfaq dense e5-large ko\s+0.830\s+0.853\s+-0.023", out)


@pytest.mark.parametrize("path", sorted((ROOT / "experiments" / "expected").glob("*.yaml")), ids=lambda path: path.stem)
def test_expected_files(path):
    """Their names are those of the paper's presets and of the catalog; no figure is there twice."""
    from harness.catalog.catalog import load_catalog
    from harness.plan.load_preset import load_preset

    expected, catalog = load_expected(path), load_catalog()
    presets = [load_preset(name, ROOT / "experiments" / "presets") for name in ("paper-zero-shot", "paper-fine-tuned")]
    assert len({figure.name for figure in expected.figures}) == len(expected.figures)
    for figure in expected.figures:
        for language in expected.mean_over if figure.language == "mean" else [figure.language]:
            assert catalog.collections[figure.collection].counts[language].documents
            assert figure.trained_on is None or catalog.collections[figure.trained_on].counts[language].train_pairs
        if figure.initializer == "dense":  # only on request, so no preset names it; its bridges are the catalog's
            assert figure.bridge in catalog.bridges and figure.alpha is figure.regime is figure.architecture is None
            continue
        preset = presets[figure.regime == "fine-tuned"]
        assert figure.collection in preset.collections and figure.initializer in preset.initializers
        assert figure.architecture in {None, *preset.architectures} and figure.bridge in {None, *preset.bridges}
        assert figure.alpha in {None, *preset.alphas} and figure.regime in {None, *preset.regimes}
        assert (figure.initializer == "sembridge") == (figure.alpha is not None) == (figure.bridge is not None)
        assert figure.regime != "fine-tuned" or figure.trained_on == preset.training.collection


def test_only_vectors_as_encoded_are_compared(compare):
    weighed = cell(score=0.9, vectors="idf")
    marked = compare([cell(score=0.5), weighed], figure("value: 0.5"))[1]
    assert marked == ["[OK] help zero-shot bert mean ko 0.500 0.500 +0.000"]
    assert compare([weighed], figure("value: 0.9"))[1][0].endswith("ko: no such cell")
