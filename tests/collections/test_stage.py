"""Collections from the hub, by the real client against the hub's double: layouts, cache, broken downloads, refusals."""

import hashlib
import json
import os

import pytest

from harness.collections import beir
from harness.collections.collection import CollectionError
from tests.helpers import hub_double
from tests.helpers import hub_repositories as real

TRAINING = (("배움 둘", "22#1", "the end"), ("배움 하나", "5#0", "제목 5 본문 5 물\u2028길"))


@pytest.fixture
def sources(hub):
    """Layout -> the options of a preset that name it."""
    corpus, judged = real.miracl()
    zipped, tables = real.plain()
    config = {"config": "{language}"}
    codes = config | {"codes": {"ko": "kor"}}
    no_card = {path: content for path, content in real.mteb().items() if path != "README.md"}

    def pinned(name, files):
        return {"hub": name, "revision": hub.add(name, files)}

    return {
        "miracl": pinned("miracl/miracl-corpus", corpus)
        | {"kind": "miracl", **config, "judgements": pinned("miracl/miracl", judged)},
        "mteb": pinned("mteb/M", real.mteb()) | config,
        "mteb-id": pinned("mteb/W", real.mteb("id", "test", "kor")) | codes,
        "mteb-no-card": pinned("mteb/C", no_card) | config,
        "webfaq": pinned("faq/new", real.webfaq()) | codes,
        "webfaq-old": pinned("faq/old", real.webfaq(old=True)) | codes,
        "beir": pinned("BeIR/s", zipped) | {"judgements": pinned("BeIR/s-qrels", tables)},
    }


LAYOUTS = ["miracl", "mteb", "mteb-id", "mteb-no-card", "webfaq", "webfaq-old", "beir"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_records(built, sources, layout):
    folder = built(**sources[layout])
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:  # line by line: the texts hold a line separator
        assert [tuple(json.loads(line).values()) for line in file] == real.DOCUMENTS
    collection = beir.load(folder)
    assert dict(zip(collection.query_ids, collection.query_texts, strict=True)) == dict(real.QUERIES["dev"])
    assert collection.qrels == {"7": {"2#0": 1}, "3": {"20#1": 1, "4#0": 0}}
    assert collection.training == (() if layout.startswith("mteb") else TRAINING)
    counts = json.loads((folder / "about.json").read_text())["found"]
    assert {name: counts[name] for name in real.EXPECTED} == real.EXPECTED | {"train_pairs": len(collection.training)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_cached_is_not_asked_for_again(built, sources, hub, layout, monkeypatch):
    from huggingface_hub import constants

    before = {path.name: path.read_bytes() for path in built(**sources[layout]).glob("*.jsonl")}
    assert hub.transfers() and not [
        path for path in hub.transfers() if "/ru-" in path or path.endswith(".py")
    ]  # nothing but this collection
    hub.requests.clear()
    built(**sources[layout])
    assert not hub.requests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert {path.name: path.read_bytes() for path in built(**sources[layout]).glob("*.jsonl")} == before
    assert not hub.requests


def test_the_training_split_can_be_evaluated_on(built, sources):
    for layout in ("miracl", "webfaq"):
        collection = beir.load(built(**sources[layout], split="train"))
        assert (set(collection.query_ids), collection.training) == ({"100", "101"}, ())


def test_offline_with_half_a_cache_is_refused_not_half_read(built, sources, hub, monkeypatch):
    from huggingface_hub import constants

    hub.failing.add("miracl-corpus-v1.0-ko/docs-3.jsonl.gz")
    with pytest.raises(CollectionError, match="status 503"):
        built(**sources["miracl"])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        CollectionError,
        match="'miracl/miracl-corpus' is not complete in the cache: run the same command once without HF_HUB_OFFLINE",
    ):
        built(**sources["miracl"])


def test_a_transfer_that_breaks_off_is_resumed(built, sources, hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)  # the client forgets what is less than a chunk
    path = "ko-corpus/dev-00001-of-00002.parquet"
    hub.cut[path] = 700
    assert beir.check(built(**sources["mteb"])).documents == 15
    assert hub.ranges == ["bytes=700-"]


def test_a_broken_command_is_taken_up_by_the_next_one(built, sources, hub):
    """The transfer breaks off, the client's retry fails, the command ends. The next requests only what is missing."""
    path = "ko-corpus/dev-00001-of-00002.parquet"
    hub.cut[path] = 700
    hub.failing.add(path)
    with pytest.raises(
        CollectionError,
        match="hub dataset 'mteb/M': the hub answers with status 503: run the same command again, files that are here",
    ):
        built(**sources["mteb"])
    hub.requests.clear()
    assert beir.check(built(**sources["mteb"])).documents == 15
    assert hub.transfers() == [f"/large/datasets/mteb/M/{path}"]


def test_a_hub_out_of_reach(built, sources, hub, monkeypatch):
    from huggingface_hub import constants

    hub.failing.add("ko-corpus/dev-00001-of-00002.parquet")
    with pytest.raises(CollectionError, match="status 503"):
        built(**sources["mteb"])
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "time.sleep", lambda seconds: None
    )  # the client waits between its tries, for half a minute in all
    with pytest.raises(
        CollectionError, match="hub dataset 'mteb/M': the hub cannot be reached: run the same command again"
    ):
        built(**sources["mteb"])


