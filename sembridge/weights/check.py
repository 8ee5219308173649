"""Check before a model is loaded that its folder stores every tensor it needs, from headers and config.json alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sembridge.weights.checked_load import unbuildable, used_output, without_notes
from sembridge.weights.complete import Report, check_complete
from sembridge.weights.stored import FLOATS, Stored, stored_tensors

MASKED_LM, BODY = "fill-mask", "feature-extraction"  # tasks, as sentence-transformers calls them
_OUTPUT = {MASKED_LM: "logits", BODY: "last_hidden_state"}

TRANSFORMERS = ("Transformer", "MLMTransformer")  # modules of sentence-transformers around a model of transformers

logger = logging.getLogger(__name__)


def check_weights(model: str, task: str = MASKED_LM) -> None:
    """Check the tensors of a local folder: a model of sentence-transformers, or one of transformers for a task.

    No weights are read. Raises ValueError, one line, that names what is missing, has another shape or is damaged.
    Hub ids pass: their files are checked when they are loaded.
    """
    folder = Path(model)
    if not folder.is_dir():
        return
    modules = modules_of(folder)
    for part, kind in modules:
        if kind in TRANSFORMERS:
            settings = _json(part / "sentence_bert_config.json")
            own = MASKED_LM if kind == "MLMTransformer" else settings.get("transformer_task", BODY)
            if own != MASKED_LM and any(other == "SpladePooling" for _, other in modules):
                raise ValueError(no_masked_lm(str(part)))
            output = used_output(settings["modality_config"]) if "modality_config" in settings else _OUTPUT.get(own, "")
            _check_transformer(part, own, output)
        elif kind is None:
            _check_transformer(part, task, _OUTPUT[task])
        else:
            check_small_module(part, kind)


def check_files(model: str) -> None:
    """Check the weight files of a local folder as far as it needs no heavy import; ValueError names a damaged one."""
    folder = Path(model)
    for part, kind in modules_of(folder) if folder.is_dir() else ():
        if kind is None or kind in TRANSFORMERS:
            stored_tensors(part)
            _check_settings(part)
        else:
            check_small_module(part, kind)


def no_masked_lm(folder: str) -> str:
    """Return what is wrong with a transformer under SpladePooling that is loaded without its masked-LM head."""
    return (
        f"model {folder!r} is read without its masked-LM head, because its sentence_bert_config.json is missing or "
        'does not say "transformer_task": "fill-mask"; get that file again'
    )


def _check_settings(folder: Path) -> None:
    """Refuse a model that only other libraries could load: quantized, or the difference to a model elsewhere."""
    quantization = _json(folder / "config.json").get("quantization_config")
    if quantization:
        method = quantization.get("quant_method", "unknown") if isinstance(quantization, dict) else "unknown"
        raise ValueError(
            f"model {str(folder)!r} is quantized ({str(method)[:40]}, says quantization_config in its config.json), "
            "and quantized weights are not loaded; give the checkpoint before quantization"
        )
    if (folder / "adapter_config.json").is_file():
        raise ValueError(
            f"model {str(folder)!r} is an adapter (adapter_config.json), which is not loaded; "
            "merge it into its model first: merge_and_unload() of peft, then save_pretrained"
        )


def modules_of(folder: Path) -> list[tuple[Path, str | None]]:
    """Return the folder and class of each module of sentence-transformers, also of a Router's.

    A folder without modules.json is one of transformers: class None.
    """
    if not (folder / "modules.json").is_file():
        return [(folder, None)]
    parts: list[tuple[Path, str | None]] = []
    for module in _json(folder / "modules.json", list):
        kind, inner = str(module.get("type", "")).rpartition(".")[2], str(module.get("path", ""))
        if kind == "Router":
            types = _json(folder / inner / "router_config.json").get("types", {})
            parts += [(folder / inner / name, str(path).rpartition(".")[2]) for name, path in types.items()]
        else:
            parts.append((folder / inner, kind))
    # Modules outside of the folder are refused by who loads them.
    return [(part, kind) for part, kind in parts if part.resolve().is_relative_to(folder.resolve())]


def check_small_module(folder: Path, kind: str) -> None:
    """Check a module with few tensors of known names; ValueError if one, or its config, is missing or does not fit."""
    config = _json(folder / "config.json")
    if kind == "SpladePooling" and not (folder / "config.json").is_file():
        raise ValueError(
            f"module {str(folder)!r} has no config.json, which says how SpladePooling pools; "
            "get the model's files again"
        )
    if kind == "SparseStaticEmbedding" and not str(config.get("path", "")).endswith(".json"):
        _check_tensors(folder, kind, {"weight": (_tokens(folder),)})
    elif kind == "StaticEmbedding":
        stored = stored_tensors(folder)
        _check_tensors(folder, kind, {"embeddings" if "embeddings" in stored else "embedding.weight": (None, None)})
    elif kind == "Dense" and (folder / "model.safetensors").is_file():
        columns, rows = config.get("in_features"), config.get("out_features")
        expected: dict[str, tuple[Any, ...]] = {"linear.weight": (rows, columns)}
        if config.get("bias", True):
            expected["linear.bias"] = (rows,)
        if config.get("use_residual") and rows != columns:
            expected["residual.weight"] = (rows, columns)
        _check_tensors(folder, kind, expected)


def _tokens(folder: Path) -> int | None:
    """Return how many tokens the tokenizer.json of a folder has; None without a readable one."""
    from tokenizers import Tokenizer

    try:
        return int(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size(with_added_tokens=True))
    except Exception:  # the reader raises no narrower class; a damaged one is named where tokenizers are checked
        return None


def _check_tensors(folder: Path, kind: str, expected: dict[str, tuple[Any, ...]]) -> None:
    """Check names, shapes (None: any size) and types of a module's tensors."""
    stored = stored_tensors(folder)
    for name, shape in expected.items():
        if name not in stored:
            shown = ", ".join(sorted(stored)[:3]) or "nothing"
            raise ValueError(
                f"module {str(folder)!r} lacks the tensor {name} that {kind} reads (its file holds {shown}); "
                "get the model's files again"
            )
        own = stored[name]
        fits = len(own.shape) == len(shape)
        if not fits or any(size not in (None, have) for size, have in zip(shape, own.shape, strict=True)):
            wanted = [("any" if size is None else size) for size in shape]
            raise ValueError(
                f"module {str(folder)!r} stores {name} as {list(own.shape)}, but {kind} needs {wanted}; "
                "get the model's files again"
            )
        if own.dtype not in FLOATS and not (kind == "StaticEmbedding" and name == "embeddings"):
            raise ValueError(f"module {str(folder)!r} stores {name} as {own.dtype}; give the one before quantization")


