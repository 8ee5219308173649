"""Build an index from a stream of documents, part by part, so that a build that was killed goes on where it stopped.

Memory holds one part of the documents and the ids of all. Which texts are encoded together depends on their places in
the stream alone, so an index that was built in several goes has the bits of one that was built in one.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from scipy import sparse

from sembridge.normalization import normalize
from sembridge.search import manifest as files
from sembridge.search.encode import encode
from sembridge.search.encode_options import PRECISIONS, EncodeOptions
from sembridge.search.identity import identity
from sembridge.search.index import Index, open_index
from sembridge.search.inversion import invert
from sembridge.search.manifest import IndexFolderError, part_files
from sembridge.search.ranking import id_order

PART = 8192  # documents of a part, which is lost if a build is killed: a multiple of the window of an encoding

Progress = Callable[[int, int], object]
"""Is called with the number of documents that are indexed, and how many of them an earlier build had indexed."""


def build(
    encoder: Any,
    documents: Mapping[str, str] | Iterable[tuple[str, str]],
    out: str | Path,
    *,
    revision: str | None = None,
    max_length: int | None = None,
    precision: str = "auto",
    progress: Progress | None = None,
) -> Index:
    """Write an index of the documents into the folder `out`, and return it opened.

    encoder     a loaded encoder, or the folder or hub id of one
    documents   id -> text, or pairs (id, text), possibly a stream; ids are unique, texts not empty
    revision    commit of a hub id
    max_length  tokens kept of each text; None: what the encoder allows
    precision   auto | float32 | bfloat16
    progress    see `Progress`

    A folder with a part of this very index is continued, and a whole one is only compared: the stream must begin with
    the same documents. Raises IndexFolderError for a folder with anything else, ValueError for documents that cannot be
    indexed.
    """
    loaded, header = _header(encoder, revision, max_length, precision)
    folder = Path(out).expanduser()
    _claim(folder, header)
    lock = FileLock(folder / files.LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        problem = f"another process is building the index {str(folder)!r}"
        raise IndexFolderError(f"{problem}; wait for it, or choose another folder") from None
    try:
        pairs = documents.items() if isinstance(documents, Mapping) else documents
        _write(folder, loaded, header, pairs, progress or (lambda done, earlier: None))
    finally:
        lock.release()
        (folder / files.LOCK).unlink(missing_ok=True)
    return open_index(folder, loaded)


def _header(encoder: Any, revision: str | None, max_length: int | None, precision: str) -> tuple[Any, dict[str, Any]]:
    """Return the loaded encoder, and what must be the same for a build to go on."""
    from sembridge.encoder.head import in_bfloat16
    from sembridge.encoder.loading import load_encoder
    from sembridge.encoder.modules import splade_modules

    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; known: {', '.join(PRECISIONS)}")
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length {max_length} is not a number of tokens; give 1 or more")
    model = None
    if isinstance(encoder, (str, Path)):
        folder = Path(encoder).expanduser()
        model = str(folder.resolve()) if folder.is_dir() else str(encoder)
        encoder = load_encoder(model, revision)
    modules = splade_modules(encoder)
    half = in_bfloat16(modules.model.device, precision)
    return encoder, {
        "kind": files.KIND,
        "format": files.FORMAT,
        "documents_per_part": PART,
        "encoder": {"model": model, "revision": revision, "inference_free": modules.query is not None},
        "identity": identity(encoder),
        "dimensions": int(modules.model.get_output_embeddings().weight.shape[0]),
        "max_length": max_length,
        "precision": "bfloat16" if half else "float32",
    }


def _claim(folder: Path, header: Mapping[str, Any]) -> None:
    """Make the folder, or check that it holds this index or a part of it; IndexFolderError if not."""
    if folder.exists() and not folder.is_dir():
        raise IndexFolderError(f"{str(folder)!r} is a file; choose a folder for the index")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()} - {files.LOCK}
        name = next((name for name in (files.MANIFEST, files.BUILDING) if name in names), None)
        if name is None and names - {f".{files.BUILDING}.new"}:
            raise IndexFolderError(f"{str(folder)!r} is not empty and holds no index; choose another folder")
        if name is None:
            files.write_json(folder / files.BUILDING, header)
            return
    except OSError as error:
        problem = f"{str(folder)!r} cannot be written ({error.strerror})"
        raise IndexFolderError(f"{problem}; choose another folder for the index") from None
    earlier = files.read_object(folder / name)
    files.check_kind(folder, earlier)
    for field in ("identity", "max_length", "precision", "documents_per_part"):
        if earlier.get(field) != header[field]:
            values = f"{field} ({earlier.get(field)} then, {header[field]} now)"
            what = "encoder, or with this one before it was changed" if field == "identity" else values
            problem = f"the index {str(folder)!r} was begun with another {what}"
            raise IndexFolderError(f"{problem}; choose another folder, or remove that one")


def _write(
    folder: Path, encoder: Any, header: Mapping[str, Any], documents: Iterable[tuple[str, str]], progress: Progress
) -> None:
    whole, stored = (folder / files.MANIFEST).is_file(), _stored_parts(folder)
    options = EncodeOptions(header["max_length"], header["precision"])
    ids: list[str] = []
    number = earlier = 0
    stream = _checked(documents)
    if not whole:
        files.write_json(folder / files.VOCABULARY, _names(encoder, header["dimensions"]))
    while part := list(islice(stream, PART)):
        content = [_line(*document) for document in part]
        if number < stored:
            _compare(folder, number, part, content)
            earlier += len(part)
        elif whole:
            raise _changed(folder, part[0][0])
        else:
            _write_part(folder, number, content, _vectors(encoder, part, options, len(ids), earlier, progress))
        ids += [identifier for identifier, _ in part]
        progress(len(ids), earlier)
        number += 1
    if not ids:
        raise ValueError("there are no documents to index; give at least one")
    if number < stored:
        raise _changed(folder)
    if not whole:
        _finish(folder, header, ids, number)


def _names(encoder: Any, dimensions: int) -> dict[str, list[str]]:
    """Return the tokens of all dimensions, as stored and as a person reads them; #30521 for one without a token."""
    from sembridge.encoder.modules import splade_modules
    from sembridge.model_card.record import TokenNames
    from sembridge.vocabulary.vocabulary import Vocabulary

    names = TokenNames.of(Vocabulary.from_tokenizer(splade_modules(encoder).tokenizer))
    tokens = [*names.tokens, *[""] * dimensions][:dimensions]
    shown = [*names.shown, *[""] * dimensions][:dimensions]
    return {"tokens": tokens, "shown": [text or f"#{place}" for place, text in enumerate(shown)]}


