"""Stage: encode one shard of a collection, for evaluations that prune or weigh vectors before they search them.

Each such evaluation of an encoder reads the same vectors, whatever its options, so the texts are encoded once for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.store.artifact import Location
from harness.store.stage import Stage

VECTORS_OF = "vectors-"  # inputs of `evaluation` and `reference` whose names begin like this are shards


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Encode the documents of a shard, and with the first shard the queries.

    parameters: max_length, precision, bias, special_ids, share (the shard's number, from 0), shares (how many).
    inputs: collection, either trained or encoder (+ tokenizer + initialization).
    """
    from harness.collections import beir
    from harness.evaluation.encoder_run import encoder_of
    from harness.evaluation.measurement import smaller_batches
    from harness.files import headway
    from harness.retrieval.vector_files import write_vectors
    from sembridge.search.encode import encode
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.unknown import UnknownTokens

    folder, unknown = inputs["collection"].path, UnknownTokens()
    options = EncodeOptions.of(parameters, batch_divisor)
    encoder = encoder_of(parameters, inputs)
    embed = partial(encode, encoder, options=options, unknown=unknown, advance=headway.advance)
    shard = parameters["share"], parameters["shares"]
    write_vectors(out, embed, folder, beir.load_queries(folder), shard, unknown, smaller_batches(batch_divisor))


VECTORS = Stage("vectors", version=1, seconds=3, build=build)


def shards_among(inputs: Mapping[str, Location]) -> list[Path]:
    """Return the folders of stored vectors among the inputs of a stage, in the order of the documents."""
    return [inputs[name].path for name in sorted(inputs) if name.startswith(VECTORS_OF)]
