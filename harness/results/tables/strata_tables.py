"""Make the table below a table: the scores of its low and of its high queries, side by side in each language.

It has the rows of the table above it, and a column only for a stratum with at least `FEWEST` queries in that language.
Where all queries are in one stratum, or none has enough, there is no such table, and the note of the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.results.record import OK, Record
from harness.results.strata import FEWEST, HIGH, LOW, SHOWN, STRATA, Stratum
from harness.results.tables import baselines_compared, captions, interactions, significance
from harness.results.tables.baselines_compared import Against, Place
from harness.results.tables.interactions import Interaction
from harness.results.tables.marked_table import Family, mark_table
from harness.results.tables.measures import MAIN
from harness.results.tables.significance import Comparison
from harness.results.tables.table import MEAN, MISSING, Cell, Method, Row, Table, count_of, method_rows, table_name

SUFFIX = "_strata"
MEASURE = MAIN  # of `Record.strata`
_WHICH = "that share few words with their answers (low) or most of them (high)"
_Counts = Mapping[str, Mapping[str, Stratum]]  # language -> stratum -> how many queries


@dataclass(frozen=True)
class Split:
    """Hold what becomes of a table when its queries are split.

    table      the table as it was, with a word in its note if nothing is beside it
    beside     the table of the strata; None: nothing to show apart
    whole      the stratum that all queries are in, if they are in one
    means      by stratum, the mean over languages in each row; `languages` says over which
    """

    table: Table
    beside: Table | None = None
    whole: str | None = None
    means: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    languages: Mapping[str, Sequence[str]] = field(default_factory=dict)
    comparisons: Sequence[Comparison] = ()
    against: Sequence[Against] = ()
    interactions: Sequence[Interaction] = ()


def split_table(
    table: Table,
    place: Place,
    records: Sequence[Record],
    labels: Mapping[Method, str],
    scores_of: interactions.ScoresOf,
) -> Split:
    """Return the split of a marked table. records: of the whole grid; labels: `row_labels` of them."""
    own = [record for record in records if table_name(record.identity) == table.name]
    counts: dict[str, Mapping[str, Stratum]] = {}
    for record in own:
        if record.strata:
            counts.setdefault(record.identity.language, record.strata)
    if not counts:
        return Split(table)
    languages = [language for language in table.columns[:-1] if language in counts]
    shown = {
        stratum: [language for language in languages if counts[language][stratum].queries >= FEWEST]
        for stratum in SHOWN
    }
    whole = next((stratum for stratum in STRATA if all(_all_in(counts[name], stratum) for name in languages)), None)
    if whole is not None:
        return Split(
            _with_note(table, f"All queries are {whole}, by the words they share with their answers."), whole=whole
        )
    if not any(shown.values()):
        return Split(_with_note(table, f"Too few low and high queries for columns of their own: {_listed(counts)}."))
    plain = {
        stratum: _of_stratum(table, own, labels, stratum, names, table.name + SUFFIX)
        for stratum, names in shown.items()
        if names
    }
    baselines = baselines_compared.baselines(labels)
    families = {stratum: Family.of(each, baselines) for stratum, each in plain.items()}
    tests = {}
    for stratum, each in plain.items():
        others = [family for other, family in families.items() if other != stratum]
        further = Family(sum(family.best for family in others), sum(family.baselines for family in others))
        tests[stratum] = mark_table(each, place, baselines, _scores_in(scores_of, stratum), further)
    marked = {stratum: each.table for stratum, each in tests.items()}
    crossed = interactions.interactions(plain[LOW], plain[HIGH], scores_of) if len(plain) > 1 else []
    notes = [
        count_of(own),
        f"Queries: {_listed(counts)}; a column needs {FEWEST}.",
        interactions.sentence(crossed),
        max((each.note for each in marked.values()), key=len),  # the legends of all marks
    ]
    title = f"{table.title} of queries {_WHICH}"
    beside = _side_by_side(table, languages, marked, title, " ".join(filter(None, notes)))
    beside = replace(beside, caption=captions.of_table(own, MEASURE, _WHICH), languages=tuple(languages))
    means = {stratum: [row.cells[-1] for row in each.rows] for stratum, each in marked.items()}
    return Split(
        table,
        beside,
        None,
        means,
        {stratum: shown[stratum] for stratum in marked},
        [row for each in tests.values() for row in each.comparisons],
        [row for each in tests.values() for row in each.against],
        crossed,
    )


def _all_in(counts: Mapping[str, Stratum], stratum: str) -> bool:
    return counts[stratum].queries == sum(each.queries for each in counts.values()) > 0


def _listed(counts: _Counts) -> str:
    """Return the numbers of queries, "ko 3 low, 12 middle, 40 high; ru ..."."""
    return "; ".join(
        f"{language} {', '.join(f'{own[stratum].queries:,} {stratum}' for stratum in STRATA)}"
        for language, own in counts.items()
    )


def _with_note(table: Table, note: str) -> Table:
    return replace(table, note=f"{table.note} {note}".lstrip())


def _scores_in(scores_of: interactions.ScoresOf, stratum: str) -> Callable[[str], significance.Scores | None]:
    return lambda key: scores_of(stratum, key)


def _of_stratum(
    table: Table,
    records: Sequence[Record],
    labels: Mapping[Method, str],
    stratum: str,
    languages: Sequence[str],
    name: str,
) -> Table:
    """Return the table of one stratum alone; its columns are "ko, low", ..., the mean last."""
    measured = [
        replace(record, scores={MEASURE: record.strata[stratum].score} if record.status == OK and record.strata else {})
        for record in records
    ]
    scored = {(row.label, row.reference): row for row in method_rows(measured, dict(labels), languages, MEASURE)}
    columns = tuple(f"{column}, {stratum}" for column in (*languages, MEAN))
    empty = tuple(Cell(MISSING) for _ in columns)
    rows = [scored.get((row.label, row.reference), Row(row.label, empty, row.reference)) for row in table.rows]
    return Table(name, "", columns, tuple(rows))


def _side_by_side(table: Table, languages: Sequence[str], strata: Mapping[str, Table], title: str, note: str) -> Table:
    """Return one table of the columns of all strata, language by language; a single language has no mean."""
    names = [*languages, MEAN] if len(languages) > 1 else list(languages)
    columns = [
        (stratum, each.columns.index(f"{name}, {stratum}"))
        for name in names
        for stratum, each in strata.items()
        if f"{name}, {stratum}" in each.columns
    ]
    rows = [
        replace(row, cells=tuple(strata[stratum].rows[number].cells[place] for stratum, place in columns))
        for number, row in enumerate(table.rows)
    ]
    headings = tuple(strata[stratum].columns[place] for stratum, place in columns)
    return Table(table.name + SUFFIX, title, headings, tuple(rows), note)
