"""Record a transfer in the encoder's folder: the recipe, and which source tokens every row was made of.

The record is two files beside the model, `transfer.json` and `transfer.safetensors`. They suffice to explain what a
token is made of: no source model, bridge or torch is needed. The same transfer writes the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sembridge.model_card.recipe import Recipe
from sembridge.options import EMPTY, ORIGINS, OWN

if TYPE_CHECKING:
    from sembridge.initializer import Initialization, Transfer
    from sembridge.vocabulary.vocabulary import Vocabulary

JSON, TENSORS = "transfer.json", "transfer.safetensors"
FORMATS = (1, 2)  # 2: of a record with signed weights or residuals, which readers of 1 would misread
KEPT = 100  # donors stored per token: with alpha near 1 a mixture has thousands, and the file would outgrow the model


@dataclass(frozen=True)
class TokenNames:
    """The tokens of a vocabulary.

    tokens  [V] as the tokenizer stores them
    shown   [V] as a person reads them: the text, with ## in front where it continues a word
    """

    tokens: tuple[str, ...]
    shown: tuple[str, ...]

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> TokenNames:
        entries = zip(vocabulary.tokens, vocabulary.texts, vocabulary.word_initial, strict=True)
        # texts of the compat profile have their hashes already
        shown = [
            token or "" if text is None else text if initial or text.startswith("##") else f"##{text}"
            for token, text, initial in entries
        ]
        return cls(tuple(token or "" for token in vocabulary.tokens), tuple(shown))


@dataclass(frozen=True, eq=False)
class Nearness:
    """The space in which a method searches donors: vectors of the source [S, K] and of the target [T, K] tokens.

    measure  what a cosine in this space is, e.g. "as the bridge sees them"
    """

    source: np.ndarray
    target: np.ndarray
    measure: str


@dataclass(frozen=True, eq=False)
class TransferRecord:
    """The transfer of S source tokens to T target tokens, n weights in all.

    origin    [T] as in `Initialization`
    rule      [T] why a row was copied (see `overlap.Overlap`), '' for the others
    starts    [T + 1] where the donors of each target token begin in the next two
    donors    [n] source ids, the heaviest of each token first
    weights   [n] float32; in a record that is `signed`, some are negative or those of a token do not sum to 1
    support   [T] how many donors a token has; at most `KEPT` of them are in `donors`
    strength  [T] how near the heaviest donor of a mixed token is, in terms of `measure`, NaN for other tokens;
              None where the method has no such number
    own       [T] how much of a row is not made of donors, from 0 to 1, see `Initialization.own_share`; None: nothing of
              any row
    """

    recipe: Recipe
    source: TokenNames
    target: TokenNames
    origin: np.ndarray
    rule: np.ndarray
    starts: np.ndarray
    donors: np.ndarray
    weights: np.ndarray
    support: np.ndarray
    strength: np.ndarray | None = None
    measure: str = ""
    own: np.ndarray | None = None
    signed: bool = False

    @classmethod
    def of(
        cls,
        task: Transfer,
        initialization: Initialization,
        recipe: Recipe,
        strength: np.ndarray | None = None,
        measure: str = "",
    ) -> TransferRecord:
        """Return the record of the result of a task."""
        from sembridge.mixture.convexity import not_convex

        names = TokenNames.of(task.source), TokenNames.of(task.target)
        origin, rule = np.asarray(initialization.origin), np.array(task.overlap.rule, dtype="<U16")
        donors = (*initialization.heaviest(KEPT), initialization.support)
        signed = bool(not_convex(initialization.mixture).any())
        measure = measure if strength is not None else ""
        return cls(recipe, *names, origin, rule, *donors, strength, measure, initialization.own_share(), signed)

    def __len__(self) -> int:
        return len(self.target.tokens)

    def donors_of(self, target_id: int) -> list[tuple[int, float]]:
        """Return (source id, weight) of a target token's stored donors, the heaviest first; [] for a row without."""
        piece = slice(self.starts[target_id], self.starts[target_id + 1])
        return list(zip(self.donors[piece].tolist(), self.weights[piece].tolist(), strict=True))

    def find(self, token: str) -> int | None:
        """Return the id of a target token by its stored or its shown name; None if there is none."""
        return self._by_token.get(token, self._by_shown.get(token))

    def counts(self) -> dict[str, int]:
        """Return the number of target tokens by origin; `empty` and `own` only where there are such rows."""
        counts = {name: int((self.origin == name).sum()) for name in ORIGINS}
        return {name: count for name, count in counts.items() if count or name not in (EMPTY, OWN)}

    def mean_support(self) -> float:
        """Return the mean number of donors of a mixed token; 0 where none is mixed."""
        mixed = self.support[self.origin == "mixed"]
        return float(mixed.mean()) if len(mixed) else 0.0

    def mean_own(self) -> float:
        """Return the mean of `own` over mixed tokens; 0 where none is mixed."""
        mixed = self.origin == "mixed"
        return 0.0 if self.own is None or not mixed.any() else float(self.own[mixed].mean(dtype=np.float64))

    def own_of(self, target_id: int) -> float:
        """Return how much of a token's row is not made of donors, from 0 to 1."""
        return 0.0 if self.own is None else float(self.own[target_id])

    def weakest(self, n: int) -> list[int]:
        """Return the n mixed tokens whose donors tell the least about them, the weakest first.

        The order is by `strength` where there is one: if even the best donor is far away, the donors may be unrelated.
        Without it the flattest mixtures come first, by largest absolute weight, then by number of donors: many donors
        of equal weight average unrelated rows.
        """
        mixed = np.flatnonzero(self.origin == "mixed")
        if self.strength is not None:
            order = np.lexsort((mixed, self.strength[mixed]))
        else:
            order = np.lexsort((mixed, -self.support[mixed], np.abs(self.weights[self.starts[mixed]])))
        return mixed[order][:n].tolist()

    def save(self, folder: Path) -> None:
        """Write both files into an existing folder."""
        from safetensors.numpy import save_file

        rules = sorted(set(self.rule.tolist()))
        tensors: dict[str, np.ndarray] = {
            "origin": np.array([ORIGINS.index(name) for name in self.origin], dtype=np.uint8),
            "rule": np.array([rules.index(name) for name in self.rule], dtype=np.uint8),
            "starts": self.starts.astype(np.int64),
            "donors": self.donors.astype(np.int32),
            "weights": self.weights.astype(np.float32),
            "support": self.support.astype(np.int32),
        }
        if self.strength is not None:
            tensors["strength"] = self.strength.astype(np.float32)
        if self.own is not None:
            tensors["own"] = self.own.astype(np.float32)
        content: dict[str, Any] = {
            name: dataclasses.asdict(getattr(self, name)) for name in ("recipe", "source", "target")
        }
        content |= {
            "format": FORMATS[0],
            "origins": ORIGINS[: ORIGINS.index(OWN)],
            "rules": rules,
            "measure": self.measure,
        }
        if self.signed or self.own is not None:
            content |= {"format": FORMATS[1], "origins": ORIGINS, "signed": self.signed}
        save_file(tensors, folder / TENSORS)
        (folder / JSON).write_text(json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

    @cached_property
    def _by_token(self) -> dict[str, int]:
        return _first_ids(self.target.tokens)

    @cached_property
    def _by_shown(self) -> dict[str, int]:
        return _first_ids(self.target.shown)


def load_record(folder: Path) -> TransferRecord:
    """Read the record of a folder. Raises ValueError if it has none, or one that this version cannot read."""
    from safetensors.numpy import load_file

    absent = [name for name in (JSON, TENSORS) if not (folder / name).is_file()]
    if absent:
        raise ValueError(
            f"folder {str(folder)!r} has no {absent[0]}, so it is not a transferred encoder, "
            "or its record was not copied along"
        )
    try:
        return _read(json.loads((folder / JSON).read_text(encoding="utf-8")), load_file(folder / TENSORS))
    except Exception as error:  # each parser raises its own errors for a damaged file
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ValueError(
            f"the record of {str(folder)!r} cannot be read ({message}); make the transfer again"
        ) from error


def best_cosines(initialization: Initialization, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the cosine of each mixed token with its heaviest donor [T] float32, NaN for tokens that are not mixed.

    source [S, K], target [T, K]  vectors of both vocabularies in the space in which the method searched donors
    """
    cosines = np.full(len(initialization.origin), np.nan, dtype=np.float32)
    starts, donors, _ = initialization.heaviest(1)
    for target_id in np.flatnonzero(initialization.origin == "mixed"):
        donor = donors[starts[target_id]]
        x, y = target[target_id].astype(np.float64), source[donor].astype(np.float64)
        cosines[target_id] = x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
    return cosines


def _read(content: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> TransferRecord:
    if content["format"] not in FORMATS:
        raise ValueError(f"format {content['format']!r}, this version reads {' and '.join(map(str, FORMATS))}")
    names = {
        side: TokenNames(*(tuple(content[side][key]) for key in ("tokens", "shown"))) for side in ("source", "target")
    }
    origin, rule = (np.array(content[f"{key}s"])[tensors[key]] for key in ("origin", "rule"))
    donors, support = tensors["donors"].astype(np.int64), tensors["support"].astype(np.int64)
    arrays = origin, rule, tensors["starts"], donors, tensors["weights"], support, tensors.get("strength")
    record = TransferRecord(
        Recipe.from_dict(content["recipe"]),
        names["source"],
        names["target"],
        *arrays,
        content["measure"],
        tensors.get("own"),
        content.get("signed", False),
    )
    if not len(record) == len(record.origin) == len(record.rule) == len(record.support) == len(record.starts) - 1:
        raise ValueError(f"{len(record)} target tokens in {JSON}, but {len(record.origin)} in {TENSORS}")
    _check(record)
    return record


def _check(record: TransferRecord) -> None:
    """Check that the numbers of a record agree; ValueError if not: explanations would fail or show wrong donors."""
    for side in (record.source, record.target):
        if len(side.tokens) != len(side.shown) or not all(isinstance(name, str) for name in side.tokens + side.shown):
            raise ValueError("tokens and what is shown of them are not as many texts")
    arrays = (record.origin, record.rule, record.starts, record.donors, record.weights, record.support)
    if (
        any(array.ndim != 1 for array in arrays)
        or not isinstance(record.measure, str)
        or record.signed not in (True, False)
    ):
        raise ValueError("its tensors are not lists of numbers")
    stored = np.diff(record.starts)
    ends = record.starts[0], record.starts[-1], len(record.weights)
    if ends != (0, len(record.donors), len(record.donors)) or (stored < 0).any():
        raise ValueError("the donors of its tokens do not add up")
    if len(record.donors) and not 0 <= record.donors.min() <= record.donors.max() < len(record.source.tokens):
        raise ValueError(f"a donor is not one of the {len(record.source.tokens)} source tokens")
    with_donors = (record.support > 0) | (record.origin == "mixed")
    if (stored > record.support).any() or (stored[with_donors] == 0).any():
        raise ValueError("the number of donors of a token is not what it says")
    uneven = record.strength is not None and record.strength.shape != record.origin.shape
    if uneven or not np.isfinite(record.weights).all():
        raise ValueError("its weights and cosines are not one finite number each")
    if record.own is not None:
        within = record.own.shape == record.origin.shape and bool(((record.own >= 0) & (record.own <= 1)).all())
        if not within:
            raise ValueError("its shares of rows are not one number from 0 to 1 for each token")


def _first_ids(tokens: Sequence[str]) -> dict[str, int]:
    """Return token -> its lowest id, without holes, whose name is empty."""
    return {token: token_id for token_id, token in reversed(list(enumerate(tokens))) if token}