def test_counts_and_fingerprints_are_checked(built, sources):
    records = [json.dumps({"_id": d, "title": t, "text": x}, ensure_ascii=False) for d, t, x in real.DOCUMENTS]
    marks = {
        name: hashlib.sha256(records[at].encode()).hexdigest()
        for name, at in (("first", 0), ("tenth", 9), ("last", -1))
    }
    good = real.EXPECTED | marks
    built(**sources["webfaq"], expected={"ko": good})
    for name, value in good.items():
        wrong = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
        with pytest.raises(CollectionError) as refused:
            built(**sources["webfaq"], expected={"ko": good | {name: wrong}})
        assert f"hub dataset 'faq/new' is not what was expected: {name} expected {wrong}, found {value}: check" in str(
            refused.value
        )
    built(**sources["webfaq"], expected={"ru": {"documents": 1}})


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        (None, "log in and accept its conditions, then set HF_TOKEN to a read token of that account"),
        ("hf_someoneElses", "HF_TOKEN is not valid"),
        (hub_double.TOKEN, None),
    ],
)
def test_a_gated_dataset_says_what_to_click_and_never_the_token(built, hub, monkeypatch, capfd, caplog, token, advice):
    source = {"hub": "faq/gated", "revision": hub.add("faq/gated", real.webfaq(), gated=True), "config": "kor"}
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    if advice is None:
        assert beir.check(built(**source)).documents == 15
    else:
        with pytest.raises(CollectionError) as refused:
            built(**source)
        assert advice in str(refused.value) and "\n" not in str(refused.value)
        if token is None:
            assert "'faq/gated' is gated: open https://huggingface.co/datasets/faq/gated, " in str(refused.value)
    output = str(capfd.readouterr()) + caplog.text + ("" if advice is None else str(refused.value))
    assert "hf_" not in output


def test_a_loading_script_is_refused_with_the_alternatives(built, sources):
    script = {"hub": "miracl/miracl-corpus", "revision": sources["miracl"]["revision"], "config": "ko"}
    with pytest.raises(CollectionError) as refused:
        built(**script)
    assert (
        "'miracl/miracl-corpus' is a loading script (miracl-corpus.py), and scripts are not run: use a copy in Parquet"
        in str(refused.value)
    )
    assert "its id in ir_datasets, or, for MIRACL, kind: miracl" in str(refused.value)


def test_what_is_not_there_is_named(built, sources, hub):
    def refused(layout, **options):
        with pytest.raises(CollectionError) as error:
            built(**(sources[layout] | options))
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "'mteb/N' does not exist, or is private" in refused("mteb", hub="mteb/N")
    assert (
        f"has no commit {'0' * 40}: copy the revision from https://huggingface.co/datasets/mteb/M/commits/main"
        in refused("mteb", revision="0" * 40)
    )
    assert "has no config 'kor-corpus'; did you mean 'ko-corpus'?" in refused("mteb", config="kor")
    assert "no judgements for the split 'test'; known: dev" in refused("mteb", split="test")
    assert "no judgements for the split 'trian'; did you mean 'train'?" in refused("webfaq", train="trian")
    assert (
        "has no file miracl-v1.0-ko/topics/topics.miracl-v1.0-ko-test.tsv: check config 'ko' and split 'test'"
        in refused("miracl", split="test")
    )
    assert "has no files called corpus" in refused(
        "beir", hub="BeIR/s-qrels", revision=sources["beir"]["judgements"]["revision"]
    )


def test_subsets_hold_the_judged_documents_and_as_many_others(built, sources):
    folder = built(**sources["webfaq"], limit=2)
    collection = beir.load(folder)
    assert collection.document_ids == ("0#0", "1#0", "2#0", "4#0", "20#1")
    assert collection.training == TRAINING  # from train_corpus.jsonl
    folder = built(**sources["webfaq"], limit=6)
    assert beir.load(folder).training == TRAINING and '"5#0"' in (folder / "corpus.jsonl").read_text()
    assert [json.loads(line)["_id"] for line in (folder / "train_corpus.jsonl").open(encoding="utf-8")] == [
        "22#1"
    ]  # the other one is searched
    assert beir.load(built(**sources["webfaq"], limit=0, expected={"ko": real.EXPECTED})).document_ids == (
        "2#0",
        "4#0",
        "20#1",
    )
    assert beir.load(built(**sources["mteb"], limit=0)).document_ids == ("2#0", "4#0", "20#1")


