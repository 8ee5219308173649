"""What collections lack is said before a run, and every row leaves out own documents where a collection says so."""

from __future__ import annotations

import json
import shutil

import pytest

from harness.collections import beir
from harness.evaluation.own_documents import RULE
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.plan.stored_warnings import stored_warnings
from harness.store.store import Store
from tests.helpers import hub_repositories as real
from tests.helpers.paths import PRESETS

OPTION = "collections.own.ignore_identical_ids"


@pytest.fixture
def data(own_data, tmp_path):
    """A copy of the data folder to change."""
    return shutil.copytree(own_data, tmp_path / "data")


@pytest.fixture
def planned(data):
    def make(*overrides, **choices):
        warnings: list[str] = []
        chosen = {"languages": ["ru"], "initializers": ["mean", "base", "bm25", "dense", "ref"]} | choices
        named = f"references.ref={{model: {data}/source, kind: sparse-encoder}}"
        cells = plan(load_preset("own-data", PRESETS, [f"data={data}", named, *overrides], chosen), warnings.append)
        return cells, warnings

    return make


def test_the_rule_is_part_of_the_key_of_every_row_and_only_where_it_is_set(planned):
    def keys(*overrides):
        return {cell.identity.name: cell.artifact for cell in planned(*overrides)[0]}

    for further in ((), ("evaluation.shares=2",), ("training.points=2",)):
        unset, unruled, ruled = keys(*further), keys(f"{OPTION}=false", *further), keys(f"{OPTION}=true", *further)
        assert len(unset) == 10 and unset == unruled
        for name, artifact in ruled.items():
            assert artifact.parameters[RULE] is True and artifact.parameters["k"] == 100
            assert artifact.key != unset[name].key and RULE not in unset[name].parameters
            for share in (part for part in artifact.walk() if part.stage.name == "evaluation-share"):
                assert share.parameters[RULE] is True
            trained = artifact.inputs.get("trained")
            if trained is not None:
                assert (trained.parameters.get("evaluation", {}).get(RULE) is True) == ("training.points=2" in further)


def test_the_rule_of_one_collection_leaves_others_alone(planned, data):
    second = f"collections.more={{folder: {data}/collections/en, ignore_identical_ids: true}}"
    cells, _ = planned(second)
    assert {cell.identity.collection for cell in cells if RULE in cell.artifact.parameters} == {"more"}


def identical(folder, count):
    """Give the first queries the ids of documents."""
    for name in ("queries.jsonl", "qrels/test.tsv"):
        content = (folder / name).read_text(encoding="utf-8")
        for number in range(count):
            content = content.replace(f'"q{number:03d}"', f'"d{number:03d}"').replace(
                f"q{number:03d}\t", f"d{number:03d}\t"
            )
        (folder / name).write_text(content, encoding="utf-8")


def test_queries_with_ids_of_documents_are_to_be_decided_about(planned, data, command):
    identical(data / "collections" / "ru", 3)
    _, (warning,) = planned()
    assert warning == (
        "--languages ru, collection own: 3 test queries have the id of a document, such as 'd000', which is ranked for "
        f"them: where that document is the query itself, as in ArguAna, leave it out with --set {OPTION}=true; where "
        f"it is not, say so with --set {OPTION}=false"
    )
    for value in ("true", "false"):
        assert planned(f"{OPTION}={value}")[1] == []
    code, out, err = command("--languages", "ru", "--initializers", "bm25", "--dry-run", data=data)
    assert code == 0 and out.count(f"warning: {warning}\n") == 1 and err == ""


def test_a_rule_without_effect_is_said(planned):
    _, (warning,) = planned(f"{OPTION}=true")
    assert "ignore_identical_ids has no effect: no test query has the id of a document; leave --set" in warning


def test_the_rule_is_true_or_false(refused, own_data):
    message = refused("--preset", "own-data", "--set", f"data={own_data}", "--set", f"{OPTION}=1")
    assert f"option '{OPTION}': 1 is not valid" in message


def judge(data, lines):
    path = data / "collections" / "ru" / "qrels" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8") + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_a_few_missing_documents_are_said_and_many_refused_with_the_option(planned, data, refused):
    judge(data, ["q000\tnowhere\t1"])
    _, (warning,) = planned()
    lost = "lack their document in the corpus, such as document 'nowhere' of query 'q000' in line 22"
    assert f"test.tsv: 1 of 21 judged pairs (4.8%, 1 of 21 relevant ones) {lost}: the judgements still" in warning
    judge(data, ["q001\tnowhere\t1"])
    message = refused("--preset", "own-data", "--set", f"data={data}", "--languages", "ru")
    assert f"2 of 22 judged pairs (9.1%, 2 of 22 relevant ones) {lost}; at most 5% may: check that" in message
    assert message.endswith("or accept it with --set collections.own.most_missing=0.1\n")
    cells, (warning,) = planned("collections.own.most_missing=0.1")
    assert "2 of 22 judged pairs" in warning
    assert [cell.artifact.key for cell in cells] == [
        cell.artifact.key for cell in planned("collections.own.most_missing=0.5")[0]
    ]


def test_doctor_warns(data, tmp_path, monkeypatch, capsys):
    from harness.cli.main import main

    judge(data, ["q000\tnowhere\t1"])
    main(["doctor", "own-data", "--set", f"data={data}", "--languages", "ru", "--store", str(tmp_path / "store")])
    out = " ".join(capsys.readouterr().out.split())
    assert "[warn] collection --languages ru, collection own: " in out and "1 of 21 judged pairs (4.8%" in out


def test_downloads_are_warned_about_once_they_are_stored(hub, tmp_path, own_data):
    files = real.webfaq()
    for name in ("queries/test", "qrels/test"):
        files[f"kor/{name}.jsonl"] = files[f"kor/{name}.jsonl"].replace(b'"7"', b'"0#0"')
    files["kor/corpus.jsonl"] += b'{"_id": "empty", "text": ""}\n'
    commit = hub.add("faq/new", files)
    source = f"collections={{c: {{hub: faq/new, revision: {commit}, config: kor}}}}"
    chosen = {"languages": ["ru"], "initializers": ["bm25"]}
    preset = load_preset("own-data", PRESETS, [f"data={own_data}", source], chosen)
    store = Store(tmp_path / "store")
    store.create()
    cells = plan(preset)
    assert stored_warnings(preset, cells, store) == []
    store.make(cells[0].artifact.inputs["collection"])
    empty, own = stored_warnings(preset, cells, store)
    assert empty == "collection c, ru: hub dataset 'faq/new': 1 documents without title and text are left out"
    assert own.startswith("collection c, ru: 1 test queries have the id of a document, such as '0#0', which is ranked")
    silent = load_preset(
        "own-data", PRESETS, [f"data={own_data}", source, "collections.c.ignore_identical_ids=false"], chosen
    )
    assert stored_warnings(silent, plan(silent), store) == [empty]
    about = json.loads((store.path(cells[0].artifact.inputs["collection"]) / "about.json").read_text())
    assert about["own"] == {"queries": 1, "example": "0#0"}
    assert beir.check(store.path(cells[0].artifact.inputs["collection"])).own == 1
