"""Render a table as Markdown, CSV, LaTeX or text for the terminal, with pure functions."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Sequence

from harness.results.spreadsheet import as_text
from harness.results.tables import Cell, Row, Table

UNDECIDED = "†"
BELOW = "↓"
TERMINAL_WIDTH = 100
_LABEL_WIDTH = 48  # longer labels are wrapped, which leaves room for several columns beside them
_GAP = "  "


def to_markdown(table: Table, heading: str = "##") -> str:
    """Return a heading, the table and its note; the best cells are bold, references stand below a row that says so."""
    header = ["method", *table.columns]
    lines = [_markdown_row(map(_markdown_text, header)), _markdown_row([":---", *["---:"] * len(table.columns)])]
    lines += [_markdown_row([_markdown_text(row.label), *map(_markdown_cell, row.cells)]) for row in table.competitors]
    if table.references and table.competitors:
        lines.append(_markdown_row(["*for reference*", *[""] * len(table.columns)]))
    lines += [_markdown_row([_markdown_text(row.label), *map(_markdown_cell, row.cells)]) for row in table.references]
    note = f"\n{_markdown_text(table.note)}\n" if table.note else ""
    return f"{heading} {_markdown_text(table.title)}\n\n" + "\n".join(lines) + "\n" + note


def markdown_item(text: str) -> str:
    """Return an item of a list."""
    return f"- {_markdown_text(text)}\n"


def to_csv(table: Table) -> str:
    """Return the rows of `csv_rows` as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(csv_rows(table))
    return text.getvalue()


def csv_rows(table: Table) -> list[list[str]]:
    """Return the header and the printed cells without marks; a column says whether a row is a reference."""
    return [
        ["method", "reference", *map(as_text, table.columns)],
        *(
            [as_text(row.label), "yes" if row.reference else "no", *(cell.text for cell in row.cells)]
            for row in table.rows
        ),
    ]


def to_latex(table: Table) -> str:
    r"""Return a booktabs table environment: title as caption, best in \textbf, references below a rule, note last."""
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_latex_text(table.title)}}}",
        f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        "\\toprule",
        _latex_row(["method", *table.columns]),
        "\\midrule",
        *(_latex_row([row.label], row.cells) for row in table.competitors),
    ]
    if table.references and table.competitors:
        lines.append("\\midrule")
    lines += [_latex_row([row.label], row.cells) for row in table.references]
    lines += ["\\bottomrule", "\\end{tabular}"]
    if table.note:
        lines += ["", f"\\smallskip\\footnotesize {_latex_text(table.note)}"]
    lines.append("\\end{table}")
    return "\n".join(lines) + "\n"


def to_text(table: Table, width: int = TERMINAL_WIDTH) -> str:
    """Return aligned columns, the best cells with a star; columns beyond `width` follow in a further block of rows.

    The parts of a column's name ("pocket-faq, zero-shot") stand below each other. The note comes last.
    """
    labels = {row.label: textwrap.wrap(row.label, _LABEL_WIDTH, break_on_hyphens=False) or [""] for row in table.rows}
    first = max([len("method"), *(len(line) for lines in labels.values() for line in lines)])
    # One place more than the longest text, for the mark or a space: digits stay below digits.
    sizes = [
        max(map(len, [*name.split(", "), *(_below(row.cells[i]) + row.cells[i].text for row in table.rows)])) + 1
        for i, name in enumerate(table.columns)
    ]
    blocks = ["\n".join(_text_block(table, labels, first, sizes, chosen)) for chosen in _fitting(sizes, width - first)]
    note = [textwrap.fill(table.note, width) + "\n"] if table.note else []
    return "\n".join([*textwrap.wrap(table.title, width), "\n\n".join(blocks), *note]) + ("" if note else "\n")


def _fitting(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Return the column numbers in as few groups as fit, in order; a column wider than `room` has its own group."""
    groups: list[list[int]] = [[]]
    left = room
    for column, size in enumerate(sizes):
        needed = len(_GAP) + size
        if needed > left and groups[-1]:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= needed
    return groups


def _text_block(
    table: Table, labels: dict[str, list[str]], first: int, sizes: Sequence[int], chosen: Sequence[int]
) -> list[str]:
    def line(label: str, texts: Sequence[str]) -> str:
        cells = [text.rjust(sizes[i]) for i, text in zip(chosen, texts, strict=True)]
        return _GAP.join([label.ljust(first), *cells]).rstrip()

    def body(rows: Sequence[Row]) -> list[str]:
        lines = []
        for row in rows:
            *wrapped, last = labels[row.label]
            lines += [*wrapped, line(last, [_text_cell(row.cells[i]) for i in chosen])]
        return lines

    names = [table.columns[i].split(", ") for i in chosen]
    height = max(map(len, names))
    levels = zip(*([""] * (height - len(name)) + name for name in names), strict=True)
    header = [
        line("method" if level == height else "", [part + " " for part in parts])
        for level, parts in enumerate(levels, 1)
    ]
    rule = "-" * (first + sum(len(_GAP) + sizes[i] for i in chosen) - 1)
    below = [rule, *body(table.references)] if table.references and table.competitors else body(table.references)
    return [*header, rule, *body(table.competitors), *below]


def _text_cell(cell: Cell) -> str:
    return _below(cell) + cell.text + ("*" if cell.best else UNDECIDED if cell.undecided else " ")


def _below(cell: Cell) -> str:
    """Return the mark before the number, which leaves digits below digits."""
    return BELOW * cell.below


def _markdown_row(cells: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Cell) -> str:
    return _below(cell) + (f"**{cell.text}**" if cell.best else cell.text + UNDECIDED * cell.undecided)


def _markdown_text(text: str) -> str:
    """Return text that Markdown shows as it is: no link, no picture, no HTML, no further line or column."""
    return re.sub(r"([\\`*|<\[])", r"\\\1", " ".join(text.split("\n")))


_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "[": "{[}",  # at the start of a row, [ and * would be read as arguments of the \\ or the rule before them
    "]": "{]}",
    "*": "{*}",
    "α": "$\\alpha$",
    "±": "$\\pm$",
    "≥": "$\\geq$",
    UNDECIDED: "$^{\\dagger}$",
    BELOW: "$\\downarrow$",
    "–": "--",
}


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split("\n")))


def _latex_row(texts: Sequence[str], cells: Sequence[Cell] = ()) -> str:
    return " & ".join([*map(_latex_text, texts), *map(_latex_cell, cells)]) + " \\\\"


def _latex_cell(cell: Cell) -> str:
    """Return the cell; a mark takes no width, so that digits stay below digits."""
    text = _latex_text(cell.text)
    below = f"\\llap{{{_LATEX[BELOW]}}}" * cell.below
    return below + (f"\\textbf{{{text}}}" if cell.best else text + f"\\rlap{{{_LATEX[UNDECIDED]}}}" * cell.undecided)
