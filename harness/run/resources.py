"""Count how many cells fit on the resources of a machine or cluster."""

from __future__ import annotations

from pathlib import Path

from harness.plan.preset import Preset, PresetError

WAITING = 0.1  # of a core, for a trial that waits for its worker group
LAUNCHED = Path("ray_bootstrap_config.yaml")  # in the home folder of a head node that `ray up` launched


def declared_resources(config: Path) -> dict[str, float]:
    """What the cluster file that `ray up` left on the head node lets the workers grow to; {} where there is none or it does not say."""
    import yaml

    if not config.is_file():
        return {}
    declared = yaml.safe_load(config.read_text(encoding="utf-8"))
    limit = declared.get("max_workers", 0)
    kinds = [
        kind
        for name, kind in declared.get("available_node_types", {}).items()
        if name != declared.get("head_node_type")
    ]
    workers = [kind.get("resources", {}) for kind in kinds for _ in range(min(limit, kind.get("max_workers", limit)))]
    names = {name for worker in workers for name in worker}
    return {name: sum(sorted((worker.get(name, 0) for worker in workers), reverse=True)[:limit]) for name in names}


def slots_of(preset: Preset, resources: dict[str, float]) -> int:
    """How many cells fit at the same time; PresetError if not even one does (Ray would wait for ever)."""
    needed = cell_resources(preset)
    if preset.training.workers > 1 and "fine-tuned" in preset.regimes:
        needed = {
            "CPU": max(1.0, needed["CPU"]) * preset.training.workers + WAITING,
            "GPU": needed["GPU"] * preset.training.workers,
        }
    fits = {name: resources.get(name, 0) / amount for name, amount in needed.items() if amount > 0}
    if min(fits.values()) < 1:
        have = ", ".join(f"{resources.get(name, 0):g} {name}" for name in fits)
        want = ", ".join(f"{needed[name]:g} {name}" for name in fits)
        raise PresetError(
            f"a cell needs {want}, and there are {have}; {_advice(preset, lacking={name for name, fit in fits.items() if fit < 1})}"
        )
    return int(min(fits.values()))


def _advice(preset: Preset, lacking: set[str]) -> str:
    workers = " or training.workers" if preset.training.workers > 1 and "fine-tuned" in preset.regimes else ""
    parts = []
    if "GPU" in lacking:
        parts.append(f"lower resources.gpus_per_cell{workers}: --set resources.gpus_per_cell=0 runs on the CPU, slowly")
    if "CPU" in lacking:
        parts.append(f"lower resources.cpus_per_cell{workers} with --set")
    return ", and ".join(parts)


def cell_resources(preset: Preset) -> dict[str, float]:
    return {"CPU": preset.resources.cpus_per_cell, "GPU": preset.resources.gpus_per_cell}
