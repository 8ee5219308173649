"""Collect blocks of documents until there are enough to search them together."""

from __future__ import annotations

from scipy import sparse


class Collected:
    """Consecutive documents that wait to be searched; `enough` is how many are searched together."""

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._blocks: list[sparse.csr_array] = []
        self._first = self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, first_position: int, block: sparse.csr_array) -> list[tuple[int, sparse.csr_array]]:
        """Take a block, and return what is to be searched now, as `rest` does.

        That is what waited, if the block does not follow it, and everything as soon as there is enough.
        """
        ready = [] if first_position == self._first + self._count else self.rest()
        if not self._count:
            self._first = first_position
        self._blocks.append(block)
        self._count += block.shape[0]
        return ready + (self.rest() if self._count >= self._enough else [])

    def rest(self) -> list[tuple[int, sparse.csr_array]]:
        """Return the position of the first document that waits, and all of them, csr [B, V]; nothing if none does."""
        documents = [sparse.csr_array(sparse.vstack(self._blocks, format="csr"))] if self._count else []
        self._blocks, self._count = [], 0
        return [(self._first, block) for block in documents]
