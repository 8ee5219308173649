"""The paper's presets run from the hub to the tables and to `compare`, with tiny models and collections.

The hub's double serves what the presets name, under the same ids. A catalog of one's own pins the revisions, as
docs/reproduce.md describes; a few --set options make the rest small.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.helpers import hub_double, hub_field
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

LANGUAGES = ["ko", "ru"]
BRIDGES = ["bge-m3", "minilm", "gte", "qwen3"]
ROWS = ["sembridge", "focus", "ofa (bridge vectors)", "random", "mean", "univariate", "multivariate", "base", "bm25"]
KNOBS = {
    "resources.gpus_per_cell": 0, "evaluation.max_length": 24, "settings.focus.min_count": 1,
    "settings.focus.buckets": 1000, "settings.focus.epochs": 1, "training.max_length": 24, "training.batch_size": 12,
    "training.precision": "float32", "training.learning_rate": 0.01,  # two steps have to show
}  # fmt: skip


@dataclass
class Desk:
    """A person's folder, a private HF_HOME in it, and the double as the hub."""

    folder: Path
    hub: hub_double.Hub
    offline: bool = False

    def run(self, *command: object, code: int = 0) -> str:
        """What a command prints."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))
        }
        environment |= {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.folder / "home"), "PYTHONPATH": str(ROOT)}
        environment |= {"HF_HUB_OFFLINE": "1"} if self.offline else {"HF_TOKEN": hub_double.TOKEN}
        done = subprocess.run(
            [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        assert hub_double.TOKEN not in done.stdout + done.stderr
        return done.stdout

    def grid(
        self, preset: str, results: str, *options: object, catalogs: tuple[str, ...] = ("pins",), store: str = "store"
    ) -> str:
        files = [self.folder / f"{name}.yaml" for name in catalogs]
        knobs = [part for name, value in KNOBS.items() for part in ("--set", f"{name}={value}")]
        folders = ["--store", self.folder / store, "--results", self.folder / results]
        return self.run(
            ROOT / "experiments" / "run_grid.py", "--preset", preset, "--catalog", *files, *knobs, *folders, *options
        )

    def compare(self, results: str, *options: object, code: int = 0) -> str:
        return self.run("-m", "harness.cli.main", "compare", self.folder / results, *options, code=code)

    def cells(self, results: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / results / "cells.csv")

    def artifacts(self, store: str = "store") -> Counter[str]:
        """Stage -> how many of its artifacts are in the store."""
        return Counter(path.parts[-3] for path in (self.folder / store).glob("*/*/MANIFEST.json"))

    def written(self, results: str) -> dict[str, bytes]:
        """Result files without the log."""
        folder = self.folder / results
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != "run.log"
        }


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("paper")
    with hub_double.serve() as hub:
        pins = hub_field.serve_models(hub, folder / "made", LANGUAGES, BRIDGES) | {
            "collections": hub_field.serve_collections(hub, LANGUAGES)
        }
        pins["tokenizers"].pop("ru")  # pinned by an option instead
        (folder / "pins.yaml").write_text(yaml.safe_dump(pins), encoding="utf-8")
        yield Desk(folder, hub)


@pytest.fixture(scope="module")
def zero_shot(desk) -> str:
    return desk.grid("paper-zero-shot", "zero-shot", *pinned(desk), "--languages", *LANGUAGES)


@pytest.fixture(scope="module")
def fine_tuned(desk, zero_shot) -> str:
    """One architecture, because each of its rows is trained."""
    return desk.grid(
        "paper-fine-tuned", "fine-tuned", *pinned(desk), "--languages", *LANGUAGES, "--architectures", "splade-v3"
    )


def pinned(desk: Desk) -> list[str]:
    return ["--set", f"tokenizers.ru.revision={desk.hub.repositories['models', 'DeepPavlov/rubert-base-cased'].commit}"]


def rows(desk: Desk, results: str, name: str, columns: list[str]) -> list[str]:
    """The labels of a table's rows, from top to bottom, all of whose columns hold scores."""
    table = pd.read_csv(desk.folder / results / "tables" / f"{name}.csv")
    assert [column for column in table.columns if column in [*LANGUAGES, "mean"]] == columns
    assert table[columns].apply(pd.to_numeric).stack().between(0, 1).all()
    return list(table["method"])


