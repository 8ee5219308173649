"""Give a sign of life while pieces are computed: a bar on a terminal, and a line in the log after a silence."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterable, Mapping

from harness.files.headway import Headway
from harness.files.units import duration
from harness.plan.plan import Cell
from harness.run.progress import Progress
from harness.store.artifact import Artifact

SILENCE = 30.0  # seconds without a line, after which one says how far the pieces are
SHOWN = 4  # pieces in it


class Heartbeat(threading.Thread):
    """Report, until the block ends, on the pieces of this run that are being computed.

    names     by key, the pieces of this run, as people call them
    terminal  whether there is one to show a bar on; without, the lines are shown as well as logged
    """

    def __init__(self, progress: Progress, names: Mapping[str, str], terminal: bool | None = None) -> None:
        super().__init__(name="sembridge-heartbeat", daemon=True)
        self._progress, self._names = progress, names
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._written = time.perf_counter()
        self._over = threading.Event()

    def __enter__(self) -> Heartbeat:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self.join()
        self._progress.bar("")

    def run(self) -> None:
        while not self._over.wait(1.0 if self._terminal else 5.0):
            self.beat()

    def beat(self) -> None:
        """Show the bar; write a line if nothing was written for a while."""
        silent = time.perf_counter() - max(self._progress.latest, self._written) >= SILENCE
        if not (silent or self._terminal):
            return
        text = self._text()
        if silent:
            self._written = time.perf_counter()
            self._progress.write(text) if self._terminal else self._progress.line(text)
        if self._terminal:
            self._progress.bar(text[: shutil.get_terminal_size().columns - 1])

    def _text(self) -> str:
        running = {key: piece for key, piece in self._progress.running().items() if key in self._names}
        pieces = [f"{self._names[key]}: {describe(piece)}" for key, piece in running.items()]
        if len(pieces) > SHOWN:
            pieces = [*pieces[:SHOWN], f"and {len(pieces) - SHOWN} more"]
        return "; ".join(filter(None, [self._progress.left(), *pieces])) or "nothing is being computed"


def describe(piece: Headway) -> str:
    """Return how far a piece is: "12 of 48 steps, 0.5 a second, 24 s"."""
    parts = [f"{count.done:,} of {count.total:,} {count.unit}" for count in piece.counts if count.total]
    parts += [_rate(count.rate) for count in piece.counts[:1] if count.rate]
    return ", ".join([*parts, f"for {duration(piece.elapsed)}"])


def _rate(per_second: float) -> str:
    if per_second < 0.1:
        return f"{per_second * 60:.2g} a minute"
    return f"{per_second:,.0f} a second" if per_second >= 10 else f"{per_second:.1f} a second"


def names(artifacts: Iterable[Artifact], cells: Iterable[Cell]) -> dict[str, str]:
    """Name artifacts by key: the cell's name if a single cell needs it, else the stage with the languages."""
    keys = {artifact.key for artifact in artifacts}
    stages: dict[str, str] = {}
    needed_by: dict[str, list[Cell]] = {}
    for cell in cells:
        for artifact in cell.walk():
            if artifact.key in keys:
                stages[artifact.key] = artifact.stage.name
                needed_by.setdefault(artifact.key, []).append(cell)
    names = {}
    for key, needing in needed_by.items():
        languages = list(dict.fromkeys(cell.identity.language for cell in needing))
        several = f" {languages[0]}" if len(languages) == 1 else ""
        names[key] = f"{stages[key]} {needing[0].identity.name}" if len(needing) == 1 else f"{stages[key]}{several}"
    return names