def _stored_parts(folder: Path) -> int:
    """Return how many parts an earlier build has finished; remove what it left of the next one."""
    for name in (files.DOCUMENTS, files.VECTORS):
        (folder / name).mkdir(exist_ok=True)
    number = 0
    while all((folder / name).is_file() for name in part_files(number)):
        number += 1
    return number


def _checked(documents: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the documents with their texts normalized; ValueError for one that cannot be indexed."""
    seen: set[str] = set()
    for place, document in enumerate(documents):
        if not isinstance(document, tuple | list) or len(document) != 2:
            shown = repr(document)[:80]
            raise ValueError(f"document {place} is {shown}; give pairs (id, text), or a dict from ids to texts")
        identifier, text = document
        if not isinstance(identifier, str) or not isinstance(text, str) or not identifier:
            raise ValueError(
                f"document {place} ({str(identifier)[:80]!r}): id and text must be strings, the id not empty"
            )
        if identifier in seen:
            raise ValueError(f"document id {identifier[:80]!r} occurs a second time; ids must be unique")
        seen.add(identifier)
        text = normalize(text).strip()
        if not text:
            raise ValueError(f"document {identifier[:80]!r} has no text; leave it out")
        yield identifier, text


def _line(identifier: str, text: str) -> bytes:
    try:
        return (json.dumps({"id": identifier, "text": text}, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        problem = f"document {identifier[:80]!r} has half a surrogate pair, which is not a character"
        raise ValueError(f"{problem}; repair it") from None


def _vectors(
    encoder: Any, part: Sequence[tuple[str, str]], options: EncodeOptions, before: int, earlier: int, progress: Progress
) -> sparse.csr_array:
    """Return the vectors of a part, csr [B, V] float32, with the entries of a document in the order of dimensions."""
    done = before

    def advance(texts: int) -> None:
        nonlocal done
        done += texts
        progress(done, earlier)

    blocks = list(encode(encoder, [text for _, text in part], "document", options, advance=advance))
    vectors = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    vectors.sum_duplicates()
    vectors.eliminate_zeros()
    if not np.isfinite(vectors.data).all():
        raise ValueError("the encoder gave weights that are not finite; its rows or its training are broken")
    return vectors


def _write_part(folder: Path, number: int, content: Sequence[bytes], vectors: sparse.csr_array) -> None:
    from safetensors.numpy import save_file

    documents, arrays = (folder / name for name in part_files(number))
    aside = documents.with_name(f".{documents.name}.new"), arrays.with_name(f".{arrays.name}.new")
    aside[0].write_bytes(b"".join(content))
    save_file(
        {
            "offsets": vectors.indptr.astype(np.int64),
            "dimensions": vectors.indices.astype(np.int32),
            "weights": vectors.data.astype(np.float32),
            "lines": np.concatenate([[0], np.cumsum([len(line) for line in content])]).astype(np.int64),
            "checks": np.array([zlib.crc32(line) for line in content], dtype=np.uint32),
        },
        aside[1],
    )
    for temporary, path in zip(aside, (documents, arrays), strict=True):
        os.replace(temporary, path)  # the vectors last: a part with them is whole


def _compare(folder: Path, number: int, part: Sequence[tuple[str, str]], content: Sequence[bytes]) -> None:
    """Check that a stored part holds these documents; IndexFolderError with the first that differs."""
    stored = (folder / part_files(number)[0]).read_bytes().splitlines(keepends=True)
    if stored != list(content):
        same = next((place for place, pair in enumerate(zip(stored, content)) if pair[0] != pair[1]), None)  # noqa: B905
        raise _changed(folder, part[same][0] if same is not None else None)


def _changed(folder: Path, identifier: str | None = None) -> IndexFolderError:
    where = "one has fewer documents than the other" if identifier is None else f"they differ at {identifier[:80]!r}"
    problem = f"the index {str(folder)!r} was built from other documents ({where})"
    return IndexFolderError(f"{problem}; choose another folder, or remove that one to build it anew")


def _finish(folder: Path, header: Mapping[str, Any], ids: Sequence[str], parts: int) -> None:
    """Write the postings, and the manifest, which says that the index is whole."""
    ends, without = invert(folder, parts, header["dimensions"], id_order(ids))
    for name in ("documents", "vectors"):
        for leftover in (folder / name).glob(".*.new"):
            leftover.unlink()
    about = {
        "documents": len(ids),
        "entries": int(ends[-1]),
        "used_dimensions": int(np.count_nonzero(np.diff(ends))),
        "without_dimensions": without,
        "ids_with_white_space": sum(identifier.split() != [identifier] for identifier in ids),
    }
    files.write_json(
        folder / files.MANIFEST, files.sealed({**header, **about, **files.sizes_and_checks(folder, parts)})
    )
    (folder / files.BUILDING).unlink(missing_ok=True)
