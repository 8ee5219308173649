"""Answers of an index against dense products and by hand, for both kinds of encoders; damage is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

import sembridge
from sembridge.encoder.modules import splade_modules
from sembridge.search.encode import encode_all
from sembridge.search.encode_options import EncodeOptions
from sembridge.search.manifest import IndexFolderError, sealed
from sembridge.search.ranking import id_order
from sembridge.search.scipy_search import TopK
from tests.helpers.families_made import family_encoder, texts

DOCUMENTS = {f"d{place}": text for place, text in enumerate(texts())}
QUERIES = ["the cat", "window song river", "Zebra! 안녕", "bread market storm"]


@pytest.fixture(scope="module", params=["bert", "inference-free"])
def made(request, tmp_path_factory):
    """An encoder in a folder, and an index of texts that it encodes, in parts of 64."""
    from sembridge.search import index_writer

    root = tmp_path_factory.mktemp("made")
    encoder = family_encoder(root / "made", request.param)
    encoder.save_pretrained(str(root / "encoder"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_writer, "PART", 64)
        sembridge.search.build(str(root / "encoder"), DOCUMENTS, root / "index", precision="float32")
    return encoder, root / "index"


@pytest.fixture
def copy(made, tmp_path):
    return Path(shutil.copytree(made[1], tmp_path / "copy"))


def dense(encoder, side, given):
    return encode_all(encoder, given, side, EncodeOptions(precision="float32")).toarray().astype(np.float64)


def test_scores_and_order_are_those_of_dense_products(made):
    encoder, folder = made
    # Parts of 64 documents are windows of their own, whose batches may differ in the last bits of weights.
    index = sembridge.search.open(folder)
    products = dense(encoder, "query", QUERIES) @ dense(encoder, "document", list(DOCUMENTS.values())).T
    for query, scores in zip(QUERIES, products, strict=True):
        hits = index.search(query, k=len(DOCUMENTS))
        by_id = {hit.id: hit.score for hit in hits}
        assert by_id.keys() == {name for name, score in zip(DOCUMENTS, scores, strict=True) if score > 0}
        assert all(abs(by_id[name] - score) < 1e-4 for name, score in zip(DOCUMENTS, scores, strict=True) if score > 0)
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
        assert [(-hit.score, hit.id) for hit in hits] == sorted((-hit.score, hit.id) for hit in hits)
        assert all(hit.text == DOCUMENTS[hit.id] for hit in hits)


def test_the_bits_are_those_of_every_other_exact_search(made):
    index = sembridge.search.open(made[1])
    queries = index.encode(QUERIES)
    expected = TopK(queries, 7, id_order(list(DOCUMENTS)))
    for block in index.blocks():
        expected.add(block.first, block.vectors)
    best = index.rank(queries, 7)
    for name in ("scores", "positions", "ranks"):
        assert getattr(best, name).tobytes() == getattr(expected.best, name).tobytes()


def test_an_explanation_adds_up_to_the_score(made):
    encoder, folder = made
    index = sembridge.search.open(folder)
    query = dense(encoder, "query", ["window song"])[0]
    tokens = splade_modules(encoder).tokenizer
    for hit in index.search("window song", k=5):
        document = index.vector(list(DOCUMENTS).index(hit.id)).toarray()[0]
        shared = {j: query[j] * float(document[j]) for j in np.flatnonzero(query) if document[j]}
        assert {term.id: term.product for term in hit.terms} == pytest.approx(shared, rel=1e-6)
        assert sum(term.product for term in hit.terms) == pytest.approx(hit.score, rel=1e-12)
        assert [term.product for term in hit.terms] == sorted((t.product for t in hit.terms), reverse=True)
        assert all(term.product == term.query_weight * term.document_weight for term in hit.terms)
        assert [term.token for term in hit.terms] == tokens.convert_ids_to_tokens([term.id for term in hit.terms])


def test_a_hand_made_query_is_explained_by_hand(made):
    index = sembridge.search.open(made[1])
    block = next(index.blocks())
    row = block.vectors[[5]]
    (one, other), weights = row.indices[:2], row.data[:2].astype(np.float64)
    query = sparse.csr_array(([2.0, 0.5], ([0, 0], [one, other])), shape=row.shape, dtype=np.float32)
    hits = index.hits("by hand", query, index.rank(query, len(DOCUMENTS)))
    hit = next(hit for hit in hits if hit.id == "d5")
    assert hit.score == 2.0 * weights[0] + 0.5 * weights[1]
    assert {t.id: (t.query_weight, t.document_weight) for t in hit.terms} == {
        one: (2.0, weights[0]),
        other: (0.5, weights[1]),
    }


def test_rarity_multiplies_the_weights_of_queries(made):
    index = sembridge.search.open(made[1])
    count = np.zeros(index.manifest["dimensions"], dtype=int)
    for block in index.blocks():
        count += (block.vectors.toarray() != 0).sum(axis=0)
    assert index.document_frequencies.tolist() == count.tolist()
    plain, weighted = (
        index.encode(["the cat window"]).toarray()[0],
        index.encode(["the cat window"], idf=True).toarray()[0],
    )
    for place in np.flatnonzero(plain):
        assert weighted[place] == pytest.approx(plain[place] * np.log(len(DOCUMENTS) / max(1, count[place])), rel=1e-6)


def test_all_documents_come_back_in_their_order(made):
    index = sembridge.search.open(made[1])
    blocks = list(index.blocks())
    assert [block.first for block in blocks] == [0, 64, 128, 192]
    pairs = [pair for block in blocks for pair in zip(block.ids, block.texts, strict=True)]
    assert pairs == list(DOCUMENTS.items()) == [index.document(place) for place in range(len(index))]
    assert (index.vector(70) != blocks[1].vectors[[6]]).nnz == 0
    with pytest.raises(ValueError, match="there is no document 200; positions are from 0 to 199"):
        index.document(200)


def test_a_run_has_all_queries_and_the_scores_of_single_searches(made):
    index = sembridge.search.open(made[1])
    run = index.run({"q1": "the cat", "q2": "window"}, k=4)
    assert list(run) == ["q1", "q2"]
    for name, query in (("q1", "the cat"), ("q2", "window")):
        hits = index.search(query, k=4)
        assert [document for document, _ in run[name]] == [hit.id for hit in hits]
        # queries that share a batch may differ in the last bits of their weights
        assert [score for _, score in run[name]] == pytest.approx([hit.score for hit in hits], rel=1e-5)
    assert index.run({}, k=4) == {}


def test_it_reads_well_in_a_terminal_and_in_a_notebook(made, tmp_path):
    encoder, _ = made
    documents = {"<b>": "the cat <script>alert(1)</script>\n\x1b[31m window", "d2": "the river"}
    index = sembridge.search.build(encoder, documents, tmp_path / "small")
    assert repr(index).endswith(f"small': 2 documents, {index.manifest['used_dimensions']} dimensions)")
    hits = index.search("the cat window", k=2)
    first = next(hit for hit in hits if hit.id == "<b>")
    assert f"{first.rank}. {first.score:.4f}  <b>  the cat <script>alert(1)</script> \\x1b[31m window" in repr(hits)
    term = first.terms[0]
    assert f"{term.query_weight:.3f} x {term.document_weight:.3f}  = {term.product:.4f}" in repr(hits)
    table = hits._repr_html_()
    assert "<script>" not in table and "&lt;script&gt;" in table and "&lt;b&gt;" in table


def test_nothing_found_is_said(made):
    index = sembridge.search.open(made[1])
    nothing = sparse.csr_array((1, index.manifest["dimensions"]), dtype=np.float32)
    hits = index.hits("xyz", nothing, index.rank(nothing, 3))
    assert (len(hits), repr(hits)) == (0, "nothing was found: no document shares a term with 'xyz'")


def test_the_encoder_must_be_the_one_of_the_documents(made, copy, tmp_path):
    encoder, _ = made
    folder = tmp_path / "moved"
    encoder.save_pretrained(str(folder))
    assert len(sembridge.search.open(copy, encoder=folder).search("cat", k=3))
    from sembridge.encoder.loading import load_encoder

    changed = load_encoder(str(folder))
    with torch.no_grad():
        next(splade_modules(changed).model.parameters())[0, 0] += 1e-3
    with pytest.raises(IndexFolderError, match="was built with another encoder than 'the given encoder' is today"):
        sembridge.search.open(copy, encoder=changed).search("cat")


def rewrite(path, **changes):
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(sealed(content | changes)), encoding="utf-8")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def shorten(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "missing": (lambda i: (i / "vocab.json").unlink(), "is damaged: vocab.json is missing; build it again"),
    "cut": (lambda i: shorten(i / "postings/weights.npy"), r"postings/weights.npy has [\d,]+ bytes instead of [\d,]+"),
    "no json": (lambda i: (i / "manifest.json").write_text("{"), "manifest.json cannot be read"),
    "a list": (lambda i: (i / "manifest.json").write_text("[]"), "manifest.json holds no JSON object"),
    "foreign": (lambda i: (i / "manifest.json").write_text('{"a": 1}'), "of another program, not of an index"),
    "later": (lambda i: rewrite(i / "manifest.json", format=9), "has format 9, this version reads 2; build it again"),
    "no size": (lambda i: rewrite(i / "manifest.json", documents="3"), "manifest.json does not say documents"),
    "outside": (lambda i: rewrite(i / "manifest.json", files={"../x": 1}), "names 1 files, other than such an index"),
    "fewer": (lambda i: rewrite(i / "manifest.json", documents=3), r"names \d+ files, other than such an index has"),
    "one less": (
        lambda i: rewrite(i / "manifest.json", documents=len(DOCUMENTS) - 1),
        "ranks.npy is not what manifest",
    ),
    "edited": (
        lambda i: edit(i / "manifest.json", '"max_length": null', '"max_length": 3'),
        "is not as it was written",
    ),
    "empty": (lambda i: (i / "manifest.json").unlink(), "holds no index: it has no manifest.json"),
    "gone": (lambda i: shutil.rmtree(i), "does not exist; check the path, or build an index there first"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused_in_one_line(copy, damage):
    spoil, message = DAMAGE[damage]
    spoil(copy)
    with pytest.raises(IndexFolderError, match=message) as refused:
        sembridge.search.open(copy)
    assert "\n" not in str(refused.value)


def test_bytes_overwritten_in_place_are_noticed_when_they_are_read(made, copy):
    index = sembridge.search.open(copy)
    documents = copy / "documents/00000.jsonl"
    documents.write_bytes(b"x" * documents.stat().st_size)
    with pytest.raises(IndexFolderError, match="document 3 cannot be read"):
        index.document(3)
    with pytest.raises(IndexFolderError, match=r"documents/00000.jsonl is not as it was written"):
        next(index.blocks())
    positions = np.load(copy / "postings/positions.npy", mmap_mode="r+")
    positions[:] = -1
    positions.flush()
    with pytest.raises(IndexFolderError, match="postings has entries that cannot be, in dimension"):
        sembridge.search.open(copy, encoder=made[0]).search("the cat")


def test_wrong_numbers_are_refused(made):
    index = sembridge.search.open(made[1])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        index.search("cat", k=0)
    with pytest.raises(ValueError, match="queries have 3 dimensions, the index has"):
        index.rank(sparse.csr_array((1, 3), dtype=np.float32), 1)


@pytest.mark.parametrize(
    ("query", "message"), [(3, "the query '3' is not text; give a string"), ("a \ud800", "has half a surrogate pair")]
)
def test_a_query_that_is_not_text_is_refused(made, query, message):
    with pytest.raises(ValueError, match=message):
        sembridge.search.open(made[1]).search(query)


def test_white_space_around_a_query_and_its_spelling_do_not_matter(made):
    index = sembridge.search.open(made[1])
    assert index.search(" the cat\n", k=5) == index.search("the cat", k=5)
    assert (index.encode(["cafe\u0301"]) != index.encode(["caf\u00e9"])).nnz == 0
