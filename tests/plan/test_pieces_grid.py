"""A grid whose method asks for pieces by words: what its cells share, and what their measurements say."""

from __future__ import annotations

import json
from collections import Counter

from harness.plan.load_preset import load_preset
from harness.plan.plan import missing, plan
from harness.pocket.tokenizers import wordpiece
from harness.store.store import Store
from tests.helpers.paths import PRESETS


def test_words_are_counted_and_embedded_once_for_a_text(own_data, tmp_path):
    chosen = {"languages": ["ru"], "initializers": ["sembridge"], "regimes": ["zero-shot"], "alphas": [2.0, 4.0]}
    lines = (own_data / "text" / "ru.txt").read_text(encoding="utf-8").splitlines()
    wordpiece(lines, 70, lowercase=True).save_pretrained(tmp_path / "tokenizer")  # too small for whole words
    settings = [f"data={own_data}", f"tokenizers.ru={tmp_path / 'tokenizer'}"]
    cells = {
        pieces: plan(load_preset("own-data", PRESETS, [*settings, f"settings.sembridge.pieces={pieces}"], chosen))
        for pieces in ("own", "words")
    }
    store = Store(tmp_path / "store")
    store.create()
    measured = {}
    for pieces, expected in (
        ("own", {"bridge-vectors": 2, "strata": 1}),
        ("words", {"word-counts": 1, "word-vectors": 1, "piece-vectors": 1}),
    ):
        artifacts = missing(cells[pieces], store)
        stages = Counter(artifact.stage.name for artifact in artifacts)
        assert stages == expected | {"initialization": 2, "evaluation": 2}
        for artifact in artifacts:
            store.make(artifact)
        folder = store.path(cells[pieces][0].artifact)
        measured[pieces] = json.loads((folder / "measurement.json").read_text(encoding="utf-8"))
    assert "by_words" not in measured["own"]["about"]["statistics"]
    assert {name: measured[name]["about"]["label"] for name in measured} == {
        "own": "sembridge",
        "words": "sembridge (pieces by words)",
    }
    assert measured["words"]["about"]["statistics"]["by_words"] > 10
    assert missing(cells["words"], store) == []
