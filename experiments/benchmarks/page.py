"""docs/performance.md's table, written from the figures of the benchmarks in docs/performance.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from experiments.benchmarks.machines import kind

BENCHMARKS = ("initialize", "bridge", "head", "train_step", "encode", "search", "search_engines", "grid")
BEGIN, END = "<!-- figures: make bench -->", "<!-- end of figures -->"
HEAD = """\
| job | against | ours | theirs | faster | goal | memory ours / theirs |
| --- | --- | ---: | ---: | ---: | ---: | ---: |"""


def write(figures: dict[str, Any], path: Path) -> None:
    """Write the figures to `path` and their table to performance.md beside it; ValueError if it lacks the marks."""
    put(path.with_suffix(".md"), BEGIN, END, table(figures))
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def put(page: Path, begin: str, end: str, content: str) -> None:
    """Replace the text between two lines of a page; ValueError if the page lacks them."""
    before, _, after = _parts(page, begin, end)
    page.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}", encoding="utf-8")


def put_for(hardware: str, page: Path, begin: str, end: str, content: str) -> None:
    """Replace what stands for this kind of machine between two lines of a page; other kinds keep theirs.

    ValueError if the page lacks the lines.
    """
    _, text, _ = _parts(page, begin, end)
    titled = re.split(r"^On (.+):\n", text, flags=re.MULTILINE)[1:]
    sections = {kind(title): (title, below.strip()) for title, below in zip(titled[::2], titled[1::2], strict=True)}
    sections[kind(hardware)] = hardware, content
    put(page, begin, end, "\n\n".join(f"On {title}:\n\n{below}" for _, (title, below) in sorted(sections.items())))


def _parts(page: Path, begin: str, end: str) -> tuple[str, str, str]:
    """Return what stands before, between and after two lines of a page."""
    text = page.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{page} lacks the lines {begin!r} and {end!r} between which its table belongs; put them back")
    before, rest = text.split(begin, 1)
    between, after = rest.split(end, 1)
    return before, between, after


def table(figures: dict[str, Any]) -> str:
    """Return a table per kind of machine, in the order of the benchmarks, with notes below.

    figures  by kind of machine and name of benchmark
    """
    parts = []
    for _, measured in sorted(figures.items()):
        rows = [row for name in BENCHMARKS if name in measured for row in measured[name]["rows"]]
        noted: dict[str, list[str]] = {}
        for row in rows:
            noted.setdefault(row["note"], []).append(f"{row['job']}, {row['against']}")
        notes = [f"- {note}: {'; '.join(of)}" for note, of in noted.items() if note]
        hardware = "; ".join(dict.fromkeys(part["hardware"] for part in measured.values()))
        parts.append("\n".join([f"On {hardware}:", "", HEAD, *map(_line, rows), *([""] if notes else []), *notes]))
    return "\n\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    goal = "" if row["goal"] is None else f"{row['goal']:g} x"
    memory = "" if row["ours_mb"] is None else f"{row['ours_mb']:,.0f} / {row['theirs_mb']:,.0f} MB"
    times = f"{_time(row['ours'])} | {_time(row['theirs'])} | {row['ratio']:.1f} x"
    return f"| {row['job']} | {row['against']} | {times} | {goal} | {memory} |"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:,.0f} min"
