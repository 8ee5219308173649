"""Say below a table what is special about its collections: documents left out by rule, judgements without document."""

from __future__ import annotations

from collections.abc import Iterable

from harness.results.record import Record


def collection_notes(records: Iterable[Record]) -> str:
    """Return the sentences for the collections of these records, one for each kind of note; "" without any."""
    facts: dict[str, dict[str, str]] = {}
    records = list(records)
    several = len({record.identity.collection for record in records}) > 1
    for record in records:
        own = record.provenance.get("about", {}).get("collection", {})
        where = f"{record.identity.collection}, {record.identity.language}" if several else record.identity.language
        for sentence, count in _facts(own):
            facts.setdefault(sentence, {})[where] = count
    return " ".join(
        f"{sentence} ({'; '.join(f'{where}: {count}' for where, count in counts.items())})."
        for sentence, counts in facts.items()
    )


def _facts(about: dict[str, int]) -> Iterable[tuple[str, str]]:
    """Yield (what was done, how often) from `about.collection` of a measurement."""
    if own := about.get("own_documents"):
        left_out = "The document with a query's own id is left out of its ranking, as ignore_identical_ids says"
        kept = "Queries that have the id of a document, which is ranked for them"
        yield (left_out if about.get("ignore_identical_ids") else kept), f"{own:,} queries"
    if lost := about.get("pairs_without_document"):
        yield (
            "Judged documents that the corpus lacks still count, so no ranking is perfect",
            f"{lost:,} of {about['judged_pairs']:,} pairs",
        )
    if lost := about.get("pairs_without_query"):
        yield "Judged queries without text are left out", f"{lost:,} of {about['judged_pairs']:,} pairs"
    if empty := about.get("empty_documents"):
        yield "Documents without title and text are left out", f"{empty:,}"
    if pairs := about.get("pairs_not_trained"):
        yield "Training pairs without document or query are left out", f"{pairs:,}"
