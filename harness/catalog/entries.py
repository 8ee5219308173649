"""What the catalog states about languages, models and collections. Pure data: nothing is loaded, no hub is queried."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ReferenceKind = Literal["sparse-encoder", "bge-m3", "milco"]
"""The kind of a ready sparse retriever, which decides how it is loaded: see `harness.references.sparse_models`."""


class _Strict(BaseModel):
    """Refuse unknown keys, and convert no values: 'yes' is not a boolean, "3" is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Entry(_Strict):
    notes: str = ""


class Language(_Entry):
    """iso3: ISO 639-3, as WebFAQ names its configs; script: ISO 15924; bm25: what counts as a word, for the reader."""

    name: str = Field(min_length=2)
    iso3: str = Field(pattern=r"^[a-z]{3}$")
    script: str = Field(pattern=r"^[A-Z][a-z]{3}$")
    bm25: str = Field(min_length=3)


class _Model(_Entry):
    """A model on the hub.

    revision     the commit to load; null where none is known: a run then asks the user for it
    license      as the model's card states it, `unknown` where it states none or we do not know
    gated        whether the hub demands a login and an accepted license
    remote_code  whether the model runs code from its own repository; a statement only, which switches nothing on
    """

    id: str = Field(pattern=r"^\w[\w.-]*/\w[\w.-]*$")
    revision: str | None = Field(pattern=r"^[0-9a-f]{40}$")
    license: str = Field(min_length=2)
    gated: bool = False
    remote_code: bool = False


class Encoder(_Model):
    """A sparse encoder; `vocabulary`: number of tokens."""

    body: str = Field(min_length=2)
    vocabulary: int = Field(gt=0)


class Tokenizer(_Model):
    """A model's tokenizer for one language; `vocabulary`: tokens as published, of which it may never emit some."""

    language: str
    vocabulary: int = Field(gt=0)


class Bridge(_Model):
    """A multilingual sentence encoder.

    prompt           precedes every token text when the model serves as a bridge
    query_prompt     precedes queries when the model retrieves by itself
    document_prompt  precedes documents when the model retrieves by itself
    """

    dimensions: int = Field(gt=0)
    pooling: str = Field(pattern=r"^(cls|mean|last)$")
    prompt: str = ""
    query_prompt: str = ""
    document_prompt: str = ""


class Reference(_Model):
    """A ready multilingual sparse retriever for a reference row; `vocabulary`: dimensions of its vectors."""

    kind: ReferenceKind = "sparse-encoder"
    body: str = Field(min_length=2)
    vocabulary: int = Field(gt=0)


class Counts(_Strict):
    """What a complete copy holds in one language; the fields are those of a preset's `expected`.

    queries             judged queries of the evaluated split
    judgements          all judgements of that split; `relevant`: those above 0
    train_pairs         pairs to train on
    first, tenth, last  sha256 of these lines of corpus.jsonl
    """

    documents: int = Field(gt=0)
    queries: int = Field(gt=0)
    judgements: int | None = Field(None, gt=0)
    relevant: int | None = Field(None, gt=0)
    train_pairs: int | None = Field(None, gt=0)
    first: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    tenth: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    last: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class Collection(_Entry):
    """A retrieval collection: its source, as in a preset's `collections`, and a complete copy's counts by language."""

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
