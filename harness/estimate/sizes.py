"""How large what a grid reads is: bodies of models, vocabularies, collections, texts. Known from files that are here and from the catalog."""

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

PASSAGE, QUESTION = 128, 16  # tokens of a text that is not here; ours
UNLIMITED = 512  # tokens a model reads where nothing else is said
SAMPLE = 256  # texts of a local collection whose tokens are counted, the first ones


class UnknownError(ValueError):
    """A size that neither a file nor the catalog tells; the message says which."""


@dataclass(frozen=True)
class Body:
    """A transformer without its embedding rows: layers of `dimension`, whose feed-forward part is `inner` wide."""

    layers: int
    dimension: int
    inner: int

    @property
    def parameters(self) -> int:
        """Weights that meet every token: four projections D x D and two of the feed-forward part D x F a layer; biases and norms left out."""
        return self.layers * (4 * self.dimension**2 + 2 * self.dimension * self.inner)


BASE = Body(12, 768, 3072)


@dataclass(frozen=True)
class Lengths:
    """Tokens of texts, at most `most` each. sample: as counted; empty: an assumed mean, with lengths distributed exponentially around it."""

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
        """Expected tokens of the longest of so many texts. Of a sample l_1 <= .. <= l_n: sum_i l_i ((i/n)^B - ((i-1)/n)^B); of an exponential
        distribution (1 + 1/2 + ... + 1/B) times its mean."""
        if not self.sample:
            return min(self.most, self.assumed * sum(1 / i for i in range(1, texts + 1)))
        n = len(self._sorted)
        return sum(length * ((i / n) ** texts - ((i - 1) / n) ** texts) for i, length in enumerate(self._sorted, 1))


@dataclass(frozen=True)
class Counts:
    """Of a collection in one language: documents that are searched, judged queries, training pairs (None: not known)."""

    documents: int
    queries: int
    pairs: int | None


class Sizes:
    """Sizes of a plan's inputs; each method raises UnknownError. Reads files, asks no hub."""

    def __init__(self, catalog: Catalog) -> None:
        self._entries = {
            entry.id: entry
            for kind in (catalog.references, catalog.tokenizers, catalog.bridges, catalog.encoders)
            for entry in kind.values()
        }
        self._collections: dict[Path, Any] = {}
        self._lengths: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def body(self, source: Source) -> Body:
        """By its config.json where that is here, else by the catalog: `body` of an encoder; of a bridge its dimensions, with 12 layers, from
        1,024 dimensions on 24."""
        config = _config(source)
        if config is not None:
            return _body_of(config)
        entry = self._entry(source)
        if dimensions := getattr(entry, "dimensions", None):
            return Body(24 if dimensions >= 1024 else 12, dimensions, 4 * dimensions)
        return _described(source, getattr(entry, "body", ""))

    def dimensions(self, bridge: Source) -> int:
        """Of the vectors a bridge gives."""
        entry = self._entries.get(bridge.name) if isinstance(bridge, Hub) else None
        return getattr(entry, "dimensions", None) or self.body(bridge).dimension

    def vocabulary(self, source: Source) -> int:
        """Tokens of a model or tokenizer."""
        tokenizer = _file(source, "tokenizer.json")
        if isinstance(source, Local) and tokenizer is not None:
            from tokenizers import Tokenizer

            return max(Tokenizer.from_file(str(tokenizer)).get_vocab().values()) + 1
        entry: Any = self._entries.get(source.name) if isinstance(source, Hub) else None
        if hasattr(entry, "vocabulary"):
            return entry.vocabulary
        config = _config(source)
        if config is not None and "vocab_size" in config:
            return config["vocab_size"]
        raise UnknownError(f"vocabulary of {_name(source)}")

    def counts(self, collection: Source) -> Counts:
        """Of a folder counted, of a download as the preset expects them."""
        if isinstance(collection, Local):
            found = self._loaded(collection.path)
            return Counts(len(found.document_ids), len(found.query_ids), len(found.training))
        if not isinstance(collection, Artifact) or collection.stage.name != "collection":
            raise UnknownError(f"counts of {_name(collection)}")
        parameters = collection.parameters
        expected = parameters.get("expected", {})
        if expected.get("documents") is None or expected.get("queries") is None:
            raise UnknownError(f"counts of {_name(collection)}")
        documents = expected["documents"]
        if (limit := parameters.get("limit")) is not None:
            documents = min(
                documents, limit + (expected.get("judgements") or expected.get("relevant") or expected["queries"])
            )
        return Counts(documents, expected["queries"], expected.get("train_pairs"))

    def lengths(self, collection: Source, side: str, tokenizer: Source, most: int | None) -> Lengths:
        """side: query | document. Counted where both the collection and the tokenizer are files here, else assumed."""
        cap, assumed = most or UNLIMITED, QUESTION if side == "query" else PASSAGE
        file = _file(tokenizer, "tokenizer.json")
        if not isinstance(collection, Local) or file is None:
            return Lengths(assumed, cap)
        at = (collection.path, side, file)
        if at not in self._lengths:
            self._lengths[at] = _counted(self._texts(collection.path, side), file)
        return Lengths(assumed, cap, self._lengths[at])

    def _texts(self, folder: Path, side: str) -> Sequence[str]:
        from harness.collections import beir

        return (
            self._loaded(folder).query_texts[:SAMPLE] if side == "query" else list(islice(beir.stream(folder), SAMPLE))
        )

    def _loaded(self, folder: Path) -> Any:
        from harness.collections import beir

        if folder not in self._collections:
            self._collections[folder] = beir.load_queries(folder)
        return self._collections[folder]

    def _entry(self, source: Source) -> Any:
        if not isinstance(source, Hub) or source.name not in self._entries:
            raise UnknownError(f"size of {_name(source)}")
        return self._entries[source.name]


