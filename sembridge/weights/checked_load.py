"""Load a model of sentence-transformers or transformers so that all its weights come from its file, as float32.

Half-precision files are common; training on such weights loses every update that is smaller than their spacing. So all
weights are float32, and a precision is only that of the arithmetic.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sembridge.weights.complete import Report, check_complete
from sembridge.weights.stored import INDEX, SINGLE, Stored, dtype_of, stored_tensors

FLOAT32 = {"dtype": "float32"}
"""Options of `from_pretrained`: transformers keeps the type of the file by default."""

# zeros in published models: the types of a text's halves, and a pooler that nobody trained or reads (e5)
_MAY_BE_ZERO = re.compile(r"token_type|(^|\.)pooler\.")
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, eq=False)
class Load:
    """One call of `from_pretrained`: its name for messages, the model, the report, and the tensors of its file."""

    name: str
    model: Any
    report: Report
    stored: dict[str, Stored]


def checked_load(name: str, load: Callable[[], Any], output: str = "") -> Any:
    """Return what `load` returns, a torch module, in float32 and in evaluation mode, after checks of its weights.

    name    of the model for messages
    output  see `check_complete`; modules of sentence-transformers say themselves which output they use

    Its attribute `stored_dtype` says in which types the file holds the weights. Raises ValueError, one line, if
    parameters that are used are not in the file, have another shape there, or are not finite (rows of a vocabulary may
    be: who uses them looks at each).
    """
    with _watched() as loads:
        try:
            loaded = load()
        except Exception as error:
            if not _is_of_the_files(error):
                raise
            raise ValueError(unbuildable(name, error)) from None
    outputs = {id(module.model): used_output(module.modality_config) for module in _transformers(loaded)}
    for one in loads:
        used = outputs.get(id(one.model), output)
        check_complete(one.name, type(one.model), one.model.config, one.report, one.stored, used)
    loaded.float()
    check_finite(name, loaded)
    loaded.stored_dtype = dtype_of({key: value for one in loads for key, value in one.stored.items()}) or "float32"
    return loaded.eval()


def unbuildable(name: str, error: Exception) -> str:
    """Return, in one line, that a model cannot be built from its files."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return f"model {name!r} cannot be loaded ({text}); check its config.json, or get the model's files again"


def _is_of_the_files(error: Exception) -> bool:
    """Return whether an error says that files do not fit; not a lack of memory, a hub's answer, or a known sentence."""
    if isinstance(error, RuntimeError):
        return "state_dict" in str(error)  # of the strict loaders of small modules
    kinds = (AssertionError, AttributeError, ImportError, LookupError, TypeError)
    return isinstance(error, kinds) or type(error).__name__ in (
        "SafetensorError",
        "StrictDataclassFieldValidationError",
    )


def used_output(modality_config: Any) -> str:
    """Return the field of a transformers model's result that a Transformer module takes for texts; "" if not known."""
    text = modality_config.get("text") if isinstance(modality_config, dict) else None
    output = text.get("method_output_name") if isinstance(text, dict) and text.get("method") == "forward" else None
    return output if isinstance(output, str) else ""


def stored_dtype(encoder: Any) -> str:
    """Return the types in which a loaded encoder's file holds its weights; of one that was made in memory, its own."""
    known = getattr(encoder, "stored_dtype", None)
    return known if isinstance(known, str) else dtype(encoder)


def dtype(encoder: Any) -> str:
    """Return the types of an encoder's parameters, joined with " and "."""
    return " and ".join(sorted({str(parameter.dtype).removeprefix("torch.") for parameter in encoder.parameters()}))


