"""An index on disk: search it, see why a document was found, and read its documents and vectors."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sembridge.normalization import normalize
from sembridge.search.hits import Hit, Hits, Term
from sembridge.search.inversion import part_vectors
from sembridge.search.manifest import (
    VOCABULARY,
    IndexFolderError,
    damaged,
    parsed,
    part_files,
    read_checked,
    read_manifest,
)
from sembridge.search.ranking import Best, Run, check_k
from sembridge.search.rarity import inverse_document_frequency, weigh
from sembridge.search.stored_postings import StoredPostings

_WHERE = "say where it is: open(INDEX, encoder=...) in Python, --encoder on the command line"


class Block(NamedTuple):
    """Consecutive documents: the position of the first, their ids and texts, and their vectors, csr [B, V] float32."""

    first: int
    ids: list[str]
    texts: list[str]
    vectors: sparse.csr_array


def open_index(folder: str | Path, encoder: Any = None, revision: str | None = None) -> Index:
    """Open an index that `build` or `sembridge-bench index` wrote.

    encoder   the encoder of the queries, loaded or by its folder or hub id; None: where it lay when the index was built
    revision  commit of a hub id

    The encoder is loaded, and checked to be the one of the documents, when the first query is encoded. Raises
    IndexFolderError for a folder that is not a whole index of this version.
    """
    path = Path(folder).expanduser()
    return Index(path, read_manifest(path), encoder, revision)


class Index:
    """An index of N documents with V dimensions.

    folder    where it lies
    manifest  what `manifest.json` says
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any], encoder: Any = None, revision: str | None = None):
        self.folder, self.manifest = folder, dict(manifest)
        self._given = encoder, revision
        self.postings = StoredPostings(folder, self.manifest)
        self._part = int(manifest["documents_per_part"])
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # part -> places and checks of its documents' lines

    def __len__(self) -> int:
        return int(self.manifest["documents"])

    def __repr__(self) -> str:
        return f"Index({str(self.folder)!r}: {len(self):,} documents, {self.manifest['used_dimensions']:,} dimensions)"

    @cached_property
    def vocabulary(self) -> dict[str, list[str]]:
        """Return the V tokens by id: `tokens` as the tokenizer stores them, `shown` as a person reads them."""
        try:
            names = parsed(read_checked(self.folder, self.manifest, VOCABULARY))
            lists = [names[kind] for kind in ("tokens", "shown")]
            complete = all(isinstance(own, list) and len(own) == self.manifest["dimensions"] for own in lists)
            complete = complete and all(isinstance(name, str) for own in lists for name in own)
        except IndexFolderError:
            raise
        except (ValueError, LookupError, TypeError):
            complete = False
        if not complete:
            raise damaged(self.folder, f"{VOCABULARY} does not have a name for every dimension")
        return dict(names)

    @property
    def document_frequencies(self) -> np.ndarray:
        """Return in how many documents each dimension is not zero, int64 [V]."""
        return np.diff(self.postings.ends)

    @cached_property
    def encoder(self) -> Any:
        """Return the encoder of the queries, checked to be the one of the documents; IndexFolderError if it is not."""
        from sembridge.search.identity import identity

        encoder, revision = self._given
        if encoder is None:
            encoder, revision = self.manifest["encoder"].get("model"), self.manifest["encoder"].get("revision")
            if encoder is None:
                problem = f"the index {str(self.folder)!r} was built with an encoder that was in no folder"
                raise IndexFolderError(f"{problem}; {_WHERE}")
            if Path(encoder).is_absolute() and not Path(encoder).is_dir():
                problem = f"the encoder of the index {str(self.folder)!r} is not in {encoder!r} any more"
                raise IndexFolderError(f"{problem}; {_WHERE}")
        if isinstance(encoder, (str, Path)):
            from sembridge.encoder.loading import load_encoder

            name, encoder = str(encoder), load_encoder(str(encoder), revision)
        else:
            name = "the given encoder"
        if identity(encoder) != self.manifest["identity"]:
            problem = f"the index {str(self.folder)!r} was built with another encoder than {name!r} is today"
            raise IndexFolderError(f"{problem}; give the one it was built with, or build the index again")
        return encoder

    def encode(self, queries: Sequence[str], idf: bool = False) -> sparse.csr_array:
        """Return the vectors of queries, csr [Q, V] float32. idf: weigh dimensions by rarity, see `rarity`.

        Raises ValueError for a query that is not text, IndexFolderError if the encoder is not that of the documents.
        """
        from sembridge.search.encode import encode_all
        from sembridge.search.encode_options import EncodeOptions

        for query in queries:
            if not isinstance(query, str):
                raise ValueError(f"the query {str(query)[:80]!r} is not text; give a string")
            if not _is_unicode(query):
                raise ValueError(
                    "the query has half a surrogate pair, which is not a character; type it again in UTF-8"
                )
        options = EncodeOptions(self.manifest["max_length"], self.manifest["precision"])
        if not len(queries):
            return sparse.csr_array((0, self.manifest["dimensions"]), dtype=np.float32)
        vectors = encode_all(self.encoder, [normalize(query).strip() for query in queries], "query", options)
        vectors.sum_duplicates()
        return weigh(vectors, inverse_document_frequency(self.document_frequencies, len(self))) if idf else vectors

    def rank(self, vectors: sparse.csr_array, k: int) -> Best:
        """Return the k best documents of each query vector [Q, V], exactly; fewer where fewer share a dimension."""
        check_k(k)
        return self.postings.top_k(vectors, min(k, len(self)))

    def search(self, query: str, k: int = 10, idf: bool = False) -> Hits:
        """Return the k best documents of a query, with the terms that made their scores."""
        check_k(k)
        vector = self.encode([query], idf)
        return self.hits(query, vector, self.rank(vector, k))

    def hits(self, query: str, vector: sparse.csr_array, best: Best) -> Hits:
        """Return the documents that `rank` found for one query vector [1, V]."""
        found = best.positions[0][best.positions[0] >= 0].tolist()
        terms = self._terms(vector, found)
        rows = zip(found, best.scores[0].tolist(), terms, strict=False)
        return Hits(
            query,
            tuple(
                Hit(rank, score, *self.document(position), why) for rank, (position, score, why) in enumerate(rows, 1)
            ),
        )

    def run(self, queries: Mapping[str, str], k: int, idf: bool = False) -> Run:
        """Return query id -> [(document id, score), ...], best first, for query id -> text."""
        best = self.rank(self.encode(list(queries.values()), idf), k)
        used = sorted({position for position in best.positions.ravel().tolist() if position >= 0})
        return best.result(list(queries), {position: self.document(position)[0] for position in used})

    def document(self, position: int) -> tuple[str, str]:
        """Return (id, text) of the document at a position from 0."""
        part, place = self._place(position)
        places, checks = self._lines(part)
        try:
            with (self.folder / part_files(part)[0]).open("rb") as file:
                file.seek(int(places[place]))
                line = file.read(int(places[place + 1] - places[place]))
            if zlib.crc32(line) != checks[place]:
                raise ValueError("it is not as it was written")
            return _id_and_text(line)
        except (OSError, ValueError):
            raise damaged(self.folder, f"document {position} cannot be read") from None

    def vector(self, position: int) -> sparse.csr_array:
        """Return the vector of the document at a position from 0, csr [1, V] float32."""
        part, place = self._place(position)
        return self._vectors(part)[[place]]

    def blocks(self) -> Iterator[Block]:
        """Yield all documents in the order of the collection, a part at a time, with their vectors."""
        for number in range(-(-len(self) // self._part)):
            name, vectors = part_files(number)[0], self._vectors(number)
            content = read_checked(self.folder, self.manifest, name)
            try:
                records = [_id_and_text(line) for line in content.splitlines()]
            except ValueError:
                raise damaged(self.folder, f"{name} cannot be read") from None
            if len(records) != vectors.shape[0]:
                raise damaged(self.folder, f"{name} has {len(records)} documents instead of {vectors.shape[0]}")
            ids, texts = [identifier for identifier, _ in records], [text for _, text in records]
            yield Block(number * self._part, ids, texts, vectors)

    def _vectors(self, part: int) -> sparse.csr_array:
        name = part_files(part)[1]
        try:
            vectors = part_vectors(read_checked(self.folder, self.manifest, name), self.manifest["dimensions"])
        except IndexFolderError:
            raise
        except ValueError as error:
            raise damaged(self.folder, f"{name} cannot be read ({error})") from None
        if vectors.shape[0] != self._size(part):
            raise damaged(self.folder, f"{name} has {vectors.shape[0]} documents instead of {self._size(part)}")
        return vectors

    def _lines(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the lines of a part's documents begin, in bytes, and where the last one ends; and their checks.

        Only these two arrays are read. They need no check of their own: a wrong place leads to a line that has another.
        """
        from safetensors import safe_open

        if part not in self._known:
            documents, vectors = part_files(part)
            try:
                with safe_open(self.folder / vectors, "np") as file:
                    places, checks = file.get_tensor("lines"), file.get_tensor("checks")
            except Exception as error:  # the reader raises its own class, OSError and others, by what is wrong
                raise damaged(self.folder, f"{vectors} cannot be read ({type(error).__name__})") from None
            size = self._size(part)
            fits = (places.dtype, checks.dtype) == (np.int64, np.uint32)
            fits = fits and places.shape == (size + 1,) and checks.shape == (size,)
            ends = (0, self.manifest["files"][documents])
            if not fits or (places[0], places[-1]) != ends or (places[1:] < places[:-1]).any():
                raise damaged(self.folder, f"{vectors} does not fit {documents}")
            self._known[part] = places, checks
        return self._known[part]

    def _size(self, part: int) -> int:
        """Return how many documents a part has."""
        return min(self._part, len(self) - part * self._part)

    def _place(self, position: int) -> tuple[int, int]:
        if not 0 <= position < len(self):
            raise ValueError(f"there is no document {position}; positions are from 0 to {len(self) - 1}")
        return divmod(position, self._part)

    def _terms(self, vector: sparse.csr_array, positions: Sequence[int]) -> list[tuple[Term, ...]]:
        """Return for each document the terms that it shares with a query [1, V], the largest product first."""
        terms: list[list[Term]] = [[] for _ in positions]
        shown = self.vocabulary["shown"]
        for dimension, weight in zip(vector.indices.tolist(), vector.data.tolist(), strict=True):
            holders, weights = self.postings.of(dimension)
            for place, slot in enumerate(np.searchsorted(holders, positions).tolist()):
                if slot < len(holders) and holders[slot] == positions[place]:
                    own = float(weights[slot])
                    terms[place].append(Term(shown[dimension], dimension, weight, own, weight * own))
        return [tuple(sorted(found, key=lambda term: (-term.product, term.id))) for found in terms]


def _is_unicode(text: str) -> bool:
    """Return whether a text is free of half surrogate pairs, which stand for bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _id_and_text(line: bytes) -> tuple[str, str]:
    """Return the document in a line. Raises ValueError for a line that holds none, or half a surrogate pair."""
    record = parsed(line)
    identifier, text = (record.get(name) if isinstance(record, dict) else None for name in ("id", "text"))
    if not isinstance(identifier, str) or not isinstance(text, str):
        raise ValueError("no id and text")
    identifier.encode(), text.encode()
    return identifier, text
