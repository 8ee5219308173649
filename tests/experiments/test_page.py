"""The benchmarks as a command: every one can be run, and its figures reach the page. Nothing is timed here."""

from __future__ import annotations

import importlib
import json

import pytest

from experiments.benchmarks import __main__ as command
from experiments.benchmarks import growth, page
from experiments.benchmarks.measure import Row

SEARCH = [
    Row("search 10 documents", "scipy", 0.25, 2.5, 10.0, 5, 12.4, 1200.0, 9.0, "float64").as_dict(),
    Row("search 20 documents", "scipy", 1.5, 6.0, 4.0, 5).as_dict(),
]
GRID = [Row("24 cells", "cell by cell", 60.0, 1200.0, 20.0, 1, goal=4.0, note="float64").as_dict()]
FIGURES = {
    "one kind": {
        "grid": {"hardware": "one machine", "rows": GRID},
        "search": {"hardware": "one machine", "rows": SEARCH},
    }
}
TABLE = """\
On one machine:

| job | against | ours | theirs | faster | goal | memory ours / theirs |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| search 10 documents | scipy | 250 ms | 2.5 s | 10.0 x | 9 x | 12 / 1,200 MB |
| search 20 documents | scipy | 1.5 s | 6 s | 4.0 x |  |  |
| 24 cells | cell by cell | 60 s | 20 min | 20.0 x | 4 x |  |

- float64: search 10 documents, scipy; 24 cells, cell by cell"""


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_tells_what_it_measures_and_can_be_run(name):
    module = importlib.import_module(f"experiments.benchmarks.{name}")
    assert module.HELP and "\n" not in module.HELP
    assert module.rows.__code__.co_varnames[: module.rows.__code__.co_argcount] == ("quick",)


def test_the_table():
    assert page.table(FIGURES) == TABLE


def test_each_kind_of_machine_has_a_table_of_its_own():
    table = page.table(FIGURES | {"the other kind": {"head": {"hardware": "another machine", "rows": SEARCH}}})
    parts = ("On one machine:", "24 cells", "On another machine:", "search 20")
    places = [table.rindex(part) for part in parts]
    assert places == sorted(places)


def test_figures_are_kept_and_their_table_replaces_the_old_one(tmp_path):
    text = tmp_path / "performance.md"
    text.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", encoding="utf-8")
    page.write(FIGURES, tmp_path / "performance.json")
    assert text.read_text(encoding="utf-8") == f"before\n{page.BEGIN}\n\n{TABLE}\n\n{page.END}\nafter\n"
    assert json.loads((tmp_path / "performance.json").read_text(encoding="utf-8")) == FIGURES


def test_a_page_without_the_lines_is_left_alone(tmp_path):
    (tmp_path / "performance.md").write_text(f"before\n{page.BEGIN}\nafter\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"performance\.md lacks the lines .* put them back"):
        page.write(FIGURES, tmp_path / "performance.json")
    assert not (tmp_path / "performance.json").exists()


def test_growth_is_relative_within_one_curve_only():
    points = [growth.Point("search", "documents", size, seconds) for size, seconds in ((1_000, 0.5), (2_000, 1.25))]
    assert growth.table([*points, growth.Point("search", "queries", 100, 2.0)]).splitlines() == [
        "| job | grows | size | seconds | times the size before |",
        "| --- | --- | ---: | ---: | ---: |",
        "| search | documents | 1,000 | 0.50 |  |",
        "| search | documents | 2,000 | 1.25 | 2.50 |",
        "| search | queries | 100 | 2.00 |  |",
    ]


@pytest.mark.parametrize("part", [page, growth])
def test_the_page_of_the_project_has_the_lines(part):
    text = command.FIGURES.with_suffix(".md").read_text(encoding="utf-8")
    assert text.count(part.BEGIN) == text.count(part.END) == 1 and text.index(part.BEGIN) < text.index(part.END)


def test_an_unknown_benchmark_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", "serch"])
    assert command.main() == 2
    assert "benchmark 'serch' is unknown" in (message := capsys.readouterr().err) and "search" in message


def test_tables_of_other_machines_stay(tmp_path):
    text = tmp_path / "performance.md"
    text.write_text("before\n<!-- a -->\n<!-- b -->\nafter\n")
    ours, other = "Q (avx2), 2 cores, 25 GB; torch 1", "P (avx2), 2 cores, 25 GB; torch 1"
    for hardware, content in ((ours, "| 1 |"), (other, "| 2 |\n| 3 |"), (ours.replace("torch 1", "torch 2"), "| 4 |")):
        page.put_for(hardware, text, "<!-- a -->", "<!-- b -->", content)
    tables = f"On {other}:\n\n| 2 |\n| 3 |\n\nOn Q (avx2), 2 cores, 25 GB; torch 2:\n\n| 4 |"
    assert text.read_text() == f"before\n<!-- a -->\n\n{tables}\n\n<!-- b -->\nafter\n"
