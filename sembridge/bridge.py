"""Embed both vocabularies with the bridge, a multilingual sentence encoder that places all tokens in one space."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sembridge.normalization import normalize
from sembridge.prompt import prompt_of
from sembridge.vocabulary.tokenizer_check import check_is_fast, check_reads_as_file, check_tokenizer_folder, model_file
from sembridge.vocabulary.unknown import unknown_ids
from sembridge.vocabulary.vocabulary import Vocabulary
from sembridge.weights.check import check_files
from sembridge.weights.checked_load import FLOAT32, checked_load

_SPACE_MARKS = "\u2581\u0120"  # of Metaspace and byte-level tokenizers


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """Bridge vectors of one vocabulary.

    vectors  [V, K] float32, zero where the token is not known
    known    [V] bool: the bridge's own tokenizer knows at least one piece of the token's text. Tokens without a text
             (specials, unused tokens, lone bytes) are embedded as they are stored, in case they may donate;
             `Vocabulary.has_text` distinguishes them
    placed   [V] bool: the vector is the mean of words that contain the token (see `piece_vectors`), so the token is
             known whatever the bridge knows of its text; None: no token is placed by words
    """

    vectors: np.ndarray
    known: np.ndarray
    placed: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class BridgeVectors:
    """Bridge vectors of the source [S, K] and target [T, K] vocabularies.

    prompt  what preceded every text; None if whoever made the vectors did not say
    """

    source: TokenVectors
    target: TokenVectors
    prompt: str | None = None


def pinned(model: str) -> tuple[str, str | None]:
    """Return the hub id and the revision of "OWNER/NAME@REVISION"; (model, None) for a folder and for an id alone."""
    name, _, revision = model.partition("@")
    return (model, None) if not revision or Path(model).expanduser().exists() else (name, revision)


def load_bridge(model: str, revision: str | None = None, device: str | None = None) -> Any:
    """Return a SentenceTransformer from the hub or a folder: safetensors only, no remote code, weights in float32.

    Raises ValueError, one line, if its files lack weights that it uses (see `checked_load`), and for a tokenizer that
    is not used as its tokenizer.json says.
    """
    check_files(model)
    from sentence_transformers import SentenceTransformer

    part = transformer_part(model, revision)
    if part is not None:
        check_is_fast(model, revision, part)
    options: dict[str, Any] = {"trust_remote_code": False, "model_kwargs": {"use_safetensors": True, **FLOAT32}}
    bridge = checked_load(
        model, lambda: SentenceTransformer(model, revision=revision, device=device, **options), "last_hidden_state"
    )
    first = bridge[0]
    if part is not None and hasattr(first, "processor"):
        check_reads_as_file(bridge.tokenizer, model, revision, part, lowercase=bool(first.do_lower_case))
    return bridge


def check_bridge_tokenizer(model: str) -> None:
    """Check the tokenizer of a folder before its weights are read; ValueError as by `load_bridge`."""
    part = transformer_part(model)
    if part is not None:
        check_tokenizer_folder(model, part)


def transformer_part(model: str, revision: str | None = None) -> str | None:
    """Return the folder of a SentenceTransformer's transformer, inside a folder or hub repository ("": its top).

    None where the first module is of another kind: static embeddings read tokenizer.json themselves.
    """
    modules = model_file(model, "modules.json", revision)
    if modules is None:
        return ""
    try:
        first = json.loads(Path(modules).read_text(encoding="utf-8"))[0]
        return first["path"] if first["type"].endswith("Transformer") else None
    except (ValueError, TypeError, LookupError, AttributeError):
        return None  # not what sentence-transformers writes; it says so itself


def embed_vocabulary(
    model: Any,
    vocabulary: Vocabulary,
    *,
    prompt: str | None = None,
    batch_size: int = 1024,
    progress: bool = False,
    advance: Callable[[int], object] | None = None,
) -> TokenVectors:
    """Embed every token of a vocabulary with a SentenceTransformer: its text, or the stored token where it has none.

    Texts of which the bridge's tokenizer knows no piece are marked not known: all of them would get the same vector.
    Under the compat profile they count as known, as in published code.

    prompt    precedes each text ("query: " for the e5 family); None: the bridge's own (`prompt_of`), "" none
    progress  show a bar on stderr
    advance   is called with the number of tokens that have been embedded since it was called last
    """
    options = {
        "prompt": prompt_of(model) if prompt is None else prompt,
        "batch_size": batch_size,
        "progress": progress,
        "advance": advance,
    }
    without_text = vocabulary.exists & ~vocabulary.has_text
    # In two calls: batch neighbors change the last bits of a vector; stored tokens should not change those of texts.
    texts = _embed(model, vocabulary, vocabulary.has_text, vocabulary.texts, options)
    stored = _embed(model, vocabulary, without_text, vocabulary.tokens, options)
    parts = [(ids, embedded) for ids, embedded in (texts, stored) if len(ids)]
    size = parts[0][1].shape[1] if parts else model.get_embedding_dimension()
    vectors, known = np.zeros((len(vocabulary), size), dtype=np.float32), np.zeros(len(vocabulary), dtype=bool)
    for ids, embedded in parts:
        usable = np.isfinite(embedded).all(axis=1) & (np.abs(embedded).max(axis=1) > 0)
        vectors[ids[usable]], known[ids[usable]] = embedded[usable], True
    return TokenVectors(vectors, known)


def _embed(
    model: Any, vocabulary: Vocabulary, selected: np.ndarray, names: tuple[str | None, ...], options: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (ids [n] of the `selected` [V] tokens that the bridge knows, vectors [n, K] of their `names` [V])."""
    from sembridge.encoder.embed import embed

    ids = np.flatnonzero(selected)
    texts = [str(names[i]) for i in ids]
    if vocabulary.profile == "fixed":
        texts = list(map(normalize, texts))  # the bridge reads tokens as encoders read texts
        recognized = _recognize(model, texts)
        ids, texts = ids[recognized], [text for text, is_known in zip(texts, recognized, strict=True) if is_known]
    if not texts:
        return ids, np.zeros((0, 0), dtype=np.float32)
    return ids, embed(model, texts, **options)


