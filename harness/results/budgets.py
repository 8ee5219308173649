"""Warn where smaller vectors cost more of a score than they should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.evaluation.warnings import LARGEST_LOSS
from harness.results.record import OK, Record
from harness.results.tables.vector_notes import parts

MEASURE = "ndcg@10"


def lines(records: Sequence[Record]) -> list[str]:
    """Return a line for each budget of a collection and regime that costs more than LARGEST_LOSS in one of its cells.

    A cell is compared with the one that differs in nothing but having full vectors and weights, where the grid has it.
    """
    scores = {record.identity: record.scores[MEASURE] for record in records if record.status == OK}
    losses: dict[tuple[str, str, str], list[tuple[float, float, float, str]]] = {}
    for identity, score in scores.items():
        budgets = [part for part in parts(identity.vectors) if part != "idf"]
        full = scores.get(replace(identity, vectors="idf" if "idf" in parts(identity.vectors) else ""))
        if budgets and full:
            place = identity.collection, identity.regime, ", ".join(budgets)
            losses.setdefault(place, []).append((1 - score / full, full, score, identity.name))
    warned = []
    for (collection, regime, budget), of_setting in losses.items():
        costly = [each for each in of_setting if each[0] > LARGEST_LOSS]
        if costly:
            loss, full, score, name = max(costly)
            counted = f"{len(costly)} of {len(of_setting)} cells lose more than {LARGEST_LOSS:.0%} of their nDCG@10"
            most = f"{name} loses most, {loss:.1%} ({full:.3f} to {score:.3f})"
            setting = f"{budget}: {collection}, {regime}"
            warned.append(f"warning: {setting}: {counted}; {most}; allow more dimensions or bits")
    return warned
