"""Answer what the page asks about an index: hits with their reasons, what a token is made of, what the index is."""

from __future__ import annotations

import threading
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from harness.serving.highlight import LONGEST, Highlighter
from sembridge.model_card.lines import printable

if TYPE_CHECKING:
    from harness.serving.word_search import WordSearch
    from sembridge.model_card.record import TransferRecord
    from sembridge.search.hits import Hit
    from sembridge.search.index import Index

TERMS = 100  # of a query, and of a hit, that are told; the heaviest
DONORS = 10  # of a token that are told
WAIT_SECONDS = 10.0  # that a search waits for those before it


class BusyError(Exception):
    """Too many searches wait."""


class WithoutError(Exception):
    """There is no such token: a sentence for whoever asked."""


class Answers:
    """Answers from one index. May be called from several threads; searches run one after another."""

    def __init__(
        self, index: Index, words: WordSearch | None, without_words: str, record: TransferRecord | None, unmade: str,
        idf: bool = False,
    ) -> None:  # fmt: skip
        """Take what was loaded: the sentences say why there are no `words` (BM25) or no `record` of a transfer.

        idf  weigh the terms of a query by rarity where a request does not say
        """
        self.idf = idf
        self._index, self._words, self._record = index, words, record
        self._without_words, self._unmade = without_words, unmade
        self._highlighter = Highlighter(index.encoder, index.manifest["max_length"])
        self._turn = threading.Lock()  # a tokenizer must not be called by two threads, and a search uses all cores

    def about(self) -> dict[str, Any]:
        """Return what the index is, without any path."""
        manifest, model = self._index.manifest, self._index.manifest["encoder"].get("model")
        return {
            "documents": len(self._index),
            "dimensions": manifest["dimensions"],
            "encoder": PurePath(model).name if model and PurePath(model).is_absolute() else model,
            "idf": self.idf,
            "bm25": self._words is not None,
            "without_bm25": self._without_words,
            "made_of": self._record is not None,
            "without_made_of": self._unmade,
        }

    def search(self, query: str, k: int, idf: bool = False) -> dict[str, Any]:
        """Return the k best documents by the encoder and by BM25. Raises BusyError if others take too long.

        idf  multiply the encoder's weights of the query by ln(N / df), see `sembridge.search.rarity`
        """
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise BusyError
        try:
            began = time.perf_counter()
            vector = self._index.encode([query], idf)
            best = self._index.rank(vector, k)
            between = time.perf_counter()
            words = self._words.best(query, k) if self._words else []
            seconds = between - began, time.perf_counter() - between
            positions = [position for position in best.positions[0].tolist() if position >= 0]
            place_by_words = {position: rank for rank, (position, _) in enumerate(words, 1)}
            hits = [
                self._hit(hit) | {"bm25_rank": place_by_words.get(position)}
                for hit, position in zip(self._index.hits(query, vector, best), positions, strict=True)
            ]
        finally:
            self._turn.release()
        weighted = sorted(zip(vector.indices.tolist(), vector.data.tolist(), strict=True), key=lambda t: (-t[1], t[0]))
        return {
            "query": query,
            "k": k,
            "idf": idf,
            "terms": [
                {"id": token, "token": self._shown(token), "weight": weight} for token, weight in weighted[:TERMS]
            ],
            "more_terms": max(0, len(weighted) - TERMS),
            "seconds": seconds[0],
            "hits": hits,
            "bm25": self._by_words(words, positions, seconds[1]) if self._words else None,
        }

    def token(self, token_id: int) -> dict[str, Any]:
        """Return what a token is made of, as far as the record of the transfer says. Raises WithoutError."""
        last = self._index.manifest["dimensions"] - 1
        if token_id > last:
            raise WithoutError(f"id {token_id} is not a token of this encoder; the last one is {last}")
        told = {
            "id": token_id,
            "token": self._shown(token_id),
            "documents": int(self._index.document_frequencies[token_id]),
            "made_of": None,
        }
        if self._record is not None and token_id < len(self._record):
            told["made_of"] = _made_of(self._record, token_id)
        return told

    def _hit(self, hit: Hit) -> dict[str, Any]:
        terms = hit.terms[:TERMS]
        marked = self._highlighter.mark(hit.text, {term.id for term in terms})
        in_text = {term for part in marked.parts for term in part.terms}
        return {
            "rank": hit.rank,
            "score": hit.score,
            "id": hit.id,
            "parts": [{"text": part.text, "terms": list(part.terms)} for part in marked.parts],
            "unread": marked.unread,
            "shortened": marked.shortened,
            "terms": [
                {
                    "id": term.id,
                    "token": self._shown(term.id),
                    "query_weight": term.query_weight,
                    "document_weight": term.document_weight,
                    "product": term.product,
                    "in_text": term.id in in_text,
                }
                for term in terms
            ],
            "more_terms": len(hit.terms) - len(terms),
        }

    def _by_words(self, found: list[tuple[int, float]], positions: list[int], seconds: float) -> dict[str, Any]:
        place = {position: rank for rank, position in enumerate(positions, 1)}
        hits = []
        for rank, (position, score) in enumerate(found, 1):
            name, text = self._index.document(position)
            hits.append(
                {
                    "rank": rank,
                    "score": score,
                    "id": name,
                    "text": text[:LONGEST],
                    "shortened": len(text) > LONGEST,
                    "encoder_rank": place.get(position),
                }
            )
        return {"seconds": seconds, "hits": hits}

    def _shown(self, token_id: int) -> str:
        return printable(self._index.vocabulary["shown"][token_id])


def _made_of(record: TransferRecord, token_id: int) -> dict[str, Any]:
    """Return the donors of a token and where its row comes from, in words."""
    from sembridge.model_card.explanation import Explanation, Piece

    line = str(Explanation(record, (Piece("", (token_id,)),), top=DONORS)).splitlines()[0]
    donors = record.donors_of(token_id)[:DONORS]
    return {
        "sentence": line.removeprefix(printable(record.target.shown[token_id])).strip(),
        "donors": [{"token": printable(record.source.shown[donor]), "weight": weight} for donor, weight in donors],
        "more_donors": max(0, int(record.support[token_id]) - len(donors)),
    }
