"""What methods share that look for donors through a bridge: its vectors, the geometry, and the mixture at an alpha."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp

from sembridge.bridge import BridgeVectors, load_bridge, pinned
from sembridge.bridging.alpha import DONORS, choose_alpha
from sembridge.bridging.geometry import CENTERED, PUBLISHED, Compared, Geometry, compared
from sembridge.bridging.piece_vectors import embed_both
from sembridge.initializer import FALLBACK, Transfer, support_of
from sembridge.mixture.entmax import HELD
from sembridge.mixture.mixture import mixtures
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.mixture.whole_directions import rounds
from sembridge.model_card.record import Nearness
from sembridge.nearest import nearest
from sembridge.options import AUTO

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

POSITION = 0.1  # ours, see docs/fidelity.md
OWN, WORDS = PIECES = ("own", "words")


@dataclass(frozen=True)
class BridgeMethod:
    """A method that mixes source rows by the scores of a bridge.

    bridge      a SentenceTransformer: a hub id ("OWNER/NAME", or "OWNER/NAME@REVISION" to pin it), a folder, or a
                loaded one; or its vectors for both vocabularies
    position    penalty on the cosine of a donor at another place in the word than x (one begins a word, the other
                continues one). Without it "ing" and "##ing" get the same row, because the bridge reads the same text.
                0: cosines alone. None: 0.1, but 0 under the profile compat, where the bridge reads the hashes
    geometry    published | centered, see `geometry.Geometry`
    directions, csls  further options of the centered geometry
    pieces      own: a token is placed by its own text. words: where there is a text of the target's language, a token
                that is not a word is placed by the words that contain it (see `piece_vectors`)
    text        that text, a file with one passage a line; read by this method itself only where `bridge` is not vectors
    target_tokenizer, text_language  what splits it; `transfer` fills them in
    """

    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = FALLBACK

    bridge: str | SentenceTransformer | BridgeVectors = "BAAI/bge-m3"
    _: KW_ONLY
    position: float | None = None
    geometry: str = PUBLISHED
    directions: int = 0
    csls: int = 0
    pieces: str = OWN
    text: str | PathLike[str] | None = None
    target_tokenizer: Any = field(default=None, repr=False, compare=False)
    text_language: str | None = None

    def __post_init__(self) -> None:
        if self.position is not None and not 0 <= self.position <= 2:
            raise ValueError(
                f"position {self.position} is not between 0 and 2; "
                "it is taken off cosines: 0 leaves them alone, 2 outweighs any"
            )
        if self.pieces not in PIECES:
            raise ValueError(f"pieces {self.pieces!r} is unknown; {nearest(self.pieces, PIECES)}")
        if self.text is not None and self.pieces == OWN:
            raise ValueError(f"text {str(self.text)!r} has no effect on pieces 'own'; add pieces='words'")
        Geometry(self.geometry, 0.0, self.directions, self.csls)

    @property
    def variations(self) -> list[str]:
        """Return the options that differ from the published form, as labels name them."""
        words = [self.geometry] if self.geometry == CENTERED else []
        words += [f"{self.directions} directions off"] if self.directions else []
        words += [f"csls {self.csls}"] if self.csls else []
        return words + (["pieces by words"] if self.pieces == WORDS else [])

    def compare(self, transfer: Transfer, vectors: BridgeVectors) -> tuple[Compared, np.ndarray]:
        """Return (what to compare, places [n] of its targets among the missing tokens).

        Raises ValueError if there are target tokens but no donors that the bridge knows.
        """
        donors = np.flatnonzero(transfer.donors & vectors.source.known)
        targets = transfer.missing[(vectors.target.known & transfer.target.has_text)[transfer.missing]]
        if len(targets) and not len(donors):
            raise ValueError(
                "the bridge knows none of the source tokens; check that it is a multilingual sentence encoder"
            )
        default = POSITION if transfer.source.profile == "fixed" else 0.0
        position = default if self.position is None else self.position
        tokens = compared(
            Geometry(self.geometry, position, self.directions, self.csls), transfer, vectors, targets, donors
        )
        return tokens, np.searchsorted(transfer.missing, tokens.targets)

    def mix(
        self, transfer: Transfer, vectors: BridgeVectors, alpha: float | str, donors: float = DONORS
    ) -> tuple[sp.csr_array | SoftmaxMixture, dict[str, Any]]:
        """Return (the mixture [R, S] of the missing tokens, figures about it).

        alpha   from 1 on (below 2, directions are rounded); "auto": chosen so that a token has about `donors` donors
        """
        tokens, places = self.compare(transfer, vectors)
        statistics: dict[str, Any] = {}
        if alpha == AUTO:
            alpha, _ = choose_alpha(tokens, transfer.target.tokens, donors)
            statistics["alpha"] = alpha
        elif rounds(alpha):
            tokens = tokens.rounded()
        shape = len(transfer.missing), len(transfer.source)
        mixture = _mixture(tokens, places, float(alpha), shape)
        support = support_of(mixture)
        statistics |= {
            "not_bridged": int(len(transfer.missing) - len(places)),
            "mean_support": float(support[places].mean()) if len(places) else 0.0,
            "max_support": int(support.max(initial=0)),
        }
        if self.geometry == CENTERED:
            statistics["cosine_spread"] = tokens.spread
        if vectors.target.placed is not None:
            statistics["by_words"] = int(vectors.target.placed[transfer.missing].sum())
        return mixture, statistics

    def vectors(self, transfer: Transfer) -> BridgeVectors:
        """Return the vectors of both vocabularies: those passed as `bridge`, or computed by it."""
        if isinstance(self.bridge, BridgeVectors):
            sizes = len(self.bridge.source.known), len(self.bridge.target.known)
            if sizes != (len(transfer.source), len(transfer.target)):
                raise ValueError(
                    f"bridge vectors for {sizes[0]:,} and {sizes[1]:,} tokens, but the vocabularies have "
                    f"{len(transfer.source):,} and {len(transfer.target):,}; embed these two with embed_vocabulary"
                )
            return self.bridge
        model = load_bridge(*pinned(self.bridge)) if isinstance(self.bridge, str) else self.bridge
        reading = {"text": self.text, "tokenizer": self.target_tokenizer, "language": self.text_language or ""}
        return embed_both(model, transfer.source, transfer.target, **reading)

    def with_vectors(self, transfer: Transfer) -> Self:
        """Return this method with the vectors in place of the bridge, for a transfer of more than one matrix."""
        return replace(self, bridge=self.vectors(transfer))

    def prompt(self) -> str | None:
        """Return what preceded every text that the bridge embedded; None if its vectors do not say."""
        return self.bridge.prompt if isinstance(self.bridge, BridgeVectors) else None

    def nearness(self) -> Nearness:
        """Return the space in which donors are searched."""
        assert isinstance(self.bridge, BridgeVectors)
        return Nearness(self.bridge.source.vectors, self.bridge.target.vectors, "as the bridge sees them")


def _mixture(
    tokens: Compared, places: np.ndarray, alpha: float, shape: tuple[int, int]
) -> sp.csr_array | SoftmaxMixture:
    """Return the mixture [R, S] whose rows at `places` are those of the compared targets."""
    if alpha == 1 and len(tokens.groups) == 1:
        _, queries, donors = tokens.groups[0]
        if len(queries) * len(donors) > HELD:
            return SoftmaxMixture(queries, donors, places, sp.csr_array(shape, dtype=np.float32))
    pieces = [(places[some], mixtures(queries, donors, [alpha])[0]) for some, queries, donors in tokens.groups]
    support = np.zeros(shape[0], dtype=np.int64)
    for rows, weights in pieces:
        support[rows] = np.diff(weights.indptr)
    starts = np.concatenate([[0], np.cumsum(support)])
    if len(pieces) == 1:
        return sp.csr_array((pieces[0][1].data, pieces[0][1].indices, starts), shape=shape)
    indices, data = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    for rows, weights in pieces:
        counts = np.diff(weights.indptr)
        into = np.repeat(starts[rows] - weights.indptr[:-1], counts) + np.arange(weights.nnz)
        indices[into], data[into] = weights.indices, weights.data
    return sp.csr_array((data, indices, starts), shape=shape)