def embed_words(
    model: Any,
    words: Sequence[str],
    *,
    prompt: str | None = None,
    batch_size: int = 1024,
    progress: bool = False,
    advance: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Return the bridge's vectors of words [n, K] float32, zero for a word of which its tokenizer knows no piece.

    prompt, progress, advance  as in `embed_vocabulary`
    """
    from sembridge.encoder.embed import embed

    texts = list(map(normalize, words))
    recognized = np.flatnonzero(_recognize(model, texts))
    vectors = np.zeros((len(texts), model.get_embedding_dimension()), dtype=np.float32)
    if len(recognized):
        prompt = prompt_of(model) if prompt is None else prompt
        options: dict[str, Any] = {"batch_size": batch_size, "progress": progress, "advance": advance}
        vectors[recognized] = embed(model, [texts[i] for i in recognized], prompt=prompt, **options)
    vectors[~np.isfinite(vectors).all(axis=1)] = 0
    return vectors


def _recognize(model: Any, texts: Sequence[str]) -> np.ndarray:
    """Return whether the bridge's tokenizer knows at least one piece of each text [n] bool.

    A lone space mark is not such a piece. Nor is padding, which a tokenizer keeps adding once it has padded a batch.
    """
    tokenizer = model.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)  # StaticEmbedding holds a bare `tokenizers` tokenizer
    unknown = unknown_ids(tokenizer)
    encodings = backend.encode_batch(list(texts), add_special_tokens=False)
    return np.array([_knows_a_piece(encoding, unknown) for encoding in encodings], dtype=bool)


def _knows_a_piece(encoding: Any, unknown: frozenset[int]) -> bool:
    pieces = zip(encoding.ids, encoding.tokens, encoding.attention_mask, strict=True)
    return any(real and piece not in unknown and token.strip(_SPACE_MARKS) for piece, token, real in pieces)
