"""An export that is damaged before it is read back is told from a whole one, or read as what it says, in one line."""

from __future__ import annotations

import pytest

from harness.export.check import check as compare
from harness.export.engines.bulk import Bulk
from harness.export.registry import ENGINES
from tests.helpers.exports_made import exact_search, exported, made_block, made_corpus, made_queries
from tests.helpers.fuzzing import Place, answers, folder_of, fuzz, mutations

DIMENSIONS, QUERIES = 40, 4


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_reading_back(name, request):
    blocks, queries = [made_block(12, DIMENSIONS, seed=0)], made_queries(QUERIES, DIMENSIONS)
    exact, engines = exact_search(blocks, queries), []
    files = folder_of(lambda folder: engines.append(exported(folder, name, made_corpus(*blocks), queries)))
    (engine,) = engines

    def compared(changed: tuple[str, bytes]) -> None:
        with Place(files).with_file(*changed) as folder:

            def read() -> None:
                for agreement in compare(folder, engine, exact, range(QUERIES)):
                    assert agreement.queries == QUERIES
                    assert 0 <= agreement.overlap <= 1 and 0 <= agreement.alike <= 1

            answers(read, ValueError)

    for file in (engine.facts.parts[0], engine.requests):
        compared((file, files[file]))
        damaged = mutations(files[file]).map(lambda content, file=file: (file, content))
        fuzz(request, f"{name}: {file}", damaged, compared, 30)


@pytest.mark.parametrize("name", sorted(ENGINES))
@pytest.mark.parametrize("what", ["documents", "queries"])
def test_a_line_that_got_lost_is_noticed(name, what, tmp_path):
    blocks, queries = [made_block(12, DIMENSIONS, seed=0)], made_queries(QUERIES, DIMENSIONS)
    engine = exported(tmp_path, name, made_corpus(*blocks), queries)
    path = tmp_path / (engine.facts.parts[0] if what == "documents" else engine.requests)
    first = len((engine.frame if what == "documents" else engine.request_frame).opening.splitlines())
    lines = path.read_bytes().splitlines(keepends=True)
    step = 2 if isinstance(engine, Bulk) else 1  # lines of a record
    path.write_bytes(b"".join(lines[:first] + lines[first + step :]))
    with pytest.raises(ValueError, match=f"were read back|{path.name} cannot be read back") as refused:
        compare(tmp_path, engine, exact_search(blocks, queries), range(QUERIES))
    assert "\n" not in str(refused.value)
