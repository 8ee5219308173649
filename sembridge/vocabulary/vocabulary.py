"""Read a vocabulary as the initializers see it: what each id stands for, and which role it plays.

The tokenizer's own model decides the kind (WordPiece, byte-level BPE, Unigram, ...); nothing is guessed by counting
tokens. That is the profile `fixed`. For comparison, the profile `compat` reads as the published code of SemBridge does
(`sembridge.vocabulary.compat`, docs/fidelity.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sembridge.options import check
from sembridge.vocabulary import compat
from sembridge.vocabulary.tokenizer_check import check_ids, python_only

ROLES = ("cls", "sep", "pad", "unk", "mask")
_UNUSED = re.compile(r"^[\[<]unused_?\d+[\]>]$|^<extra_id_\d+>$|^madeupword\d+$", re.IGNORECASE)
_BYTE_FALLBACK = re.compile(r"^<0x[0-9A-Fa-f]{2}>$")
_METASPACE = "\u2581"


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one tokenizer by id, `V` = largest id the tokenizer can emit + 1.

    kind          wordpiece | byte-bpe | bpe | unigram | wordlevel; under `compat` a guess
    tokens        [V] the token as stored; None where no token has this id
    texts         [V] the plain text the token stands for, without continuation or space marks; None for special
                  and unused tokens, holes, and bytes that are not valid UTF-8 on their own
    word_initial  [V] bool: the token starts a word
    roles         [V] cls | sep | pad | unk | mask for the five with a meaning for the model, `special` for any other
                  special or unused token, None for ordinary tokens
    profile       fixed | compat: how the tokens were read. Under `compat` every token has a text, and unused tokens are
                  ordinary ones
    """

    kind: str
    tokens: tuple[str | None, ...]
    texts: tuple[str | None, ...]
    word_initial: np.ndarray
    roles: tuple[str | None, ...]
    profile: str = "fixed"

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def role_ids(self) -> dict[str, int]:
        """Return role -> id, for the roles this vocabulary has."""
        return {role: token_id for token_id, role in enumerate(self.roles) if role in ROLES}

    @cached_property
    def has_text(self) -> np.ndarray:
        """Return which tokens have a text [V] bool: such source tokens are donors, such target tokens can be mixed."""
        return np.array([text is not None for text in self.texts], dtype=bool)

    @cached_property
    def exists(self) -> np.ndarray:
        """Return which ids belong to a token [V] bool; the others are holes."""
        return np.array([token is not None for token in self.tokens], dtype=bool)

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of all fields: two tokenizers with the same digest get the same initialization."""
        content = [self.profile, self.kind, self.tokens, self.texts, self.word_initial.astype(int).tolist(), self.roles]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, profile: str = "fixed") -> Vocabulary:
        """Read a transformers tokenizer.

        Raises ValueError for an unknown profile, for a tokenizer without a `tokenizers` backend or of unknown type, and
        for ids that two tokens share or that few tokens have.
        """
        check(profile=profile)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ValueError(python_only(tokenizer.name_or_path, type(tokenizer).__name__))
        check_ids(tokenizer.name_or_path, backend)
        description = json.loads(backend.to_str())
        kind = _kind(description, tokenizer)
        ids = backend.get_vocab(with_added_tokens=True)
        tokens: list[str | None] = [None] * (max(ids.values()) + 1)
        for token, token_id in ids.items():
            tokens[token_id] = token
        for entry in description.get("added_tokens", ()):  # an added token hides a token of the model with the same id
            tokens[entry["id"]] = entry["content"]
        roles = _roles(tokenizer, tokens, description, unused=profile == "fixed")
        if profile == "compat":
            kind, texts, word_initial = compat.read(tokenizer, tokens)
        else:
            texts, word_initial = _read_all(kind, tokens, roles, description)
        return cls(kind, tuple(tokens), tuple(texts), word_initial, tuple(roles), profile)


def _kind(description: dict, tokenizer: Any) -> str:
    model = description["model"]["type"]
    if model == "BPE":
        return "byte-bpe" if "ByteLevel" in _component_types(description) else "bpe"
    kinds = {"WordPiece": "wordpiece", "Unigram": "unigram", "WordLevel": "wordlevel"}
    if model not in kinds:
        name = tokenizer.name_or_path
        raise ValueError(f"tokenizer {name!r} has a model of unknown type {model!r}; known: BPE, {', '.join(kinds)}")
    return kinds[model]


def _component_types(description: dict) -> set[str]:
    """Return the types of all pre-tokenizer and decoder steps, those inside sequences as well."""
    types, pending = set(), [description.get("pre_tokenizer"), description.get("decoder")]
    while pending:
        step = pending.pop()
        if step:
            types.add(step["type"])
            pending.extend(step.get("pretokenizers", ()))
            pending.extend(step.get("decoders", ()))
    return types


def _roles(tokenizer: Any, tokens: list[str | None], description: dict, unused: bool) -> list[str | None]:
    """Return the roles [V]: cls falls back to bos and sep to eos, whatever the strings are.

    unused  count [unused1] and its like as specials
    """
    roles: list[str | None] = [None] * len(tokens)
    for entry in description.get("added_tokens", ()):
        if entry["special"]:
            roles[entry["id"]] = "special"
    for token_id, token in enumerate(tokens):
        if unused and token is not None and _UNUSED.match(token):
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


def _read_all(
    kind: str, tokens: list[str | None], roles: list[str | None], description: dict
) -> tuple[list[str | None], np.ndarray]:
    """Return (texts [V], word-initial flags [V]) by the marks that the tokenizer's model declares."""
    added = {entry["id"] for entry in description.get("added_tokens", ())}
    model = description["model"]
    prefix, suffix = (model.get(name) or "" for name in ("continuing_subword_prefix", "end_of_word_suffix"))
    texts: list[str | None] = [None] * len(tokens)
    word_initial = np.zeros(len(tokens), dtype=bool)
    for token_id, token in enumerate(tokens):
        if token is None or roles[token_id] is not None:
            continue
        if token_id in added:
            texts[token_id], word_initial[token_id] = token.strip() or None, True
        else:
            texts[token_id], word_initial[token_id] = _read(kind, prefix, suffix, token)
    return texts, word_initial


