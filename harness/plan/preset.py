"""A preset: what to run, as data. YAML files, `--set key.path=value`, and nothing that computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.catalog.catalog import Catalog, CatalogError, load_catalog
from harness.catalog.entries import ReferenceKind
from harness.catalog.lookup import by_language, refers, with_entries
from harness.files import yaml_data
from harness.files.shown import shown
from harness.plan.collection_source import CollectionSource
from harness.training.settings import TrainingSettings
from sembridge.nearest import nearest

STAGE_NAMES = ("zero-shot", "fine-tuned")
LONGEST_NAME = 100
_LONGEST_PLACE = 200
_DEEPEST = 20


class PresetError(ValueError):
    """One line for a person: the option, its value, the nearest valid one, the next step."""


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
            raise ValueError("kind milco runs code of the model's repository; if you have read it and trust it, set remote_code to true beside it")
        if self.kind == "bge-m3" and self.remote_code:
            raise ValueError("kind bge-m3 runs no code of a repository; leave remote_code out")
        return self


class EvaluationSettings(_Part):
    k: int = Field(100, ge=100, le=100_000, description="documents kept per query; recall@100 needs 100")
    max_length: int | None = Field(None, ge=8, le=1_000_000, description="tokens per text; empty: what the encoder allows")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 on a GPU that has it, float32 elsewhere")
    shares: int = Field(1, ge=1, le=10_000, description="shares of a collection's documents that nodes search apart; no score depends on it")


class FineTuning(TrainingSettings):
    """Training settings, the collection whose training pairs are used, the number of Ray Train workers, and how often scores are taken on the way."""

    collection: str | None = Field(None, description="empty: each collection's own pairs")
    workers: int = Field(1, ge=1, le=10_000)
    points: int = Field(
        0, ge=0, le=10_000, description="evenly spaced points of a training after which the encoder is measured, beside its start; 0: none"
    )

    @model_validator(mode="after")
    def _shared_evenly(self) -> FineTuning:
        if self.batch_size % self.workers:
            raise ValueError(f"training.batch_size {self.batch_size} cannot be shared evenly by {self.workers} workers; choose a multiple")
        return self


class Resources(_Part):
    cpus_per_cell: float = Field(1, gt=0, description="processor cores a cell may use; also its number of threads")
    gpus_per_cell: float = Field(0, ge=0)


class Preset(_Part):
    """The grid. Names on the left of a mapping are this grid's own; they head the tables' rows and columns."""

    title: str
    data: str | None = Field(None, description="folder that {data} stands for")
    catalog: str | list[str] | None = Field(None, description="catalogues of your own, whose entries come before the project's")
    languages: list[str] = Field(min_length=1)
    architectures: dict[str, ModelSource] = Field(min_length=1)
    tokenizers: str | dict[str, ModelSource]
    bridges: dict[str, ModelSource] = {}
    references: dict[str, ReferenceSource] = Field({}, description="ready sparse retrievers, rows where `initializers` names them")
    collections: dict[str, CollectionSource] = Field(min_length=1)
    evaluated: list[str] | None = Field(None, min_length=1, description="collections to evaluate on; empty: all")
    text: str | None = Field(None, description="target-language text, one text a line, for FOCUS and OFA; empty: the collection's own documents")
    words: str | None = Field(
        None, description="multilingual word vectors in word2vec text format, for OFA; empty: the first bridge's vectors of words"
    )
    dictionary: str | None = Field(None, description="bilingual dictionary, a source word, a tab and a target word on each line, for WECHSEL")
    source_text: str | None = Field(None, description="source-language text, one text a line, for WECHSEL")
    source_vectors: str | None = Field(None, description="fastText model (.bin) of the source language, for WECHSEL; empty: trained on source_text")
    target_vectors: str | None = Field(None, description="fastText model (.bin) of the target language, for WECHSEL; empty: trained on text")
    initializers: list[str] = Field(min_length=1)
    settings: dict[str, dict[str, Any]] = Field({}, description="parameters by initializer")
    alphas: list[float] = Field([4.0], min_length=1)
    stages: list[Literal["zero-shot", "fine-tuned"]] = Field(["zero-shot"], min_length=1)
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field([42], min_length=1)
    profile: Literal["fixed", "compat"] = Field("fixed", description="compat: the choices of SemBridge's published code, see docs/fidelity.md")
    overlap: Literal["special", "exact", "fuzzy"] = "fuzzy"
    donors: Literal["ordinary", "all"] | None = Field(None, description="empty: what the profile says, ordinary tokens for fixed, all for compat")
    bias: Literal["transfer", "zero", "keep"] | None = Field(None, description="of the decoder; empty: transfer, under the profile compat keep")
    query_weights: Literal["mixture", "idf"] = Field(
        "mixture", description="of inference-free encoders: moved with the mixture, or inverse document frequencies of the target-language text"
    )
    training: FineTuning = FineTuning()
    evaluation: EvaluationSettings = EvaluationSettings()
    resources: Resources = Resources()

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
                raise ValueError(f"{option}: {shown(name)} is no name: spreadsheets would compute it; begin it with a letter or a digit")
        return self

    @model_validator(mode="after")
    def _given_once(self) -> Preset:
        for name in ("languages", "initializers", "alphas", "stages", "seeds", "evaluated"):
            values = getattr(self, name) or []
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ValueError(f"{name}: {twice[0]} is given twice")
        for name in self.evaluated or []:
            if name not in self.collections:
                raise ValueError(f"collection {name!r} is unknown; {nearest(name, self.collections)}")
        if self.profile == "compat" and self.donors == "ordinary":
            raise ValueError("donors 'ordinary' cannot be had with profile 'compat', where every token donates; leave donors out, or choose fixed")
        return self

    @property
    def transplant(self) -> dict[str, str]:
        """What the profile, and the options that overrule it, ask of a transplant."""
        from sembridge.pipeline import transplant_options

        return transplant_options(self.profile, self.bias)


def preset_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_preset(name: str, folder: Path, overrides: Iterable[str] = (), choices: Mapping[str, Any] | None = None) -> Preset:
    """Read a preset by name (from `folder`) or file, apply `choices` (whole values from options) and `overrides` ("a.b=c", in order).

    `choices` narrow architectures, bridges and collections to named ones, and replace the lists. Raises PresetError.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        raise PresetError(f"--preset {name!r} is unknown; {nearest(name, preset_names(folder))}, or the path of a .yaml file")
    try:
        content = yaml_data.read(path)
    except yaml_data.YamlError as error:
        raise PresetError(f"{path}: not valid YAML ({error}); mend the file") from None
    except OSError as error:
        raise PresetError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from None
    if not isinstance(content, dict):
        raise PresetError(f"{path}: a preset is a mapping of options; see docs/presets.md")
    _check_keys(content)
    content = _expanded(content) | ({"catalog": choices["catalog"]} if choices and "catalog" in choices else {})
    overrides = list(overrides)
    for override in overrides:
        if override.partition("=")[0] in ("catalog", "data"):  # the entries decide what the others can reach
            _set(content, override)
    with _for_a_preset():
        content = by_language(content, _catalog(content)) if refers(content) else content
    if isinstance(content.get("tokenizers"), str) and any(override.startswith("tokenizers.") for override in overrides):
        # a pattern written out, so that --set can reach the tokenizer of one language
        languages = (choices or {}).get("languages") or content.get("languages") or []
        content["tokenizers"] = {language: {"model": content["tokenizers"]} for language in languages if isinstance(language, str)}
    for override in overrides:
        _set(content, override)
    for key, value in (choices or {}).items():
        if key == "collections":  # the others stay: one of them may hold the training pairs
            _narrowed(key, content.get(key), value)
            content["evaluated"] = value
        else:
            content[key] = _narrowed(key, content.get(key), value)
    _check_keys(content)
    content = _with_data(content)
    with _for_a_preset():
        if refers(content) or content.get("catalog"):
            content = with_entries(content, _catalog(content))
    try:
        return Preset.model_validate(content)
    except ValidationError as error:
        raise PresetError(_explained(error)) from None


