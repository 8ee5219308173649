"""The whole transfer: one call for an engineer who wants an encoder in another language, steps for the harness."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sembridge import options
from sembridge.bridge import pinned
from sembridge.bridging.method import BridgeMethod
from sembridge.encoder.calibration import lower_bias, thresholds
from sembridge.encoder.loading import check_pads, load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.nonfinite import left_out
from sembridge.encoder.transplant import decoder_rows, source_rows, transplant
from sembridge.initializer import CONVEX, Initialization, Initializer, Transfer, bias_of, weights_of
from sembridge.mixture.convexity import not_convex
from sembridge.model_card.ingredients import ingredient_of
from sembridge.model_card.recipe import Ingredient, Recipe, library_versions
from sembridge.model_card.record import Nearness, TransferRecord, best_cosines
from sembridge.normalization import normalize
from sembridge.registry import available_initializers, initializer_class
from sembridge.vocabulary.vocabulary import Vocabulary
from sembridge.weights.checked_load import dtype, stored_dtype

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from transformers import PreTrainedTokenizerBase

_FILLED = ("tokenizer", "source_tokenizer", "target_tokenizer", "text_language")  # fields that are filled here
_TEXT = "text"  # a field that is read where there is a text: an input, whatever it holds
ENCODER = "encoder"  # a need, and its field, that is filled here where nobody has: the source is at hand


def transfer(
    source: str | PathLike[str] | SparseEncoder,
    tokenizer: str | PathLike[str] | PreTrainedTokenizerBase,
    initializer: str | Initializer = "sembridge",
    *,
    overlap: str = "fuzzy",
    donors: str | None = None,
    profile: str = "fixed",
    bias: str | None = None,
    nonfinite: str = "refuse",
    text: str | PathLike[str] | Iterable[str] | None = None,
    query_weights: np.ndarray | None = None,
    seed: int = 42,
    revision: str | None = None,
    tokenizer_revision: str | None = None,
    device: str | None = None,
    language: str | None = None,
) -> SparseEncoder:
    """Give the sparse encoder `source` the vocabulary of `tokenizer`, with rows that `initializer` makes.

    source         hub id or folder; or a loaded `SparseEncoder`, which is changed in place and returned
    tokenizer      hub id or folder; or a loaded transformers tokenizer, of which a copy is used
    initializer    an instance, or the name of a registered method that needs no inputs besides its defaults
    overlap        which tokens count as the same and copy their row: special | exact | fuzzy, see `match.match`
    donors         which source tokens may be mixed from: ordinary | all; None: the profile's
    profile        fixed, or compat for the choices of SemBridge's published code (docs/fidelity.md)
    bias           of the decoder: transfer | zero | keep, see `transplant`; calibrated: transfer, less thresholds
                   counted in `text`, see `encoder.calibration`. None: the profile's, or where there is a text what the
                   method prefers
    text           of the new language, to calibrate the bias on: a file with one passage a line, or the passages; None:
                   the method's own file, if it has one
    nonfinite      of source tokens whose row, bias or query weight is NaN or infinite: refuse | leave-out (they neither
                   donate nor are copied, and count in no mean)
    query_weights  [T] of an inference-free encoder, see `transplant`
    seed           of everything that is sampled
    revision, tokenizer_revision  of hub ids, as transformers takes them
    device         where the encoder is loaded; None: as sentence-transformers chooses
    language       code of the new language, e.g. "ko", for the model card and for methods that read text of it

    Returns an ordinary sentence-transformers `SparseEncoder`. Its `transfer_record` says what every row is made of (see
    `sembridge.explain`); `save_pretrained` writes it into the folder, with a model card.

    Raises ValueError for options and inputs that do not fit, TypeError for an argument of another kind; both before
    anything is computed, and a loaded encoder stays as it was.
    """
    options.check(profile=profile, overlap=overlap, donors=donors, bias=bias, nonfinite=nonfinite)
    method = _instance(initializer)
    if text is None and isinstance(own := getattr(method, _TEXT, None), (str, PathLike)):
        calibrating: str | PathLike[str] | Iterable[str] | None = own
    else:
        calibrating = text
    transplanted = options.transplant_options(profile, bias, None if calibrating is None else bias_of(method))
    if transplanted["bias"] == options.CALIBRATED:
        if calibrating is None:
            raise ValueError("bias 'calibrated' needs text of the new language; add text=..., a file or passages")
    elif text is not None:
        raise ValueError(f"text has no effect on bias {transplanted['bias']!r}; leave it out, or add bias='calibrated'")
    encoder = _encoder(source, revision, device)
    target = _tokenizer(tokenizer, tokenizer_revision)
    task = make_task(encoder, target, profile=profile, overlap=overlap, donors=donors, nonfinite=nonfinite, seed=seed)
    origin = splade_modules(encoder).model if _is_loaded(source) else source
    inputs, parameters = _inputs_and_parameters(method)
    recipe = Recipe(
        source=ingredient_of(origin, revision),
        tokenizer=ingredient_of(tokenizer, tokenizer_revision),
        initializer=method.name,
        label=getattr(method, "label", method.name),
        inputs=inputs,
        parameters=parameters,
        options=options.described(profile, overlap, donors, transplanted["bias"], seed, nonfinite),
        versions=library_versions(),
    )
    nearness = None
    if isinstance(method, BridgeMethod):
        method = with_tokenizers(method, splade_modules(encoder).tokenizer, target, language)
        method = method.with_vectors(task)
        nearness = method.nearness()
        if (prompt := method.prompt()) is not None:
            recipe = dataclasses.replace(recipe, options={**recipe.options, "bridge prompt": prompt or "none"})
    return run_transfer(
        encoder, target, method, task, recipe, nearness=nearness, query_weights=query_weights, language=language,
        texts=None if calibrating is None else _passages(calibrating), **transplanted,
    )  # fmt: skip


def make_task(
    encoder: Any,
    tokenizer: Any,
    *,
    profile: str = "fixed",
    overlap: str = "fuzzy",
    donors: str | None = None,
    nonfinite: str = "refuse",
    seed: int = 42,
) -> Transfer:
    """Return the task of giving `encoder` the vocabulary of `tokenizer`; for the options see `transfer`."""
    modules = splade_modules(encoder)
    source = Vocabulary.from_tokenizer(modules.tokenizer, profile)
    return Transfer.between(
        source,
        Vocabulary.from_tokenizer(tokenizer, profile),
        source_rows(encoder),
        overlap=overlap,
        seed=seed,
        initializer_range=float(getattr(modules.model.config, "initializer_range", 0.02)),
        donors=donors,
        left_out=left_out(encoder, source, nonfinite),
    )


def initialize(
    encoder: Any, tokenizer: Any, initializer: Initializer, task: Transfer
) -> tuple[Initialization, Initialization | None]:
    """Return the method's rows for the embedding, and for the decoder where the model stores one of its own.

    The second is None where the decoder shares the rows. Raises ValueError for mixtures that are not convex, unless the
    method declares them signed.
    """
    initializer = with_tokenizers(initializer, splade_modules(encoder).tokenizer, tokenizer)
    if ENCODER in getattr(initializer, "needs", ()) and getattr(initializer, ENCODER, encoder) is None:
        initializer = dataclasses.replace(initializer, **{ENCODER: encoder})  # type: ignore[type-var]
    rows = decoder_rows(encoder)
    decoder = None if rows is None else _made(initializer, dataclasses.replace(task, rows=rows[: len(task.source)]))
    return _made(initializer, task), decoder


def run_transfer(
    encoder: Any, tokenizer: Any, initializer: Initializer, task: Transfer, recipe: Recipe, *,
    nearness: Nearness | None = None, query_weights: np.ndarray | None = None, language: str | None = None,
    bias: str = "transfer", special_ids: str = "target", texts: Iterable[str] | None = None,
) -> SparseEncoder:  # fmt: skip
    """Make the rows, transplant them, and record what they are made of; changes and returns the encoder.

    The record's options also say in which type the source's file holds its weights, and of which type the result is.

    nearness  the space in which the method looks for donors, for a record that says how near they are
    texts     passages of the new language, read where the bias is to be calibrated
    """
    from sembridge.transferred_encoder import remember

    initializer = options.with_bias(initializer, bias)
    stored = {"source weights": stored_dtype(encoder)}
    embedding, decoder = initialize(encoder, tokenizer, initializer, task)
    strength, measure = None, ""
    if nearness is not None:
        strength, measure = best_cosines(embedding, nearness.source, nearness.target), nearness.measure
    policies = {"bias": options.placed_bias(bias), "special_ids": special_ids}
    transplant(encoder, tokenizer, embedding, decoder=decoder, query_weights=query_weights, **policies)
    if bias == options.CALIBRATED:
        assert texts is not None
        lower_bias(encoder, thresholds(encoder, texts))
    described = {**recipe.options, **stored, "weights": dtype(encoder)}
    settled = {name: getattr(initializer, name) for name in options.settings_for(initializer, bias)}
    recipe = dataclasses.replace(recipe, options=described, parameters={**recipe.parameters, **settled})
    record = TransferRecord.of(task, embedding, recipe, strength, measure)
    return remember(encoder, record, language)


def _made(initializer: Initializer, task: Transfer) -> Initialization:
    """Return the method's rows, checked to be made with the weights that it declares."""
    initialization = initializer(task)
    if weights_of(initializer) == CONVEX and (odd := not_convex(initialization.mixture)).any():
        first = int(odd.argmax())
        raise ValueError(
            f"initializer {initializer.name!r} made {odd.sum():,} mixtures that are not convex, the first for "
            f"{task.target.tokens[first]!r} id {first}: weights must not be negative and must sum to 1; "
            "if this is intended, declare weights: ClassVar[str] = 'signed' in its class"
        )
    return initialization


