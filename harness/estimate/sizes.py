"""Find the sizes of what a grid reads (models, vocabularies, collections, texts) in local files and the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from harness.catalog.catalog import Catalog
from harness.store.artifact import Artifact, Hub, Local, Source

PASSAGE, QUESTION = 128, 16  # tokens of a text that is not available locally; our assumption
UNLIMITED = 512  # tokens that a model reads unless it says otherwise
SAMPLE = 256  # the tokens of so many texts of a local collection, the first ones, are counted


class UnknownError(ValueError):
    """A size is neither in a file nor in the catalog; the message says which."""


@dataclass(frozen=True)
class Body:
    """A transformer without its embedding rows: layers of `dimension`, whose feed-forward part is `inner` wide."""

    layers: int
    dimension: int
    inner: int

    @property
    def parameters(self) -> int:
        """Weights that meet every token: per layer four D x D and two D x F, without biases and norms."""
        return self.layers * (4 * self.dimension**2 + 2 * self.dimension * self.inner)


BASE = Body(12, 768, 3072)


@dataclass(frozen=True)
class Lengths:
    """Tokens of texts, at most `most` each.

    sample  counted lengths; if empty, lengths are assumed to be exponentially distributed with the mean `assumed`
    """

    assumed: float
    most: int
    sample: tuple[int, ...] = ()

    @cached_property
    def _sorted(self) -> list[int]:
        return sorted(min(length, self.most) for length in self.sample)

    @property
    def mean(self) -> float:
        return sum(self._sorted) / len(self._sorted) if self.sample else min(self.assumed, self.most)

    def longest(self, texts: int) -> float:
        """Return the expected tokens of the longest of B = `texts` texts.

        For a sample l_1 <= .. <= l_n: sum_i l_i ((i/n)^B - ((i-1)/n)^B). For an exponential distribution:
        (1 + 1/2 + ... + 1/B) times its mean.
        """
        if not self.sample:
            return min(self.most, self.assumed * sum(1 / i for i in range(1, texts + 1)))
        n = len(self._sorted)
        return sum(length * ((i / n) ** texts - ((i - 1) / n) ** texts) for i, length in enumerate(self._sorted, 1))


@dataclass(frozen=True)
class Counts:
    """Numbers of a collection in one language: searched documents, judged queries, training pairs (None: not known)."""

    documents: int
    queries: int
    pairs: int | None


class Sizes:
    """Look up sizes of a plan's inputs, without contacting a hub; each method raises UnknownError."""

    def __init__(self, catalog: Catalog) -> None:
        self._entries = {
            entry.id: entry
            for kind in (catalog.references, catalog.tokenizers, catalog.bridges, catalog.encoders)
            for entry in kind.values()
        }
        self._collections: dict[Path, Any] = {}
        self._lengths: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def body(self, source: Source) -> Body:
        """Return the body by its config.json, if that is available locally, else by the catalog.

        The catalog has the `body` of an encoder and the dimensions of a bridge; a bridge is taken to have 12 layers,
        24 from 1,024 dimensions on.
        """
        config = _config(source)
        if config is not None:
            return _configured_body(config)
        entry = self._entry(source)
        if dimensions := getattr(entry, "dimensions", None):
            return Body(24 if dimensions >= 1024 else 12, dimensions, 4 * dimensions)
        return _described_body(source, getattr(entry, "body", ""))

    def dimensions(self, bridge: Source) -> int:
        """Return the dimensions of a bridge's vectors."""
        entry = self._entries.get(bridge.name) if isinstance(bridge, Hub) else None
        return getattr(entry, "dimensions", None) or self.body(bridge).dimension

    def vocabulary(self, source: Source) -> int:
        """Return the number of tokens of a model or tokenizer."""
        tokenizer = local_file(source, "tokenizer.json")
        if isinstance(source, Local) and tokenizer is not None:
            from tokenizers import Tokenizer

            return max(Tokenizer.from_file(str(tokenizer)).get_vocab().values()) + 1
        entry: Any = self._entries.get(source.name) if isinstance(source, Hub) else None
        if hasattr(entry, "vocabulary"):
            return entry.vocabulary
        config = _config(source)
        if config is not None and "vocab_size" in config:
            return config["vocab_size"]
        raise UnknownError(f"vocabulary of {shown_name(source)}")

    def counts(self, collection: Source) -> Counts:
        """Return the counts of a folder as counted, and those of a download as the preset expects them."""
        if isinstance(collection, Local):
            loaded = self._load(collection.path)
            return Counts(len(loaded.document_ids), len(loaded.query_ids), len(loaded.training))
        if not isinstance(collection, Artifact) or collection.stage.name != "collection":
            raise UnknownError(f"counts of {shown_name(collection)}")
        parameters = collection.parameters
        expected = parameters.get("expected", {})
        if expected.get("documents") is None or expected.get("queries") is None:
            raise UnknownError(f"counts of {shown_name(collection)}")
        documents = expected["documents"]
        if (limit := parameters.get("limit")) is not None:
            judged = expected.get("judgements") or expected.get("relevant") or expected["queries"]
            documents = min(documents, limit + judged)
        return Counts(documents, expected["queries"], expected.get("train_pairs"))

    def lengths(self, collection: Source, side: str, tokenizer: Source, most: int | None) -> Lengths:
        """Return lengths, counted if collection and tokenizer are local, else assumed. side: query | document."""
        cap, assumed = most or UNLIMITED, QUESTION if side == "query" else PASSAGE
        file = local_file(tokenizer, "tokenizer.json")
        if not isinstance(collection, Local) or file is None:
            return Lengths(assumed, cap)
        key = (collection.path, side, file)
        if key not in self._lengths:
            self._lengths[key] = _count_tokens(self._texts(collection.path, side), file)
        return Lengths(assumed, cap, self._lengths[key])

    def _texts(self, folder: Path, side: str) -> Sequence[str]:
        from harness.collections import beir

        if side == "query":
            return self._load(folder).query_texts[:SAMPLE]
        return list(islice(beir.stream(folder), SAMPLE))

    def _load(self, folder: Path) -> Any:
        from harness.collections import beir

        if folder not in self._collections:
            self._collections[folder] = beir.load_queries(folder)
        return self._collections[folder]

    def _entry(self, source: Source) -> Any:
        if not isinstance(source, Hub) or source.name not in self._entries:
            raise UnknownError(f"size of {shown_name(source)}")
        return self._entries[source.name]


