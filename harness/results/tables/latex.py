"""Render a table as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.tables.table import UNDECIDED, Cell, Table


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
    "–": "--",
}


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split("\n")))


def _latex_row(texts: Sequence[str], cells: Sequence[Cell] = ()) -> str:
    return " & ".join([*map(_latex_text, texts), *map(_latex_cell, cells)]) + " \\\\"


def _latex_cell(cell: Cell) -> str:
    """Return the cell; a mark takes no width, so that digits stay below digits."""
    text = _latex_text(cell.text)
    return f"\\textbf{{{text}}}" if cell.best else text + f"\\rlap{{{_LATEX[UNDECIDED]}}}" * cell.undecided
