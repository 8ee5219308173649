"""How a preset names a collection: a folder, a dataset on the hub, or an ir_datasets id. Nothing is opened here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harness.collections.missing import MOST_MISSING

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_HUB_FIELDS = ("revision", "kind", "config", "split", "judgements")
_DOWNLOAD_FIELDS = ("train", "codes", "limit", "subset", "expected")


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a hub dataset; give its owner and name, as in mteb/WebFAQRetrieval")
    return value


def _check_commit(value: str) -> str:
    if not _COMMIT.fullmatch(value):
        reason = "is not a commit, and what it stands for may change"
        raise ValueError(f"{value!r} {reason}; give the 40 hexadecimal digits of the commit")
    return value


Name = Annotated[str, AfterValidator(_check_name)]
Commit = Annotated[str, AfterValidator(_check_commit)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubDataset(_Part):
    """A dataset repository and its pinned revision."""

    hub: Name
    revision: Commit | None = None


class Expected(_Part):
    """What a download must contain before any `limit`; fingerprints: sha256 of corpus.jsonl lines without line end."""

    documents: int | None = None
    queries: int | None = Field(None, description="queries judged in the test split")
    judgements: int | None = Field(None, description="lines of the test split")
    relevant: int | None = Field(None, description="lines of the test split with a score above 0")
    train_pairs: int | None = Field(None, description="lines of the training split with a score above 0")
    first: str | None = None
    tenth: str | None = None
    last: str | None = None


class CollectionSource(_Part):
    """One of `folder` (BEIR layout), `hub` (with `revision`) and `ir_datasets`.

    `{language}` stands for the language, or for its code in `codes`.
    """

    folder: str | None = None
    hub: Name | None = None
    revision: Commit | None = None
    kind: Literal["beir", "miracl"] = Field(
        "beir", description="beir: corpus, queries and judgements as configs or files; miracl: raw MIRACL files"
    )
    config: str = ""
    """Prefix of -corpus, -queries and -qrels in the names of the configs; for miracl, of the files."""
    split: str | None = None
    """Split to evaluate on; empty: test, or dev where there is no test."""
    judgements: HubDataset | None = None
    """The repository of the judgements (for miracl, of the queries too), if it is another one."""
    ir_datasets: str | None = None
    train: str | None = None
    """hub: split of the training pairs, empty: train if there is one; ir_datasets: an id."""
    codes: dict[str, str] = {}
    """By language, its code in the dataset, e.g. ko: kor."""
    limit: int | None = Field(None, ge=0)
    """Search the judged documents and the first so many of the others; empty: the whole corpus."""
    subset: str | None = Field(None, pattern=r"^[\w.-]+$")
    """Which part of a collection the dataset is; stands in the tables beside the name."""
    expected: dict[str, Expected] = {}
    """By language."""
    most_missing: float = Field(MOST_MISSING, ge=0, le=1)
    """The share of the judged pairs of a split that may lack their document or query; beyond it: refused."""
    ignore_identical_ids: bool | None = Field(None, strict=True)
    """Leave the document with a query's own id out of its ranking; empty: it is ranked, with a warning."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_origin(self) -> CollectionSource:
        origins = [name for name in ("folder", "hub", "ir_datasets") if getattr(self, name) is not None]
        if len(origins) != 1:
            several = " and ".join(origins) or "none of them"
            raise ValueError(
                f"a collection comes from one of folder, hub and ir_datasets, not from {several}; keep one"
            )
        without_effect = {"folder": _HUB_FIELDS + _DOWNLOAD_FIELDS, "ir_datasets": _HUB_FIELDS, "hub": ()}[origins[0]]
        for name in without_effect:
            if name in self.model_fields_set:
                raise ValueError(f"{name} has no effect on a collection from {origins[0]}; leave it out")
        if self.kind == "miracl" and (self.judgements is None or not self.config):
            raise ValueError(
                "kind miracl needs config, e.g. '{language}', and judgements: {hub: miracl/miracl, revision: COMMIT}"
            )
        return self

    def label(self, name: str) -> str:
        """Return the name for tables, which never shows a subset as the whole."""
        marks = [] if self.subset is None or self.subset in name else [self.subset]
        if self.limit is not None:
            marks.append(f"judged+{self.limit}" if self.limit else "judged")
        return "-".join([name, *marks])

    def parameters(self, language: str) -> dict[str, Any]:
        """Return the parameters of the stage `collection`, which decide the content, for one language."""
        code = self.codes.get(language, language)
        fields = self.model_dump(exclude={"folder", "codes", "expected", "ignore_identical_ids"}, exclude_none=True)
        if self.most_missing == MOST_MISSING:  # the default is not part of a key
            del fields["most_missing"]
        for name, value in fields.items():
            fields[name] = value.replace("{language}", code) if isinstance(value, str) else value
        expected = self.expected.get(language)
        return fields | ({} if expected is None else {"expected": expected.model_dump(exclude_none=True)})
