"""Commands in the documents are commands: each one is read by the parser with the options it has today."""

from __future__ import annotations

import re
import shlex

import pytest

from experiments.benchmarks.engines.__main__ import parser as engines_parser
from harness.cli.export.options import GRAPH
from harness.cli.main import parser
from harness.export.registry import ENGINES
from tests.helpers.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    """Indented lines that call the command or the script, lines that go on after a backslash joined."""
    text = text.replace("\\\n", " ").replace("python experiments/run_grid.py", "sembridge-bench grid")
    return [line.rstrip() for line in re.findall(r"^    (?:\$ )?sembridge-bench (.+)$", text, re.M)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_they_parse(document):
    for command in commands(document.read_text(encoding="utf-8")):
        arguments = shlex.split(command, comments=True)
        try:
            parser().parse_args(arguments)
        except SystemExit as stopped:
            assert stopped.code == 0 and "--help" in arguments, command


def test_the_guide_has_some():
    documented = commands((ROOT / "docs" / "your-encoder.md").read_text(encoding="utf-8"))
    assert (
        sum(command.startswith("transfer") for command in documented) >= 3
        and sum(command.startswith("explain") for command in documented) >= 2
    )


def test_every_engine_has_its_command_and_its_name_in_the_table_of_options():
    page = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    exported = [parser().parse_args(shlex.split(command, comments=True)) for command in commands(page)]
    formats = [*ENGINES, GRAPH]
    assert {arguments.to for arguments in exported if arguments.command == "export"} == set(formats)
    (row,) = re.findall(r"^\| `--to ENGINE` \| (.+) \|$", page, re.M)
    assert row.split(", ") == formats


def test_the_table_of_engines_is_measured_by_a_module_that_takes_these_arguments():
    page = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"^    (?:\$ )?\S*python -m experiments\.benchmarks\.engines (.+)$", page, re.M)
    parsed = engines_parser().parse_args(shlex.split(arguments))
    assert parsed.index and parsed.queries.name == "queries.jsonl"
