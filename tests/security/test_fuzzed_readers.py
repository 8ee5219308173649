"""Readers return a value or raise their own one-line error for any bytes: never another exception, never slowly.

See `tests.helpers.fuzzing` for the inputs.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable

import pytest

from harness.catalog.catalog import DATA, CatalogError, load_catalog
from harness.collections import beir, rows
from harness.collections.collection import CollectionError
from harness.collections.text import lines
from harness.evaluation import trec
from harness.files import json_data, yaml_data
from harness.hub.model_files import module_types
from harness.plan.load_preset import load_preset
from harness.plan.preset import Preset, PresetError
from harness.results.export import COLUMNS
from harness.results.published import load_expected
from harness.results.scored_cells import read_cells
from sembridge.encoder.loading import check_folder
from sembridge.model_card.license import stated_license
from sembridge.model_card.record import JSON, TENSORS, load_record
from tests.helpers import hub_repositories as real
from tests.helpers.fuzzing import EXAMPLES, Place, answers, folder_of, fuzz, mutations
from tests.helpers.paths import ROOT
from tests.helpers.records_made import record

SLOW = ("catalog", "preset")


COLLECTION = folder_of(
    lambda folder: beir.write(
        folder,
        [("d1", "T", "one"), ("d2", "", "zwei")],
        [("q1", "first"), ("t1", "second")],
        [("q1", "d1", 1)],
        [("t1", "d2", 1)],
    )
)
RECORD = folder_of(lambda folder: record().save(folder))
CELLS = (",".join(COLUMNS) + "\nko,bert,a,mean,b,4.0,zero-shot,1,0.5,0.5,0.5,1,1,1,1,1,,1.0,ok,,mean,key\n").encode()
CARD = b"---\nlicense: [mit]\nconfigs:\n- {config_name: a, data_files: [{split: s, path: p}]}\n---\n# x\n"
MODEL = {
    "config.json": b'{"model_type": "bert", "architectures": ["BertForMaskedLM"]}',
    "modules.json": b'[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]',
    "router_config.json": b'{"types": {"query_0": "x.SparseStaticEmbedding", "document_0": "x.Transformer"}}',
}


def _collection(name: str) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        with Place(COLLECTION).with_file(name, content) as folder:
            answers(lambda: beir.check(folder), CollectionError)
            answers(lambda: beir.load(folder), CollectionError)
            answers(lambda: beir.training_pairs(folder), CollectionError)

    return run


def _rows(reader: Callable, name: str) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        with Place({}).with_file(name, content) as folder:
            answers(lambda: list(reader(folder / name, name)), CollectionError)

    return run


def _preset(content: bytes) -> None:
    with Place({}).with_file("p.yaml", content) as folder:
        answers(lambda: load_preset(str(folder / "p.yaml"), ROOT / "experiments" / "presets"), PresetError)


def _override(content: bytes) -> None:
    text = content.decode("utf-8", "surrogateescape")

    def read() -> None:
        loaded = load_preset("own-data", ROOT / "experiments" / "presets", ["data=x", text])
        assert isinstance(loaded, Preset)

    with contextlib.suppress(UnicodeEncodeError):  # a terminal may pass on bytes that are not text
        answers(read, PresetError)


def _catalog(content: bytes) -> None:
    with Place({}).with_file("c.yaml", content) as folder:
        answers(lambda: load_catalog([folder / "c.yaml"]), CatalogError)


def _figures(content: bytes) -> None:
    with Place({}).with_file("f.yaml", content) as folder:
        answers(lambda: load_expected(folder / "f.yaml"), ValueError)


def _yaml(content: bytes) -> None:
    answers(lambda: yaml_data.load(content.decode("latin-1")), yaml_data.YamlError)


def _json(content: bytes) -> None:
    answers(lambda: json_data.load(content.decode("latin-1")), json_data.JsonError)


def _cells(content: bytes) -> None:
    with Place({}).with_file("cells.csv", content) as folder:
        answers(lambda: read_cells(folder), ValueError)


def _run(name: str) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        with Place({}).with_file(name, content) as folder:
            answers(lambda: trec.read(folder / name), ValueError)

    return run


def _record(name: str) -> Callable[[bytes], None]:
    from sembridge.model_card.lines import mixture_text, origin_text

    def run(content: bytes) -> None:
        with Place(RECORD).with_file(name, content) as folder:

            def shown() -> None:
                read = load_record(folder)
                read.counts(), read.mean_support(), read.weakest(3)
                for token_id in range(len(read)):
                    origin_text(read, token_id), mixture_text(read, token_id, 5)

            answers(shown, ValueError)

    return run


def _model(name: str) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        with Place(MODEL).with_file(name, content) as folder:
            answers(lambda: check_folder(str(folder)), ValueError)
            answers(lambda: module_types(str(folder), None), ValueError)

    return run


def _license(content: bytes) -> None:
    with Place({}).with_file("README.md", content) as folder:
        stated_license(folder / "README.md")


def _texts(content: bytes) -> None:
    with Place({}).with_file("t.txt", content) as folder:
        answers(lambda: list(lines(folder / "t.txt")), CollectionError)


QRELS = COLLECTION["qrels/test.tsv"]
TARGETS: dict[str, tuple[bytes, Callable[[bytes], None]]] = {
    **{f"collection {name}": (content, _collection(name)) for name, content in COLLECTION.items()},
    "rows of JSON lines": (real.webfaq()["kor/corpus.jsonl"], _rows(rows.documents, "c.jsonl")),
    "rows of gzip": (gzip.compress(b'{"_id": "a", "text": "x"}\n'), _rows(rows.documents, "c.jsonl.gz")),
    "rows of Parquet": (real.parquet([{"_id": "a", "title": "b", "text": "x"}]), _rows(rows.documents, "c.parquet")),
    "judgements of JSON lines": (real.webfaq()["kor/qrels/test.jsonl"], _rows(rows.judgements, "t.jsonl")),
    "judgements of tabs": (QRELS, _rows(rows.judgements, "t.tsv")),
    "judgements of Parquet": (
        real.parquet([{"query-id": "q", "corpus-id": "d", "score": 1}]),
        _rows(rows.judgements, "t.parquet"),
    ),
    "queries of tabs": (b"7\t\xec\xb2\xab\n", _rows(rows.queries, "q.tsv")),
    **{
        f"preset {name}": ((ROOT / f"experiments/presets/{name}.yaml").read_bytes(), _preset)
        for name in ("own-data", "pocket", "paper-zero-shot")
    },
    "--set": (b"training.learning_rate=[1, {a: b}]", _override),
    **{f"catalog {path.stem}": (path.read_bytes(), _catalog) for path in sorted(DATA.glob("[blr]*.yaml"))},
    "figures": ((ROOT / "experiments/expected/bm25-miracl.yaml").read_bytes(), _figures),
    "YAML": (b"a: &x {b: [1, 2.5, yes, null, 'c']}\nd: *x\n<<: *x\n", _yaml),
    "JSON": (b'{"a": [1, 2.5, true, null, "c\\u00e9"]}', _json),
    "cells.csv": (CELLS, _cells),
    "run": (b"q1 Q0 d1 1 0.5 tag\nq1 Q0 d2 2 0.25 tag\n", _run("a.run")),
    "packed run": (gzip.compress(b"q1 Q0 d1 1 0.5 tag\n"), _run("a.run.gz")),
    "record": (RECORD[JSON], _record(JSON)),
    "tensors of a record": (RECORD[TENSORS], _record(TENSORS)),
    **{f"model {name}": (content, _model(name)) for name, content in MODEL.items()},
    "card": (CARD, _license),
    "texts": ("eins\nдва\r\n三\n".encode(), _texts),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_value_or_its_own_error(name, request, monkeypatch, tmp_path):
    if name.startswith(
        "catalog"
    ):  # only the entries that others refer to: reading the project's own each time would take most of the time
        (tmp_path / "languages.yaml").write_bytes((DATA / "languages.yaml").read_bytes())
        monkeypatch.setattr("harness.catalog.catalog.DATA", tmp_path)
    valid, check = TARGETS[name]
    check(valid)
    fuzz(request, name, mutations(valid), check, EXAMPLES // 4 if name.startswith(SLOW) else EXAMPLES)
