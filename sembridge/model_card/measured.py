"""What a grid knows of an encoder besides its transfer: how it was trained, and which scores it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sembridge.model_card.markdown import plain

NOTHING_TRAINED = (
    "**Nothing was trained.** "
    "These are zero-shot weights, the starting point for fine-tuning on text of the new language."
)


@dataclass(frozen=True)
class Training:
    """How an encoder was fine-tuned.

    collection  that the pairs are from
    pairs       of a query and its document that were used
    steps       of the optimizer
    settings    of the training, e.g. {"batch_size": 32}
    """

    collection: str
    pairs: int
    steps: int
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """Scores on one collection.

    collection          its name, with the language
    documents, queries  how many it has; None where that is not known
    measures            their names, e.g. "ndcg@10"
    rows                (name, scores by measure): the encoder first, then what it is compared with
    missing             rows that one would expect beside it and that were not measured, in sentences
    """

    collection: str
    documents: int | None
    queries: int | None
    measures: Sequence[str]
    rows: Sequence[tuple[str, Mapping[str, float]]]
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Measured:
    """How the encoder of a grid's cell was trained, if it was, and its scores."""

    training: Training | None
    scores: Scores

    def training_text(self) -> str:
        """Return a sentence on the training; a warning where there was none."""
        if self.training is None:
            return NOTHING_TRAINED
        training = self.training
        return (
            f"**It was fine-tuned** in {training.steps:,} steps on {training.pairs:,} pairs of a query and its "
            f"document from {plain(training.collection)}."
        )

    def scores_text(self) -> str:
        """Return the table of scores, and what they are scores of."""
        scores = self.scores
        lines = [f"| | {' | '.join(scores.measures)} |", f"|---|{'---:|' * len(scores.measures)}"]
        for name, values in scores.rows:
            cells = (f"{values[measure]:.3f}" if measure in values else "–" for measure in scores.measures)
            lines.append(f"| {plain(name)} | {' | '.join(cells)} |")
        sizes = [(scores.documents, "documents"), (scores.queries, "queries")]
        counted = " and ".join(f"{count:,} {noun}" for count, noun in sizes if count is not None)
        about = (
            f"Means over the queries of {plain(scores.collection)}{f' ({counted})' if counted else ''}, from 0 to 1."
        )
        return "\n".join(lines) + "\n\n" + " ".join([about, *map(plain, scores.missing)])

    def caution(self) -> str:
        """Return what a reader must not conclude from the scores."""
        trained = "" if self.training is not None else "Not fine-tuned. "
        return (
            f"{trained}Measured on one collection, whose texts may be easier than yours: measure it on queries and "
            "documents of your own before you rely on it."
        )
