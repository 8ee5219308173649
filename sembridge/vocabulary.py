"""A vocabulary as the initializers see it: what each id stands for, and which role it plays.

The tokenizer's own model decides the kind (WordPiece, byte-level BPE, Unigram, ...); nothing is guessed by counting tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

ROLES = ("cls", "sep", "pad", "unk", "mask")
_UNUSED = re.compile(r"^[\[<]unused_?\d+[\]>]$|^<extra_id_\d+>$|^madeupword\d+$", re.IGNORECASE)
_BYTE_FALLBACK = re.compile(r"^<0x[0-9A-Fa-f]{2}>$")
_METASPACE = "\u2581"


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one tokenizer by id, `V` = largest id the tokenizer can emit + 1.

    kind          wordpiece | byte-bpe | bpe | unigram | wordlevel
    tokens        [V] the token as stored; None where no token has this id
    texts         [V] the plain text the token stands for, without continuation or space marks; None for special
                  and unused tokens, holes, and bytes that are no valid UTF-8 on their own
    word_initial  [V] bool: the token starts a word
    roles         [V] cls | sep | pad | unk | mask for the five that carry meaning for the model, `special` for any other
                  special or unused token, None for ordinary tokens
    """

    kind: str
    tokens: tuple[str | None, ...]
    texts: tuple[str | None, ...]
    word_initial: np.ndarray
    roles: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def role_ids(self) -> dict[str, int]:
        """Role -> id, for the roles this vocabulary has."""
        return {role: token_id for token_id, role in enumerate(self.roles) if role in ROLES}

    @cached_property
    def has_text(self) -> np.ndarray:
        """[V] bool: an ordinary token with a text of its own. Only these can donate to a mixture or be embedded by a bridge."""
        return np.array([text is not None for text in self.texts], dtype=bool)

    @cached_property
    def digest(self) -> str:
        """sha256 over everything above: two tokenizers with the same digest get the same initialization."""
        content = [self.kind, self.tokens, self.texts, self.word_initial.astype(int).tolist(), self.roles]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    @classmethod
    def from_tokenizer(cls, tokenizer: Any) -> Vocabulary:
        """Read a transformers tokenizer.

        Raises ValueError if it has no `tokenizers` backend to ask for its model, or one of an unknown type.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ValueError(
                f"tokenizer {tokenizer.name_or_path!r} ({type(tokenizer).__name__}) has no fast backend, so its vocabulary "
                "cannot be read; save it as a folder with tokenizer.json"
            )
        description = json.loads(backend.to_str())
        kind = _kind(description, tokenizer)
        ids = backend.get_vocab(with_added_tokens=True)
        size = max(ids.values()) + 1
        tokens: list[str | None] = [None] * size
        for token, token_id in ids.items():
            tokens[token_id] = token
        roles = _roles(tokenizer, tokens, description)
        added = {entry["id"] for entry in description.get("added_tokens", ())}
        prefix = description["model"].get("continuing_subword_prefix") or ""
        texts: list[str | None] = [None] * size
        word_initial = np.zeros(size, dtype=bool)
        for token_id, token in enumerate(tokens):
            if token is None or roles[token_id] is not None:
                continue
            if token_id in added:
                texts[token_id], word_initial[token_id] = token.strip() or None, True
            else:
                texts[token_id], word_initial[token_id] = _read(kind, prefix, token)
        return cls(kind, tuple(tokens), tuple(texts), word_initial, tuple(roles))


def _kind(description: dict, tokenizer: Any) -> str:
    model = description["model"]["type"]
    if model == "BPE":
        return "byte-bpe" if "ByteLevel" in _component_types(description) else "bpe"
    known = {"WordPiece": "wordpiece", "Unigram": "unigram", "WordLevel": "wordlevel"}
    if model not in known:
        raise ValueError(f"tokenizer {tokenizer.name_or_path!r} has a model of unknown type {model!r}; known: BPE, {', '.join(known)}")
    return known[model]


def _component_types(description: dict) -> set[str]:
    """Types of every pre-tokenizer and decoder step, sequences opened."""
    found, pending = set(), [description.get("pre_tokenizer"), description.get("decoder")]
    while pending:
        step = pending.pop()
        if step:
            found.add(step["type"])
            pending.extend(step.get("pretokenizers", ()))
            pending.extend(step.get("decoders", ()))
    return found


def _roles(tokenizer: Any, tokens: list[str | None], description: dict) -> list[str | None]:
    """The role map: cls falls back to bos and sep to eos, whatever the strings are."""
    roles: list[str | None] = [None] * len(tokens)
    for entry in description.get("added_tokens", ()):
        if entry["special"]:
            roles[entry["id"]] = "special"
    for token_id, token in enumerate(tokens):
        if token is not None and _UNUSED.match(token):
            roles[token_id] = "special"
    chosen = {
        "cls": tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id,
        "sep": tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "unk": tokenizer.unk_token_id,
        "mask": tokenizer.mask_token_id,
    }
    for token_id in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            roles[token_id] = "special"
    for role in reversed(ROLES):  # reversed: if one id plays two roles (pad = eos), the earlier role names it
        if chosen[role] is not None:
            roles[chosen[role]] = role
    return roles


def _read(kind: str, prefix: str, token: str) -> tuple[str | None, bool]:
    """(text, word-initial) of one ordinary token. Continuation marks and space marks are no part of the text."""
    if kind == "wordpiece":
        continues = bool(prefix) and token.startswith(prefix) and len(token) > len(prefix)
        return (token[len(prefix) :] if continues else token), not continues
    if kind == "byte-bpe":
        raw = bytes(_BYTE_OF[c] for c in token) if all(c in _BYTE_OF for c in token) else token.encode()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return None, False
        return text.strip() or None, text[:1].isspace()
    if kind in ("unigram", "bpe"):
        if _BYTE_FALLBACK.match(token):
            return None, False
        return token.replace(_METASPACE, " ").strip() or None, token.startswith(_METASPACE)
    return token, True


def _byte_alphabet() -> dict[str, int]:
    """Byte-level BPE writes each byte as one printable character; this is the inverse of that alphabet (GPT-2, section 2.2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    shifted = (byte for byte in range(256) if byte not in set(printable))
    alphabet.update({chr(256 + offset): byte for offset, byte in enumerate(shifted)})
    return alphabet


_BYTE_OF = _byte_alphabet()
