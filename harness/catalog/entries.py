"""What the catalog says about a language, an encoder, a tokenizer, a bridge, a collection. Data: it loads nothing and asks no hub."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ReferenceKind = Literal["sparse-encoder", "bge-m3", "milco"]
"""What a ready sparse retriever is, which says how it is loaded: see `harness.references.sparse_models`."""


class _Strict(BaseModel):
    """Unknown keys are refused, and values are taken as they are: 'yes' is no boolean, "3" no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Entry(_Strict):
    notes: str = ""


class Language(_Entry):
    """iso3 is ISO 639-3, as WebFAQ names its parts; script is ISO 15924; bm25 says what counts as a word there."""

    name: str = Field(min_length=2)
    iso3: str = Field(pattern=r"^[a-z]{3}$")
    script: str = Field(pattern=r"^[A-Z][a-z]{3}$")
    bm25: str = Field(min_length=3)


class _Model(_Entry):
    """A model on the hub.

    revision     the commit to load; null where none is known here: a run then asks for it
    license      as the model's card states it, `unknown` where nothing is stated or known here
    gated        the hub asks for a login and an accepted license first
    remote_code  the model runs code from its own repository. Only said here: nothing in the catalog switches that on
    """

    id: str = Field(pattern=r"^\w[\w.-]*/\w[\w.-]*$")
    revision: str | None = Field(pattern=r"^[0-9a-f]{40}$")
    license: str = Field(min_length=2)
    gated: bool = False
    remote_code: bool = False


class Encoder(_Model):
    """A sparse encoder; `vocabulary` counts its tokens."""

    body: str = Field(min_length=2)
    vocabulary: int = Field(gt=0)


class Tokenizer(_Model):
    """The tokenizer of a model for one language; `vocabulary` counts its tokens as published, ids it can emit may be fewer."""

    language: str
    vocabulary: int = Field(gt=0)


class Bridge(_Model):
    """A multilingual sentence encoder.

    prompt           put before every token text when the model serves as a bridge
    query_prompt, document_prompt
                     put before queries and documents when it retrieves by itself
    """

    dimensions: int = Field(gt=0)
    pooling: str = Field(pattern=r"^(cls|mean|last)$")
    prompt: str = ""
    query_prompt: str = ""
    document_prompt: str = ""


class Reference(_Model):
    """A ready multilingual sparse retriever, for a row of its own; `vocabulary` counts the dimensions of its vectors."""

    kind: ReferenceKind = "sparse-encoder"
    body: str = Field(min_length=2)
    vocabulary: int = Field(gt=0)


class Counts(_Strict):
    """What a complete copy holds in one language, in the words of a preset's `expected`: documents, judged queries of the split that is evaluated,
    its judgements and those above 0, pairs to train on; and sha256 of the first, tenth and last line of corpus.jsonl."""

    documents: int = Field(gt=0)
    queries: int = Field(gt=0)
    judgements: int | None = Field(None, gt=0)
    relevant: int | None = Field(None, gt=0)
    train_pairs: int | None = Field(None, gt=0)
    first: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    tenth: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    last: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class Collection(_Entry):
    """A retrieval collection: where it lies, in the words of a preset's `collections`, and what a complete copy holds, by language."""

    source: dict[str, Any] = Field(min_length=1)
    license: str = Field(min_length=2)
    gated: bool = False
    counts: dict[str, Counts] = Field(min_length=1)


KINDS: dict[str, type[Language | Encoder | Tokenizer | Bridge | Reference | Collection]] = {
    "languages": Language,
    "encoders": Encoder,
    "tokenizers": Tokenizer,
    "bridges": Bridge,
    "references": Reference,
    "collections": Collection,
}
