"""The drop-in against the rules of the reference implementation, written out slowly in `reference_rules`."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import numpy as np
import pytest
import torch

from sembridge.bridge import BridgeVectors, embed_vocabulary
from sembridge.published import SemBridge
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.profiles_made import bytes_bridge, tokenizer, wordpiece, words_bridge
from tests.helpers.reference_rules import reference_copies, reference_rows

PAIRS = [
    ("uncased English", "cased Russian"),
    ("uncased English", "with unused sentence marks"),
    ("byte-level", "with unused sentence marks"),
    ("byte-level", "metaspace"),
    ("metaspace", "byte-level"),
    ("small", "uncased English"),
    ("uncased English", "small metaspace"),
]
SWITCHES = [
    (True, False, False),
    (True, True, False),
    (False, True, False),
    (False, False, True),
    (True, True, True),
    (False, False, False),
]


def embedding(cut: Any, size: int = 6) -> torch.Tensor:
    count = max(cut.get_vocab().values()) + 1
    return torch.from_numpy(np.random.default_rng(5).standard_normal((count, size)).astype(np.float32))


@pytest.fixture(scope="module")
def bridge() -> Any:
    return bytes_bridge(12)


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
@pytest.mark.parametrize(("exact", "fuzzy", "symbols"), SWITCHES)
def test_equals_the_rules_written_out(pair, exact, fuzzy, symbols, bridge):
    source, target = (tokenizer(name) for name in pair)
    rows = embedding(source)
    alpha = 4.0 if fuzzy else 1.0 if symbols else 1.5
    copied = reference_copies(source, target, exact=exact, fuzzy=fuzzy, symbols=symbols)
    expected = reference_rows(rows.numpy(), source, target, bridge, copied, alpha)
    moved = SemBridge(
        rows,
        source,
        target,
        bridge,
        exact_match_all=exact,
        fuzzy_match_all=fuzzy,
        match_symbols=symbols,
        entmax_alpha=alpha,
    )
    np.testing.assert_allclose(moved.numpy(), expected, atol=2e-6)
    for target_id, source_id in copied.items():
        assert torch.equal(moved[target_id], rows[source_id])


def test_the_pairs_hit_every_way_to_match():
    """Otherwise the comparison above compares little."""
    counts = []
    for exact, fuzzy, symbols in SWITCHES:
        pairs = ((tokenizer(source), tokenizer(target)) for source, target in PAIRS)
        counts.append(sum(len(reference_copies(*pair, exact=exact, fuzzy=fuzzy, symbols=symbols)) for pair in pairs))
    exact, both, fuzzy, symbols, everything, nothing = counts
    assert nothing == 0 < symbols < exact < both == everything == fuzzy, (
        "fuzzy alone matches the same tokens, if not with the same rows"
    )


def test_keyword_names_and_defaults():
    """What a caller of the reference implementation writes."""
    parameters = inspect.signature(SemBridge).parameters
    assert list(parameters)[:4] == [
        "source_embeddings",
        "source_tokenizer",
        "target_tokenizer",
        "bridge_model_name_or_path",
    ]
    defaults = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert defaults == {
        "exact_match_all": True, "match_symbols": False, "fuzzy_match_all": False, "extend_tokenizer": None,
        "batch_size": 1024, "entmax_alpha": 2.5, "seed": 42, "device": None, "verbosity": "info",
    }  # fmt: skip


def small_case() -> tuple[torch.Tensor, Any, Any]:
    source = tokenizer("uncased English")
    return embedding(source), source, tokenizer("with unused sentence marks")


def test_a_bridge_by_folder_loaded_or_as_vectors(bridge, tmp_path):
    rows, source, target = small_case()
    bridge.save_pretrained(str(tmp_path), create_model_card=False)
    sides = (Vocabulary.from_tokenizer(side, "compat") for side in (source, target))
    vectors = BridgeVectors(*(embed_vocabulary(bridge, side) for side in sides))
    expected, *others = (
        SemBridge(rows, source, target, form, batch_size=7) for form in (vectors, bridge, str(tmp_path), tmp_path)
    )
    for other in others:
        assert torch.equal(other, expected)


def test_batch_size_reaches_the_bridge(bridge, monkeypatch):
    rows, source, target = small_case()
    encode, seen = bridge.encode, []
    monkeypatch.setattr(
        bridge, "encode", lambda texts, **options: seen.append(options["batch_size"]) or encode(texts, **options)
    )
    for keywords, expected in (({}, {1024}), ({"batch_size": 7}, {7})):
        seen.clear()
        SemBridge(rows, source, target, bridge, **keywords)
        assert set(seen) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rows_come_back_as_they_were_given(dtype, bridge):
    rows, source, target = small_case()
    parameter = torch.nn.Parameter(torch.cat([rows, rows[:9]]).to(dtype))
    before = parameter.detach().clone()
    moved = SemBridge(parameter, source, target, bridge)
    assert moved.shape == (max(target.get_vocab().values()) + 1, 6) and moved.dtype == dtype and not moved.requires_grad
    assert torch.equal(parameter, before) and torch.equal(moved[:5], parameter[:5].detach()), (
        "BERT's specials have their strings in common"
    )


def test_device_is_that_of_the_rows_or_the_one_asked_for(bridge):
    rows, source, target = small_case()
    assert SemBridge(rows, source, target, bridge, device="cpu").device.type == "cpu"
    assert SemBridge(rows, source, target, bridge, device="meta").device.type == "meta"


def test_seed_is_for_what_can_be_neither_copied_nor_mixed(bridge):
    rows, source, _ = small_case()
    target = wordpiece("кот", fill="ы")
    first, again, other = (SemBridge(rows, source, target, bridge, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and torch.equal(first, other), "every token can be mixed"
    silent = words_bridge("a")
    silent[0].embedding.weight.data[0] = 0  # what the bridge does not know has no direction at all
    first, again, other = (SemBridge(rows, source, target, silent, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_cannot_be_honored_is_refused(bridge):
    rows, source, target = small_case()
    with pytest.raises(
        ValueError,
        match=r"extend_tokenizer is not supported.*leave it None and give the extended tokenizer as target_tokenizer",
    ):
        SemBridge(rows, source, target, bridge, extend_tokenizer=target)
    with pytest.raises(ValueError, match="verbosity 'loud' is unknown; known: debug, info, silent"):
        SemBridge(rows, source, target, bridge, verbosity="loud")
    with pytest.raises(ValueError, match=r"alpha 0\.5 is below 1"):
        SemBridge(rows, source, target, bridge, entmax_alpha=0.5)
    with pytest.raises(ValueError, match="ids up to 121 but the embedding has only 50 rows"):
        SemBridge(rows[:50], source, target, bridge)


def test_verbosity(bridge, caplog):
    rows, source, target = small_case()
    seen = []
    for verbosity in ("silent", "info", "debug"):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="sembridge.published"):
            SemBridge(rows, source, target, bridge, verbosity=verbosity)
        seen.append([record.getMessage() for record in caplog.records])
    assert [len(messages) for messages in seen[:2]] == [0, 1] and "special" in seen[1][0]
    assert (
        seen[2][0] == seen[1][0]
        and "'play' copies 'play' (exact)" in seen[2]
        and "'[CLS]' copies '[CLS]' (token)" in seen[2]
    )
