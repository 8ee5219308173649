"""Shards written by hand, merged; that a build in shards gives the same bits as one pass is in test_stage.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.evaluation.shards import ABOUT, FILE, largest_divisor, merge_shards


def shard(
    folder: Path,
    best: dict[str, list],
    counts: tuple[int, int],
    queries: list[int],
    documents: list[int],
    unknown: list[list[int]],
) -> Path:
    """Write a shard with k = 2; scores, positions and ranks are those of one query."""
    folder.mkdir()
    arrays = {"scores": np.array([best["scores"]], dtype=float)}
    arrays |= {name: np.array([best[name]]) for name in ("positions", "ranks")}
    activity = {"query_counts": np.array(queries), "document_counts": np.array(documents), "counts": np.array(counts)}
    save_file(arrays | activity | {"unknown": np.array(unknown)}, folder / FILE)
    return folder


@pytest.fixture
def shards(tmp_path) -> list[Path]:
    first = {"scores": [2.0, 1.0], "positions": [0, 1], "ranks": [5, 3]}
    second = {"scores": [1.0, 0.0], "positions": [2, -1], "ranks": [2, -1]}
    return [
        shard(tmp_path / "share-0", first, (1, 2), [1, 0, 1], [2, 1, 0], [[1, 4], [2, 10]]),
        shard(tmp_path / "share-1", second, (1, 3), [1, 0, 1], [1, 0, 3], [[1, 4], [3, 15]]),
    ]


def test_shards_merge_in_any_order(shards):
    for folders in (shards, shards[::-1]):
        best, activity, unknown = merge_shards(folders)
        assert best.scores.tolist() == [[2.0, 1.0]] and best.positions.tolist() == [[0, 2]]
        assert best.ranks.tolist() == [[5, 2]]
        assert (activity.queries, activity.documents) == (1, 5)
        # The same queries in both, 2 + 3 of 10 + 15 tokens of the documents.
        assert unknown.rates() == {"queries": 1 / 4, "documents": 5 / 25}
        assert activity.query_counts.tolist() == [1, 0, 1] and activity.document_counts.tolist() == [3, 1, 3]
        # One query with two dimensions; 7 active dimensions of 5 documents; 3 + 3 products in 1 x 5 pairs.
        assert activity.result() == {"query_active": 2.0, "doc_active": 7 / 5, "flops": 6 / 5}


def test_one_shard_is_the_whole(shards):
    best, activity, _ = merge_shards(shards[:1])
    assert best.positions.tolist() == [[0, 1]] and activity.documents == 2


def test_shards_of_other_queries_or_none_are_refused(shards, tmp_path):
    one = {"scores": [0.0, 0.0], "positions": [-1, -1], "ranks": [-1, -1]}
    other = shard(tmp_path / "other", one, (1, 3), [1, 1, 1], [0, 0, 0], [[1, 4], [0, 9]])
    reread = shard(tmp_path / "reread", one, (1, 3), [1, 0, 1], [0, 0, 0], [[1, 5], [0, 9]])
    with pytest.raises(ValueError, match="the parts saw different queries"):
        merge_shards([*shards, other])
    with pytest.raises(ValueError, match="the parts read different queries"):
        merge_shards([*shards, reread])
    with pytest.raises(ValueError, match="no parts to merge"):
        merge_shards([])


def test_the_largest_divisor_of_the_batches(shards):
    assert largest_divisor([]) == largest_divisor(shards) == 1
    (shards[0] / ABOUT).write_text(json.dumps({"batches_divided": 4}))
    assert largest_divisor(shards) == 4
    (shards[1] / ABOUT).write_text(json.dumps({"batches_divided": 2}))
    assert largest_divisor(shards) == largest_divisor(shards[::-1]) == 4
