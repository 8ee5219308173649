"""One declaration of options for three commands; and each command that a message advises can be typed."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.cli.grid_options import add_grid_options, command_line, program
from harness.cli.main import main, parser
from harness.cli.refusal import Parser
from tests.helpers.paths import PRESETS, ROOT

TYPED = {
    "--preset": ["own-data"],
    "--languages": ["ko", "ru"],
    "--architectures": ["a"],
    "--initializers": ["mean"],
    "--fusion": ["mean"],
    "--bridges": ["b"],
    "--alphas": ["2", "1.5"],
    "--collections": ["c"],
    "--regimes": ["zero-shot"],
    "--seeds": ["1", "2"],
    "--measures": ["recall@100", "active"],
    "--catalog": ["mine.yaml"],
    "--set": ["data=my folder"],
    "--results": ["r"],
    "--store": ["s"],
    "--address": ["auto"],
}


def messages() -> Iterator[tuple[Path, str]]:
    """Every string of the code that is not a docstring; x stands for what is filled in."""
    for floor in ("sembridge", "baselines", "harness"):
        for path in sorted((ROOT / floor).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            left_out = {
                node.body[0].value
                for node in ast.walk(tree)
                if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    left_out |= set(node.values)
                    yield path, "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
                    yield path, node.value


ADVICE = re.compile(r"(?:sembridge-bench|python experiments/run_grid\.py)((?: [\w./=-]+)*)(?=[`\n);,:]|$)")


def advice() -> list[list[str]]:
    """The arguments of each command in a message; --help where a message names the command only."""
    typed = [arguments.split() for _, text in messages() for arguments in ADVICE.findall(text)]
    return [words if len(words) > 1 else [*words, "--help"] for words in typed if words and words[0] != "x"]


def test_advice_is_read_by_the_real_parser():
    commands = advice()
    assert ["explain", "DIR", "TOKEN"] in commands
    assert ["explain", "x", "--worst", "20"] in commands
    for words in commands:
        try:
            parser().parse_args(words)
        except SystemExit as stopped:
            assert stopped.code == 0, words


def test_messages_name_pages_of_the_documentation_and_no_file_that_a_wheel_lacks():
    pages = set()
    for path, text in messages():
        assert not re.search(r"\b(docs|experiments)/", text) or path.name == "shipped.py", (path, text)
        pages |= set(re.findall(r"page '?([\w-]+)'? of the documentation", text))
    assert {"presets", "catalog", "own-data"} <= pages
    assert all((ROOT / "docs" / f"{page}.md").is_file() for page in pages)


def test_every_command_takes_every_option():
    plain = Parser()
    assert {action.option_strings[0] for action in add_grid_options(plain)} == set(TYPED)
    words = [word for option, values in TYPED.items() for word in (option, *values)]
    grid = vars(parser().parse_args(["grid", *words]))
    doctor = vars(parser().parse_args(["doctor", *words, "--calibrate"]))
    assert {name: doctor[name] for name in grid if name != "command"} == {
        name: value for name, value in grid.items() if name != "command"
    }
    assert grid["alphas"] == [2.0, 1.5] and grid["seeds"] == [1, 2] and grid["store"] == Path("s")


def test_the_command_line_of_options_gives_them_again():
    words = [word for option, values in TYPED.items() for word in (option, *values)]
    args = parser().parse_args(["grid", *words, "--set", "x=1"])
    name, command, *typed = shlex.split(command_line(args))
    assert (name, command) == ("sembridge-bench", "grid") and parser().parse_args([command, *typed]) == args
    assert command_line(parser().parse_args(["grid"])) == "sembridge-bench grid"


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        ("experiments/run_grid.py", "python experiments/run_grid.py"),
        ("../my clone/experiments/run_grid.py", "python '../my clone/experiments/run_grid.py'"),
        ("/usr/bin/sembridge-bench", "sembridge-bench grid"),
    ],
)
def test_a_refusal_names_the_program_that_was_called(monkeypatch, capsys, called, typed):
    monkeypatch.setattr(sys, "argv", [called])
    assert program() == typed
    with pytest.raises(SystemExit):
        main(["grid", "--alfas", "2"])
    assert capsys.readouterr().err == f"error: unrecognized arguments: --alfas 2; see {typed} --help\n"


def test_the_script_is_the_command():
    """Options and refusals: only the program's name differs."""

    def run(*arguments: str) -> tuple[int, str]:
        process = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
        return process.returncode, " ".join((process.stdout + process.stderr).replace(script, command).split())

    script, command = "python experiments/run_grid.py", "sembridge-bench grid"
    for options in (["--help"], ["--list-presets"], ["--preset", "poket"], ["--seeds", "x"]):
        assert run("experiments/run_grid.py", *options) == run("-m", "harness.cli.main", "grid", *options)


def test_presets_are_listed_each_with_a_line_of_its_own(capsys):
    for command in ("grid", "doctor"):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--list-presets"])
        lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
        assert stopped.value.code == 0 and [name for name, _ in lines] == sorted(p.stem for p in PRESETS.glob("*.yaml"))
        assert all(10 < len(title) <= 100 and "docs/" not in title for _, title in lines)
        assert len({title for _, title in lines}) == len(lines)


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0 and capsys.readouterr().out == f"sembridge-bench {version('sembridge-bench')}\n"


def test_doctor_takes_the_preset_either_way_and_ends_with_a_command(command, tmp_path):
    options = ["--languages", "ko", "--alphas", "2", "--seeds", "1", "--store", tmp_path / "store"]
    reports = [command("doctor", *preset, *options) for preset in ([], ["pocket"], ["--preset", "pocket"])]
    assert reports[0][0] == 0 and reports[0] == reports[1] == reports[2]
    advised = shlex.split(reports[0][1].splitlines()[-1])
    assert advised[:2] == ["sembridge-bench", "grid"] and "--calibrate" not in advised
    assert advised[2:] == ["--languages", "ko", "--alphas", "2.0", "--seeds", "1", "--store", str(tmp_path / "store")]
    assert parser().parse_args(advised[1:]).alphas == [2.0]
    code, _, err = command("doctor", "smoke", "--preset", "pocket")
    assert code == 2 and "PRESET 'smoke' conflicts with --preset 'pocket'; give one of them" in err