@contextmanager
def _for_a_preset() -> Iterator[None]:
    try:
        yield
    except CatalogError as error:
        raise PresetError(str(error)) from None


def _catalog(content: dict) -> Catalog:
    given = _with_data(content.get("catalog"), content.get("data"))
    files = [given] if isinstance(given, str) else given or []
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise PresetError(f"option 'catalog': {shown(given)} is not valid; give the path of a file, or a list of them")
    return load_catalog(map(Path, files))


def _expanded(content: dict) -> dict:
    """Short forms (a name alone) written out, so that --set can reach below them."""
    field = {"architectures": "model", "bridges": "model", "references": "model", "tokenizers": "model", "collections": "folder"}
    expanded = dict(content)
    for key in field.keys() & content.keys():
        if isinstance(content[key], dict):
            expanded[key] = {name: {field[key]: value} if isinstance(value, str) else value for name, value in content[key].items()}
    return expanded


def _check_keys(content: Any, above: str = "") -> None:
    """Names are text everywhere: YAML reads no, on and 7 as something else."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise PresetError(f"option {shown(f'{above}{key}')}: the name {shown(key)} is no text; put it in quotes")
            _check_keys(value, f"{above}{key}.")
    elif isinstance(content, list):
        for value in content:
            _check_keys(value, above)


def _set(content: dict, override: str) -> None:
    """Apply one "a.b=c"; the value is read as YAML, so numbers, lists and null work."""
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise PresetError(f"--set {shown(override)} is not of the form key.path=value")
    target = content
    *parents, last = path.split(".")
    if len(parents) > _DEEPEST:
        raise PresetError(f"--set {shown(override)} reaches {len(parents)} levels down, further than any option; see docs/presets.md")
    for parent in parents:
        if target.get(parent) is None:
            target[parent] = {}
        target = target[parent]
        if not isinstance(target, dict):
            raise PresetError(f"--set {shown(override)}: {shown(parent)} is a single value, it has nothing below it")
    try:
        target[last] = yaml_data.load(text)
    except yaml_data.YamlError:
        target[last] = text


def _narrowed(key: str, present: Any, value: Any) -> Any:
    """Named entries of a mapping keep their definition; lists are replaced."""
    if not isinstance(present, dict):
        return value
    for name in value:
        if name not in present:
            raise PresetError(f"--{key} {name!r} is not in this preset; {nearest(name, present)}")
    return {name: present[name] for name in value}


def _with_data(content: Any, data: str | None = None) -> Any:
    """Replace {data} in every string by the folder given as `data`."""
    if isinstance(content, dict):
        data = content.get("data", data) if data is None else data
        return {key: value if key == "data" else _with_data(value, data) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_data(value, data) for value in content]
    if isinstance(content, str) and "{data}" in content:
        if data is None:
            raise PresetError("this preset needs a folder: add --set data=FOLDER (see docs/own-data.md)")
        return content.replace("{data}", str(data).rstrip("/"))
    return content


def _explained(error: ValidationError) -> str:
    """The first complaint of pydantic, as one line."""
    first = error.errors()[0]
    location = ".".join(str(part) for part in first["loc"])[:_LONGEST_PLACE]
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "extra_forbidden":
        return f"option {location!r} is unknown; {nearest(str(first['loc'][-1]), _fields_at(first['loc'][:-1]))}"
    if first["type"] == "literal_error":
        expected = str(first.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return f"option {location!r}: {shown(first['input'])} is not valid; {nearest(str(first['input']), expected)}"
    if first["type"] == "value_error" and location in ("", "training"):
        return str(first["ctx"]["error"])
    if first["type"] == "value_error":
        return f"{location}: {first['ctx']['error']}"
    if first["type"] == "missing":
        return f"option {location!r} is missing; add it with --set {location}=..."
    return f"option {location!r}: {shown(first['input'])} is not valid ({message})"


def _fields_at(location: tuple) -> list[str]:
    model: Any = Preset
    for part in location:
        if part in model.model_fields:  # else the name of an entry, chosen by the user
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    """The model that an annotation is, or holds: dict[str, X], X | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