def _check_transformer(folder: Path, task: str, output: str) -> None:
    stored = stored_tensors(folder)  # before the heavy imports
    _check_settings(folder)
    built = _class_and_config(folder, task)
    if built is None:
        logger.warning(
            "model %r: its class cannot be built without weights, so they are checked when loaded", str(folder)
        )
        return
    kind, config = built
    try:
        report = report_of(kind, config, stored)
    except (AssertionError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(unbuildable(str(folder), error)) from None
    check_complete(str(folder), kind, config, report, stored, output)


def _class_and_config(folder: Path, task: str) -> tuple[type, Any] | None:
    """Return the class that sentence-transformers chooses; None where only loading the weights would show it."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, MODEL_MAPPING, AutoConfig

    if task not in _OUTPUT:
        return None
    try:
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:
        if _json(folder / "config.json").get("model_type") in CONFIG_MAPPING:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{folder / 'config.json'} is not a configuration of its model_type ({reason}); get the file again"
            ) from None
        return None  # of another library version, or with code of its own; the loader says what is wrong
    try:
        kind = (MODEL_FOR_MASKED_LM_MAPPING if task == MASKED_LM else MODEL_MAPPING)[type(config)]
    except KeyError:  # with code of its own
        return None
    # Of these, sentence-transformers loads the encoder alone, by rules of its own.
    if not isinstance(kind, type) or (task == BODY and getattr(config, "is_encoder_decoder", False)):
        return None
    return kind, config


def report_of(kind: Any, config: Any, stored: dict[str, Stored]) -> Report:
    """Return what transformers says about loading tensors of these names and shapes.

    It loads views of a single zero, which take no memory, by its own renaming and tying of weights.
    """
    import torch
    from transformers.initialization import no_init_weights

    zero = torch.zeros(())
    state = {name: zero.expand(tensor.shape) for name, tensor in stored.items()}
    options: dict[str, Any] = {"ignore_mismatched_sizes": True, "output_loading_info": True, "dtype": torch.float32}
    with no_init_weights(), without_notes(), _without_bars():
        _, info = kind.from_pretrained(None, config=config, state_dict=state, **options)
    return Report.of(info)


@contextmanager
def _without_bars() -> Iterator[None]:
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _json(path: Path, kind: type[Any] = dict) -> Any:
    """Return the content of a JSON file, empty if it does not exist. ValueError if it is not JSON of this kind."""
    if not path.is_file():
        return kind()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); get the file again") from None
    if not isinstance(content, kind) or (kind is list and not all(isinstance(entry, dict) for entry in content)):
        raise ValueError(f"{path} does not hold what sentence-transformers writes there; get the file again")
    return content
