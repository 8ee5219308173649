"""A preset: what to run, as data, with the checks that need nothing but the preset itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.catalog.entries import ReferenceKind
from harness.files.shown import shown
from harness.initialization.needs import BRIDGE, options
from harness.plan.collection_source import CollectionSource
from harness.training.settings import TrainingSettings
from sembridge.nearest import nearest
from sembridge.options import check, transplant_options

LONGEST_NAME = 100


class PresetError(ValueError):
    """One line for a person: the option, its value, the nearest valid one, the next step."""


def input_options() -> list[str]:
    """Return the names of the files that a preset can give to initializers."""
    return [name for name in options() if name != BRIDGE.name]  # an axis of its own: `bridges`


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Named(_Part):
    """A model folder, `pocket:...` (built on first use), or a hub id with its pinned revision.

    hub  the name is a hub id for certain: no folder is looked for, and a plan is possible before the revision is known (a run is not)
    """

    model: str
    revision: str | None = None
    hub: bool = False

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value


class ModelSource(Named):
    """A model of the grid.

    prompt  put before token texts and words that a bridge embeds
    query_prompt, document_prompt
            put before queries and documents where the bridge is itself the retriever (`dense`); None: what the model says of itself
    """

    prompt: str = ""
    query_prompt: str | None = None
    document_prompt: str | None = None


class ReferenceSource(Named):
    """A ready sparse retriever, which is a reference row under its name in the preset.

    kind         see `harness.references.sparse_models`
    remote_code  run the code in the model's repository: said here, by the person who runs it, or it is not run
    """

    kind: ReferenceKind = "sparse-encoder"
    remote_code: bool = Field(False, strict=True)

    @model_validator(mode="after")
    def _code_as_asked(self) -> ReferenceSource:
        if self.kind == "milco" and not self.remote_code:
            raise ValueError(
                "kind milco runs code of the model's repository; if you have read it and trust it, set remote_code to true beside it"
            )
        if self.kind == "bge-m3" and self.remote_code:
            raise ValueError("kind bge-m3 runs no code of a repository; leave remote_code out")
        return self


class EvaluationSettings(_Part):
    k: int = Field(100, ge=100, le=100_000, description="documents kept per query; recall@100 needs 100")
    max_length: int | None = Field(
        None, ge=8, le=1_000_000, description="tokens per text; empty: what the encoder allows"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, float32 elsewhere"
    )
    shares: int = Field(
        1,
        ge=1,
        le=10_000,
        description="shares of a collection's documents that nodes search apart; no score depends on it",
    )


class FineTuning(TrainingSettings):
    """Training settings, the collection whose training pairs are used, the number of Ray Train workers, and how often scores are taken on the way."""

    collection: str | None = Field(None, description="empty: each collection's own pairs")
    workers: int = Field(1, ge=1, le=10_000)
    points: int = Field(
        0,
        ge=0,
        le=10_000,
        description="evenly spaced points of a training after which the encoder is measured, beside its start; 0: none",
    )

    @model_validator(mode="after")
    def _shared_evenly(self) -> FineTuning:
        if self.batch_size % self.workers:
            raise ValueError(
                f"training.batch_size {self.batch_size} cannot be shared evenly by {self.workers} workers; choose a multiple"
            )
        return self


class Resources(_Part):
    cpus_per_cell: float = Field(1, gt=0, description="processor cores a cell may use; also its number of threads")
    gpus_per_cell: float = Field(0, ge=0)


class Preset(_Part):
    """The grid. Names on the left of a mapping are this grid's own; they head the tables' rows and columns."""

    title: str
    data: str | None = Field(None, description="folder that {data} stands for")
    catalog: str | list[str] | None = Field(
        None, description="catalogs of your own, whose entries come before the project's"
    )
    languages: list[str] = Field(min_length=1)
    architectures: dict[str, ModelSource] = Field(min_length=1)
    tokenizers: str | dict[str, ModelSource]
    bridges: dict[str, ModelSource] = {}
    references: dict[str, ReferenceSource] = Field(
        {}, description="ready sparse retrievers, rows where `initializers` names them"
    )
    collections: dict[str, CollectionSource] = Field(min_length=1)
    evaluated: list[str] | None = Field(None, min_length=1, description="collections to evaluate on; empty: all")
    inputs: dict[str, str] = Field(
        {}, description="files that initializers read, by option; the options may also stand alone"
    )
    initializers: list[str] = Field(min_length=1)
    settings: dict[str, dict[str, Any]] = Field({}, description="parameters by initializer")
    alphas: list[float] = Field([4.0], min_length=1)
    regimes: list[Literal["zero-shot", "fine-tuned"]] = Field(["zero-shot"], min_length=1)
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field([42], min_length=1)
    profile: Literal["fixed", "compat"] = Field(
        "fixed",
        description="compat: the choices of SemBridge's published code, see the page 'fidelity' of the documentation",
    )
    overlap: Literal["special", "exact", "fuzzy"] = "fuzzy"
    donors: Literal["ordinary", "all"] | None = Field(
        None, description="empty: what the profile says, ordinary tokens for fixed, all for compat"
    )
    bias: Literal["transfer", "zero", "keep"] | None = Field(
        None, description="of the decoder; empty: transfer, under the profile compat keep"
    )
    query_weights: Literal["mixture", "idf"] = Field(
        "mixture",
        description="of inference-free encoders: moved with the mixture, or inverse document frequencies of the target-language text",
    )
    training: FineTuning = FineTuning()
    evaluation: EvaluationSettings = EvaluationSettings()
    resources: Resources = Resources()

    @model_validator(mode="before")
    @classmethod
    def _inputs_together(cls, content: Any) -> Any:
        """Gather the options that needs declare (`text`, ...), which may stand at the top; null is left out."""
        if not isinstance(content, dict) or not isinstance(content.get("inputs", {}), dict):
            return content
        known = input_options()
        alone = {name: value for name, value in content.items() if name in known and name not in cls.model_fields}
        inputs = content.get("inputs", {})
        for name in inputs:
            if name in alone:
                raise ValueError(f"{name} is given twice, at the top and below inputs; keep one")
            if name not in known:
                raise ValueError(f"inputs.{name} is unknown; {nearest(name, known)}")
        gathered = {name: value for name, value in (alone | inputs).items() if value is not None}
        return {name: value for name, value in content.items() if name not in alone} | {"inputs": gathered}

    @model_validator(mode="after")
    def _printable_names(self) -> Preset:
        """Names head tables, in the terminal and in spreadsheets, and are parts of file names."""
        names = [("title", self.title), *(("languages", name) for name in self.languages)]
        for option in ("architectures", "tokenizers", "bridges", "references", "collections"):
            given = getattr(self, option)
            names += [(option, name) for name in given] if isinstance(given, dict) else []
        for option, name in names:
            if not name.isprintable() or name.strip() != name or not name or len(name) > LONGEST_NAME:
                raise ValueError(
                    f"{option}: {shown(name)} is no name; give up to {LONGEST_NAME} characters that can be printed, no blanks around them"
                )
            if name[0] in "=+-@":
                raise ValueError(
                    f"{option}: {shown(name)} is no name: spreadsheets would compute it; begin it with a letter or a digit"
                )
        return self

    @model_validator(mode="after")
    def _given_once(self) -> Preset:
        for name in ("languages", "initializers", "alphas", "regimes", "seeds", "evaluated"):
            values = getattr(self, name) or []
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ValueError(f"{name}: {twice[0]} is given twice")
        for name in self.evaluated or []:
            if name not in self.collections:
                raise ValueError(f"collection {name!r} is unknown; {nearest(name, self.collections)}")
        check(profile=self.profile, donors=self.donors)
        return self

    @property
    def transplant(self) -> dict[str, str]:
        """What the profile, and the options that overrule it, ask of a transplant."""
        return transplant_options(self.profile, self.bias)
