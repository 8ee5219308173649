"""Readers return a value or raise their own one-line error for any bytes: never another exception, never slowly.

Inputs are arbitrary bytes, and valid files with pieces cut out, doubled, moved or replaced. The suite takes a few
hundred of them, always the same; `make fuzz` takes new ones each time, for SEMBRIDGE_FUZZ_SECONDS, and
SEMBRIDGE_FUZZ_SEED repeats them.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

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
from tests.helpers.paths import ROOT
from tests.helpers.records_made import record

SECONDS = float(os.environ.get("SEMBRIDGE_FUZZ_SECONDS", "0"))
FIRST_SEED = int(os.environ.get("SEMBRIDGE_FUZZ_SEED", time.time_ns() // 1000)) if SECONDS else 0
EXAMPLES = 40
SLOW = ("catalog", "preset")
SLOWEST = 20.0
"""Seconds one input may take on a busy machine; the readers' limits keep it to far less."""

INTERESTING = [
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
        b"-",
        b"&a ",
        b"*a",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"1e999",
        b"9" * 400,
        b"-1",
        b"0.5",
        b"!!",
        b"<<: *a",
        b"? ",
        b"|\n",
        b"'",
        b"#",
        b"%YAML 9.9",
        b"\\ud800",
        b"\\u0000",
    ),
    *(
        b"../../",
        b"{language}",
        b"catalog:",
        b"\xe2\x80\xa8",
        b"\x1f\x8b",
        b"[" * 300,
        b'{"a":' * 300,
        b"- &a [*a]",
        b"\x1b[2J",
    ),
]


@st.composite
def mutations(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file after one to four cuts, copies and insertions; sometimes no file of any kind."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 60)))
        piece = draw(st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=8), st.just(content[start:end] * 2)))
        content = content[:start] + piece + content[end:]
    return (
        content[: draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
        if draw(st.booleans())
        else content
    )


def answers(read: Callable[[], object], refusal: type[ValueError], exactly: bool = True) -> None:
    """A value, or the reader's own error on one line of bearable length, soon."""
    start = time.perf_counter()
    try:
        read()
    except refusal as error:
        assert type(error) is refusal or not exactly, f"{type(error).__name__}: {error}"
        assert str(error) and "\n" not in str(error) and len(str(error)) < 2000, str(error)
        str(error).encode("utf-8", "strict")
    assert time.perf_counter() - start < SLOWEST


def _folder_of(make: Callable[[Path], None]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        return {
            path.relative_to(name).as_posix(): path.read_bytes()
            for path in sorted(Path(name).rglob("*"))
            if path.is_file()
        }


COLLECTION = _folder_of(
    lambda folder: beir.write(
        folder,
        [("d1", "T", "one"), ("d2", "", "zwei")],
        [("q1", "first"), ("t1", "second")],
        [("q1", "d1", 1)],
        [("t1", "d2", 1)],
    )
)
RECORD = _folder_of(lambda folder: record().save(folder))
CELLS = (",".join(COLUMNS) + "\nko,bert,a,mean,b,4.0,zero-shot,1,0.5,0.5,0.5,1,1,1,1,1,,1.0,ok,,mean,key\n").encode()
CARD = b"---\nlicense: [mit]\nconfigs:\n- {config_name: a, data_files: [{split: s, path: p}]}\n---\n# x\n"
MODEL = {
    "config.json": b'{"model_type": "bert", "architectures": ["BertForMaskedLM"]}',
    "modules.json": b'[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]',
    "router_config.json": b'{"types": {"query_0": "x.SparseStaticEmbedding", "document_0": "x.Transformer"}}',
}


class Place:
    """A folder that each input is written into anew."""

    def __init__(self, valid: dict[str, bytes]) -> None:
        self.valid = valid

    @contextlib.contextmanager
    def with_file(self, name: str, content: bytes):
        with tempfile.TemporaryDirectory() as folder:
            for other, bytes_ in {**self.valid, name: content}.items():
                (Path(folder) / other).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / other).write_bytes(bytes_)
            yield Path(folder)


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
    end, taken, rounds = time.monotonic() + SECONDS / len(TARGETS), 0, 0
    while rounds == 0 or time.monotonic() < end:

        @seed(FIRST_SEED + rounds)
        @settings(
            max_examples=EXAMPLES // 4 if name.startswith(SLOW) else EXAMPLES,
            derandomize=not SECONDS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(mutations(valid))
        def run(content: bytes) -> None:
            nonlocal taken
            taken += 1
            check(content)

        run()
        rounds += 1
    if SECONDS:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f" {taken:7,} inputs from seed {FIRST_SEED}: {name}")
