"""Count how many cells fit on the resources of a machine or cluster."""

from __future__ import annotations

from pathlib import Path

from harness.plan.preset import Preset, PresetError

WAITING = 0.1  # of a core, for a trial that waits for its worker group
LAUNCH_CONFIG = Path("ray_bootstrap_config.yaml")  # in the home folder of a head node that `ray up` launched


def declared_resources(config: Path) -> dict[str, float]:
    """Return what the workers may grow to, by the cluster file that `ray up` left on the head node; {} if unknown."""
    import yaml

    if not config.is_file():
        return {}
    declared = yaml.safe_load(config.read_text(encoding="utf-8"))
    limit, head = declared.get("max_workers", 0), declared.get("head_node_type")
    kinds = [kind for name, kind in declared.get("available_node_types", {}).items() if name != head]
    workers = [kind.get("resources", {}) for kind in kinds for _ in range(min(limit, kind.get("max_workers", limit)))]
    names = {name for worker in workers for name in worker}
    return {name: sum(sorted((worker.get(name, 0) for worker in workers), reverse=True)[:limit]) for name in names}


def slots_of(preset: Preset, resources: dict[str, float]) -> int:
    """Return how many cells fit at the same time; PresetError if not even one does (Ray would wait forever)."""
    needed, workers = cell_resources(preset), preset.training.workers
    several_workers = workers > 1 and "fine-tuned" in preset.regimes
    if several_workers:
        needed = {"CPU": max(1.0, needed["CPU"]) * workers + WAITING, "GPU": needed["GPU"] * workers}
    fits = {name: resources.get(name, 0) / amount for name, amount in needed.items() if amount > 0}
    if min(fits.values()) < 1:
        present = ", ".join(f"{resources.get(name, 0):g} {name}" for name in fits)
        required = ", ".join(f"{needed[name]:g} {name}" for name in fits)
        advice = _advice(several_workers, lacking={name for name, fit in fits.items() if fit < 1})
        raise PresetError(f"a cell needs {required}, and there are {present}; {advice}")
    return int(min(fits.values()))


def _advice(several_workers: bool, lacking: set[str]) -> str:
    workers = " or training.workers" if several_workers else ""
    parts = []
    if "GPU" in lacking:
        parts.append(f"lower resources.gpus_per_cell{workers}: --set resources.gpus_per_cell=0 runs on the CPU, slowly")
    if "CPU" in lacking:
        parts.append(f"lower resources.cpus_per_cell{workers} with --set")
    return ", and ".join(parts)


def cell_resources(preset: Preset) -> dict[str, float]:
    return {"CPU": preset.resources.cpus_per_cell, "GPU": preset.resources.gpus_per_cell}
