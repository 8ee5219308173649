"""The presets that come with the project: their dry runs without a network, and what they refuse to start without."""

from __future__ import annotations

import shutil
import socket

import pytest

from tests.helpers.paths import PRESETS

# Worked out by hand. A cell by itself needs its collection and its evaluation (2); a row with an initializer also the
# initialization (3); sembridge the bridge's vectors of two vocabularies (5); focus and ofa vectors learned from text
# (4), and on MIRACL also the collection WebFAQ, which has the text (5). And each needs the strata of its collection.
APART = 40 * (2 + 2) + 160 * 3 + 40 * 5 + 2 * (20 * 4 + 20 * 5) + 360
PAPER = {  # cells; artifacts, each once and cell by cell; models without a revision
    # 5 languages x 4 architectures x 2 collections x 9 rows; once: evaluations, bm25, collections, strata, rows,
    # vectors of the bridge, of fastText, of words
    "paper-zero-shot": (360, 320 + 10 + 10 + 10 + 7 * 20 + (4 + 5) + 5 + 20, APART, 3),
    # a trained encoder serves both collections; by itself each cell trains, and on MIRACL needs WebFAQ's pairs, unless
    # it needs WebFAQ's text anyway
    "paper-fine-tuned": (360, 514 + 10 + 8 * 20, APART + 320 + 160 - 40, 3),
    # 6 alphas, one architecture
    "paper-alpha": (100, 90 + 30 + 8 * 5 + (1 + 5) + 5 + 5, 10 * (2 + 2) + 60 * 5 + 2 * (5 * 4 + 5 * 5) + 100, 3),
    # 4 bridges, each with vectors of its own
    "paper-bridges": (60, 50 + 10 + 10 + 10 + 4 * 5 + 4 * (1 + 5), 10 * (2 + 2) + 40 * 5 + 60, 4),
    # one architecture on WebFAQ, 8 rows, of which base needs no initialization; every cell trains
    "paper-convergence": (40, 40 + 40 + 5 + 5 + 7 * 5 + (1 + 5) + 5 + 5, 5 * 3 + 4 * 5 * 4 + 5 * 6 + 2 * 5 * 5 + 40, 3),
}


