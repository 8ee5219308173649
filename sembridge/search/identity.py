"""Recognize an encoder: the same one gives the same digest from whatever folder, hub or program it comes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sembridge.encoder.head import reader, tokenize
from sembridge.encoder.modules import SIDES, side_prompt, splade_modules

# What a tokenizer does beyond its vocabulary, such as lower case, accents and the cutting of words, shows in these.
_PROBES = (
    "The Quick brown-fox isn't 12,345!",
    "Café naïve ＡＢＣ ﬁ",
    "비밀번호를 잊었어요",
    "你好 世界",
    "Привет пароль",
    "हिन्दी كلمة",
)


def identity(encoder: Any) -> str:
    """Return the sha256 of what decides an encoder's vectors, as 64 hexadecimal digits.

    It covers every number of the masked LM and of the query side, the vocabulary, the pooling and the prompts, and how
    the tokenizers read a few texts. Names of tensors and the form of files do not count: they change when libraries do.
    """
    modules = splade_modules(encoder)
    tensors = dict(modules.model.state_dict())
    if modules.query is not None:
        tensors["query"] = modules.query.weight
    numbers = sorted({_digest(tensor) for tensor in tensors.values()})
    readings = [
        [sorted(reader(encoder, side)[0].get_vocab().items()), tokenize(encoder, _PROBES, side)] for side in SIDES
    ]
    pooling = [modules.pooling.pooling_strategy, modules.pooling.activation_function]
    prompts = [side_prompt(encoder, side) for side in SIDES]
    content = [numbers, readings, pooling, prompts, modules.transformer.max_seq_length]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def _digest(tensor: Any) -> str:
    values = tensor.detach().cpu().contiguous().numpy()
    digest = hashlib.sha256(repr((values.dtype.str, values.shape)).encode())
    digest.update(values.data)
    return digest.hexdigest()
