"""`sembridge-bench transfer` writes an ordinary encoder, the library's own: whole or not at all, always the same."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from baselines.focus import Focus
from baselines.gaussian import Multivariate, Univariate
from baselines.mean import Mean
from baselines.ofa import OFA
from baselines.random import Random
from baselines.vectors.aligned import aligned_subwords, read_dictionary
from baselines.vectors.fasttext import train_words
from baselines.wechsel import Wechsel
from sembridge import SemBridge
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.model_card.record import load_record
from sembridge.pipeline import transfer
from sembridge.registry import available_initializers
from sembridge.signet import Signet
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.families_made import decoder_bias, represented, texts
from tests.helpers.fresh_process import run_fresh
from tests.helpers.paths import ROOT

TEXTS = [*texts()[:12], "новый кот смотрит", "забывает пароль", "The cat, старый!"]
READER = """
import json, sys
import numpy as np, torch
from sentence_transformers import SparseEncoder
torch.set_num_threads(1)
folder, texts = sys.argv[1], json.loads(sys.argv[2])
for name in sys.argv[3:]:
    encoder = SparseEncoder(f"{folder}/{name}", device="cpu")
    encoders = (encoder.encode_query, encoder.encode_document)
    encoded = [encode(texts, batch_size=16, convert_to_sparse_tensor=False).numpy() for encode in encoders]
    np.save(f"{folder}/{name}.npy", np.stack(encoded))
