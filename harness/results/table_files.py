"""Make the files of the folder tables/: a table in three forms, summaries, and all tables on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from harness.results import file_names
from harness.results.tables import summary
from harness.results.tables.further import Further
from harness.results.tables.latex import to_latex
from harness.results.tables.legend import BOLD, legend
from harness.results.tables.measures import MAIN, suffix
from harness.results.tables.rendering import markdown_item, markdown_text, to_csv, to_markdown
from harness.results.tables.table import Table


def table_files(
    tables: Sequence[Table], means: Mapping[str, Table], warned: Sequence[str], others: Sequence[Further]
) -> dict[str, str]:
    """Return the content of each file by its name.

    tables  of the main measure, as they are printed; means: its summary by architecture
    warned  lines that the summaries and the page of all tables repeat
    others  the tables of further measures
    """
    files = _summary_files(MAIN, means, warned)
    for other in others:
        files |= _summary_files(other.measure, other.summary, warned)
    for table in chain(tables, *(other.arranged_tables() for other in others)):
        contents = (_with_legend(table), to_csv(table), to_latex(table))
        for form, content in zip(file_names.TABLE_FORMS, contents, strict=True):
            files[file_names.table_file(table.name) + form] = content
    everything = [*means.values(), *tables, *chain.from_iterable(other.printed() for other in others)]
    explained = markdown_text(legend(everything, BOLD)) + "\n"
    parts = ["# Results\n", explained, *map(markdown_item, warned), *map(to_markdown, everything)]
    return {**files, "all.md": "\n".join(parts)}


def _summary_files(measure: str, means: Mapping[str, Table], warned: Sequence[str]) -> dict[str, str]:
    contents = summary.to_files(means, warned) if means else {}
    return {summary.NAME + suffix(measure) + form: content for form, content in contents.items()}


def _with_legend(table: Table) -> str:
    explained = legend([table], BOLD)
    return to_markdown(table, heading="#") + (f"\n{markdown_text(explained)}\n" if explained else "")
