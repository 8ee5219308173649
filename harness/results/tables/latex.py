r"""Render a table as LaTeX that fits one column of a two-column paper, the narrowest of which has 219 pt (ACL).

Small letters and narrow gaps come first, then long names in several lines. What is still too wide stands in several
tabulars below each other. Nothing is scaled (\resizebox): letters keep the sizes of the class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from harness.results.tables.headings import Heading, blocks, levels
from harness.results.tables.latex_text import breakable, foreign, label, width, written
from harness.results.tables.legend import BOLD, legend
from harness.results.tables.table import BELOW, DEVIATION, UNDECIDED, Cell, Row, Table

COLUMN = 219  # points
_DEVIATION_SIZE = 7


class Style(NamedTuple):
    """Hold how a tabular is set; lengths in points.

    size   of letters, whose name in LaTeX is `command`
    gap    half of the space between columns
    limit  of names of rows and headings, which stand in several lines beyond it
    """

    command: str
    size: int
    gap: float
    limit: float


_STYLES = (  # the first of those that need the fewest tabulars is taken
    Style("\\small", 9, 4, math.inf),
    Style("\\footnotesize", 8, 3, math.inf),
    Style("\\footnotesize", 8, 3, 72),
    Style("\\footnotesize", 8, 2.5, 50),
)


def to_latex(table: Table) -> str:
    r"""Return a booktabs table environment: caption, label, best in \textbf, references below a rule, note.

    It has several tabulars if one would be too wide.
    """
    layout, chosen = _fitting(table)
    texts = [table.caption or table.title, table.note, *table.columns, *(row.label for row in table.rows)]
    letters = foreign("".join(texts))
    note = " ".join(filter(None, [table.note, legend([table], BOLD)]))
    lines = [
        "% needs \\usepackage{booktabs}",
        *([f"% needs xelatex or lualatex, and a font that has {letters}"] if letters else []),
        "\\begin{table}",
        "\\sloppy",
        "\\centering",
        f"\\caption{{{breakable(table.caption or table.title, COLUMN, 10)}}}",
        f"\\label{{tab:{label(table.name)}}}",
        f"{layout.style.command}\\setlength{{\\tabcolsep}}{{{layout.style.gap:g}pt}}",
        "\n\\par\\medskip\n".join("\n".join(layout.lines(block)) for block in chosen),
        *([f"\\par\\smallskip{{\\footnotesize\\raggedright {breakable(note, COLUMN, 8)}\\par}}"] if note else []),
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _fitting(table: Table) -> tuple[_Layout, list[list[int]]]:
    """Return the layout that needs the fewest tabulars of all that fit, and the columns of each of its tabulars."""
    layouts = [_Layout(table, style) for style in _STYLES]
    pairs = [(layout, blocks(table.columns, layout.width, COLUMN)) for layout in layouts]
    return min(pairs, key=lambda pair: (any(pair[0].width(block) > COLUMN for block in pair[1]), len(pair[1])))


class _Layout:
    """Set the columns of a table in a style."""

    def __init__(self, table: Table, style: Style) -> None:
        self._table, self.style = table, style
        self._first = max(self._of_name(name) for name in ["method", *(row.label for row in table.rows)])
        self._sizes = [
            max((_cell_width(row.cells[place], style.size) for row in table.rows), default=0.0)
            for place in range(len(table.columns))
        ]

    def width(self, chosen: Sequence[int]) -> float:
        """Return about how many points the tabular of these columns takes."""
        return self._first + sum(2 * self.style.gap + size for size in self._widened(chosen))

    def lines(self, chosen: Sequence[int]) -> list[str]:
        """Return the tabular of these columns."""
        competitors, references = self._table.competitors, self._table.references
        return [
            f"\\begin{{tabular}}{{@{{}}l{'r' * len(chosen)}}}",
            "\\toprule",
            *self._header(chosen),
            "\\midrule",
            *(self._row(row, chosen) for row in competitors),
            *(["\\midrule"] if competitors and references else []),
            *(self._row(row, chosen) for row in references),
            "\\bottomrule",
            "\\end{tabular}",
        ]

    def _row(self, row: Row, chosen: Sequence[int]) -> str:
        return _joined([self._named(row.label, "[t]", "\\raggedright"), *(_cell(row.cells[place]) for place in chosen)])

    def _header(self, chosen: Sequence[int]) -> list[str]:
        *upper, last = levels([self._table.columns[place] for place in chosen])
        lines = []
        for headings in upper:
            cells, rules, start = [""], [], 2
            for heading in headings:
                end = start + heading.span - 1
                cells.append(self._heading(heading))
                rules += [f"\\cmidrule(lr){{{start}-{end}}}"] if heading.span > 1 else []
                start = end + 1
            lines += [_joined(cells), *(["".join(rules)] if rules else [])]
        return [*lines, _joined(["method", *map(self._heading, last)])]

    def _heading(self, heading: Heading) -> str:
        if heading.span == 1:
            return self._named(heading.text, "[b]", "\\raggedleft")
        return f"\\multicolumn{{{heading.span}}}{{c}}{{{self._named(heading.text, '[b]', chr(92) + 'centering')}}}"

    def _named(self, name: str, place: str, aligned: str) -> str:
        """Return the name, in a box of several lines where it is too long."""
        if width(name, self.style.size) <= self.style.limit:
            return written(name)
        lines = breakable(name, self.style.limit, self.style.size)
        return f"\\parbox{place}{{{self.style.limit:g}pt}}{{{aligned} {lines}\\strut}}"

    def _of_name(self, name: str) -> float:
        return min(width(name, self.style.size), self.style.limit)

    def _widened(self, chosen: Sequence[int]) -> list[float]:
        """Return the widths of these columns, the last of which under a heading makes room for it, as in LaTeX."""
        sizes = [self._sizes[place] for place in chosen]
        for line in reversed(levels([self._table.columns[place] for place in chosen])):
            start = 0
            for text, span in line:
                room = sum(sizes[start : start + span]) + 2 * self.style.gap * (span - 1)
                sizes[start + span - 1] += max(0.0, self._of_name(text) - room)
                start += span
        return sizes


def _joined(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(cell: Cell) -> str:
    """Return the cell; a mark takes no width, so that digits stay below digits."""
    number, _, deviation = cell.text.partition(DEVIATION)
    text = f"\\textbf{{{written(number)}}}" if cell.best else written(number)
    if deviation:
        text += f"{{\\scriptsize\\,$\\pm$\\,{written(deviation)}}}"
    below = f"\\llap{{{written(BELOW)}}}" * cell.below
    return below + text + f"\\rlap{{{written(UNDECIDED)}}}" * cell.undecided


def _cell_width(cell: Cell, size: int) -> float:
    number, _, deviation = cell.text.partition(DEVIATION)
    points = width(number, size, bold=cell.best)
    return points + (width(f"± {deviation}", _DEVIATION_SIZE) if deviation else 0)
