"""Models whose files lack weights are refused by every command, in one line, before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.spoiled_models import BROKEN, rewritten, sharded, without

PRESET = """
title: mine
languages: [ru]
architectures: {{enc: {{model: {source}}}}}
tokenizers: {{ru: {{model: {target}}}}}
bridges: {{b: {{model: {bridge}}}}}
collections: {{own: {{folder: '{data}/collections/{{language}}'}}}}
initializers: [{rows}]
"""


@pytest.fixture
def commands(made, command, tmp_path, own_data):
    """Give a source and a bridge to transfer, to the grid's dry run and to doctor; return what each prints."""
    preset = tmp_path / "mine.yaml"

    def run(source: Path, bridge: Path, rows: str = "sembridge, mean") -> dict[str, tuple[int, str]]:
        content = {"source": source, "target": made.target, "bridge": bridge, "data": own_data, "rows": rows}
        preset.write_text(PRESET.format(**content), encoding="utf-8")
        transfer = ["transfer", source, "--tokenizer", made.target, "--bridge", bridge, "--out", tmp_path / "out"]
        places = ["--store", tmp_path / "store"]
        grid = ["grid", "--preset", preset, *places, "--results", tmp_path / "results", "--dry-run"]
        heard = {}
        for name, arguments in {"transfer": transfer, "grid": grid, "doctor": ["doctor", preset, *places]}.items():
            code, out, err = command(*arguments)
            heard[name] = code, err if code == 2 else out + err
        assert not (tmp_path / "results").exists()
        return heard

    return run


OPTIONS = {"transfer": "SOURCE", "grid": "architectures.enc", "doctor": "architectures.enc"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_source_that_would_be_random_in_part(made, commands, tmp_path, name):
    change, settings, words = BROKEN[name]
    source = rewritten(made.source, tmp_path / "broken", change, **settings)
    for command, (code, err) in commands(source, made.bridge).items():
        assert code == 2, (command, err)
        assert err.startswith(f"error: {OPTIONS[command]}: model {str(source)!r} lacks ") and err.count("\n") == 1
        assert all(word in err for word in (*words, "which would be initialized at random"))
    assert not (tmp_path / "out").exists()


def test_a_bridge_and_shards(made, commands, tmp_path):
    source = sharded(made.source, tmp_path / "sharded")
    assert {name: code for name, (code, _) in commands(source, made.bridge).items()} == dict.fromkeys(OPTIONS, 0)
    shutil.rmtree(tmp_path / "out")
    (source / "model-00001-of-00002.safetensors").unlink()
    for command, (code, err) in commands(source, made.bridge).items():
        assert code == 2 and "names model-00001-of-00002.safetensors, which is not in the folder" in err, command
    bridge = rewritten(made.source, tmp_path / "bridge", without(".layer.0."))
    for command, (code, err) in commands(made.source, bridge).items():
        option = "--bridge" if command == "transfer" else "bridges.b"
        assert code == 2 and err.startswith(f"error: {option}: model {str(bridge)!r} lacks 16 tensors"), err


def test_a_bridge_that_no_row_uses_is_not_looked_into(made, commands, tmp_path):
    bridge = rewritten(made.source, tmp_path / "bridge", without(".layer.0."))
    heard = commands(made.source, bridge, rows="mean")
    assert heard["grid"][0] == 0 and heard["doctor"][0] == 0, heard