def with_tokenizers(initializer: Any, source: Any, target: Any, language: str | None = None) -> Any:
    """Hand the tokenizers, and the code of the new language, to methods that read text and were not given any."""
    offered = {"tokenizer": target, "target_tokenizer": target, "source_tokenizer": source, "text_language": language}
    names = {field.name for field in dataclasses.fields(initializer)}
    wanted = {name: value for name, value in offered.items() if name in names and getattr(initializer, name) is None}
    return dataclasses.replace(initializer, **wanted) if wanted else initializer


def _passages(text: str | PathLike[str] | Iterable[str]) -> Iterator[str]:
    """Yield the passages of a file, one a line, or those given, in the form in which encoders read texts."""
    if isinstance(text, (str, PathLike)):
        with Path(text).open(encoding="utf-8-sig") as lines:
            yield from (normalize(line).strip() for line in lines if line.strip())
    else:
        yield from map(normalize, text)


def _is_loaded(source: Any) -> bool:
    return not isinstance(source, (str, PathLike))


def _encoder(source: Any, revision: str | None, device: str | None) -> Any:
    if not _is_loaded(source):
        return load_encoder(str(source), revision, device)
    for option, value in (("revision", revision), ("device", device)):
        if value is not None:
            raise ValueError(f"{option} {value!r} has no effect on an encoder that is loaded already; leave it out")
    from sentence_transformers import SparseEncoder

    if not isinstance(source, SparseEncoder):
        raise TypeError(f"source is a {type(source).__name__}; give a hub id, a folder or a loaded SparseEncoder")
    splade_modules(source)
    return source


