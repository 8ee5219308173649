"""How a preset names a collection: a folder, a dataset on the hub, or an ir_datasets id. Data and its checks, nothing is opened here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_OF_HUB = ("revision", "kind", "config", "split", "judgements")
_DOWNLOADED = ("train", "codes", "limit", "subset", "expected")


def _two_names(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no hub dataset; give its owner and name, as in mteb/WebFAQRetrieval")
    return value


def _a_commit(value: str) -> str:
    if not _COMMIT.fullmatch(value):
        raise ValueError(
            f"{value!r} is no commit, and what it stands for may move; give the 40 hexadecimal digits of the commit"
        )
    return value


Name = Annotated[str, AfterValidator(_two_names)]
Commit = Annotated[str, AfterValidator(_a_commit)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubDataset(_Part):
    """A dataset repository and its pinned revision."""

    hub: Name
    revision: Commit | None = None


class Expected(_Part):
    """What a download must hold, before any `limit`. The fingerprints are sha256 of lines of corpus.jsonl, without line end."""

    documents: int | None = None
    queries: int | None = Field(None, description="queries judged in the test split")
    judgements: int | None = Field(None, description="lines of the test split")
    relevant: int | None = Field(None, description="lines of the test split with a score above 0")
    train_pairs: int | None = Field(None, description="lines of the training split with a score above 0")
    first: str | None = None
    tenth: str | None = None
    last: str | None = None


class CollectionSource(_Part):
    """One of `folder` (BEIR layout), `hub` (with `revision`), `ir_datasets`. `{language}` stands for the language, or for what `codes` calls it."""

    folder: str | None = None
    hub: Name | None = None
    revision: Commit | None = None
    kind: Literal["beir", "miracl"] = Field(
        "beir", description="beir: corpus, queries and judgements as configs or files; miracl: raw MIRACL files"
    )
    config: str = Field(
        "",
        description="what stands before -corpus, -queries and -qrels in the names of the configs; for miracl, of the files",
    )
    split: str | None = Field(None, description="split to evaluate on; empty: test, or dev where there is no test")
    judgements: HubDataset | None = Field(
        None, description="the repository of the judgements (for miracl, of the queries too), if it is another one"
    )
    ir_datasets: str | None = None
    train: str | None = Field(
        None, description="hub: split of the training pairs, empty: train if there is one; ir_datasets: an id"
    )
    codes: dict[str, str] = Field({}, description="language: its code in the dataset, e.g. ko: kor")
    limit: int | None = Field(
        None,
        ge=0,
        description="search the judged documents and this many others, the first ones; empty: the whole corpus",
    )
    subset: str | None = Field(
        None,
        pattern=r"^[\w.-]+$",
        description="which part of a collection the dataset is; heads the tables with the name",
    )
    expected: dict[str, Expected] = Field({}, description="by language")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> CollectionSource:
        origins = [name for name in ("folder", "hub", "ir_datasets") if getattr(self, name) is not None]
        if len(origins) != 1:
            given = " and ".join(origins) or "none of them"
            raise ValueError(f"a collection comes from one of folder, hub and ir_datasets, not from {given}; keep one")
        useless = {"folder": _OF_HUB + _DOWNLOADED, "ir_datasets": _OF_HUB, "hub": ()}[origins[0]]
        for name in useless:
            if name in self.model_fields_set:
                raise ValueError(f"{name} has no effect on a collection from {origins[0]}; leave it out")
        if self.kind == "miracl" and (self.judgements is None or not self.config):
            raise ValueError(
                "kind miracl needs config, e.g. '{language}', and judgements: {hub: miracl/miracl, revision: COMMIT}"
            )
        return self

    def label(self, name: str) -> str:
        """The name in tables: a subset is never shown as the whole."""
        marks = [] if self.subset is None or self.subset in name else [self.subset]
        if self.limit is not None:
            marks.append(f"judged+{self.limit}" if self.limit else "judged")
        return "-".join([name, *marks])

    def parameters(self, language: str) -> dict[str, Any]:
        """What decides the content, for one language: the parameters of the stage `collection`."""
        code = self.codes.get(language, language)
        given = self.model_dump(exclude={"folder", "codes", "expected"}, exclude_none=True)
        filled = {
            name: value.replace("{language}", code) if isinstance(value, str) else value
            for name, value in given.items()
        }
        expected = self.expected.get(language)
        return filled | ({} if expected is None else {"expected": expected.model_dump(exclude_none=True)})