@pytest.fixture
def offline(monkeypatch):
    def refuse(*arguments):
        raise AssertionError(f"asked the network: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_every_preset_for_the_paper_is_in_the_table():
    assert {path.stem for path in PRESETS.glob("paper-*.yaml")} == set(PAPER)


@pytest.mark.parametrize("name", PAPER)
def test_dry_run(name, command, offline, tmp_path):
    cells, artifacts, apart, revisions = PAPER[name]
    code, out, err = command("--dry-run", "--verbose", preset=name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: {cells} cells\n")
    assert f"sharing: {artifacts:,} artifacts, cell by cell {apart:,} ({apart / artifacts:.1f} times as many)" in out
    # Guesses for small models say nothing about these: only downloads have a time, which no machine decides.
    assert out.count(" each, ") == 1 and " collection         about 2 min 00 s each, a guess, without the" in out
    (estimate,) = [line for line in out.splitlines() if line.startswith("estimate: ")]
    assert estimate.startswith("estimate: unknown (") and "EFLOP" in estimate
    assert f"; run `sembridge-bench doctor --preset {name} " in estimate and estimate.endswith(" --calibrate`")
    assert "sharing: " not in command("--dry-run", preset=name)[1]
    needed = [line for line in out.splitlines() if line.startswith("before a run: ")]
    assert len(needed) == revisions
    option = "architectures.splade-v3"
    problem = f"{option}: naver/splade-v3 has no pinned revision; add --set {option}.revision=COMMIT"
    assert needed[0] == f"before a run: {problem}"
    assert not (tmp_path / "store").exists()


def test_a_run_is_refused_until_every_revision_is_given(command, offline, tmp_path):
    options = ["--languages", "ko", "--initializers", "sembridge", "base"]
    code, out, err = command(*options, preset="paper-bridges")
    lines = err.splitlines()
    assert code == 2 and out == "" and len(lines) == 2 and all(line.startswith("error: ") for line in lines)
    assert not (tmp_path / "store").exists() and not (tmp_path / "results").exists()
    revisions = [line.rsplit("add ", 1)[1].replace("COMMIT", "c0ffee1234" * 4).split() for line in lines]
    code, out, err = command(
        *options, *(part for option in revisions for part in option), "--dry-run", preset="paper-bridges"
    )
    assert code == 0 and "before a run" not in out, out


def test_the_revision_given_is_the_one_that_is_read():
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import plan
    from harness.store.artifact import Hub

    revisions = ["architectures.granite-30m.revision=c0ffee"]
    chosen = {
        "languages": ["ko"],
        "initializers": ["base"],
        "architectures": ["granite-30m"],
        "collections": ["webfaq"],
    }
    (cell,) = plan(load_preset("paper-zero-shot", PRESETS, revisions, chosen))
    assert cell.artifact.inputs["encoder"] == Hub("ibm-granite/granite-embedding-30m-sparse", "c0ffee")


def test_only_what_is_read_needs_a_revision(command, offline):
    code, out, _ = command("--languages", "ko", "--initializers", "bm25", "--dry-run", preset="paper-zero-shot")
    assert code == 0 and "before a run" not in out
    code, out, _ = command(
        "--languages",
        "zh",
        "--initializers",
        "mean",
        "--architectures",
        "splade-v3",
        "--dry-run",
        preset="paper-zero-shot",
    )
    assert [line.split()[3] for line in out.splitlines() if line.startswith("before")] == [
        "architectures.splade-v3:",
        "tokenizers.zh:",
    ]
    code, out, _ = command(
        "--languages",
        "ko",
        "--initializers",
        "mean",
        "--architectures",
        "granite-30m",
        "--dry-run",
        preset="paper-zero-shot",
    )
    assert code == 0 and "before a run" not in out, "what the catalog pins is not asked for"


def test_an_entry_gives_way_to_a_folder(command, own_data, offline):
    code, out, _ = command(
        "--languages", "ko", "--initializers", "mean", "--architectures", "splade-v3", "--collections", "webfaq",
        "--dry-run",
        "--set", f"architectures.splade-v3.model={own_data}/source", "--set", f"tokenizers.ko={own_data}/tokenizers/ru",
        preset="paper-zero-shot",
    )  # fmt: skip
    assert code == 0 and "before a run" not in out, out


def test_a_listed_tokenizer_may_come_from_the_hub(command, offline):
    options = [
        "--languages",
        "ru",
        "--initializers",
        "mean",
        "--regimes",
        "zero-shot",
        "--dry-run",
        "--set",
        "tokenizers={ru: me/russian}",
    ]
    code, _, err = command(*options)
    assert code == 2 and "add its pinned revision (--set tokenizers.ru.revision=COMMIT)" in err
    code, out, err = command(*options, "--set", "tokenizers={ru: {model: me/russian, revision: c0ffee}}")
    assert code == 0 and "before a run" not in out, err


def test_catalogs_of_ones_own(command, own_data, offline, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "encoders: {tiny: {id: me/tiny, revision: null, license: MIT, body: BERT, vocabulary: 200}}\n", encoding="utf-8"
    )
    options = [
        "--languages",
        "ru",
        "--initializers",
        "base",
        "--regimes",
        "zero-shot",
        "--set",
        "architectures.source=catalog:tiny",
    ]
    for way in (["--catalog", str(mine)], ["--set", f"catalog={mine}"]):
        code, out, err = command(*options, *way, "--dry-run")
        assert code == 0 and "before a run: architectures.source: me/tiny has no pinned revision" in out, err
    code, _, err = command(*options, "--dry-run")
    assert (
        code == 2
        and err.startswith("error: architectures.source: catalog:tiny is not among the catalog's encoders")
        and err.count("\n") == 1
    )
    code, _, err = command(*options, "--catalog", str(tmp_path / "nowhere.yaml"), "--dry-run")
    assert code == 2 and "cannot be read (No such file or directory); check the path" in err and err.count("\n") == 1
    code, _, err = command(*options[:6], "--set", "references.milco=catalog:milco", "--dry-run")
    assert code == 2 and "runs code from its repository" in err
    code, _, err = command(*options[:4], "--set", "text=collection:owm", "--dry-run")
    assert code == 2 and "text: collection 'owm' is unknown; did you mean 'own'?" in err


def test_a_language_of_ones_own_is_in_reach_of_set(command, offline, tmp_path):
    mine = tmp_path / "mine.yaml"
    polish = "languages: {pl: {name: Polish, iso3: pol, script: Latn, bm25: words}}\n"
    mine.write_text(
        polish + "tokenizers: {pl: {id: me/pl, revision: null, license: MIT, language: pl, vocabulary: 9}}\n",
        encoding="utf-8",
    )
    options = ["--languages", "pl", "--initializers", "mean", "--architectures", "granite-30m", "--dry-run"]
    pins = ["--set", "tokenizers.pl.revision=c0ffee", "--set", "architectures.granite-30m.revision=c0ffee"]
    code, out, err = command(
        *options,
        *pins,
        "--set",
        "collections.miracl=catalog:webfaq",
        "--set",
        f"catalog={mine}",
        preset="paper-zero-shot",
    )
    assert code == 0 and "before a run" not in out, err


def test_text_of_a_collection_is_shared_by_the_others(own_data, tmp_path):
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import plan

    shutil.copytree(own_data / "collections" / "ru", tmp_path / "other")
    corpus = tmp_path / "other" / "corpus.jsonl"
    corpus.write_text(
        corpus.read_text(encoding="utf-8") + '{"_id": "new", "title": "", "text": "новый"}\n', encoding="utf-8"
    )

    def learned(*overrides):
        both = ["data=" + str(own_data), f"collections.other={tmp_path}/other", *overrides]
        cells = plan(
            load_preset(
                "own-data", PRESETS, both, {"languages": ["ru"], "initializers": ["focus"], "regimes": ["zero-shot"]}
            )
        )
        return len({cell.artifact.inputs["initialization"].key for cell in cells})

    assert (learned("text=null"), learned("text=collection:own")) == (2, 1)


def test_smoke_is_small(command):
    code, out, _ = command("--dry-run", "--verbose", preset="smoke")
    assert (
        code == 0
        and out.startswith("smoke: 8 cells\n")
        and "sharing: 19 artifacts, cell by cell 49 (2.6 times as many)" in out
    )
