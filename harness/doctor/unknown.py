"""Check how much of the collections the tokenizers do not know, as far as both are on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from harness.doctor.hub_access import OK, WARN, Check
from harness.estimate.unknown_sample import samples
from harness.plan.plan import Cell
from harness.store.store import Store


def unknown_tokens(cells: Sequence[Cell], store: Store) -> list[Check]:
    """Return a warning for each sample with too many unknown tokens, else one line with the largest shares.

    The row `base` is not warned of: its tokenizer is the source's, and its unknown tokens are why there is a transfer.
    """
    sampled = samples(cells, store)
    warned = [Check(WARN, "unknown tokens", str(sample)) for sample in sampled if sample.warns]
    if warned:
        return warned
    own, target = ([max(sample.unknown.values()) for sample in sampled if sample.own is own] for own in (True, False))
    if not target:
        text = "not sampled: no tokenizer and collection of one language are on this machine yet"
        return [Check(OK, "unknown tokens", text)]
    base = f"; {max(own):.1%} to the source's own tokenizer (row base)" if own else ""
    text = f"at most {max(target):.1%} of the tokens of {len(target)} sampled collections are unknown{base}"
    return [Check(OK, "unknown tokens", text)]
