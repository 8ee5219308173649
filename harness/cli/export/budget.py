"""Say what --max-active-document and --max-active-query cost, and warn where that is too much."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.messages import say
from harness.cli.refusal import RefusedError
from harness.evaluation.warnings import LARGEST_LOSS

if TYPE_CHECKING:
    from harness.export.budgets import Budget, Cost

_OPTION = "--largest-loss"


def check_loss(args: argparse.Namespace) -> None:
    """Refuse a --largest-loss that is not a share, or that nothing is compared with."""
    loss = args.largest_loss
    if loss is None:
        return
    if not 0 <= loss < 1:
        raise RefusedError(f"{_OPTION} {loss:g} is not a share from 0 to below 1; the default is {LARGEST_LOSS}")
    if args.max_active_document is None and args.max_active_query is None:
        raise RefusedError(
            f"{_OPTION} is for a budget; add --max-active-document or --max-active-query, or leave it out"
        )
    if args.check is None:
        raise RefusedError(f"{_OPTION} is for a cost that is measured; add --check N with --queries, or leave it out")


def budget_of(args: argparse.Namespace) -> Budget | None:
    """Return the budget that the options set; None for none."""
    from harness.export.budgets import Budget

    if args.max_active_document is None and args.max_active_query is None:
        return None
    return Budget(args.max_active_document, args.max_active_query)


def say_unmeasured() -> None:
    """Print that the cost is not known, and which options measure it."""
    say("note", "what the budget costs was not measured: --queries FILE --check N does that with N queries")


def show(costs: Sequence[Cost], largest: float | None) -> None:
    """Print what a budget costs, and a warning with the next budget that holds.

    costs    of the budget, and then of its multiples
    largest  the share that it may cost; None: LARGEST_LOSS
    """
    most, first = LARGEST_LOSS if largest is None else largest, costs[0]
    print("\nWhat the budget costs on its own, compared with all dimensions:")
    scores = f"overlap@10 {first.overlap:.4f}"
    if first.full is not None and first.cut is not None:
        change = f"{abs(first.loss):.1%} {'more' if first.loss < 0 else 'less'}"
        scores = f"nDCG@10 {first.cut:.4f} (all dimensions {first.full:.4f}, {change}), {scores}"
    say("", f"{_options(first.budget)}: {scores}")
    if first.loss <= most:
        return
    what = "the first ten documents" if first.full is None else "nDCG@10"
    holds = next((cost for cost in costs[1:] if cost.loss <= most), None)
    if holds is None:
        instead = f"{_options(costs[-1].budget)} would still cost {costs[-1].loss:.1%}: leave the budget out"
    else:
        instead = f"{_options(holds.budget)} would cost {max(holds.loss, 0):.1%}"
    print(
        f"warning: the budget costs {first.loss:.1%} of {what}, more than {100 * most:g}% ({_OPTION}); {instead}",
        file=sys.stderr,
    )


def _options(budget: Budget) -> str:
    """Return the options that set a budget."""
    options = {"--max-active-document": budget.document, "--max-active-query": budget.query}
    return " ".join(f"{option} {number}" for option, number in options.items() if number is not None)
