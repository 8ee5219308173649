"""The benchmark of streaming, small: it checks its counts, and memory grows with ids and not with texts."""

from __future__ import annotations

import tracemalloc

import pytest

from experiments.benchmarks import stream

pytestmark = pytest.mark.slow

IDS = 150  # bytes per document: its id, its place among all ids, and sorting them
WORDS = 40  # in each text: some 240 bytes, so that stored texts would show


@pytest.fixture(scope="module")
def peaks(tmp_path_factory) -> dict[int, int]:
    """Return documents -> peak bytes of an evaluation on so many."""
    peaks = {}
    for documents in (1_600, 5_000, 20_000):  # the first one also imports
        folder = tmp_path_factory.mktemp("stream")
        stream.generate(folder, documents, words=WORDS)
        tracemalloc.start()
        stream.evaluate(folder, folder / "out", documents)
        peaks[documents] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (folder / "collection" / "corpus.jsonl").stat().st_size > 230 * documents
    return peaks


def test_memory_grows_by_ids_alone(peaks):
    assert peaks[20_000] - peaks[5_000] < IDS * 15_000 + 1_000_000


def test_wrong_counts_are_noticed(tmp_path):
    stream.generate(tmp_path, 2_000)
    with pytest.raises(AssertionError, match="'documents': 2000"):
        stream.evaluate(tmp_path, tmp_path / "out", 2_001)


def test_too_few_documents_are_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["stream", "--documents", "9"])
    with pytest.raises(SystemExit):
        stream.main()
    assert "--documents 9 is too few; give 1600 or more" in capsys.readouterr().err
