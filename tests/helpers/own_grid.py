"""A small grid on own data, as a command to inject faults into, and the same artifacts computed in this process.

Here they are computed one after the other, without Ray and without faults.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.paths import PRESETS, ROOT

# With a checkpoint after every step a training can be hit for seconds, and no kill comes before the first checkpoint.
CHOSEN = {"languages": ["ru"], "initializers": ["mean"]}
SETTINGS = ["training.batch_size=4", "training.checkpoint_every=1", "training.learning_rate=0.001"]


class OwnGrid:
    """A zero-shot and a fine-tuned cell in a folder of their own.

    settings  as for --set, in addition to the ones above
    """

    def __init__(
        self,
        data: Path,
        folder: Path,
        settings: Sequence[str] = (),
        regimes: Sequence[str] = ("zero-shot", "fine-tuned"),
    ) -> None:
        self._settings, self._chosen = [f"data={data}", *SETTINGS, *settings], CHOSEN | {"regimes": list(regimes)}
        self.store, self.results, self.log = folder / "store", folder / "results", folder / "command.log"
        folder.mkdir(exist_ok=True)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the command as the leader of a process group."""
        arguments = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), "--preset", "own-data"]
        for name, values in self._chosen.items():
            arguments += [f"--{name}", *values]
        for setting in self._settings:
            arguments += ["--set", setting]
        arguments += ["--store", str(self.store), "--results", str(self.results), *options]
        with self.log.open("wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            return subprocess.Popen(arguments, start_new_session=True, **streams)

    def output(self) -> str:
        """Return what the latest command has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def make(self) -> None:
        """Compute all cells in this process."""
        import torch

        from harness.plan.load_preset import load_preset
        from harness.plan.plan import plan
        from harness.store.store import Store

        store, threads = Store(self.store), torch.get_num_threads()
        store.create()
        torch.set_num_threads(1)  # as in the command's workers
        try:
            for cell in plan(load_preset("own-data", PRESETS, self._settings, self._chosen)):
                store.make(cell.artifact)
        finally:
            torch.set_num_threads(threads)

    def checkpoint(self, command: subprocess.Popen[bytes]) -> int:
        """Wait for a checkpoint that is newer than those now; return the number of finished steps."""
        before = self._newest()
        wait_for(lambda: self._newest() > before or command.poll() is not None, 180)
        assert command.poll() is None, self.output()
        return self._newest()

    def measured(self, command: subprocess.Popen[bytes]) -> None:
        """Wait for a finished cell: the zero-shot one, which may end before or after the first checkpoint."""
        wait_for(lambda: any(self.store.glob("evaluation/*/MANIFEST.json")) or command.poll() is not None, 180)
        assert command.poll() is None, self.output()

    def _newest(self) -> int:
        return max((int(path.name[5:]) for path in self.store.glob("scratch/*/step-*")), default=0)

    def training_record(self) -> dict[str, Any]:
        """Return the record of the one training in the store."""
        (about,) = self.store.glob("trained-encoder/*/about.json")
        return json.loads(about.read_bytes())["training"]

    def artifacts(self) -> dict[str, Any]:
        """Return the results: bytes of weights and rankings, and the scores; not durations and events."""
        results: dict[str, Any] = {}
        for pattern in (
            "trained-encoder/*/model.safetensors",
            "evaluation/*/run.trec.gz",
            "evaluation/*/queries.parquet",
        ):
            results |= {path.relative_to(self.store).as_posix(): path.read_bytes() for path in self.store.glob(pattern)}
        for path in self.store.glob("evaluation/*/measurement.json"):
            results[path.relative_to(self.store).as_posix()] = json.loads(path.read_bytes())["scores"]
        return results


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {seconds} s"
        time.sleep(0.01)