assert not {"sembridge", "baselines", "harness"} & set(sys.modules)
"""


def content(folder):
    """Every file of a folder by its path in it."""
    return {os.path.relpath(path, folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def library(made, name):
    """The initializer as someone would build it in Python, from the same files."""
    small = {"buckets": 2000, "dimension": 16}
    if name == "wechsel":
        source, target = (
            Vocabulary.from_tokenizer(load_tokenizer(str(folder))) for folder in (made.source, made.target)
        )
        words = [
            train_words((line.lower().split() for line in text.read_text().splitlines()), **small).wv
            for text in (made.source_text, made.text)
        ]
        return Wechsel(aligned_subwords(*words, read_dictionary(made.dictionary), source, target))
    return {
        "sembridge": lambda: SemBridge(str(made.bridge)),
        "signet": lambda: Signet(str(made.bridge), text=made.text),
        "focus": lambda: Focus(made.text, **small),
        "ofa": lambda: OFA(made.words),
        "random": Random,
        "mean": Mean,
        "univariate": Univariate,
        "multivariate": Multivariate,
    }[name]()


def test_every_initializer_and_family_in_another_process(made, transferred, tmp_path):
    """Bit for bit the encoder that the library makes in memory, read by sentence-transformers alone."""
    assert set(available_initializers()) >= {
        "sembridge",
        "signet",
        "focus",
        "ofa",
        "random",
        "mean",
        "univariate",
        "multivariate",
    }
    cases = {name: (name, made.source) for name in available_initializers()}
    cases |= {family: ("sembridge", folder) for family, folder in made.sources.items()}
    expected = {}
    for case, (initializer, source) in cases.items():
        transferred(initializer, source=source, out=tmp_path / case)
        encoder = transfer(str(source), str(made.target), library(made, initializer))
        expected[case] = np.stack([represented(encoder, TEXTS, side=side) for side in ("query", "document")])
    ran = run_fresh(["-c", READER, tmp_path, json.dumps(TEXTS), *cases], cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for case, weights in expected.items():
        assert np.load(tmp_path / f"{case}.npy").tobytes() == weights.tobytes(), case
    assert (
        len({weights.tobytes() for weights in expected.values()}) == len({*available_initializers(), *made.sources}) - 1
    ), "bert is made once more by sembridge"


def test_options_reach_the_library(made, transferred, tmp_path):
    weights = {}
    for case, options, keywords, alpha in (
        ("plain", [], {}, 4.0),
        ("alpha", ["--alpha", "2"], {}, 2.0),
        ("set", ["--set", "alpha=2"], {}, 2.0),
        ("overlap", ["--alpha", "1.5", "--overlap", "exact"], {"overlap": "exact"}, 1.5),
        ("wide", ["--alpha", "1.5"], {}, 1.5),
        ("donors", ["--alpha", "1.5", "--donors", "all"], {"donors": "all"}, 1.5),
        ("bias", ["--bias", "zero"], {"bias": "zero"}, 4.0),
        ("compat", ["--profile", "compat"], {"profile": "compat"}, 4.0),
    ):
        actual = represented(load_encoder(str(transferred("sembridge", *options, out=tmp_path / case))), TEXTS)
        expected = represented(
            transfer(str(made.source), str(made.target), SemBridge(str(made.bridge), alpha), **keywords), TEXTS
        )
        assert actual.tobytes() == expected.tobytes(), case
        weights[case] = actual.tobytes()
    assert weights.pop("set") == weights["alpha"]
    same = [(one, other) for one in weights for other in weights if one < other and weights[one] == weights[other]]
    assert not same, "every other option changes something"
    for seed in (7, 8):
        actual = represented(
            load_encoder(str(transferred("univariate", "--seed", seed, out=tmp_path / f"seed {seed}"))), TEXTS
        )
        weights[f"seed {seed}"] = actual.tobytes()
        assert (
            actual.tobytes()
            == represented(transfer(str(made.source), str(made.target), Univariate(), seed=seed), TEXTS).tobytes()
        )
    assert weights["seed 7"] != weights["seed 8"]


def test_queries_counted_in_a_text(made, transferred):
    from sembridge.encoder.idf import idf

    folder = transferred("mean", "--idf-text", made.text, source=made.sources["inference-free"])
    encoder, tokenizer = load_encoder(str(folder)), load_tokenizer(str(made.target))
    expected = idf(made.text.read_text(encoding="utf-8").splitlines(), tokenizer, len(tokenizer))
    token = tokenizer.convert_tokens_to_ids("кот")
    assert represented(encoder, ["кот"], side="query")[0, token] == expected[token] > 0
    assert "idf text" in (folder / "README.md").read_text(encoding="utf-8")


def test_what_a_person_sees(made, tmp_path, monkeypatch):
    """Through the real entry, in a folder of one's own, with relative names."""
    arguments = [
        "transfer",
        made.source,
        "--tokenizer",
        made.target,
        "--bridge",
        made.bridge,
        "--out",
        "encoders/my ru",
        "--language",
        "ru",
    ]
    ran = run_fresh(["-m", "harness.cli.main", *arguments], tmp_path, os.environ | {"PYTHONPATH": str(ROOT)})
    assert ran.returncode == 0 and ran.stderr == "", ran.stderr
    record = load_record(tmp_path / "encoders" / "my ru")
    counts = record.counts()
    assert f"{counts['copied']:,} copied" in ran.stdout and f"{counts['mixed']:,} mixed" in ran.stdout
    assert f"{record.mean_support():.1f} source tokens each" in ran.stdout
    assert record.target.shown[record.weakest(1)[0]] in ran.stdout
    explain = re.search(r"sembridge-bench (explain .*)", ran.stdout)[1]
    program = re.search(r"Use it in Python: +(.*)", ran.stdout)[1]
    assert explain == "explain 'encoders/my ru' --worst 20"
    monkeypatch.chdir(tmp_path)
    exec(program, namespace := {})
    assert namespace["encoder"].get_embedding_dimension() == len(record)


def test_the_command_is_installed_under_its_name():
    import tomllib

    from harness.cli.main import main

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, name = scripts["sembridge-bench"].split(":")
    assert getattr(__import__(module, fromlist=[name]), name) is main


@pytest.mark.parametrize("initializer", ["sembridge", "univariate"])
def test_same_command_same_bytes(transferred, initializer, tmp_path):
    first, second = (
        content(transferred(initializer, "--language", "ru", out=tmp_path / place / "ru")) for place in "ab"
    )
    assert first == second
    assert {"README.md", "transfer.json", "transfer.safetensors", "model.safetensors", "tokenizer.json"} <= set(first)


def test_nothing_of_this_machine_is_written(made, transferred, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_this_is_a_secret")
    for initializer in ("sembridge", "focus", "ofa"):
        for name, data in content(transferred(initializer, "--force")).items():
            for private in (str(made.root), str(made.root.parent), "hf_this_is_a_secret"):
                assert private.encode() not in data, (initializer, name, private)


def test_files_are_as_readable_as_the_umask_says(transferred):
    folder = transferred("mean")
    mask = os.umask(0)
    os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o666 & ~mask}