def _counted(texts: Sequence[str], file: Path) -> tuple[int, ...]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tuple(len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts)))


def _body_of(config: Mapping[str, Any]) -> Body:
    """Of a config.json in the words of BERT, or of DistilBERT; without layers (static embeddings) nothing is computed."""
    layers, dimension = (
        config.get("num_hidden_layers", config.get("n_layers", 0)),
        config.get("hidden_size", config.get("dim", 0)),
    )
    return Body(layers, dimension, config.get("intermediate_size", config.get("hidden_dim", 4 * dimension)))


def _described(source: Source, text: str) -> Body:
    """Of the catalog's words: "6 layers of 384", "BERT-base", "XLM-RoBERTa-large"."""
    if match := re.search(r"(\d+) layers of (\d+)", text):
        return Body(int(match[1]), int(match[2]), 4 * int(match[2]))
    if "large" in text:
        return Body(24, 1024, 4096)
    if "base" in text:
        return Body(6 if text.startswith("Distil") else 12, 768, 3072)
    raise UnknownError(f"size of {_name(source)}")


def _config(source: Source) -> dict[str, Any] | None:
    file = _file(source, "config.json")
    return None if file is None else json.loads(file.read_text(encoding="utf-8"))


def _file(source: Source, name: str) -> Path | None:
    """A file of a model that is here, as a folder or in the hub's cache."""
    if isinstance(source, Hub):
        from harness.hub.cache import cached

        found = cached(source.name, name, "model", source.revision)
        return None if found is None else Path(found)
    if not isinstance(source, Local) or not source.path.is_dir():
        return None
    from sembridge.encoder.loading import masked_lm_folder

    folder = masked_lm_folder(source.path)
    return next(
        (
            path
            for path in (folder / name, folder / "0_Transformer" / name, folder / "0_StaticEmbedding" / name)
            if path.is_file()
        ),
        None,
    )


def _name(source: Source) -> str:
    match source:
        case Hub(name=name):
            return name
        case Local(path=path):
            return str(path)
        case Artifact(parameters=parameters) if "hub" in parameters or "ir_datasets" in parameters:
            return " ".join(str(parameters[key]) for key in ("hub", "ir_datasets", "config") if parameters.get(key))
    return "what the pocket builds"
