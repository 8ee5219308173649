"""Every wrong input is one line with the next step, exit code 2, and nothing started: no store, no results."""

import json
import shutil

import pytest


@pytest.fixture
def refused(command, tmp_path):
    """Run a command that must be refused; returns its message."""

    def run(*options, store_exists=False, **keywords):
        code, out, err = command(*options, **keywords)
        assert code == 2, err
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1, err
        assert not (tmp_path / "store").exists() or store_exists
        assert not list((tmp_path / "results").glob("*"))
        return err

    return run


@pytest.fixture
def broken(own_data, tmp_path):
    """A copy of the data folder to spoil."""
    return shutil.copytree(own_data, tmp_path / "data")


RU = ("--languages", "ru")


def test_unknown_names_get_the_nearest(refused):
    assert "initializer 'sembrige' is unknown; did you mean 'sembridge'?" in refused(*RU, "--initializers", "sembrige")
    assert "did you mean 'ru'?" in refused("--languages", "rus")
    assert "--preset 'own-dta' is unknown; did you mean 'own-data'?" in refused(preset="own-dta")
    assert "'zero-short' is not valid; did you mean 'zero-shot'?" in refused(*RU, "--regimes", "zero-short")
    assert "option 'training.epoch' is unknown; did you mean 'epochs'?" in refused(*RU, "--set", "training.epoch=2")
    assert "--architectures 'sorce' is not in this preset; did you mean 'source'?" in refused(
        *RU, "--architectures", "sorce"
    )
    assert "settings.focus.min_cont is unknown; did you mean 'min_count'?" in refused(
        *RU, "--set", "settings.focus.min_cont=2"
    )
    assert "language 'k0' is not in the pocket; did you mean 'ko'?" in refused("--languages", "k0", preset="pocket")


def test_values_out_of_range(refused):
    assert "alpha 0.5 is below 1" in refused(*RU, "--alphas", "0.5")
    assert "option 'training.epochs': 0 is not valid" in refused(*RU, "--set", "training.epochs=0")
    assert "not of the form key.path=value" in refused(*RU, "--set", "training.epochs")
    assert "training.batch_size 9 cannot be shared evenly by 2 workers" in refused(
        *RU, "--set", "training.batch_size=9", "--set", "training.workers=2"
    )
    assert "donors 'ordinary' conflicts with profile 'compat'" in refused(
        *RU, "--set", "profile=compat", "--set", "donors=ordinary"
    )
    assert "'compatt' is not valid; did you mean 'compat'?" in refused(*RU, "--set", "profile=compatt")
    assert "lower resources.cpus_per_cell with --set" in refused(*RU, "--set", "resources.cpus_per_cell=4096")
    assert "training.collection 'owm' is unknown; did you mean 'own'?" in refused(
        *RU, "--set", "training.collection=owm"
    )


@pytest.mark.parametrize(
    ("file", "spoil", "message"),
    [
        ("corpus.jsonl", lambda lines: [*lines[:3], "{oops", *lines[3:]], r"corpus.jsonl.*4"),
        ("corpus.jsonl", lambda lines: [*lines, lines[0]], r"corpus.jsonl.*145.*d000"),
        ("corpus.jsonl", lambda lines: [], r"corpus.jsonl"),
        (
            "queries.jsonl",
            lambda lines: [json.dumps({"_id": "q000", "text": 1}), *lines[1:]],
            r"queries.jsonl:1: 'text'",
        ),
        ("queries.jsonl", lambda lines: lines[2:], r"test.tsv: 2 of 20 .*'q000' in line 2"),
        ("qrels/test.tsv", lambda lines: [*lines, "q000\tnowhere\t1", "q001\tx\t1"], r"test.tsv.*nowhere.*in line 22"),
        ("qrels/test.tsv", lambda lines: [*lines, "nobody\td000\t1", "nil\td001\t1"], r"test.tsv.*nobody.*line 22"),
    ],
)
def test_defects_of_a_collection_name_file_and_line(refused, broken, file, spoil, message):
    import re

    path = broken / "collections" / "ru" / file
    path.write_text(
        "".join(line + "\n" for line in spoil(path.read_text(encoding="utf-8").splitlines())), encoding="utf-8"
    )
    assert re.search(message, refused(*RU, data=broken))