def test_zero_shot_is_the_whole_grid_in_the_papers_shape(desk, zero_shot):
    cells = desk.cells("zero-shot")
    assert len(cells) == 2 * 4 * 2 * 9 and set(cells["status"]) == {"ok"} and cells["error"].isna().all()
    assert set(cells["documents"]) == {60} and set(cells["queries"]) == {16}
    titles = set(re.findall(r"^(\S+), zero-shot \(as initialized\), encoder (\S+): nDCG@10 ", zero_shot, re.MULTILINE))
    assert sorted(titles) == sorted((c, a) for c in ("webfaq", "miracl") for a in hub_field.ENCODERS)
    for collection, architecture in titles:
        assert rows(desk, "zero-shot", f"{collection}_zero-shot_{architecture}", ["mean", *LANGUAGES]) == ROWS
    coordinates = ["language", "collection", "initializer"]
    by_architecture = {name: group.set_index(coordinates)["ndcg@10"] for name, group in cells.groupby("architecture")}
    whole, alone = by_architecture.pop("splade-v3"), by_architecture.pop("splade-pp")
    assert (whole == alone).all(), "the same weights, stored with modules.json and as a masked LM alone"
    for other in by_architecture.values():
        assert (whole.drop("bm25", level="initializer") != other.drop("bm25", level="initializer")).mean() > 0.9


def test_what_cells_share_is_made_once(desk, zero_shot, fine_tuned):
    made = {
        "collection": 4,  # two in each language
        "strata": 4,
        "bridge-vectors": 4 + 2,  # of each architecture's vocabulary and of each language's
        "auxiliary-vectors": 2,
        "subword-vectors": 4 * 2,
        "initialization": 4 * 2 * 7,
        "bm25": 4,  # no architecture, no stage
        "evaluation": 4 * 2 * 2 * 8,
    }
    assert "144 cells: 0 in the store, 144 to compute" in zero_shot
    trained = {"trained-encoder": 2 * 8, "evaluation": 2 * 2 * 8}  # trained once, evaluated on both collections
    assert "36 cells: 4 in the store, 32 to compute" in fine_tuned
    assert desk.artifacts() == Counter(made) + Counter(trained)
    transfers = Counter(path for path in desk.hub.transfers() if not path.endswith("README.md"))
    assert transfers and set(transfers.values()) <= {1, 2}, "a file was fetched again"


def test_fine_tuned_has_the_same_shape_and_other_scores(desk, zero_shot, fine_tuned):
    cells = desk.cells("fine-tuned")
    assert len(cells) == 36 and set(cells["status"]) == {"ok"} and set(cells["train_pairs"].dropna()) == {24}
    for collection in ("webfaq", "miracl"):
        assert rows(desk, "fine-tuned", f"{collection}_fine-tuned_splade-v3", ["mean", *LANGUAGES]) == ROWS
    coordinates = ["language", "collection", "initializer"]
    before = desk.cells("zero-shot").query("architecture == 'splade-v3'").set_index(coordinates)["flops"]
    after = cells.set_index(coordinates)["flops"].drop("bm25", level="initializer")
    assert (before.reindex(after.index) != after).all(), "every row was trained"


def test_compare_with_the_published_figures(desk, zero_shot, fine_tuned):
    published = desk.compare("zero-shot")
    assert published.splitlines()[-1].startswith("0 OK, 0 OKish, 0 FAIL, ")
    assert "ru: ours is on 60 documents, all of webfaq is 387,504" in published
    desk.compare("zero-shot", "--strict", code=1)
    paper = yaml.safe_load((ROOT / "experiments" / "expected" / "paper.yaml").read_text(encoding="utf-8"))
    (desk.folder / "two.yaml").write_text(yaml.safe_dump(paper | {"mean_over": LANGUAGES}), encoding="utf-8")
    ours = ["--catalog", desk.folder / "pins.yaml", "--expected", desk.folder / "two.yaml"]
    for stage in ("zero-shot", "fine-tuned"):
        told = desk.compare(stage, *ours)
        cells = desk.cells(stage)
        compared = 0
        for figure in paper["figures"]:
            name = [figure["collection"], figure["regime"], figure["architecture"], figure["initializer"]]
            line = next(line for line in told.splitlines() if re.match(rf"\[....\w*\] +{' '.join(name)} ", line))
            alike = (cells[["collection", "regime", "architecture", "initializer"]] == name).all(axis=1)
            if figure["regime"] != stage:
                assert line.startswith("[----]")
            elif figure["initializer"] == "ofa":
                assert line.startswith("[----]") and "ofa (bridge vectors)" in line
            else:
                mean = cells[alike]["ndcg@10"].mean()
                theirs = min(figure.get("either", [figure.get("value")]), key=lambda value: abs(mean - value))
                assert alike.sum() == 2 and f"{mean:.3f}" in line and f"{mean - theirs:+.3f}" in line
                compared += 1
        ok, okish, fail, missing = map(
            int, re.fullmatch(r"(\d+) OK, (\d+) OKish, (\d+) FAIL, (\d+) not compared", told.splitlines()[-1]).groups()
        )
        assert (ok + okish + fail, missing) == (compared, len(paper["figures"]) - compared) and compared >= 5
        desk.compare(stage, *ours, "--strict", code=1 if fail else 0)


