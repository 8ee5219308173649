"""Put a new vocabulary into a sparse encoder: embedding, decoder, bias, positions, special ids, pooling, tokenizer.

The model is rebuilt from its own configuration at the new size, and its state is carried over key by key. So nothing
that depends on the vocabulary can stay at the old size by accident: a tensor of the old size fails to load.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from sembridge.encoder.modules import SpladeModules, splade_modules
from sembridge.initializer import Initialization
from sembridge.nearest import nearest
from sembridge.options import BIAS_POLICIES, check

NEVER = -1.0  # bias of an id without a token: a ReLU of it is 0 and has no gradient
# Ids a configuration may name, and the token with the same role in a tokenizer that has no token of that name.
_SAME_ROLE = {
    "bos_token_id": "cls_token_id", "eos_token_id": "sep_token_id",
    "cls_token_id": "bos_token_id", "sep_token_id": "eos_token_id",
    "unk_token_id": "unk_token_id", "mask_token_id": "mask_token_id",
}  # fmt: skip


def source_rows(encoder: Any) -> np.ndarray:
    """Return the input embedding rows [V, D] float32 of an encoder's masked LM."""
    return splade_modules(encoder).model.get_input_embeddings().weight.detach().float().cpu().numpy()


def decoder_rows(encoder: Any) -> np.ndarray | None:
    """Return the decoder rows [V, D] float32 of an untied decoder; None where the decoder shares the embedding."""
    model = splade_modules(encoder).model
    decoder = model.get_output_embeddings().weight
    return None if decoder is model.get_input_embeddings().weight else decoder.detach().float().cpu().numpy()


def transplant(
    encoder: Any,
    tokenizer: Any,
    initialization: Initialization,
    *,
    decoder: Initialization | None = None,
    bias: str = "transfer",
    special_ids: str = "target",
    query_weights: np.ndarray | None = None,
) -> Any:
    """Give `encoder` the target `tokenizer` and the rows of `initialization`; change and return the encoder.

    initialization  rows [T, D] of the input embedding (and of a tied decoder)
    decoder         rows of an untied decoder, initialized by the same method from `decoder_rows`; None for a tied one
    bias            decoder bias: `transfer` moves it with the mixture weights (see `Initialization.carry`), `zero`
                    clears it, `keep` leaves it at the source ids as published code does (ids past the source vocabulary
                    get 0)
    special_ids     `target`: pad, bos, eos, ... of the configuration, the padding row and the positions follow the
                    target tokenizer; `keep`: they stay at the source ids as in published code, which is wrong wherever
                    these ids differ
    query_weights   [T] weight of each token in a query of an inference-free encoder; None moves its own weights with
                    the mixture

    An id that no token has gets zero rows and a negative bias under every policy: its logit is that bias, so it never
    fires, and no gradient reaches it. Without a bias the logit is 0, with the same result.

    Raises ValueError, and leaves the encoder as it was, if sizes do not fit or an option is unknown.
    """
    check(special_ids=special_ids)
    if bias not in BIAS_POLICIES:
        raise ValueError(f"bias {bias!r} is unknown; {nearest(bias, BIAS_POLICIES)}")
    size = len(initialization.rows)
    vocabulary = tokenizer.get_vocab()
    if max(vocabulary.values()) >= size:
        highest = max(vocabulary.values())
        raise ValueError(
            f"the target tokenizer can emit ids up to {highest} but the initialization has only {size} rows"
        )
    if (decoder is None) != (decoder_rows(encoder) is None):
        raise ValueError(
            "an untied decoder needs rows of its own, and only an untied one: "
            "initialize them from decoder_rows(encoder)"
        )

    modules = splade_modules(encoder)
    old = modules.model
    query = _target_query(modules, tokenizer, initialization, query_weights)
    config = _target_config(old, tokenizer, size, special_ids)
    empty = np.setdiff1d(np.arange(size), list(vocabulary.values()))
    state = _carried_state(old, config, initialization, decoder, bias, empty)
    with torch.random.fork_rng(devices=[]):  # building draws fresh weights that are all replaced below
        new = type(old)(config)
    if (positions := _offset_positions(new)) is not None and positions.padding_idx != config.pad_token_id:
        raise ValueError(
            f"{type(old).__name__} numbers positions from pad id {positions.padding_idx} whatever its configuration "
            f"says, but the target tokenizer pads with id {config.pad_token_id}; "
            "choose another architecture, or a tokenizer with that pad id"
        )
    new.tie_weights()
    new.to(dtype=old.dtype)
    new.load_state_dict(state, strict=True)
    new.to(device=old.device).train(old.training)

    lengths = [modules.transformer.max_seq_length, tokenizer.model_max_length, usable_positions(old)]
    modules.transformer.model, modules.transformer.processor = new, _reads_like(modules.tokenizer, tokenizer)
    modules.transformer.max_seq_length = min(length for length in lengths if length is not None)
    modules.pooling.embedding_dimension = size
    if query is not None:
        encoder[0].sub_modules["query"][0] = query
    return encoder


def _reads_like(source: Any, tokenizer: Any) -> Any:
    """Return a copy of the target tokenizer that gives texts to the model in the form of the source's tokenizer.

    That form depends on the model: DistilBERT takes no token_type_ids, BERT no pads on the left.
    """
    target = copy.deepcopy(tokenizer)
    target.model_input_names = list(source.model_input_names)
    target.padding_side, target.truncation_side = source.padding_side, source.truncation_side
    return target


