"""How many cells fit, and what to change where none does."""

import pytest
import yaml

from harness.cluster.resources import declared_resources, slots_of
from harness.plan.load_preset import load_preset
from harness.plan.preset import PresetError
from tests.helpers.paths import PRESETS

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
     (["regimes=[fine-tuned]", "training.workers=2"], {"CPU": 8, "GPU": 1},
      "lower resources.gpus_per_cell or training.workers", CPU),
     (["resources.cpus_per_cell=9"], {"CPU": 8}, CPU, "training.workers")],
)  # fmt: skip
def test_what_is_lacking_is_named(overrides, have, said, unsaid):
    with pytest.raises(PresetError, match="a cell needs") as refused:
        slots_of(preset(*overrides), have)
    assert said in str(refused.value) and unsaid not in str(refused.value)


def test_both_may_be_lacking():
    with pytest.raises(PresetError, match=r"gpus_per_cell=0 .*, and lower resources.cpus_per_cell with --set"):
        slots_of(preset("resources.cpus_per_cell=9"), {"CPU": 8})


@pytest.mark.parametrize(
    ("limit", "grown"),
    [
        (3, {"CPU": 16 + 8 + 8, "GPU": 4 + 1 + 1}),
        (1, {"CPU": 16, "GPU": 4}),
        (0, {}),
        (9, {"CPU": 16 + 4 * 8, "GPU": 4 + 4 * 1}),
    ],
)
def test_what_a_cluster_may_grow_to(limit, grown, tmp_path):
    """One large worker, four small ones, and at most the cluster's limit at a time; the head node exists already."""
    kinds = {
        "head": {"resources": {"CPU": 64}, "max_workers": 0},
        "large": {"resources": {"CPU": 16, "GPU": 4}, "max_workers": 1},
        "small": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 4},
    }
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(yaml.safe_dump({"max_workers": limit, "head_node_type": "head", "available_node_types": kinds}))
    assert declared_resources(file) == grown


def test_machines_that_are_listed_are_not_grown_to(tmp_path):
    """What provider `local` leaves on the head node: a kind without resources. What is there is counted by Ray."""
    file = tmp_path / "ray_bootstrap_config.yaml"
    kinds = {"local.cluster.node": {"resources": {}, "node_config": {}, "min_workers": 1, "max_workers": 1}}
    file.write_text(
        yaml.safe_dump({"max_workers": 1, "head_node_type": "local.cluster.node", "available_node_types": kinds})
    )
    assert declared_resources(file) == {} == declared_resources(tmp_path / "none.yaml")
