"""Stores outlive versions: every artifact has the key that commit 2f9ef2b gave it, unless its stage's version rose.

keys.json holds commands and the keys that this commit planned for them. A change that raises the version of a stage
writes the new keys in the same commit (`python -m tests.plan.test_keys`). If this test fails without that, every store
would be useless.
"""

import json
from pathlib import Path

import pytest

from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from tests.helpers.paths import PRESETS

FILE = Path(__file__).with_name("keys.json")
COMMANDS = json.loads(FILE.read_text(encoding="utf-8"))


def keys(command: dict) -> list[str]:
    """Stage and key of every artifact that a command plans, sorted."""
    cells = plan(load_preset(command["preset"], PRESETS, command["set"], command["choices"]))
    return sorted({f"{artifact.stage} {artifact.key}" for cell in cells for artifact in cell.walk()})


@pytest.mark.parametrize("command", COMMANDS, ids=[command["preset"] for command in COMMANDS])
def test_keys_are_those_of_existing_stores(command):
    assert keys(command) == command["keys"]


def test_the_commands_reach_every_stage():
    stages = {key.split()[0] for command in COMMANDS for key in command["keys"]}
    assert len(stages) == 24


if __name__ == "__main__":
    for command in COMMANDS:
        command["keys"] = keys(command)
    FILE.write_text(json.dumps(COMMANDS, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