def _target_query(
    modules: SpladeModules, tokenizer: Any, initialization: Initialization, weights: np.ndarray | None
) -> Any:
    """Return the query side of an inference-free encoder over the target vocabulary; None for other encoders."""
    if modules.query is None:
        if weights is not None:
            raise ValueError(
                "query_weights were given, but this encoder reads queries with its masked LM; leave them out"
            )
        return None
    size, source_size = initialization.mixture.shape
    tokens = len(tokenizer.get_vocab())
    if tokens != size:  # sentence-transformers stores one weight for each token, not for each id
        raise ValueError(
            f"the target tokenizer has {tokens:,} tokens but ids up to {size - 1:,}; "
            "an inference-free encoder needs a vocabulary without gaps"
        )
    if weights is None:
        weights = initialization.carry(modules.query.weight.detach().float().cpu().numpy()[:source_size])
    elif weights.shape != (size,) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(
            f"query_weights need one finite weight of at least 0 for each of {size:,} tokens; "
            f"they are of shape {weights.shape}"
        )
    old = modules.query.weight
    new = torch.from_numpy(np.array(weights, dtype=np.float32)).to(device=old.device, dtype=old.dtype)
    query = type(modules.query)(_reads_like(modules.query.tokenizer, tokenizer), new, frozen=modules.query.frozen)
    return query.train(modules.query.training)


def _target_config(model: Any, tokenizer: Any, size: int, special_ids: str) -> Any:
    config = copy.deepcopy(model.config)
    config.vocab_size = size
    config.tie_word_embeddings = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    if special_ids == "keep":
        if (config.pad_token_id or 0) >= size:
            raise ValueError(
                f"special_ids 'keep': the source's pad id {config.pad_token_id} is past the {size:,} target rows; "
                "choose 'target'"
            )
        return config
    config.pad_token_id = tokenizer.pad_token_id
    for name, same_role in _SAME_ROLE.items():
        if getattr(config, name, None) is not None:
            own = getattr(tokenizer, name, None)
            setattr(config, name, getattr(tokenizer, same_role, None) if own is None else own)
    if (positions := _offset_positions(model)) is not None:
        config.max_position_embeddings = tokenizer.pad_token_id + 1 + usable_positions(model)
        assert len(positions.weight) == model.config.max_position_embeddings
    return config


def _carried_state(
    model: Any, config: Any, rows: Initialization, decoder: Initialization | None, bias: str, empty: np.ndarray
) -> dict[str, torch.Tensor]:
    """Return the model's state with every vocabulary-sized tensor exchanged; `empty` are the ids without a token.

    The position table is shifted where positions count from the pad id.
    """
    embedding, output, positions = model.get_input_embeddings(), model.get_output_embeddings(), _offset_positions(model)
    output_name = next(name for name, module in model.named_modules() if module is output)
    bias_names = {f"{output_name}.bias", f"{output_name.rpartition('.')[0]}.bias"}
    state = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if tensor is embedding.weight:
            value = _silenced(torch.from_numpy(rows.rows), empty, 0.0)
        elif tensor is output.weight:
            assert decoder is not None
            value = _silenced(torch.from_numpy(decoder.rows), empty, 0.0)
        elif name in bias_names and tensor.shape == output.bias.shape:
            value = _silenced(_carried_bias(tensor, rows, bias), empty, NEVER)
        elif positions is not None and tensor is positions.weight:
            value = _shifted_positions(tensor, model.config.pad_token_id, config.pad_token_id)
        else:
            value = tensor
        state[name] = value.detach().to(tensor.dtype)
    return state


def _silenced(values: torch.Tensor, empty: np.ndarray, value: float) -> torch.Tensor:
    """Return a copy with one value in all places [n] that no token has."""
    silenced = values.clone()
    silenced[torch.from_numpy(empty)] = value
    return silenced


def _carried_bias(tensor: torch.Tensor, rows: Initialization, bias: str) -> torch.Tensor:
    size, source_size = rows.mixture.shape
    if bias == "zero":
        return torch.zeros(size)
    values = tensor.detach().float().cpu().clone()
    if bias == "transfer":
        return torch.from_numpy(rows.carry(values[:source_size].numpy()))
    values[~values.isfinite()] = values[values.isfinite()].mean()  # of tokens left out, as by `carry`
    padded = torch.zeros(size)
    padded[: min(size, len(values))] = values[:size]
    return padded


def _offset_positions(model: Any) -> torch.nn.Embedding | None:
    """Return the position table of models like RoBERTa that number positions from padding_idx + 1; None for others."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            return module
    return None


def usable_positions(model: Any) -> int | None:
    """Return how many tokens a text may have; models that number positions from the pad id never use rows up to it."""
    positions = _offset_positions(model)
    if positions is None:
        return getattr(model.config, "max_position_embeddings", None)
    assert positions.padding_idx is not None
    return len(positions.weight) - (positions.padding_idx + 1)


def _shifted_positions(table: torch.Tensor, old_pad: int, new_pad: int) -> torch.Tensor:
    """Shift the table so that each token keeps its row: such models read row pad_token_id + 1 + i for token i."""
    used = table[old_pad:]
    return torch.cat([torch.zeros(new_pad, table.shape[1], dtype=table.dtype, device=table.device), used])
