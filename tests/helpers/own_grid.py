"""One small grid on own data, as a command that faults can be done to, and what it has to leave behind: the same artifacts, made one after the other
in this process, by no Ray and with no faults."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.paths import PRESETS, ROOT

# A checkpoint after every step: a training is there to be hit for seconds, and there is no moment at which nothing is lost.
CHOSEN = {"languages": ["ru"], "initializers": ["mean"]}
SETTINGS = ["training.batch_size=4", "training.checkpoint_every=1", "training.learning_rate=0.001"]


class OwnGrid:
    """A zero-shot and a fine-tuned cell in a folder of their own.

    settings  as for --set, besides the ones above
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
        """The command, as the leader of a process group."""
        arguments = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), "--preset", "own-data"]
        for name, values in self._chosen.items():
            arguments += [f"--{name}", *values]
        for setting in self._settings:
            arguments += ["--set", setting]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*arguments, "--store", str(self.store), "--results", str(self.results), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """What the latest command has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def make(self) -> None:
        """All cells, here and now."""
        import torch

        from harness.plan.load_preset import load_preset
        from harness.plan.plan import plan
        from harness.store.store import Store

        store, threads = Store(self.store), torch.get_num_threads()
        store.create()
        torch.set_num_threads(1)  # as the command's workers have
        try:
            for cell in plan(load_preset("own-data", PRESETS, self._settings, self._chosen)):
                store.make(cell.artifact)
        finally:
            torch.set_num_threads(threads)

    def checkpoint(self, command: subprocess.Popen[bytes]) -> int:
        """Wait until the command has left a checkpoint that is not there now; the number of finished steps."""
        before = self._newest()
        wait_for(lambda: self._newest() > before or command.poll() is not None, 180)
        assert command.poll() is None, self.said()
        return self._newest()

    def _newest(self) -> int:
        return max((int(path.name[5:]) for path in self.store.glob("scratch/*/step-*")), default=0)

    def trained(self) -> dict[str, Any]:
        """What the one trained encoder says of its training."""
        (about,) = self.store.glob("trained-encoder/*/about.json")
        return json.loads(about.read_bytes())["training"]

    def artifacts(self) -> dict[str, Any]:
        """What was computed, to the bit: weights and rankings as bytes, and the scores; not how long it took and what happened on the way."""
        found: dict[str, Any] = {}
        for pattern in (
            "trained-encoder/*/model.safetensors",
            "evaluation/*/run.trec.gz",
            "evaluation/*/queries.parquet",
        ):
            found |= {path.relative_to(self.store).as_posix(): path.read_bytes() for path in self.store.glob(pattern)}
        for path in self.store.glob("evaluation/*/measurement.json"):
            found[path.relative_to(self.store).as_posix()] = json.loads(path.read_bytes())["scores"]
        return found


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {seconds} s"
        time.sleep(0.01)
