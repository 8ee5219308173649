"""Read and write runs as TREC files, `qid Q0 docid rank score tag`, in which every tool sees the order we measured.

External tools ignore the rank column and sort by score again, each in its own way: trec_eval and pytrec_eval keep
scores as float32 and put the *higher* document id first among equals, MS MARCO's script the lower. Some tool would
therefore swap any two scores that are equal in float32. So each written score is a float32 strictly below the one
before it: where the true score is not, it is moved to the next smaller float32 (a relative change of about 1e-7).
Scores are printed with the shortest digits that give back the same float32; such decimals of different float32 numbers
are different and in the same order, so reading them as float64 is safe as well.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import bounded
from harness.files.shown import shown
from sembridge.search.ranking import Run


def write(run: Run, path: Path, tag: str) -> None:
    """Write the run in its own order; a path ending in .gz is compressed. Equal runs give equal bytes.

    A query that retrieved nothing has no line. Raises ValueError if an id or the tag is empty or has white space (the
    format cannot hold it), if scores rise along the ranking, or if a score is not finite in float32.
    """
    text = io.StringIO()
    _word(tag, "tag")
    for query, ranking in run.items():
        _word(query, "query id")
        scores = decreasing(query, [score for _, score in ranking])
        for rank, ((document, _), score) in enumerate(zip(ranking, scores, strict=True), start=1):
            text.write(f"{query} Q0 {_word(document, 'document id')} {rank} {score!s} {tag}\n")
    content = text.getvalue().encode()
    if path.suffix == ".gz":
        # An empty name and no time, so that equal runs are equal bytes.
        options: dict[str, Any] = {"filename": "", "mode": "wb", "compresslevel": 6, "mtime": 0}
        with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, **options) as file:
            file.write(content)
    else:
        path.write_bytes(content)


def read(path: Path) -> Run:
    """Read a run, ours or another tool's: queries in file order, documents by (score descending, id ascending).

    Raises ValueError with file and line for a line that is not `qid Q0 docid rank score tag`, a score that is not a
    finite number, or a document listed twice for a query; with the file if it is damaged or cannot be read.
    """
    run: dict[str, dict[str, float]] = {}
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            _read_lines(path, bounded.lines(file), run)
    except bounded.OversizedError as error:
        raise ValueError(f"{path}:{error.number}: the line is {error}; a run has one document a line") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ValueError(f"{path} is not a complete gzip file; write the run again") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check the path") from None
    return {query: sorted(ranking.items(), key=lambda item: (-item[1], item[0])) for query, ranking in run.items()}


def _read_lines(path: Path, lines: Iterable[tuple[int, bytes]], run: dict[str, dict[str, float]]) -> None:
    for number, line in lines:
        try:
            columns = line.decode("utf-8").split()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}:{number}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
        if not columns:
            continue
        if len(columns) != 6:
            raise ValueError(f"{path}:{number}: expected 'qid Q0 docid rank score tag', found {len(columns)} columns")
        query, _, document, _, score, _ = columns
        ranking = run.setdefault(query, {})
        if document in ranking:
            raise ValueError(f"{path}:{number}: document {shown(document)} is listed twice for query {shown(query)}")
        try:
            ranking[document] = float(score)
        except ValueError:
            raise ValueError(f"{path}:{number}: score {shown(score)} is not a number") from None
        if not math.isfinite(ranking[document]):
            raise ValueError(f"{path}:{number}: score {shown(score)} is not a finite number")


def decreasing(query: str, scores: Sequence[float]) -> list[np.float32]:
    """Return scores as strictly decreasing float32, each the largest possible one not above the rounded score."""
    if any(later > earlier for earlier, later in pairwise(scores)):
        raise ValueError(f"query {query!r}: scores rise along the ranking; a run lists the best document first")
    with np.errstate(over="ignore"):
        rounded = np.asarray(scores, dtype=np.float64).astype(np.float32)
    if not np.isfinite(rounded).all():
        raise ValueError(f"query {query!r}: a score is not finite in float32")
    if (rounded[1:] < rounded[:-1]).all():  # as nearly always
        return list(rounded)
    written: list[np.float32] = []
    for score in rounded:
        written.append(min(score, np.nextafter(written[-1], np.float32(-np.inf))) if written else score)
    return written


def _word(text: str, name: str) -> str:
    if text.split() != [text]:
        raise ValueError(f"{name} {text!r} is empty or has white space: a TREC run file cannot hold it")
    return text