def _count_tokens(texts: Sequence[str], file: Path) -> tuple[int, ...]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tuple(len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts)))


def _configured_body(config: Mapping[str, Any]) -> Body:
    """Read a config.json with the keys of BERT or of DistilBERT; static embeddings have 0 layers."""
    layers = config.get("num_hidden_layers", config.get("n_layers", 0))
    dimension = config.get("hidden_size", config.get("dim", 0))
    return Body(layers, dimension, config.get("intermediate_size", config.get("hidden_dim", 4 * dimension)))


def _described_body(source: Source, text: str) -> Body:
    """Read a description of the catalog: "6 layers of 384", "BERT-base", "XLM-RoBERTa-large"."""
    if match := re.search(r"(\d+) layers of (\d+)", text):
        return Body(int(match[1]), int(match[2]), 4 * int(match[2]))
    if "large" in text:
        return Body(24, 1024, 4096)
    if "base" in text:
        return Body(6 if text.startswith("Distil") else 12, 768, 3072)
    raise UnknownError(f"size of {shown_name(source)}")


def _config(source: Source) -> dict[str, Any] | None:
    file = local_file(source, "config.json")
    return None if file is None else json.loads(file.read_text(encoding="utf-8"))


def local_file(source: Source, name: str) -> Path | None:
    """Return a file of a model that is available locally, as a folder or in the hub's cache."""
    if isinstance(source, Hub):
        from harness.hub.cache import cached

        path = cached(source.name, name, "model", source.revision)
        return None if path is None else Path(path)
    if not isinstance(source, Local) or not source.path.is_dir():
        return None
    from sembridge.encoder.loading import masked_lm_folder

    folder = masked_lm_folder(source.path)
    paths = (folder / name, folder / "0_Transformer" / name, folder / "0_StaticEmbedding" / name)
    return next((path for path in paths if path.is_file()), None)


def shown_name(source: Source) -> str:
    """Return what messages call a model or collection."""
    match source:
        case Hub(name=name):
            return name
        case Local(path=path):
            return str(path)
        case Artifact(parameters=parameters) if "hub" in parameters or "ir_datasets" in parameters:
            return " ".join(str(parameters[key]) for key in ("hub", "ir_datasets", "config") if parameters.get(key))
    return "what the pocket builds"
