"""A damaged index gives the answers of the whole one, or one line that says what is damaged.

With checks that fit the damage, as whoever makes an index by hand can write them, the answers may be others: there is
still no other exception, and compiled code reads nothing outside of its arrays.
"""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import sparse

from sembridge.search import index_writer
from sembridge.search.index import open_index
from sembridge.search.manifest import IndexFolderError, sealed
from tests.helpers.families_made import family_encoder, texts
from tests.helpers.fuzzing import Place, answers, folder_of, fuzz, mutations, overwritten

NAMES = (
    *("manifest.json", "vocab.json", "documents/00000.jsonl", "documents/00001.jsonl", "vectors/00001.safetensors"),
    *(f"postings/{name}.npy" for name in ("ends", "ranks", "positions", "weights", "checks")),
)
NOT_CHECKED_WHOLE = ("postings/positions.npy", "postings/weights.npy")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The files of an index of eleven documents in parts of four."""
    encoder = family_encoder(tmp_path_factory.mktemp("fuzzed") / "encoder", "bert")
    documents = {f"d{place}": text for place, text in enumerate(texts()[:11])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_writer, "PART", 4)
        return folder_of(lambda folder: index_writer.build(encoder, documents, folder, precision="float32") and None)


def asked(folder: Path) -> list[object]:
    """Everything that an index answers without its encoder."""
    index = open_index(folder)
    size = index.manifest["dimensions"]
    everything = sparse.csr_array(np.ones((1, size), np.float32))
    few = sparse.csr_array(np.eye(1, size, size // 2, dtype=np.float32))
    found = [index.hits("query", vector, index.rank(vector, 20)).to_dict() for vector in (everything, few)]
    blocks = [(block.first, block.ids, block.texts, block.vectors.toarray().tolist()) for block in index.blocks()]
    rows = [index.vector(place).toarray().tolist() for place in range(len(index))]
    counts = index.document_frequencies.tolist()
    limits = [index.manifest[name] for name in ("max_length", "precision", "identity", "encoder")]
    return [found, blocks, rows, counts, index.vocabulary, limits]


def with_fitting_checks(files: dict[str, bytes], name: str, content: bytes) -> bytes:
    """A manifest with the sizes and checks of the damaged file, or, if it is the manifest itself, with its own."""
    if name != "manifest.json":
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = len(content)
        if name not in NOT_CHECKED_WHOLE:
            manifest["checks"][name] = zlib.crc32(content)
    else:
        try:
            manifest = json.loads(content)
        except (ValueError, RecursionError):
            return content
    return json.dumps(sealed(manifest)).encode() if isinstance(manifest, dict) else content


@pytest.mark.parametrize("name", NAMES)
def test_the_same_answers_or_one_line(files, name, request):
    place = Place(files)
    with place.with_file(name, files[name]) as folder:
        whole = asked(folder)

    def check(content: bytes) -> None:
        def read() -> None:
            assert asked(folder) == whole

        with place.with_file(name, content) as folder:
            answers(read, IndexFolderError)

    check(files[name])
    fuzz(request, name, st.one_of(overwritten(files[name]), mutations(files[name])), check, 30)


@pytest.mark.parametrize("name", NAMES)
def test_no_other_exception_whoever_wrote_the_checks(files, name, request):
    def check(content: bytes) -> None:
        sealing = with_fitting_checks(files, name, content)
        changed = {**files, name: content, "manifest.json": sealing}
        with Place(changed).with_file("manifest.json", sealing) as folder:
            answers(functools.partial(asked, folder), IndexFolderError)

    check(files[name])
    fuzz(request, name, st.one_of(overwritten(files[name]), mutations(files[name])), check, 30)


FIELDS = st.sampled_from(
    [
        *("documents", "documents_per_part", "dimensions", "entries", "used_dimensions", "max_length", "precision"),
        *("identity", "encoder", "files", "checks", "without_dimensions", "ids_with_white_space", "kind", "format"),
    ]
)
VALUES = st.one_of(
    st.sampled_from([-1, 0, 1, 2, 2**31, 2**63, 10**400, 1e999, float("nan"), True, None, "", "x" * 5000, "a\nb", []]),
    st.sampled_from([{}, {"model": 5}, {"model": "a\nb"}, {"../x": 1}, {"\ud800": 1}, {"vocab.json": "7"}, [[[[]]]]]),
)


def test_a_manifest_may_say_anything(files, request):
    def check(changes: dict[str, object]) -> None:
        manifest = json.dumps(sealed(json.loads(files["manifest.json"]) | changes)).encode()
        with Place(files).with_file("manifest.json", manifest) as folder:
            answers(functools.partial(asked, folder), IndexFolderError)

    fuzz(request, "manifest", st.dictionaries(FIELDS, VALUES, min_size=1, max_size=2), check, 100)