def test_bridges_on_copies_in_other_layouts(desk, zero_shot):
    """WebFAQ's old splits and MIRACL as Parquet are other artifacts, and give the same scores."""
    entries = {"collections": hub_field.serve_collections(desk.hub, LANGUAGES, copies=True)}
    (desk.folder / "copies.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    before = desk.artifacts()
    desk.grid("paper-bridges", "bridges", *pinned(desk), "--languages", "ko", catalogs=("pins", "copies"))
    cells = desk.cells("bridges")
    assert len(cells) == 2 * 6 and set(cells["status"]) == {"ok"}
    for collection in ("webfaq", "miracl"):
        expected = [*(f"sembridge ({name})" for name in BRIDGES), "base", "bm25"]
        assert rows(desk, "bridges", f"{collection}_zero-shot_splade-v3", ["ko"]) == expected
    made = {"collection": 2, "strata": 2, "bridge-vectors": 3 * 2, "initialization": 3, "evaluation": 2 * 5, "bm25": 2}
    assert desk.artifacts() - before == Counter(made)
    coordinates = ["language", "architecture", "collection", "initializer", "bridge", "alpha"]
    measures = ["ndcg@10", "recall@100", "mrr@10", "doc_active"]
    known = desk.cells("zero-shot").set_index(coordinates)[measures]
    again = cells.set_index(coordinates)[measures]
    again = again[again.index.isin(known.index)]
    assert len(again) == 2 * 3
    pd.testing.assert_frame_equal(again, known.loc[again.index])


def test_convergence_ends_where_fine_tuning_ends(desk, zero_shot, fine_tuned):
    told = desk.grid(
        "paper-convergence",
        "curves",
        *pinned(desk),
        "--languages",
        "ko",
        "--initializers",
        "sembridge",
        "mean",
        "--set",
        "training.points=2",
    )
    curves = pd.read_csv(desk.folder / "curves" / "convergence.csv")
    assert list(curves["initializer"]) == ["sembridge"] * 3 + ["mean"] * 3 and list(curves["step"]) == [0, 1, 2] * 2
    ends = {"zero-shot": curves.query("step == 0"), "fine-tuned": curves.query("step == 2")}
    for stage, end in ends.items():
        cells = (
            desk.cells(stage)
            .query("language == 'ko' and architecture == 'splade-v3' and collection == 'webfaq'")
            .set_index("initializer")
        )
        assert list(end["ndcg@10"]) == list(cells.loc[["sembridge", "mean"], "ndcg@10"]), stage
    assert "convergence" in told


def test_offline_from_the_cache(desk, zero_shot, fine_tuned):
    """First everything from the store; then the sweep of alpha in an empty store, from the hub's cache alone."""
    before, made = desk.written("zero-shot"), desk.artifacts()
    desk.hub.requests.clear()
    away = Desk(desk.folder, desk.hub, offline=True)
    told = away.grid("paper-zero-shot", "zero-shot", *pinned(desk), "--languages", *LANGUAGES)
    assert "144 cells: 144 in the store, 0 to compute" in told and "Ray is ready" not in told
    assert (desk.written("zero-shot"), desk.artifacts()) == (before, made)

    few = ["--languages", "ko", "--set", "collections.miracl.limit=9"]
    away.grid("paper-alpha", "alpha", *pinned(desk), *few, store="another-store")
    cells = desk.cells("alpha")
    assert len(cells) == 2 * 10 and set(cells["status"]) == {"ok"} and not desk.hub.requests
    expected = [
        *(f"sembridge (α={alpha})" for alpha in ("1", "1.5", "2", "2.5", "3", "4")),
        "focus",
        "ofa (bridge vectors)",
        "base",
        "bm25",
    ]
    assert rows(desk, "alpha", "webfaq_zero-shot_splade-v3", ["ko"]) == expected
    assert cells.query("initializer == 'sembridge' and collection == 'webfaq'")["doc_active"].nunique() == 6
    coordinates = ["language", "architecture", "collection", "initializer", "alpha"]
    known, again = (
        one.query("collection == 'webfaq'").set_index(coordinates)["ndcg@10"]
        for one in (desk.cells("zero-shot"), cells)
    )
    again = again[again.index.isin(known.index)]
    assert len(again) == 5
    pd.testing.assert_series_equal(again, known.loc[again.index])
    part = "ours are on miracl-judged+9, not on miracl"
    assert f"ko: {part}" in desk.compare("alpha", "--catalog", desk.folder / "pins.yaml")


def test_the_token_is_nowhere(desk, zero_shot, fine_tuned):
    for name in ("store", "zero-shot", "fine-tuned"):
        for path in (desk.folder / name).rglob("*"):
            assert not path.is_file() or hub_double.TOKEN.encode() not in path.read_bytes(), path