CORPUS, QUERIES, TEST = "kor/corpus.jsonl", "kor/queries/test.jsonl", "kor/qrels/test.jsonl"
FILES = real.webfaq()
DEFECTS = [
    (CORPUS, FILES[CORPUS] + b'{"_id": "0#0", "title": "", "text": "again"}\n', "1 document ids occur a second"),
    (CORPUS, FILES[CORPUS].replace(b'"2#0"', b'"2 0"'), "corpus.jsonl:3: the id '2 0' is empty, has white space"),
    (
        CORPUS,
        FILES[CORPUS].replace(b'"2#0"', b'"X"'),
        "test split: 1 of 3 judged pairs (33.3%, 1 of 2 relevant ones) lack their document in",
    ),
    (CORPUS, b'{"_id": "2#0", "text": "\\ud800"}\n', "corpus.jsonl:1: 'text' has half a surrogate pair"),
    (CORPUS, b'{"_id": "2#0", "text": 3}\n', "new/kor/corpus.jsonl:1: 'text' is not text"),
    (CORPUS, b'{"id": null, "text": ""}\n', "corpus.jsonl:1: no 'id': its columns are id, text"),
    (CORPUS, b"{oops\n", "faq/new/kor/corpus.jsonl:1: malformed JSON"),
    (CORPUS, b"\xff\n", "faq/new/kor/corpus.jsonl is damaged: remove"),
    (CORPUS, b"\n", "the corpus is empty"),
    (
        QUERIES,
        b'{"_id": "7", "text": "x"}\n',
        "test split: 2 of 3 judged pairs (66.7%, 1 of 2 relevant ones) lack a query with a text, such as query '3'",
    ),
    (QUERIES, FILES[QUERIES] + b'{"_id": "7", "text": "x"}\n', "'7' occurs twice with different texts"),
    (TEST, FILES["kor/qrels/train.jsonl"], "query '100' is in the test and in the training split"),
    (TEST, b'{"query-id": "7", "corpus-id": "2#0", "score": 0.5}\n', "the score 0.5 is not a whole number"),
    (TEST, FILES[TEST] + b'{"query-id": "7", "corpus-id": "2#0", "score": 0}\n', "judged twice"),
    ("README.md", b"---\na: [\n---\n", "the head of its README.md is not YAML"),
]


@pytest.mark.parametrize(("path", "content", "message"), DEFECTS, ids=[f"{number}" for number in range(len(DEFECTS))])
def test_defects_are_one_line(built, hub, path, content, message):
    source = {"hub": "faq/new", "revision": hub.add("faq/new", FILES | {path: content}), "config": "kor"}
    with pytest.raises(CollectionError) as refused:
        built(**source)
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("file", ["ko-corpus/dev-00000-of-00002.parquet", "docs"])
def test_damaged_files_are_named(built, hub, sources, file):
    corpus, _ = real.miracl()
    if file == "docs":
        cut = {name: content[:-9] if name.endswith("docs-4.jsonl.gz") else content for name, content in corpus.items()}
        source = sources["miracl"] | {"revision": hub.add("miracl/miracl-corpus", cut)}
    else:
        cut = {name: content[:-5] if name == file else content for name, content in real.mteb().items()}
        source = sources["mteb"] | {"revision": hub.add("mteb/M", cut)}
    with pytest.raises(CollectionError, match=r"is damaged: remove .* and run the same command again"):
        built(**source)


def test_documents_without_text_are_left_out_and_counted(built, hub, caplog):
    files = real.webfaq()
    files["kor/corpus.jsonl"] += b'{"_id": "empty", "title": null, "text": " "}\n'
    folder = built(hub="faq/new", revision=hub.add("faq/new", files), config="kor", expected={"ko": {"documents": 16}})
    assert beir.check(folder).documents == 15
    assert json.loads((folder / "about.json").read_text())["empty"] == 1
    assert "1 documents without title and text are left out" in caplog.text


def test_the_corpus_is_not_held_in_memory(built, hub):
    import tracemalloc

    files = real.webfaq()
    text = os.urandom(500).hex()
    files["kor/corpus.jsonl"] += b"".join(b'{"_id": "n%d", "text": "%s"}\n' % (n, text.encode()) for n in range(20_000))
    source = {"hub": "faq/big", "revision": hub.add("faq/big", files), "config": "kor"}
    built(**source)  # imports and downloads first
    tracemalloc.start()
    folder = built(**source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (folder / "corpus.jsonl").stat().st_size > 20_000_000
    assert peak < 4_000_000