def check_finite(name: str, model: Any) -> None:
    """Check that no weight matrix is all zeros, and that all but the rows of a vocabulary are finite; ValueError if so.

    Zeros are what a download that ended early leaves.
    """
    import torch

    skipped = _of_vocabulary(model)
    broken, empty = [], []
    for key, parameter in model.named_parameters():
        if not parameter.numel() or not parameter.is_floating_point():
            continue
        shown = key.partition(".model.")[2] or key  # as the file calls it
        least, most = torch.aminmax(parameter.detach())  # both are NaN if any value is
        if not bool(torch.isfinite(least) & torch.isfinite(most)):
            broken += [] if id(parameter) in skipped else [shown]
        elif not bool(least) and not bool(most) and key.endswith("weight") and not _MAY_BE_ZERO.search(key):
            empty.append(shown)
    if empty:
        shown = ", ".join(empty[:3]) + (", ..." if len(empty) > 3 else "")
        raise ValueError(
            f"model {name!r} has nothing but zeros in {len(empty)} of its tensors ({shown}), as a file has whose "
            "download ended early; get its files again"
        )
    if broken:
        shown = ", ".join(broken[:3]) + (", ..." if len(broken) > 3 else "")
        raise ValueError(
            f"model {name!r} has values that are not finite in {len(broken)} of its tensors ({shown}); "
            "get its files again, or an earlier checkpoint of the training"
        )


def _of_vocabulary(model: Any) -> set[int]:
    """Return the ids of parameters with one row or value per token: embeddings, decoders, biases, query weights."""
    found: set[int] = set()
    for module in model.modules():
        if type(module).__name__ in ("StaticEmbedding", "SparseStaticEmbedding"):
            found |= {id(parameter) for parameter in module.parameters()}
        for ask in ("get_input_embeddings", "get_output_embeddings"):
            try:
                layer = getattr(module, ask)()
            except (AttributeError, NotImplementedError, TypeError):
                continue
            if (weight := getattr(layer, "weight", None)) is not None:
                found |= {id(weight)}
                found |= {id(one) for one in module.parameters() if one.dim() == 1 and len(one) == len(weight)}
    return found


def _transformers(model: Any) -> list[Any]:
    """Return the Transformer modules of a model of sentence-transformers."""
    return [part for part in model.modules() if hasattr(part, "modality_config") and hasattr(part, "model")]


@contextmanager
def _watched() -> Iterator[list[Load]]:
    """Record what transformers reports about every model that it loads inside, which sentence-transformers discards.

    A shape that differs is reported like the others, not raised. The report's table is not printed.
    """
    from transformers import PreTrainedModel

    loads: list[Load] = []
    base: Any = PreTrainedModel
    original = base.__dict__["from_pretrained"]

    def from_pretrained(
        cls: type, name: Any, *arguments: Any, output_loading_info: bool = False, **options: Any
    ) -> Any:
        options["ignore_mismatched_sizes"] = True
        model, info = original.__func__(cls, name, *arguments, output_loading_info=True, **options)
        where = str(name), options.get("revision"), options.get("subfolder") or ""
        loads.append(Load("/".join(filter(None, (where[0], where[2]))), model, Report.of(info), _stored(*where)))
        return (model, info) if output_loading_info else model

    with _ONE_AT_A_TIME, without_notes():
        base.from_pretrained = classmethod(from_pretrained)
        try:
            yield loads
        finally:
            base.from_pretrained = original


@contextmanager
def without_notes() -> Iterator[None]:
    """Silence transformers' own table of missing and unexpected tensors: what matters of it is said in one line."""
    notes = logging.getLogger("transformers.modeling_utils")
    notes.addFilter(_is_error)  # not its level, from which transformers takes how much it looks for
    try:
        yield
    finally:
        notes.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _stored(model: str, revision: str | None, subfolder: str) -> dict[str, Stored]:
    """Return the tensors of the file that was just loaded, from disk or the hub's cache; {} for other layouts."""
    folder = Path(model) / subfolder
    if not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        names = [f"{subfolder}/{file}".lstrip("/") for file in (SINGLE, INDEX)]
        cached = [try_to_load_from_cache(model, file, revision=revision) for file in names]
        folder = next((Path(file).parent for file in cached if isinstance(file, str)), folder)
    try:
        return stored_tensors(folder)
    except ValueError:
        return {}
