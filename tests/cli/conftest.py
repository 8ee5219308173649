"""Small models on disk, and the command as a person calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.cli.main import main
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import FAMILIES, family_folder, with_marks
from tests.helpers.tokenizers_made import english, made_tokenizer, russian


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The models here are tiny; besides, the number of threads decides how sums are cut."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class Made:
    """Folders and files to give to the command."""

    root: Path
    sources: dict[str, Path]
    target: Path
    bridge: Path
    text: Path
    source_text: Path
    words: Path
    dictionary: Path

    @property
    def source(self) -> Path:
        return self.sources["bert"]

    def inputs(self, initializer: str) -> list[str]:
        """The options an initializer needs, with settings under which a text of 300 lines is enough."""
        small = ["--set", "buckets=2000", "--set", "dimension=16"]
        arguments: dict[str, list[str]] = {
            "sembridge": ["--bridge", str(self.bridge)],
            "signet": ["--bridge", str(self.bridge), "--text", str(self.text)],
            "focus": ["--text", str(self.text), *small],
            "ofa": ["--words", str(self.words)],
            "wechsel": [
                "--dictionary",
                str(self.dictionary),
                "--source-text",
                str(self.source_text),
                "--text",
                str(self.text),
                *small,
            ],
        }
        return arguments.get(initializer, [])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("made")
    sources = {family: Path(family_folder(root / family, family)) for family in FAMILIES}
    sources["untied"] = Path(family_folder(root / "untied", "bert", tied=False))
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(root / "russian")
    made_bridge_folder(root / "bridge", [*english(), *russian()])
    (root / "ru.txt").write_text("\n".join(russian()) + "\n", encoding="utf-8")
    (root / "en.txt").write_text("\n".join(english()) + "\n", encoding="utf-8")
    words = sorted({word for line in [*english(), *russian()] for word in line.split()})
    vectors = np.random.default_rng(0).standard_normal((len(words), 8))
    lines = [
        f"{word} {' '.join(f'{value:.4f}' for value in vector)}" for word, vector in zip(words, vectors, strict=True)
    ]
    (root / "words.vec").write_text("\n".join([f"{len(words)} 8", *lines]) + "\n", encoding="utf-8")
    (root / "dictionary.tsv").write_text(
        "cat\tкот\nsong\tпесня\nriver\tрека\nwindow\tокно\nold\tстарый\n", encoding="utf-8"
    )
    return Made(
        root,
        sources,
        root / "russian",
        root / "bridge",
        root / "ru.txt",
        root / "en.txt",
        root / "words.vec",
        root / "dictionary.tsv",
    )


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def transferred(made: Made, command: Command, tmp_path: Path) -> Callable[..., Path]:
    """Run a transfer that must succeed; returns its folder."""

    def run(
        initializer: str = "sembridge", *options: object, source: Path = made.source, out: Path = tmp_path / "out"
    ) -> Path:
        arguments = [
            "transfer",
            source,
            "--tokenizer",
            made.target,
            "--initializer",
            initializer,
            "--out",
            out,
            *made.inputs(initializer),
        ]
        code, _, err = command(*arguments, *options)
        assert code == 0, err
        return out

    return run
