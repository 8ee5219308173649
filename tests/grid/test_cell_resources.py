"""How many cells fit, and what to change where none does."""

from pathlib import Path

import pytest

from harness.grid.cluster import slots_of
from harness.grid.preset import PresetError, load_preset

PRESETS = Path(__file__).resolve().parents[2] / "experiments" / "presets"
CPU, GPU = "lower resources.cpus_per_cell", "--set resources.gpus_per_cell=0 runs on the CPU"


def preset(*overrides: str):
    return load_preset("paper-zero-shot", PRESETS, overrides)


def test_as_many_as_the_scarcer_resource_allows():
    assert slots_of(preset("resources.gpus_per_cell=0.5"), {"CPU": 8, "GPU": 1}) == 2
    assert slots_of(preset("resources.gpus_per_cell=0"), {"CPU": 8}) == 8


@pytest.mark.parametrize(
    ("overrides", "have", "said", "unsaid"),
    [([], {"CPU": 8}, GPU, CPU),
     (["resources.cpus_per_cell=9"], {"CPU": 8, "GPU": 1}, CPU, GPU),
     (["resources.gpus_per_cell=0", "resources.cpus_per_cell=9"], {"CPU": 8}, CPU, GPU),
     (["stages=[fine-tuned]", "training.workers=2"], {"CPU": 8, "GPU": 1}, "lower resources.gpus_per_cell or training.workers", CPU),
     (["resources.cpus_per_cell=9"], {"CPU": 8}, CPU, "training.workers")],
)  # fmt: skip
def test_what_is_lacking_is_named(overrides, have, said, unsaid):
    with pytest.raises(PresetError, match="a cell needs") as refused:
        slots_of(preset(*overrides), have)
    assert said in str(refused.value) and unsaid not in str(refused.value)


def test_both_may_be_lacking():
    with pytest.raises(PresetError, match=r"gpus_per_cell=0 .*, and lower resources.cpus_per_cell with --set"):
        slots_of(preset("resources.cpus_per_cell=9"), {"CPU": 8})
