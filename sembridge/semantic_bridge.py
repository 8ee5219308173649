"""Initialize by SemBridge: each new row is a sparse, convex mixture of English rows near it in a multilingual bridge.

Source: arXiv 2605.26002.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.sparse as sp

from sembridge.assembly import assemble
from sembridge.bridge import BridgeVectors, TokenVectors, embed_vocabulary, load_bridge, pinned
from sembridge.initializer import FALLBACK, Initialization, Transfer, support_of
from sembridge.mixture.entmax import HELD, check_alpha
from sembridge.mixture.mixture import UnitVectors, mixtures
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.model_card.record import Nearness
from sembridge.prompt import prompt_of
from sembridge.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

POSITION = 0.1  # ours, see docs/fidelity.md


@dataclass(frozen=True)
class SemBridge:
    """Mix source rows: E_t[x] = sum_v p_x[v] E_s[v], p_x = alpha-entmax of the cosines of x and every donor v.

    Cosines are those of the tokens' bridge vectors.

    bridge    a SentenceTransformer: a hub id ("OWNER/NAME", or "OWNER/NAME@REVISION" to pin it), a folder, or a loaded
              one; or its vectors for both vocabularies
    alpha     >= 1; the paper's runs use 4
    position  penalty on the cosine of a donor at another place in the word than x (one begins a word, the other
              continues one). Without it "ing" and "##ing" get the same row, because the bridge reads the same text.
              0: cosines alone. None: 0.1, but 0 under the profile compat, where the bridge reads the hashes

    Donors are those of the transfer that the bridge knows. A target token without a text that the bridge knows is
    sampled (N(mean, std) of the source rows) and labeled so: all unknown tokens have the same bridge vector.

    Raises ValueError if the vectors are not those of these vocabularies, or if there are target tokens but no donors
    that the bridge knows.
    """

    name: ClassVar[str] = "sembridge"
    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = FALLBACK

    bridge: str | SentenceTransformer | BridgeVectors = "BAAI/bge-m3"
    alpha: float = 4.0
    position: float | None = None

    def __post_init__(self) -> None:
        check_alpha(self.alpha)
        if self.position is not None and not 0 <= self.position <= 2:
            raise ValueError(
                f"position {self.position} is not between 0 and 2; "
                "it is taken off cosines: 0 leaves them alone, 2 outweighs any"
            )

    def __call__(self, transfer: Transfer) -> Initialization:
        vectors = self.vectors(transfer)
        donors = np.flatnonzero(transfer.donors & vectors.source.known)
        bridged = np.flatnonzero((vectors.target.known & transfer.target.has_text)[transfer.missing])
        if len(bridged) and not len(donors):
            raise ValueError(
                "the bridge knows none of the source tokens; check that it is a multilingual sentence encoder"
            )
        compared = self._scored_vectors(transfer, vectors, transfer.missing[bridged], donors)
        mixture = self._mixture(*compared, bridged, (len(transfer.missing), len(transfer.source)))
        support = support_of(mixture)
        statistics = {
            "not_bridged": int(len(transfer.missing) - len(bridged)),
            "mean_support": float(support[bridged].mean()) if len(bridged) else 0.0,
            "max_support": int(support.max(initial=0)),
        }
        return assemble(transfer, mixture=mixture, statistics=statistics)

    def _mixture(
        self, queries: UnitVectors, donors: UnitVectors, places: np.ndarray, shape: tuple[int, int]
    ) -> sp.csr_array | SoftmaxMixture:
        """Return the mixture [R, S] whose rows at `places` are those of the queries."""
        if self.alpha == 1 and len(queries) * len(donors) > HELD:
            return SoftmaxMixture(queries, donors, places, sp.csr_array(shape, dtype=np.float32))
        (weights,) = mixtures(queries, donors, [self.alpha])
        support = np.zeros(shape[0], dtype=np.int64)
        support[places] = np.diff(weights.indptr)
        return sp.csr_array((weights.data, weights.indices, np.concatenate([[0], np.cumsum(support)])), shape=shape)

    def _scored_vectors(
        self, transfer: Transfer, vectors: BridgeVectors, targets: np.ndarray, donors: np.ndarray
    ) -> tuple[UnitVectors, UnitVectors]:
        """Return (queries, donors) whose scores are cosines minus penalties, up to a constant that entmax ignores."""
        default = POSITION if transfer.source.profile == "fixed" else 0.0
        penalty = default if self.position is None else self.position
        half = np.sqrt(penalty / 2)

        def side(tokens: TokenVectors, vocabulary: Vocabulary, ids: np.ndarray) -> UnitVectors:
            position = np.where(vocabulary.word_initial[ids], half, -half) if penalty else None
            return UnitVectors(tokens.vectors, ids, position)

        return side(vectors.target, transfer.target, targets), side(vectors.source, transfer.source, donors)

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
        source, target = (embed_vocabulary(model, side) for side in (transfer.source, transfer.target))
        return BridgeVectors(source, target, prompt_of(model))

    def with_vectors(self, transfer: Transfer) -> SemBridge:
        """Return this method with the vectors in place of the bridge, for a transfer of more than one matrix."""
        return replace(self, bridge=self.vectors(transfer))

    def prompt(self) -> str | None:
        """Return what preceded every text that the bridge embedded; None if its vectors do not say."""
        return self.bridge.prompt if isinstance(self.bridge, BridgeVectors) else None

    def nearness(self) -> Nearness:
        """Return the space in which donors are searched."""
        assert isinstance(self.bridge, BridgeVectors)
        return Nearness(self.bridge.source.vectors, self.bridge.target.vectors, "as the bridge sees them")