def test_models_that_do_not_fit(refused, broken):
    config = broken / "source" / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"architectures": ["BertModel"]}))
    assert "is not a masked LM (architectures: BertModel)" in refused(*RU, data=broken)
    config.write_text(json.dumps(content))
    tokenizer = broken / "tokenizers" / "ru" / "tokenizer_config.json"
    tokenizer.write_text(json.dumps({k: v for k, v in json.loads(tokenizer.read_text()).items() if k != "pad_token"}))
    assert "has no pad token; set pad_token" in refused(*RU, data=broken)
    (broken / "source" / "model.safetensors").unlink()
    assert "no .safetensors file" in refused(*RU, data=broken)
    shutil.rmtree(broken / "source")
    assert "does not exist" in refused(*RU, data=broken)


def test_results_and_store_that_cannot_be_used(command, refused, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    code, _, err = command(*RU, "--results", str(file / "below"))
    assert code == 2 and "cannot be written" in err and not (tmp_path / "store").exists()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "STORE.json").write_text('{"format": 999}')
    assert "has format 999, this version writes format 1; choose another folder with --store DIR" in refused(
        *RU, store_exists=True
    )
    (tmp_path / "store" / "STORE.json").unlink()
    (tmp_path / "store" / "precious.txt").write_text("")
    assert "is not empty and not a store" in refused(*RU, store_exists=True)


def test_a_hub_model_needs_its_revision(refused):
    message = refused(*RU, "--set", "architectures.source.model=naver/splade-v3")
    advice = "if it is a hub model, add its pinned revision (--set architectures.source.revision=COMMIT)"
    assert f"'naver/splade-v3' does not exist here; {advice}" in message


def test_what_is_given_twice_or_not_at_all(refused):
    assert "languages: ru is given twice" in refused("--languages", "ru", "ru")
    assert "alphas: 4.0 is given twice" in refused(*RU, "--alphas", "4", "4.0")
    assert "option 'regimes'" in refused(*RU, "--set", "regimes=[]")
    assert "bm25 has no settings" in refused(*RU, "--set", "settings.bm25.k1=1")
    assert "settings.sembridge.alpha is set by the grid; use the option alphas instead" in refused(
        *RU, "--set", "settings.sembridge.alpha=2"
    )


def test_the_row_dense_needs_a_bridge_that_is_a_dense_encoder(refused, broken):
    dense = (*RU, "--initializers", "dense", "base")
    assert "'dense' is a bridge and the preset has none; add --set bridges.NAME.model=FOLDER" in refused(
        *dense, "--set", "bridges={}"
    )
    assert "dense has no settings" in refused(*dense, "--set", "settings.dense.k=1")
    assert "source' is not a dense encoder: it has no modules.json" in refused(
        *dense, "--set", f"bridges.bridge.model={broken}/source"
    )
    config = broken / "bridge" / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "SparseEncoder"}))
    assert (
        "bridges.bridge: " in (message := refused(*dense, data=broken))
        and "is not a dense encoder but a SparseEncoder" in message
    )


def test_fine_tuning_needs_training_pairs(refused, broken):
    (broken / "collections" / "ru" / "qrels" / "train.tsv").unlink()
    assert "has no training pairs; add qrels/train.tsv, or leave fine-tuned out" in refused(*RU, data=broken)


def test_files_cut_off_by_a_broken_download_are_named(refused, broken):
    config = broken / "source" / "config.json"
    config.write_text(config.read_text()[:40])
    assert "config.json is not JSON (" in refused(*RU, data=broken)


def test_a_damaged_tokenizer_is_named(refused, broken):
    tokenizer = broken / "tokenizers" / "ru" / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes()[:100])
    assert "tokenizer.json is not JSON (" in refused(*RU, data=broken)


def test_names_that_would_share_a_file_or_be_too_long_for_one(refused, command, own_data):
    """All ways that happens: tests/results/test_file_names.py."""

    def encoders(*names):
        return [
            "--initializers",
            "mean",
            *(part for name in names for part in ("--set", f"architectures.{name}.model={own_data / 'source'}")),
        ]

    message = refused(*RU, *encoders("x/y", "x--y"))
    pair, file = "architecture 'x/y' and architecture 'x--y'", "ru_x--y_own_mean_zero-shot_s42.run"
    assert f"{pair} would share the file name '{file}': rename one of them" in message
    collection = f"collections.{'ж' * 70}.folder={own_data / 'collections'}/{{language}}"
    assert "make a file name of 267 bytes, 242 are possible; give shorter names" in refused(
        *RU, *encoders("x" * 100), "--set", collection
    )
    curves = ["--languages", "ru", "en", "--set", "training.points=2"]
    assert "architecture 'source_ru' would share the file name 'own_convergence_source_ru.tex'" in refused(
        *curves, *encoders("source_ru")
    )
    for without in ([*curves, "--regimes", "zero-shot"], curves[:3]):
        assert command(*without, *encoders("source_ru"), "--dry-run")[0] == 0, "without curves there are no such tables"
