"""Embed many short texts with a SentenceTransformer: each distinct reading once, and without pads.

`SentenceTransformer.encode` sorts texts by their characters and pads each batch to its longest text. Tokens of a
vocabulary have some seven tokens for the bridge, of which pads would add a third, and many read alike ("##ing" and
"ing", "The" and "the"). So texts are read first, equal readings are embedded once, and only readings of equal length
share a batch. The model's own modules compute everything: nothing of an architecture is repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sembridge.encoder.batches import MOST_TOKENS
from sembridge.encoder.matmul import fast_linear

READ_TOGETHER = 1024  # texts that are tokenized together
FEWEST_TEXTS = 256  # of fewer, those of equal length are so few that starting their batches takes longer than pads
MOST_TOKENS_CPU = 2048  # per batch: what a layer makes of them stays in the cache
_PER_TOKEN = ("input_ids", "attention_mask", "token_type_ids")
_OF_ALL = frozenset({"modality", "prompt_length"})  # features that are the same for every text


@dataclass
class _Readings:
    """The distinct readings of texts.

    distinct  of each reading, ids and (if the model has any) types of its tokens [features, tokens]
    numbers   of each text, the number of its reading
    shared    the features that all texts have in common
    """

    names: tuple[str, ...] = ()
    distinct: dict[tuple[tuple[int, ...], ...], int] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    shared: dict[str, Any] = field(default_factory=dict)


def embed(
    model: Any,
    texts: Sequence[str],
    *,
    prompt: str = "",
    batch_size: int = 1024,
    progress: bool = False,
    advance: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Return the vectors of texts [n, K] float32, as `SentenceTransformer.encode` does but for rounding.

    A transformer that is followed by pooling, normalization and dense layers computes every distinct reading once. All
    other models, such as static embeddings, are given the texts by `encode`, and so is a short list of texts.

    prompt      precedes each text
    batch_size  most texts that are embedded together; fewer are where they would be too many tokens
    progress    show a bar on stderr
    advance     is called with the number of texts that have been embedded since it was called last
    """
    readings = _read(model, texts, prompt) if len(texts) >= FEWEST_TEXTS and _is_plain(model) else None
    with fast_linear():
        if readings is None:
            # The prompt is passed even if empty: without one, `encode` would silently add the model's default prompt.
            options = {"batch_size": batch_size, "convert_to_numpy": True, "show_progress_bar": progress}
            with counted_rows(model, advance):
                return np.asarray(model.encode(list(texts), prompt=prompt, **options), dtype=np.float32)
        return _compute(model, readings, batch_size, progress, advance)


@contextmanager
def counted_rows(model: Any, advance: Callable[[int], object] | None) -> Iterator[None]:
    """Call `advance` with the number of rows of each batch that a SentenceTransformer embeds in the block.

    It changes nothing: a hook on the last module looks at the shape of what that gives.
    """
    if advance is None:
        yield
        return

    def count(module: Any, arguments: Any, features: Any) -> None:
        vectors = features.get("sentence_embedding") if isinstance(features, Mapping) else None
        advance(0 if vectors is None else len(vectors))

    hook = model[-1].register_forward_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _is_plain(model: Any) -> bool:
    """Return whether what a model computes of a text depends on nothing but the features of its tokens."""
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling

    first, *others = model
    flat = getattr(model, "_can_flatten_inputs", None)
    return (
        type(first) is Transformer
        and all(type(module) in (Pooling, Normalize, Dense, LayerNorm, Dropout) for module in others)
        and any(type(module) is Pooling for module in others)
        and model.truncate_dim is None
        and not (flat is not None and flat())  # its attention reads texts one after the other, without pads anyway
    )


def _read(model: Any, texts: Sequence[str], prompt: str) -> _Readings | None:
    """Return the distinct readings of texts; None if the model is given other features than a BERT, or no token."""
    readings = _Readings()
    for start in range(0, len(texts), READ_TOGETHER):
        features = model.preprocess(list(texts[start : start + READ_TOGETHER]), prompt=prompt)
        names = tuple(name for name in _PER_TOKEN if name in features)
        shared = {name: features[name] for name in features if name not in _PER_TOKEN}
        if "input_ids" not in names or "attention_mask" not in names or not _OF_ALL.issuperset(shared):
            return None
        readings.names, readings.shared = names, shared
        real = features["attention_mask"].numpy() > 0
        columns = [features[name].numpy() for name in names if name != "attention_mask"]
        for row, is_real in enumerate(real):
            reading = tuple(tuple(column[row, is_real].tolist()) for column in columns)
            if not reading[0]:  # encoders fail on a text without tokens, unless others pad it
                return None
            readings.numbers.append(readings.distinct.setdefault(reading, len(readings.distinct)))
    return readings


@torch.inference_mode()
def _compute(
    model: Any, readings: _Readings, batch_size: int, progress: bool, advance: Callable[[int], object] | None
) -> np.ndarray:
    from tqdm.auto import tqdm

    model.eval()
    device, numbers, distinct = model.device, np.array(readings.numbers), list(readings.distinct)
    names = [name for name in readings.names if name != "attention_mask"]
    most_tokens = MOST_TOKENS_CPU if device.type == "cpu" else MOST_TOKENS
    texts_of = np.bincount(numbers, minlength=len(distinct))
    vectors: np.ndarray | None = None
    with tqdm(total=len(numbers), unit="text", disable=not progress) as bar:
        for members in _batches(distinct, batch_size, most_tokens):
            ids = {
                name: torch.tensor([distinct[i][place] for i in members], device=device)
                for place, name in enumerate(names)
            }
            features = {**readings.shared, **ids, "attention_mask": torch.ones_like(ids["input_ids"])}
            embedded = model(features)["sentence_embedding"].float().cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(distinct), embedded.shape[1]), dtype=np.float32)
            vectors[members] = embedded
            done = int(texts_of[members].sum())
            bar.update(done)
            if advance is not None:
                advance(done)
    assert vectors is not None
    return vectors[numbers]


def _batches(distinct: Sequence[Sequence[Sequence[int]]], batch_size: int, most_tokens: int) -> Iterator[list[int]]:
    """Yield the numbers of readings of equal length, long ones first: what does not fit in memory fails at once."""
    by_length: dict[int, list[int]] = {}
    for number, reading in enumerate(distinct):
        by_length.setdefault(len(reading[0]), []).append(number)
    for length, members in sorted(by_length.items(), reverse=True):
        together = max(1, min(batch_size, most_tokens // max(1, length)))
        yield from (members[start : start + together] for start in range(0, len(members), together))
