"""A preset: what to run, as data, with the checks that need only the preset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.catalog.entries import ReferenceKind
from harness.files.shown import shown
from harness.initialization.needs import BRIDGE, options
from harness.plan.collection_source import CollectionSource
from harness.plan.vector_settings import VectorSettings
from harness.training.settings import TrainingSettings
from sembridge.nearest import nearest
from sembridge.options import alpha_number, check, transplant_options

LONGEST_NAME = 100


class PresetError(ValueError):
    """A preset is wrong; the message is one line: the option, its value, the nearest valid one, the next step."""


def input_options() -> list[str]:
    """Return the names of the files that a preset can give to initializers."""
    return [name for name in options() if name != BRIDGE.name]  # an axis of its own: `bridges`


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Named(_Part):
    """A model folder, `pocket:...` (built on first use), or a hub id with its pinned revision.

    hub  the name is certainly a hub id: no folder is tried, and a plan (not a run) is possible without a revision
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

    prompt  put before token texts and words that a bridge embeds; None: the bridge's own
    query_prompt, document_prompt
            put before queries and documents where the bridge itself retrieves (`dense`); None: the model's own prompts
    """

    prompt: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None


class ReferenceSource(Named):
    """A ready sparse retriever. Its name in the preset names its reference row.

    kind         see `harness.references.sparse_models`
    remote_code  run the code in the model's repository; only the person who runs the grid may allow this, here
    """

    kind: ReferenceKind = "sparse-encoder"
    remote_code: bool = Field(False, strict=True)

    @model_validator(mode="after")
    def _check_remote_code(self) -> ReferenceSource:
        if self.kind == "milco" and not self.remote_code:
            raise ValueError(
                "kind milco runs code of the model's repository; "
                "if you have read it and trust it, set remote_code to true beside it"
            )
        if self.kind == "bge-m3" and self.remote_code:
            raise ValueError("kind bge-m3 runs no code of a repository; leave remote_code out")
        return self


class EvaluationSettings(VectorSettings):
    k: int = Field(100, ge=100, le=100_000, description="documents kept per query; recall@100 needs 100")
    max_length: int | None = Field(None, ge=8, le=1_000_000, description="tokens per text; empty: the encoder's limit")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, float32 elsewhere"
    )
    shares: int = Field(1, ge=1, le=10_000)
    """Shards of a collection's documents that nodes search independently; no score depends on their number."""


class FineTuning(TrainingSettings):
    """Training settings, the collection of the training pairs, the number of Ray Train workers, and measurements."""

    collection: str | None = Field(None, description="empty: each collection's own pairs")
    workers: int = Field(1, ge=1, le=10_000)
    points: int = Field(0, ge=0, le=10_000)
    """Evenly spaced points of a training after which the encoder is measured, beside its start; 0: none."""

    @model_validator(mode="after")
    def _check_batch_size(self) -> FineTuning:
        if self.batch_size % self.workers:
            batch = f"training.batch_size {self.batch_size}"
            raise ValueError(f"{batch} cannot be shared evenly by {self.workers} workers; choose a multiple")
        return self


class Resources(_Part):
    cpus_per_cell: float = Field(1, gt=0, description="processor cores a cell may use; also its number of threads")
    gpus_per_cell: float = Field(0, ge=0)


class Preset(_Part):
    """The grid. The names in its mappings are chosen freely; they head the rows and columns of the tables."""

    title: str
    data: str | None = Field(None, description="folder that {data} stands for")
    catalog: str | list[str] | None = Field(None, description="your own catalogs; they precede the project's")
    languages: list[str] = Field(min_length=1)
    architectures: dict[str, ModelSource] = Field(min_length=1)
    tokenizers: str | dict[str, ModelSource]
    bridges: dict[str, ModelSource] = {}
    references: dict[str, ReferenceSource] = Field(
        {}, description="ready sparse retrievers, for `initializers` to name"
    )
    collections: dict[str, CollectionSource] = Field(min_length=1)
    evaluated: list[str] | None = Field(None, min_length=1, description="collections to evaluate on; empty: all")
    inputs: dict[str, str] = {}
    """Files that initializers read, by option; the options may also stand at the top."""
    initializers: list[str] = Field(min_length=1)
    settings: dict[str, dict[str, Any]] = Field({}, description="parameters by initializer")
    fusion: list[str] = Field([], description="rows that are also fused with bm25, each in a row rrf(bm25, ROW)")
    alphas: list[Annotated[float, BeforeValidator(alpha_number)]] = Field([4.0], min_length=1)
    """Of the mixtures; auto: chosen by the number of donors, and 0 from here on."""
    regimes: list[Literal["zero-shot", "fine-tuned"]] = Field(["zero-shot"], min_length=1)
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field([42], min_length=1)
    profile: Literal["fixed", "compat"] = "fixed"
    """compat: the choices of SemBridge's published code, see the page 'fidelity' of the documentation."""
    overlap: Literal["special", "exact", "fuzzy"] = "fuzzy"
    donors: Literal["ordinary", "all"] | None = None
    """Empty: as the profile says, ordinary tokens for fixed, all for compat."""
    nonfinite: Literal["refuse", "leave-out"] = "refuse"
    """Source tokens with NaN or infinite rows; leave-out: they neither donate nor are copied."""
    bias: Literal["transfer", "zero", "keep", "calibrated"] | None = None
    """Of the decoder; empty: what the initializer prefers (signet: calibrated), else transfer; under compat keep."""
    query_weights: Literal["mixture", "idf"] = "mixture"
    """Of inference-free encoders: moved with the mixture, or idf of the target-language text."""
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
    def _check_names(self) -> Preset:
        """Refuse names that cannot head tables, in a terminal or a spreadsheet, or be part of a file name."""
        names = [("title", self.title), *(("languages", name) for name in self.languages)]
        for option in ("architectures", "tokenizers", "bridges", "references", "collections"):
            sources = getattr(self, option)
            names += [(option, name) for name in sources] if isinstance(sources, dict) else []
        for option, name in names:
            refusal = f"{option}: {shown(name)} is not a valid name"
            if not name.isprintable() or name.strip() != name or not name or len(name) > LONGEST_NAME:
                raise ValueError(
                    f"{refusal}; give 1 to {LONGEST_NAME} printable characters, without blanks around them"
                )
            if name[0] in "=+-@":
                raise ValueError(f"{refusal}: spreadsheets would compute it; begin it with a letter or a digit")
        return self

    @model_validator(mode="after")
    def _check_values(self) -> Preset:
        for name in ("languages", "initializers", "fusion", "alphas", "regimes", "seeds", "evaluated"):
            values = getattr(self, name) or []
            repeated = [value for value in values if values.count(value) > 1]
            if repeated:
                raise ValueError(f"{name}: {repeated[0]} is given twice")
        named = {name: name for name in self.collections}
        for name, collection in self.collections.items():
            label = collection.label(name)
            if (other := named.setdefault(label, name)) != name:
                raise ValueError(f"collections: {label!r} would be the name of both {other!r} and {name!r}; rename one")
        for name in self.evaluated or []:
            if name not in self.collections:
                raise ValueError(f"collection {name!r} is unknown; {nearest(name, self.collections)}")
        check(profile=self.profile, donors=self.donors)
        return self

    def transplant(self, preferred: str | None) -> dict[str, str]:
        """Return the options of a transplant, by the bias policy that an initializer prefers; None: none."""
        return transplant_options(self.profile, self.bias, preferred)
