"""Names that would share a file of results, or that no file can have, are refused before hours are spent."""

from __future__ import annotations

import os

import pytest

from harness.results.export import write_results
from harness.results.file_names import LONGEST, check, run_file
from harness.results.record import FAILED, Identity, Record

CELL = {
    "language": "ru",
    "architecture": "a",
    "collection": "own",
    "initializer": "mean",
    "bridge": "",
    "alpha": None,
    "regime": "fine-tuned",
    "seed": 1,
}


def cell(**parts):
    return Identity(**CELL | parts)


SHARE = "would share the file name"


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [({"language": "x/y"}, {"language": "x--y"},
      f"language 'x/y' and language 'x--y' {SHARE} 'x--y_a_own_mean_fine-tuned_s1.run'"),
     ({"bridge": "x/y"}, {"bridge": "x--y"},
      f"bridge 'x/y' and bridge 'x--y' {SHARE} 'ru_a_own_mean_x--y_fine-tuned_s1.run'"),
     ({"alpha": 4.0}, {"alpha": 4.0000001},
      f"alpha 4.0 and alpha 4.0000001 {SHARE} 'ru_a_own_mean_a4_fine-tuned_s1.run'"),
     ({"architecture": "a_b", "collection": "c"}, {"collection": "b_c"},
      f"architecture 'a_b' with collection 'c' and architecture 'a' with collection 'b_c' {SHARE} 'ru_a_b_c_mean_"),
     ({"language": "r", "collection": "x/y"}, {"collection": "x--y"},  # their runs differ, their tables do not
      f"collection 'x/y' and collection 'x--y' {SHARE} 'x--y_fine-tuned_a.tex'"),
     ({"architecture": "a_strata"}, {},  # the table of low and high queries beside that of `a`
      f"architecture 'a_strata' and architecture 'a' with table 'strata' {SHARE} 'own_fine-tuned_a_strata.tex'"),
     ({"architecture": "a_flops"}, {},  # the table of a further measure beside that of `a`
      f"architecture 'a_flops' and architecture 'a' with measure 'flops' {SHARE} 'own_fine-tuned_a_flops.tex'"),
     ({}, {}, "two cells would be called 'ru_a_own_mean_fine-tuned_s1': a collection's subset")],
)  # fmt: skip
def test_two_that_would_share_a_file_are_named(first, second, message):
    with pytest.raises(ValueError, match=r"would (share|be called)") as refused:
        check([cell(**first), cell(seed=2), cell(**second)])
    assert str(refused.value).startswith(message)


def test_tables_of_curves_count_where_there_are_curves():
    cells = [
        cell(language=language, architecture=architecture)
        for architecture in ("a", "a_ru")
        for language in ("ru", "ko")
    ]
    check(cells)
    # `a_ru` has one language, so no mean over languages, whose name would be that of `a` in Russian
    check(cells, cells[:3])
    with pytest.raises(ValueError, match=r"^architecture 'a' with language 'ru' and architecture 'a_ru' would share"):
        check(cells, cells)


def test_the_longest_name_is_one_that_can_be_written(tmp_path):
    def record(length):
        identity = cell(
            language="ж", bridge="b" * (length - len(run_file(cell(language="ж", bridge="-")).encode()) + 1)
        )
        assert len(run_file(identity).encode()) == length
        return Record(identity, "key", "mean", False, FAILED, "error")

    longest = record(LONGEST)
    written = write_results(tmp_path / "results", [longest], lambda _: None)
    assert written.tables
    # the temporary name of the highest process number of Linux
    (tmp_path / f".{run_file(longest.identity)}.{2**22}.tmp").write_text("")
    reason = rf"make a file name of {LONGEST + 1} bytes, {LONGEST}"
    with pytest.raises(ValueError, match=rf"^bridge 'b{{80}}\.\.\.' and the other names of its cell {reason}"):
        check([record(LONGEST + 1).identity])
    with pytest.raises(OSError, match="too long"):
        os.stat(tmp_path / f".{run_file(record(LONGEST + 1).identity)}.{2**22}.tmp")
