"""Refuse a model whose file does not hold every tensor that it reads: transformers would draw the others at random.

transformers itself says which are missing, after its own renaming of legacy names and its tying of weights.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sembridge.weights.stored import Stored, not_real, quantized
from sembridge.weights.stored_twice import check_not_twice, untied

SHOWN = 3  # names in a message
# parts of a BERT that no masked LM and no sentence encoder reads
_ORDINARY = re.compile(r"(^|\.)(pooler|seq_relationship)(\.|$)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What transformers says about the tensors of a file for a class.

    missing     parameters of the model that the file does not have
    unexpected  tensors of the file that the model does not have, without those which transformers declares ignorable
    mismatched  name, shape in the file, shape in the model
    """

    missing: frozenset[str]
    unexpected: frozenset[str]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Report:
        """Read the second result of `from_pretrained(..., output_loading_info=True)`."""
        mismatched = sorted((name, tuple(file), tuple(own)) for name, file, own in info["mismatched_keys"])
        return cls(frozenset(info["missing_keys"]), frozenset(info["unexpected_keys"]), tuple(mismatched))


def check_complete(
    name: str, kind: type, config: Any, report: Report, stored: Mapping[str, Stored], output: str = ""
) -> None:
    """Check that every parameter read on the way to the output comes from the file; warn of tensors nobody reads.

    name    of the model for messages
    kind    its class, built from `config`
    stored  the file's tensors; {} where they are not known
    output  field of the class's result that is used, e.g. "logits"; "" where it is not known: all parameters are read

    Raises ValueError, one line.
    """
    if small := quantized(stored):
        raise ValueError(
            f"model {name!r} stores {_some(small)} as {stored[small[0]].dtype}: quantized weights are not loaded; "
            "give the checkpoint before quantization"
        )
    if other := not_real(stored):
        raise ValueError(
            f"model {name!r} stores {_some(other)} as {stored[other[0]].dtype}, which is no type of weights; "
            "get the model's files again"
        )
    check_not_twice(name, kind, stored)
    for warning in untied(name, kind, config, stored):
        _warn_once(warning)
    if report.mismatched:
        tensor, file, own = report.mismatched[0]
        others = f", and {len(report.mismatched) - 1} others" if len(report.mismatched) > 1 else ""
        raise ValueError(
            f"model {name!r} stores {tensor} as {list(file)}, but its config.json makes it {list(own)}{others}; "
            "correct config.json, or get the model's files again"
        )
    missing = set(report.missing)
    if missing:
        missing -= unread(kind, config, missing, output)
    if missing:
        raise ValueError(
            f"model {name!r} lacks {_counted(missing)} that {kind.__name__} reads ({_some(missing)}), which would be "
            f"initialized at random; {_advice(kind, config, missing, report.unexpected, stored)}"
        )
    if unexpected := [tensor for tensor in report.unexpected if not _ORDINARY.search(tensor)]:
        _warn_once(
            f"model {name!r} stores {_counted(unexpected)} that {kind.__name__} does not read ({_some(unexpected)}); "
            "check that its config.json fits its file"
        )


def unread(kind: type, config: Any, names: Collection[str], output: str) -> set[str]:
    """Return those parameters that no gradient of the output reaches, e.g. a pooler whose result nobody uses.

    Computed without weights, on torch's device "meta". Where the model cannot run so, every parameter counts as read.
    """
    if not output:
        return set()
    import torch

    try:
        model = without_weights(kind, config)
        parameters = dict(model.named_parameters(remove_duplicate=False))
        known = [name for name in names if name in parameters]
        with torch.enable_grad():
            for parameter in model.parameters():
                parameter.requires_grad_(parameter.is_floating_point())
            result = getattr(model(input_ids=torch.zeros(1, 4, dtype=torch.long, device="meta")), output).sum()
            reached = torch.autograd.grad(result, [parameters[name] for name in known], allow_unused=True)
    except Exception as error:  # each architecture fails in its own way where it looks at values
        logger.debug("%s cannot run without weights: %s", kind.__name__, error)
        return set()
    return {name for name, gradient in zip(known, reached, strict=True) if gradient is None}


def without_weights(kind: type, config: Any) -> Any:
    """Return a model of a class on torch's device "meta", in evaluation mode."""
    import torch
    from transformers.initialization import no_init_weights

    with torch.device("meta"), no_init_weights():
        model = kind(config).eval()
        model.tie_weights()
    return model


@cache
def _warn_once(message: str) -> None:
    """Warn of a model once in a process: the cells of a grid load it again and again."""
    logger.warning(message)


def _advice(
    kind: type, config: Any, missing: Collection[str], unexpected: Collection[str], stored: Collection[str]
) -> str:
    """Return the next step."""
    names = f"rename its tensors to the names of {kind.__name__}"
    for name in sorted(unexpected):
        for tensor in sorted(missing):
            if name.endswith(f".{tensor}") or tensor.endswith(f".{name}"):
                return f"the file has {name[:100]!r} for {tensor!r}: {names}"
    if not all(_is_head(kind, tensor) for tensor in missing):
        return "get the model's files again, and check that config.json belongs to them"
    if all("decoder" in tensor or _is_output(tensor) for tensor in missing):
        for tensor in sorted(missing) if len(missing) == 1 else ():
            if tensor.endswith(".decoder.bias") and (shared := tensor.replace(".decoder.bias", ".bias")) in stored:
                return f"store {shared!r} as {tensor!r}, too: transformers 4 shared the two"
        if not getattr(config, "tie_word_embeddings", True) and any(tensor.endswith("weight") for tensor in missing):
            return (
                "its config.json says tie_word_embeddings: false, but no decoder is stored: "
                "save the decoder too, or set it to true if the decoder is the embedding"
            )
    return "save the model with its whole masked-LM head (save_pretrained of AutoModelForMaskedLM)"


def _is_head(kind: type, tensor: str) -> bool:
    """Return whether a parameter is outside of the body of a masked LM."""
    return kind.__name__.endswith("ForMaskedLM") and not tensor.startswith(f"{getattr(kind, 'base_model_prefix', '')}.")


def _is_output(tensor: str) -> bool:
    """Return whether a parameter of a masked-LM head is the decoder where it has another name."""
    return tensor.split(".")[0] in ("vocab_projector", "generator_lm_head")


def _counted(names: Collection[str]) -> str:
    return f"{len(names):,} tensor{'s' * (len(names) != 1)}"


def _some(names: Collection[str]) -> str:
    shown: Sequence[str] = sorted(names)[:SHOWN]
    return ", ".join(name[:100] for name in shown) + (", ..." if len(names) > SHOWN else "")
