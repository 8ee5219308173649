"""Check a collection in a folder before anything runs, and say what it lacks."""

from __future__ import annotations

from harness.plan.collection_source import CollectionSource
from harness.plan.preset import PresetError
from harness.store.artifact import Local, Source


def check_collection(
    option: str, name: str, declared: CollectionSource, source: Source, needs_pairs: bool
) -> list[str]:
    """Return a warning for each thing that a local collection lacks.

    Raises PresetError for one that is inconsistent, lacks too much, or lacks training pairs that the grid needs.
    """
    if not isinstance(source, Local):
        return []
    from harness.collections import beir

    try:
        summary = beir.check(source.path, declared.most_missing)
    except ValueError as error:
        raise PresetError(f"{option}: {str(error).replace('collections.NAME.', f'collections.{name}.')}") from None
    if needs_pairs and not summary.train_pairs:
        raise PresetError(
            f"{option}: {source.path} has no training pairs; "
            "add qrels/train.tsv, or leave fine-tuned out with --regimes zero-shot"
        )
    about_own = own_documents_warning(name, declared.ignore_identical_ids, summary.own, summary.own_example)
    return [f"{option}: {warning}" for warning in (*summary.warnings, about_own) if warning]


def own_documents_warning(name: str, rule: bool | None, count: int, example: str) -> str:
    """Return what is to be decided about queries whose id is also that of a document; "" if nothing is.

    rule     `ignore_identical_ids` of the collection
    count    such queries; `example`: the id of one
    """
    option = f"--set collections.{name}.ignore_identical_ids"
    if rule and not count:
        return f"ignore_identical_ids has no effect: no test query has the id of a document; leave {option} out"
    if rule is not None or not count:
        return ""
    problem = f"{count} test queries have the id of a document, such as {example[:80]!r}, which is ranked for them"
    return (
        f"{problem}: where that document is the query itself, as in ArguAna, leave it out with {option}=true; "
        f"where it is not, say so with {option}=false"
    )