def test_an_encoder_is_replaced_whole_or_not_at_all(made, command, transferred, monkeypatch, tmp_path):
    from sembridge.model_card.record import TransferRecord

    out = transferred("mean")
    (out / "notes.txt").write_text("of the first", encoding="utf-8")
    before = content(out)

    def fail(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(TransferRecord, "save", fail)
        code, _, err = command(
            "transfer", made.source, "--tokenizer", made.target, "--initializer", "random", "--out", out, "--force"
        )
        assert (code, err) == (1, "error: No space left on device (nothing was written)\n")
        assert content(out) == before and os.listdir(tmp_path) == ["out"]
        patch.undo()
        replaced = os.replace
        patch.setattr(os, "replace", lambda old, new: fail() if str(old).endswith(".new") else replaced(old, new))
        code, _, err = command(
            "transfer", made.source, "--tokenizer", made.target, "--initializer", "random", "--out", out, "--force"
        )
        assert code == 1 and content(out) == before and os.listdir(tmp_path) == ["out"], "the old one is put back"
        patch.undo()
        patch.setattr(TransferRecord, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        code, _, err = command(
            "transfer", made.source, "--tokenizer", made.target, "--initializer", "random", "--out", tmp_path / "new"
        )
        assert code == 130 and "interrupted" in err and os.listdir(tmp_path) == ["out"]
    after = content(transferred("random", "--force", out=out))
    assert "notes.txt" not in after and after["model.safetensors"] != before["model.safetensors"]
    assert os.listdir(tmp_path) == ["out"]


def test_failures_on_the_way_are_one_line(made, command, tmp_path):
    (tmp_path / "short.txt").write_text("кот\n", encoding="utf-8")
    arguments = [
        "transfer",
        made.source,
        "--tokenizer",
        made.target,
        "--initializer",
        "focus",
        "--text",
        tmp_path / "short.txt",
        "--out",
        tmp_path / "o",
    ]
    code, _, err = command(*arguments)
    assert code == 1 and re.fullmatch(r"error: no token occurs 10 times .* \(nothing was written\)\n", err)
    assert os.listdir(tmp_path) == ["short.txt"]


@pytest.mark.parametrize(
    ("which", "file", "message"),
    [
        ("bert", "model.safetensors", r"SOURCE: .*/bert/model.safetensors is not a safetensors file, .*; get the .*"),
        ("bridge", "model.safetensors", r"--bridge: .*/bridge/model.safetensors is not a safetensors file, .*"),
        ("bridge", "modules.json", r"--bridge: .*/bridge/modules.json is not valid JSON \(.*\); get the file again"),
    ],
)
def test_damaged_files_are_named(made, command, tmp_path, which, file, message):
    import shutil

    folders = {"bert": made.source, "bridge": made.bridge}
    folders[which] = Path(shutil.copytree(folders[which], tmp_path / which))
    (folders[which] / file).write_text("{oops", encoding="utf-8")
    arguments = [
        "transfer",
        folders["bert"],
        "--tokenizer",
        made.target,
        "--bridge",
        folders["bridge"],
        "--out",
        tmp_path / "out",
    ]
    code, _, err = command(*arguments)
    assert code == 2 and re.fullmatch(rf"error: {message}\n", err), err
    assert not (tmp_path / "out").exists()


def test_a_bridge_prompt_reaches_the_bridge(transferred, tmp_path):
    plain, prompted = (
        transferred("sembridge", *options, out=tmp_path / name)
        for name, options in (("a", []), ("b", ["--bridge-prompt", "song: "]))
    )
    assert (plain / "model.safetensors").read_bytes() != (prompted / "model.safetensors").read_bytes()
    assert "| bridge prompt | `'song: '` |" in (prompted / "README.md").read_text(encoding="utf-8")


def test_words_of_the_bridge_stand_in_for_word_vectors_as_in_a_grid(made, command, tmp_path):
    arguments = ["transfer", made.source, "--tokenizer", made.target, "--initializer", "ofa", "--out", tmp_path / "out"]
    code, out, err = command(*arguments, "--bridge", made.bridge, "--text", made.text)
    assert code == 0, err
    assert "words      bridge, ru.txt: vectors of words become vectors of tokens" in out
    assert "ofa (bridge vectors)" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["out"]


def test_pieces_are_placed_by_the_words_of_a_text(made, command, tmp_path):
    arguments = ["transfer", made.source, "--tokenizer", made.target, "--initializer", "sembridge"]
    arguments += ["--bridge", made.bridge, "--language", "ru", "--set", "pieces=words", "--force", "--out"]
    code, out, err = command(*arguments, tmp_path / "out", "--text", made.text)
    assert code == 0 and "bridge     bridge, ru.txt: vectors of the tokens" in out, err + out
    words = load_record(tmp_path / "out")
    assert words.recipe.parameters["pieces"] == "words" and words.recipe.label == "sembridge (pieces by words)"
    assert set(words.recipe.inputs) == {"bridge", "text"} and "without --text" not in out
    code, out, err = command(*arguments, tmp_path / "own")
    assert code == 0 and "without --text pieces keep the vectors of their own texts" in out, err + out
    own = load_record(tmp_path / "own")
    assert set(own.recipe.inputs) == {"bridge"}
    differs = [token for token in range(len(own)) if own.donors_of(token) != words.donors_of(token)]
    assert differs and all(own.origin[token] == words.origin[token] == "mixed" for token in differs)


def test_the_bias_is_calibrated_on_a_text(made, command, tmp_path):
    arguments = ["transfer", made.source, "--tokenizer", made.target, "--force", "--initializer"]
    code, out, err = command(
        *arguments, "mean", "--bias", "calibrated", "--text", made.text, "--out", tmp_path / "mean"
    )
    assert code == 0 and "bias       calibrated on the text" in out, err + out
    record = load_record(tmp_path / "mean")
    assert record.recipe.options["bias"] == "calibrated" and set(record.recipe.inputs) == {"text"}
    library = transfer(made.source, made.target, Mean(), bias="calibrated", text=Path(made.text))
    written = load_encoder(str(tmp_path / "mean"))
    assert np.array_equal(decoder_bias(written), decoder_bias(library))
    signet = [*arguments, "signet", "--bridge", made.bridge, "--language", "ru", "--out", tmp_path / "signet"]
    code, out, err = command(*signet, "--text", made.text)
    assert code == 0 and load_record(tmp_path / "signet").recipe.options["bias"] == "calibrated", err + out
    assert load_record(tmp_path / "signet").recipe.parameters["own"] == 1.0
    code, out, err = command(*signet)
    assert code == 0 and "with --text FILE it would be calibrated" in out, err + out
    recipe = load_record(tmp_path / "signet").recipe
    assert recipe.options["bias"] == "transfer" and recipe.parameters["own"] is None
    code, out, err = command(*arguments, "mean", "--bias", "calibrated", "--out", tmp_path / "none")
    assert code == 2 and "--bias calibrated needs text of the new language: add --text FILE" in err
    code, out, err = command(*arguments, "mean", "--text", made.text, "--out", tmp_path / "none")
    assert code == 2 and "does not use --text" in err and not (tmp_path / "none").exists()


def test_a_bar_where_somebody_watches(made, command, tmp_path, monkeypatch):
    arguments = ["transfer", made.source, "--tokenizer", made.target, "--bridge", made.bridge, "--out"]
    assert command(*arguments, tmp_path / "log")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "Batches: 100%" in command(*arguments, tmp_path / "terminal")[2]


def test_parts_of_the_pocket(made, command, tmp_path, monkeypatch):
    """The pocket's stages are replaced: here it matters where parts are kept, and what the card calls them."""
    import dataclasses
    import shutil

    from harness.pocket import names

    def build(out, parameters, inputs):
        shutil.copytree(
            made.source if "family" in parameters else made.target,
            out if "family" in parameters else out / "ru",
            dirs_exist_ok=True,
        )

    for name in ("POCKET_TEXT", "POCKET_TOKENIZERS", "POCKET_ENCODER"):
        monkeypatch.setattr(names, name, dataclasses.replace(getattr(names, name), build=build))
    arguments = [
        "transfer",
        "pocket:encoders/bert",
        "--tokenizer",
        "pocket:tokenizers/ru",
        "--initializer",
        "mean",
        "--store",
        tmp_path / "kept",
    ]
    code, out, err = command(*arguments, "--out", tmp_path / "out")
    assert code == 0, err
    assert "pocket:encoders/bert is built for the store" in out and (tmp_path / "kept" / "STORE.json").is_file()
    assert "is built" not in command(*arguments, "--out", tmp_path / "again")[1]
    assert "| source | `pocket:encoders/bert` |" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
