"""Warn of bfloat16 where this machine's processor is slow at it, before a grid starts."""

from __future__ import annotations

from harness.plan.preset import Preset


def slow_precisions(preset: Preset) -> list[str]:
    """Return a sentence for each precision of the preset that is slow here; a trial of a second, once for a machine.

    Nothing is measured, and nothing returned, where no precision is bfloat16 or torch can use a GPU.
    """
    precisions = {"evaluation.precision": preset.evaluation.precision}
    if "fine-tuned" in preset.regimes:
        precisions["training.precision"] = preset.training.precision
    chosen = [option for option, precision in precisions.items() if precision == "bfloat16"]
    if not chosen:
        return []
    import torch

    if torch.cuda.is_available():
        return []
    from sembridge.processor import paths

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(preset.resources.cpus_per_cell)))  # those of a cell
    try:
        return [slow for option in chosen if (slow := paths.slow_bfloat16(option)) is not None]
    finally:
        torch.set_num_threads(before)
