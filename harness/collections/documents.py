"""Stream documents to be searched, without queries or judgements: a corpus.jsonl, or a folder of text files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.collections import jsonl
from harness.collections.collection import CollectionError
from harness.files import bounded
from sembridge.normalization import normalize

CORPUS, TEXT = "corpus.jsonl", ".txt"
_FORMS = f"a {CORPUS}, a folder that holds one, or a folder of {TEXT} files, one document a file"


@dataclass(frozen=True)
class Documents:
    """Documents on disk.

    path   a file of JSON lines, or the folder of text files
    texts  whether it is a folder of text files
    """

    path: Path
    texts: bool

    def stream(self) -> Iterator[tuple[str, str]]:
        """Yield (id, text) of every document that has a text; the same order in every call.

        The id of a text file is its path inside the folder. Raises CollectionError for the first defect.
        """
        if not self.texts:
            yield from ((line.id, line.text) for line in jsonl.documents(self.path, unique=False))
            return
        for name in _names(self.path):
            if text := _text(self.path / name):
                yield name, text

    def check(self) -> tuple[int, int]:
        """Return the number of documents, and how many without a text are left out.

        Raises CollectionError for the first defect, for an id that occurs twice, and if there is no document.
        """
        if self.texts:
            names = _names(self.path)
            count = sum(1 for _ in self.stream())
            empty = len(names) - count
        else:
            without: list[str] = []
            count = sum(1 for _ in jsonl.documents(self.path, empty=without))
            empty = len(without)
        if not count:
            raise CollectionError(f"{self.path}: there is no document with a text: add one")
        return count, empty


def find(path: Path) -> Documents:
    """Return the documents at a path. Raises CollectionError if it is neither a corpus nor a folder of texts."""
    if path.is_dir():
        if (path / CORPUS).exists() or (path / f"{CORPUS}.gz").exists():
            return Documents(path / CORPUS, texts=False)
        if not _names(path):
            raise CollectionError(f"{path}: holds neither {CORPUS} nor {TEXT} files: give {_FORMS}")
        return Documents(path, texts=True)
    if not path.exists():
        raise CollectionError(f"{path}: no such file or folder: give {_FORMS}")
    if path.suffix not in (".jsonl", ".json", ".gz"):
        raise CollectionError(f"{path}: is not a file of JSON lines: give {_FORMS}")
    return Documents(path, texts=False)


def _names(folder: Path) -> list[str]:
    """Return the paths of the text files inside a folder, sorted; hidden files and folders are left out."""
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(TEXT) and not name.startswith("."):
                names.append(Path(root, name).relative_to(folder).as_posix())
    return sorted(names)


def _text(path: Path) -> str:
    """Return the text of a file, stripped, in NFC."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = ascii(str(path))[1:-1]
        raise CollectionError(f"{shown}: the name of the file is not UTF-8: rename it") from None
    try:
        text = bounded.text(path, bounded.LINE)
    except bounded.OversizedError as error:
        raise CollectionError(f"{path}: the file is {error}: cut it into documents of a file each") from None
    except UnicodeDecodeError as error:
        raise CollectionError(f"{path}: byte {error.start + 1} is not UTF-8: save the file as UTF-8") from None
    except OSError as error:
        raise CollectionError(
            f"{path}: cannot be read ({error.strerror}): check the file and who may read it"
        ) from None
    if (place := text.find("\0")) >= 0:  # UTF-16 without a byte order mark is valid UTF-8, and means something else
        problem = f"character {place + 1} is NUL, as in UTF-16"
        raise CollectionError(f"{path}: {problem}: save the file as UTF-8 without NULs")
    return normalize(text).strip()
