"""Find what a bridge expects before every token that it embeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def own_prompt(prompts: Mapping[str, str | None] | None, default: str | None = None) -> str:
    """Return the text that a bridge expects before a token, by the prompts it declares; "" if it expects none.

    prompts  of config_sentence_transformers.json: name -> text
    default  its default_prompt_name

    That is the default prompt. Without one, it is the prompt of queries if documents have a prompt as well, as in the
    e5 family: such a model never saw a text without a prefix. A prompt on queries alone is an instruction for a search,
    which a token is not.
    """
    known = dict(prompts or {})
    if default and known.get(default):
        return known[default] or ""
    if any(known.get(name) for name in ("document", "passage", "corpus")):
        return known.get("query") or ""
    return ""


def prompt_of(model: Any) -> str:
    """Return `own_prompt` of a loaded SentenceTransformer."""
    return own_prompt(getattr(model, "prompts", None), getattr(model, "default_prompt_name", None))
