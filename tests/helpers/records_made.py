"""A transfer small enough to compute on paper, with rows of every origin."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp

from sembridge.assembly import assemble
from sembridge.initializer import Initialization, Transfer
from sembridge.model_card.recipe import Ingredient, Recipe
from sembridge.model_card.record import TransferRecord
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.transfers_made import plain_vocabulary

SOURCE = ("[CLS]", "password", "passcode", "##s", "hospital", "accounts", "[UNK]")
TARGET = ("[CLS]", "비밀번호", "병원", "passcode", "##들", "은행", "\U0001f984", "의사", "[UNK]")
#         special    mixed        mixed   copied      mixed    mixed   sampled      mixed   special
WEIGHTS = {
    1: {1: 0.71, 2: 0.29},
    2: {4: 1.0},
    4: {3: 0.4, 1: 0.3, 2: 0.2, 4: 0.1},
    5: {5: 0.5, 4: 0.5},
    7: {3: 0.4, 1: 0.6},
}
STRENGTH = (np.nan, 0.8, 0.9, np.nan, 0.3, 0.55, np.nan, -0.1, np.nan)


def recipe(**changes: object) -> Recipe:
    values = {
        "source": Ingredient("naver/splade-v3", "abc123", "cc-by-nc-sa-4.0"),
        "tokenizer": Ingredient("ko-tokenizer", None, "apache-2.0"),
        "initializer": "sembridge",
        "label": "sembridge",
        "inputs": {"bridge": Ingredient("BAAI/bge-m3", "def456", "mit")},
        "parameters": {"alpha": 4.0},
        "options": {"overlap": "fuzzy", "seed": 42},
        "versions": {"torch": "2.13", "sembridge-bench": "0.1.0"},
    }
    return Recipe(**(values | changes))


def question() -> Transfer:
    source = plain_vocabulary(SOURCE, ("cls", *[None] * 5, "unk"))
    target = plain_vocabulary(TARGET, ("cls", *[None] * 7, "unk"))
    sides = []
    for tokens, side in ((SOURCE, source), (TARGET, target)):
        initial = np.array([not token.startswith("##") for token in tokens])
        texts = tuple(text and text.removeprefix("##") for text in side.texts)
        sides.append(Vocabulary("wordpiece", side.tokens, texts, initial, side.roles))
    copied = np.array([0, -1, -1, 2, -1, -1, -1, -1, 6])
    rows = np.arange(21, dtype=np.float32).reshape(7, 3)
    return Transfer(*sides, rows, Overlap(copied, ("role", "", "", "exact", "", "", "", "", "role")))


def answer(transfer: Transfer) -> Initialization:
    mixture = np.zeros((len(transfer.missing), len(SOURCE)), dtype=np.float32)
    for target_id, weights in WEIGHTS.items():
        for source_id, weight in weights.items():
            mixture[list(transfer.missing).index(target_id), source_id] = weight
    return assemble(transfer, mixture=sp.csr_array(mixture))


def record(*, strength: bool = True, **changes: object) -> TransferRecord:
    transfer = question()
    values = np.array(STRENGTH, dtype=np.float32) if strength else None
    return TransferRecord.of(transfer, answer(transfer), recipe(**changes), values, "as worked out on paper")


def own_answer(transfer: Transfer) -> Initialization:
    """Return signed mixtures and residuals, in rows of three dimensions whose lengths are easy to work out."""
    weights = {1: {1: 0.62, 2: -0.38}, 2: {4: 1.5}, 4: {3: -0.4, 1: 0.3, 2: 0.2, 4: 0.1}}
    own = {1: [0, 0, 0], 2: [0, 3, 0], 4: [0, 0, 0], 5: [1, 0, 0]}
    mixture = np.zeros((len(transfer.missing), len(SOURCE)), dtype=np.float32)
    residual = np.zeros((len(transfer.missing), 3))
    places = {target_id: place for place, target_id in enumerate(transfer.missing)}
    for target_id, by_donor in weights.items():
        mixture[places[target_id], list(by_donor)] = list(by_donor.values())
    for target_id, row in own.items():
        residual[places[target_id]] = row
    return assemble(transfer, mixture=sp.csr_array(mixture), residual=residual)


def own_record(*, strength: bool = False) -> TransferRecord:
    """Return a record of signed weights, of a row with a part of its own (병원: half) and of one without donors.

    The donor of 병원, 1.5 times [2, 0, 0], is as long as its own part, [0, 3, 0].
    """
    rows = np.zeros((7, 3), dtype=np.float32)
    rows[[1, 2, 3]], rows[4] = np.eye(3), [2, 0, 0]
    transfer = dataclasses.replace(question(), rows=rows)
    values = np.array(STRENGTH, dtype=np.float32) if strength else None
    return TransferRecord.of(transfer, own_answer(transfer), recipe(), values, "as worked out on paper")
