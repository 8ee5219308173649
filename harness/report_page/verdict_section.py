"""Say first what the tables show: how far each best row is ahead, how it compares with bm25 and base, what is missing.

The sentences on bm25 and base are those that the summary has, where the warnings follow them.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.report_page import lead
from harness.report_page.folder import ResultsFolder
from harness.report_page.markup import Markup, element, joined
from harness.results.record import FAILED, OK
from harness.results.tables.table import in_order

_WARNING = "warning: "
_ERRORS = 20  # that are listed


def pieces(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield the sentences on each table, what their words mean, and what is missing."""
    remarks = [remark for remark in folder.remarks if not remark.startswith(_WARNING)]
    items = []
    for group in folder.groups:
        beginning = f"{group.title}: "
        of_group = [remark for remark in remarks if remark.startswith(beginning)]
        remarks = [remark for remark in remarks if remark not in of_group]
        texts = [*lead.sentences(folder, group), *(remark.removeprefix(beginning) for remark in of_group)]
        items.append(joined([element("dt", group.title), *(element("dd", text) for text in texts)]))
    yield element("dl", *items, class_="verdict")
    explained = (
        "In brackets the 95% interval of a difference, over queries. Shown: by the test of significance.csv, corrected "
        "for all pairs of rows and columns of the table."
    )
    yield joined(element("p", note, class_="note") for note in (explained, *remarks))
    statuses = [cell.status for cell in folder.cells]
    if (computed := statuses.count(OK)) < len(statuses):
        failed = statuses.count(FAILED)
        yield element("p", f"Not complete: {computed} of {len(statuses)} cells are computed, {failed} failed.")
        errors = in_order(cell.error for cell in folder.cells if cell.status == FAILED)
        yield element("ul", *(element("li", f"failed: {error or 'no reason is known'}") for error in errors[:_ERRORS]))


def warnings(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield the warnings below the summary."""
    for remark in folder.remarks:
        if remark.startswith(_WARNING):
            yield element("p", remark.removeprefix(_WARNING))