def _tokenizer(tokenizer: Any, revision: str | None) -> Any:
    if not _is_loaded(tokenizer):
        return load_tokenizer(str(tokenizer), revision)
    if revision is not None:
        raise ValueError(
            f"tokenizer_revision {revision!r} has no effect on a tokenizer that is loaded already; leave it out"
        )
    from transformers import PreTrainedTokenizerBase

    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise TypeError(
            f"tokenizer is a {type(tokenizer).__name__}; give a hub id, a folder or a loaded transformers tokenizer"
        )
    check_pads(tokenizer)
    return tokenizer


def _instance(initializer: Any) -> Any:
    """Return the method that a name or an instance stands for."""
    if isinstance(initializer, type):
        raise TypeError(f"initializer {initializer.__name__} is a class; give an instance: {initializer.__name__}(...)")
    if not isinstance(initializer, str):
        if not callable(initializer) or not dataclasses.is_dataclass(initializer):
            raise TypeError(
                f"initializer {initializer!r} is neither a method nor the name of one; "
                f"known: {', '.join(available_initializers())}"
            )
        weights_of(initializer)
        return initializer
    kind = initializer_class(initializer)
    weights_of(kind)
    method = kind()
    if missing := [need for need in kind.needs if need != ENCODER and getattr(method, need, None) is None]:
        raise ValueError(
            f"initializer {initializer!r} needs more than its name ({', '.join(missing)}); "
            f"give an instance: {kind.__name__}(...)"
        )
    return method


def _inputs_and_parameters(method: Any) -> tuple[dict[str, Ingredient], dict[str, Any]]:
    """Return what a method reads, as far as it has a name, and its other fields, as far as JSON can hold them."""
    inputs: dict[str, Ingredient] = {}
    parameters: dict[str, Any] = {}
    for field in dataclasses.fields(method):
        name, value = field.name, getattr(method, field.name)
        reads = name in (*method.needs, _TEXT) or isinstance(value, PathLike)
        if reads or (isinstance(value, str) and Path(value).exists()):
            if isinstance(value, (str, PathLike)):
                inputs[name] = ingredient_of(*pinned(str(value)))
            elif hasattr(value, "model_card_data"):  # a model of sentence-transformers; vectors have no name
                inputs[name] = ingredient_of(value)
        elif name not in _FILLED and (value is None or isinstance(value, (bool, int, float, str))):
            parameters[name] = value
    return inputs, parameters
