"""Model folders, tokenizers and word vectors that are damaged, of another kind or unsafe are refused before loading.

The folders are only as whole as the checks look; ordinary refusals are in tests/cli and tests/grid.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

CONFIG = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 3}
SETTINGS = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """A model folder with some files replaced (text, bytes, JSON) or left out (None)."""

    def make(name: str = "model", **changes: object) -> Path:
        folder = tmp_path / name
        cuts = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1, "[UNK]": 2}, unk_token="[UNK]")).to_str()
        files = {
            "config.json": CONFIG,
            "tokenizer_config.json": SETTINGS,
            "tokenizer.json": cuts,
            "model.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
        }
        files |= {key.replace("__", "."): value for key, value in changes.items()}
        for file, content in files.items():
            if content is not None:
                path = folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(
                    content
                    if isinstance(content, bytes)
                    else (content if isinstance(content, str) else json.dumps(content)).encode()
                )
        return folder

    return make


SOURCES: list[tuple[dict[str, object], str]] = [
    ({"config__json": None}, "has no config.json; a masked-LM folder has"),
    ({"config__json": b"\xff{}"}, "config.json is not JSON (byte 1 is not UTF-8); get the file again"),
    ({"config__json": "{'model_type': 'bert'}"}, "config.json is not JSON (Expecting property name"),
    ({"config__json": "[" * 100_000}, "config.json is not JSON (nested too deep); get the file again"),
    ({"config__json": '{"vocab_size": ' + "9" * 5000 + "}"},
     "config.json is not JSON (a number has thousands of digits)"),
    ({"config__json": "[]"}, "config.json holds no JSON object"),
    ({"config__json": "7"}, "config.json holds no JSON object"),
    ({"config__json": CONFIG | {"architectures": 3}}, "is not a masked LM (architectures: none)"),
    ({"config__json": CONFIG | {"architectures": [3, None]}}, "is not a masked LM (architectures: none)"),
    ({"config__json": CONFIG | {"architectures": "BertForMaskedLM"}}, "is not a masked LM (architectures: none)"),
    ({"config__json": CONFIG | {"architectures": ["BertForSequenceClassification"]}},
     "is not a masked LM (architectures: BertForSequence"),
    (
        {"config__json": CONFIG | {"model_type": "mine", "auto_map": {"AutoModelForMaskedLM": "modeling.Mine"}}},
        "is code of its own (auto_map in its config.json), which is not run",
    ),
    ({"model__safetensors": None}, "has no .safetensors file; convert its weights, pickled weights are not loaded"),
    ({"model__safetensors": None, "pytorch_model.bin": b"cos\nsystem\n"}, "pickled weights are not loaded"),
    ({"model__safetensors": None, "model.pt": b"x", "model.ckpt": b"x"}, "pickled weights are not loaded"),
    ({"generation_config__json": "{cut o"}, "generation_config.json is not JSON (Expecting"),
    ({"router_config__json": {"types": {"../../other": "x.Transformer"}}},
     "has a module in '../../other', outside of the model's folder"),
    ({"router_config__json": {"types": {"/etc": "x.Transformer"}}},
     "has a module in '/etc', outside of the model's folder"),
    ({"router_config__json": {"types": ["x"]}}, "router_config.json names no modules under types"),
    ({"router_config__json": [1]}, "router_config.json holds no JSON object"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), SOURCES, ids=[f"{number}" for number in range(len(SOURCES))])
def test_sources(refused, model, tmp_path, changes, message):
    assert message in refused("transfer", model(**changes), "--tokenizer", model("target"), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


TOKENIZERS: list[tuple[dict[str, object], str]] = [
    ({"tokenizer__json": None}, "has no tokenizer.json; save the tokenizer with transformers' save_pretrained"),
    ({"tokenizer__json": "{}"}, "tokenizer.json is not a tokenizer (Model missing"),
    ({"tokenizer__json": "[]"}, "tokenizer.json is not a tokenizer ("),
    ({"tokenizer__json": b'{"model"'}, "tokenizer.json is not JSON (Expecting ':' delimiter"),
    ({"tokenizer__json": b"\x80\x04K\x01."}, "tokenizer.json is not JSON (byte 1 is not UTF-8)"),
    (
        {"tokenizer__json": {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}},
        "tokenizer.json is not a tokenizer (",
    ),
    (
        {"tokenizer__json": {"model": {"type": "WordLevel", "vocab": {"a": -1}, "unk_token": "a"}}},
        "tokenizer.json is not a tokenizer (",
    ),
    ({"tokenizer_config__json": {}}, "has no pad token; set pad_token in its tokenizer_config.json"),
    ({"tokenizer_config__json": "[]"}, "tokenizer_config.json holds no JSON object; get the file again"),
    ({"tokenizer_config__json": "null"}, "tokenizer_config.json holds no JSON object"),
    ({"special_tokens_map__json": "3"}, "special_tokens_map.json holds no JSON object"),
]


@pytest.mark.parametrize(("changes", "message"), TOKENIZERS, ids=[f"{number}" for number in range(len(TOKENIZERS))])
def test_tokenizers(refused, model, tmp_path, changes, message):
    said = refused("transfer", model(), "--tokenizer", model("target", **changes), "--out", tmp_path / "out")
    assert message in said and "--tokenizer" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--initializer", "../../x"], "--initializer '../../x' is unknown; known: "),
        (["--alpha", "nan"], "--alpha nan is not a finite number; give one from 1 on"),
        (["--alpha", "inf"], "--alpha inf is not a finite number"),
        (["--alpha", "four"], "argument --alpha: invalid alpha value: 'four'"),
        (["--set", "top_k=.nan"], "has no parameter 'top_k'"),
        (["--language", "ko\n"], "--language 'ko\\n' is not a language code"),
        (["--language", "../x"], "--language '../x' is not a language code"),
        (["--seed", "1e3"], "argument --seed: invalid int value: '1e3'"),
        (["--bridge", "a/b/c"], "--bridge 'a/b/c' does not exist here; check the path, or give a hub id as OWNER/NAME"),
        (["--bridge", "../b"], "--bridge '../b' does not exist here"),
        (["--text", "/dev/zero"], "--text '/dev/zero' is not a file; check the path"),
        (["--text", "/"], "--text '/' is not a file"),
        (["--store", "/dev/null/x", "--tokenizer", "pocket:../../x"], "the pocket has no '../../x'; known: bridge"),
        (["--out", "/dev/null"], "--out '/dev/null' is a file; choose a folder"),
        (["--out", "/dev/null/x"], "--out '/dev/null/x' cannot be written: /dev/null is a file"),
        (["--out", "/"], "--out '/' holds 'model', which the transfer reads; choose another folder"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)
def test_options_of_a_transfer(refused, model, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)  # what lies beside the checkout is not read
    given = {"--tokenizer": model("target"), "--out": tmp_path / "out"} | dict(
        zip(arguments[::2], arguments[1::2], strict=True)
    )
    assert message in refused("transfer", model(), *(part for pair in given.items() for part in pair))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cat\xff\tx\n", "is not UTF-8 text"),
        (b"cat katze\n", "line 1: expected a source word, a tab and a target word, found 'cat katze'"),
        (b"cat\tkatze\nhund\t\n", "line 2: expected a source word"),
        (b"a\tb\tc\n", "line 1: expected a source word"),
        (b"\n\n", "is empty"),
    ],
)
def test_dictionaries(tmp_path, content, message):
    from baselines.vectors.aligned import read_dictionary

    (tmp_path / "dictionary.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=r"dictionary\.tsv") as error:
        read_dictionary(tmp_path / "dictionary.tsv")
    assert message in str(error.value) and "\n" not in str(error.value)


MAGIC = struct.pack("@i", 793_712_314)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a fastText model"),
        (b"word 1 2 3\n", "is not a fastText model"),
        (MAGIC, "cannot be read as fastText word vectors"),
        (MAGIC + struct.pack("@i", 12) + b"\x7f" * 400, "cannot be read as fastText word vectors"),
        (MAGIC + struct.pack("@i", 12) + b"\xff" * 400, "cannot be read as fastText word vectors"),
    ],
)
def test_fasttext_models(tmp_path, content, message):
    from baselines.vectors import fasttext

    (tmp_path / "cc.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"cc\.bin") as error:
        fasttext.load(tmp_path / "cc.bin")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_modules_of_a_reference_stay_in_its_folder(model):
    from harness.references.sparse_models import check_sparse

    for path in ("../../other", "/etc", "a/../../b"):
        outside = [{"idx": 0, "name": "0", "path": path, "type": "sentence_transformers.models.Transformer"}]
        with pytest.raises(
            ValueError, match=r"has a module in .*, outside of its folder; get the model again from its maker"
        ):
            check_sparse(str(model(modules__json=outside)))
    for content in ("{}", "[3]", "7"):
        with pytest.raises(ValueError, match=r"modules\.json"):
            check_sparse(str(model(modules__json=content)))
