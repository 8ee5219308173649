"""Say in a sentence what a table shows: where, which encoder, which measure in which range, over how many queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.results.record import Record
from harness.results.tables.measures import KNOWN, Measure

REGIMES = {"zero-shot": "as initialized", "fine-tuned": "after training"}


def of_table(records: Sequence[Record], measure: str, which: str = "") -> str:
    """Return the caption of the table of these records: one collection, regime and architecture.

    which  says which queries, if not all ("that share ..."); their number is then left out
    """
    identity, about = records[0].identity, KNOWN[measure]
    over = f"the {about.texts} {which}" if which else _of_languages(_counts(records, about), about)
    head = f"{identity.collection}, {_explained(identity.regime)}, encoder {identity.architecture}"
    return f"{head}: {_named(about)}; each number is a mean over {over}; {_seeds(records)}."


def of_points(records: Sequence[Record], measure: str, columns: str) -> str:
    """Return the caption of a table of scores during training. columns: what a column stands for."""
    identity, about = records[0].identity, KNOWN[measure]
    head = f"{identity.collection}, {_explained(identity.regime)}, encoder {identity.architecture}"
    languages = list(dict.fromkeys(record.identity.language for record in records))
    where = f"the {about.texts} in {languages[0]}" if len(languages) == 1 else f"the languages {', '.join(languages)}"
    return f"{head}: {_named(about)} {columns}; each number is a mean over {where}; {_seeds(records)}."


def of_summary(records: Sequence[Record], measure: str, languages: Sequence[str]) -> str:
    """Return the caption of the summary of one architecture. languages: of all columns, empty if they differ."""
    about = KNOWN[measure]
    by_collection: dict[str, list[Record]] = {}
    for record in records:
        by_collection.setdefault(record.identity.collection, []).append(record)
    amounts = {name: _amount(_counts(own, about), about) for name, own in by_collection.items()}
    different = len(set(amounts.values())) > 1
    listed = [f"{name}: {amount}" if different else amount for name, amount in amounts.items() if amount]
    amount = f" ({'; '.join(dict.fromkeys(listed))})" if listed else ""
    if len(languages) == 1:
        over = f"the {about.texts} in {languages[0]}"
        if len(listed) == len(amounts) and not different:
            over, amount = f"the {listed[0]} in {languages[0]}", ""
    else:
        over = f"the languages {', '.join(languages)}" if languages else "the languages of its column"
    head = f"Encoder {records[0].identity.architecture}"
    return f"{head}: {_named(about)}; each number is a mean over {over}{amount}; {_seeds(records)}."


def _named(about: Measure) -> str:
    return f"{about.name} ({about.range})"


def _explained(regime: str) -> str:
    return f"{regime} ({REGIMES[regime]})" if regime in REGIMES else regime


def _seeds(records: Sequence[Record]) -> str:
    seeds = list(dict.fromkeys(record.identity.seed for record in records))
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _counts(records: Sequence[Record], about: Measure) -> Mapping[str, int | None]:
    """Return by language how many queries (or documents) its cells were measured over; None where no cell says so."""
    counts: dict[str, int | None] = {}
    for record in records:
        language, own = record.identity.language, record.provenance.get(about.texts)
        counts[language] = own if own is not None else counts.get(language)
    return counts


def _of_languages(counts: Mapping[str, int | None], about: Measure) -> str:
    if len(counts) == 1:
        [(language, count)] = counts.items()
        return f"the {f'{count:,} ' if count is not None else ''}{about.texts} in {language}"
    if None not in counts.values() and len(set(counts.values())) == 1:
        return f"the {next(iter(counts.values())):,} {about.texts} of its language"
    amount = _amount(counts, about)
    return f"the {about.texts} of its language{f' ({amount})' if amount else ''}"


def _amount(counts: Mapping[str, int | None], about: Measure) -> str:
    """Return how many there are, "400 queries in each language" or "ko 829, ru 830 queries"; "" if unknown."""
    if None in counts.values():
        return ""
    numbers = [f"{count:,}" for count in counts.values()]
    if len(set(numbers)) == 1:
        return f"{numbers[0]} {about.texts}" + (" in each language" if len(numbers) > 1 else "")
    return (
        f"{', '.join(f'{language} {number}' for language, number in zip(counts, numbers, strict=True))} {about.texts}"
    )