def _read(kind: str, prefix: str, suffix: str, token: str) -> tuple[str | None, bool]:
    """Return (text, word-initial) of one ordinary token; continuation, end-of-word and space marks are not in the text.

    Where a model marks the ends of words and not their beginnings ("play</w>", "pl"), a token that ends a word counts
    as word-initial: only it can be a whole word, as another tokenizer's word-initial token of this text can.
    """
    if kind == "wordlevel":
        return token, True
    continues = bool(prefix) and token.startswith(prefix) and len(token) > len(prefix)
    body = token[len(prefix) :] if continues else token
    ends = bool(suffix) and body.endswith(suffix) and len(body) > len(suffix)
    body = body[: -len(suffix)] if ends else body
    if kind == "wordpiece":
        return body, not continues
    if kind == "byte-bpe":
        text = _decode_bytes(body)
        after_space = text[:1].isspace()
    else:
        text = "" if _BYTE_FALLBACK.match(body) else body.replace(_METASPACE, " ")
        after_space = body.startswith(_METASPACE)
    if prefix:
        return text.strip() or None, not continues
    return text.strip() or None, ends if suffix else after_space


def _decode_bytes(token: str) -> str:
    """Return the text of a byte-level token, "" where its bytes are not valid UTF-8 on their own."""
    raw = bytes(_BYTE_OF[c] for c in token) if all(c in _BYTE_OF for c in token) else token.encode()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _byte_alphabet() -> dict[str, int]:
    """Return printable character -> byte, the inverse of the alphabet of byte-level BPE (GPT-2, section 2.2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    shifted = (byte for byte in range(256) if byte not in set(printable))
    alphabet.update({chr(256 + offset): byte for offset, byte in enumerate(shifted)})
    return alphabet


_BYTE_OF = _byte_alphabet()
