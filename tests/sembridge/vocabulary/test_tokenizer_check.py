"""A tokenizer that transformers uses otherwise than its tokenizer.json says is refused, with both readings."""

from __future__ import annotations

import json
import re
import shutil
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from harness.plan.model_checks import check_contents, check_tokenizer
from harness.plan.preset import PresetError
from harness.store.artifact import Local
from sembridge.bridge import load_bridge
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.pipeline import transfer
from sembridge.vocabulary.tokenizer_check import check_reads_as_file
from tests.helpers.encoders_made import made_encoder_folder
from tests.helpers.families_made import family_folder, source_tokenizer
from tests.helpers.tokenizers_made import FURTHER_KINDS, KINDS, made_tokenizer

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["cafe", "café", "The", "the", "में", "म", "中", "文", "中文", "a", "##b", "-", "##-"]
ROLES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def wordpiece(**parts: Any) -> Tokenizer:
    """Return a WordPiece of MARKS and WORDS that splits at spaces and leaves texts as they are, but for `parts`."""
    vocabulary = {token: token_id for token_id, token in enumerate([*MARKS, *WORDS])}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    ids = [("[CLS]", 2), ("[SEP]", 3)]
    single, pair = "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
    backend.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    for name, part in parts.items():
        setattr(backend, name, part)
    return backend


def written(folder: Path, backend: Tokenizer, **config: Any) -> str:
    """Write a tokenizer folder, by default of the class BertTokenizer that reads as `wordpiece()` does."""
    folder.mkdir(exist_ok=True)
    backend.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False, **ROLES, **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return str(folder)


def test_a_folder_whose_class_and_file_agree(tmp_path):
    tokenizer = load_tokenizer(written(tmp_path, wordpiece()))
    assert type(tokenizer).__name__ == "BertTokenizer" and tokenizer("The café में")["input_ids"] == [2, 7, 6, 9, 3]


MISMATCHES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"do_lower_case": True}),
    ({}, {"strip_accents": True}),
    ({}, {"do_lower_case": True, "strip_accents": None}),
    ({}, {"tokenize_chinese_chars": False}),
    ({"normalizer": normalizers.Lowercase()}, {}),
    ({"normalizer": normalizers.NFD()}, {}),
    ({"pre_tokenizer": pre_tokenizers.WhitespaceSplit()}, {}),
    ({"post_processor": processors.TemplateProcessing(single="$A")}, {}),
]


@pytest.mark.parametrize(("parts", "config"), MISMATCHES)
def test_another_reading_is_refused_with_both_readings(tmp_path, parts, config):
    folder = written(tmp_path, wordpiece(**parts), **config)
    with pytest.raises(ValueError, match="BertTokenizer reads ") as error:
        load_tokenizer(folder)
    message = str(error.value)
    assert message.startswith(f"tokenizer '{folder}' is not used as its tokenizer.json says: ") and "\n" not in message
    assert (
        "; set tokenizer_class to PreTrainedTokenizerFast in its tokenizer_config.json to use tokenizer.json" in message
    )
    readings = re.search("reads (.*) as (.*), tokenizer.json as (.*?); set", message)
    assert readings is not None
    text, ours, theirs = map(literal_eval, readings.groups())
    # these are the readings of the two tokenizers, as transformers and tokenizers give them
    used, stored = AutoTokenizer.from_pretrained(folder), Tokenizer.from_file(f"{folder}/tokenizer.json")
    specials = "[CLS]" in ours
    assert used.convert_ids_to_tokens(used(text, add_special_tokens=specials)["input_ids"]) == ours.split()
    assert stored.encode(text, add_special_tokens=specials).tokens == theirs.split() != ours.split()


def test_a_word_shows_the_difference(tmp_path):
    with pytest.raises(ValueError, match=r": BertTokenizer reads 'The' as 'the', tokenizer\.json as 'The'; set token"):
        load_tokenizer(written(tmp_path, wordpiece(), do_lower_case=True))


@pytest.mark.parametrize(("parts", "config"), MISMATCHES)
def test_both_ways_out_work(tmp_path, parts, config):
    folder = written(tmp_path / "file", wordpiece(**parts), **config)
    expected, used = Tokenizer.from_file(f"{folder}/tokenizer.json"), AutoTokenizer.from_pretrained(folder)
    used.save_pretrained(tmp_path / "class")
    assert load_tokenizer(str(tmp_path / "class"))("The café-中文")["input_ids"] == used("The café-中文")["input_ids"]
    own = load_tokenizer(
        written(tmp_path / "file", wordpiece(**parts), **config, tokenizer_class="PreTrainedTokenizerFast")
    )
    assert own("The café-中文")["input_ids"] == expected.encode("The café-中文").ids


def test_tokens_that_only_the_class_adds_are_refused(tmp_path):
    folder = written(tmp_path, wordpiece(), tokenizer_class="RobertaTokenizer")
    with pytest.raises(
        ValueError, match=r"has '<s>' \(id 18\), '</s>' \(id 19\).*, tokenizer.json has no '<s>', no '</s>'"
    ):
        load_tokenizer(folder)


def test_a_class_that_cannot_read_the_file_is_refused(tmp_path):
    folder = written(tmp_path, wordpiece(), tokenizer_class="XLMRobertaTokenizer")
    with pytest.raises(
        ValueError, match=r"cannot be built by the class in .*\(TypeError: .*\); set tokenizer_class to Pre"
    ):
        load_tokenizer(folder)


def test_tokens_that_the_folder_declares_pass(tmp_path):
    added = {"18": {"content": "<new>", "special": True}, "19": {"content": "word", "special": False}}
    tokenizer = load_tokenizer(written(tmp_path / "decoder", wordpiece(), added_tokens_decoder=added))
    assert tokenizer("a<new>word", add_special_tokens=False)["input_ids"] == [14, 18, 19]
    extra = load_tokenizer(written(tmp_path / "extra", wordpiece(), additional_special_tokens=["<x>"]))
    assert extra.convert_tokens_to_ids("<x>") == 18
    plain = written(tmp_path / "file", wordpiece())
    (tmp_path / "file" / "added_tokens.json").write_text('{"<y>": 18}')
    load_tokenizer(plain)


def test_padding_and_truncation_may_differ_and_stay_as_they_are(tmp_path):
    backend = wordpiece()
    backend.enable_padding(length=7, pad_id=0, pad_token="[PAD]")
    backend.enable_truncation(5)
    folder = written(tmp_path, backend)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    before = tokenizer.backend_tokenizer.padding, tokenizer.backend_tokenizer.truncation
    check_reads_as_file(tokenizer, folder)
    assert (tokenizer.backend_tokenizer.padding, tokenizer.backend_tokenizer.truncation) == before != (None, None)


@pytest.mark.parametrize("language", ["english", "russian"])
@pytest.mark.parametrize("kind", [*KINDS, *FURTHER_KINDS])
def test_made_tokenizers_pass(tmp_path, kind, language):
    made_tokenizer(kind, language).save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path)).get_vocab() == made_tokenizer(kind, language).get_vocab()


def misread(folder: Path) -> None:
    """Make transformers lowercase and strip what the tokenizer.json of a folder does not."""
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": "BertTokenizer"}))


def test_encoders_are_refused_before_and_while_they_are_loaded(tmp_path):
    folder = made_encoder_folder(tmp_path)
    misread(folder)
    for refuse in (lambda: load_encoder(str(folder)), lambda: transfer(folder, made_tokenizer("wordpiece", "russian"))):
        with pytest.raises(ValueError, match=r"is not used as its tokenizer\.json says: BertTokenizer"):
            refuse()
    with pytest.raises(PresetError, match=r"^architectures\.x: tokenizer '.*' is not used as its tokenizer.json says"):
        check_contents("architectures.x", "encoder", Local(folder))


@pytest.mark.parametrize("side", ["document_0_Transformer", "query_0_SparseStaticEmbedding"])
def test_both_tokenizers_of_inference_free_encoders_are_checked(tmp_path, side):
    folder = Path(family_folder(tmp_path, "inference-free"))
    load_encoder(str(folder))
    check_contents("architectures.x", "encoder", Local(folder))
    backend = source_tokenizer("inference-free").backend_tokenizer
    backend.normalizer = normalizers.Sequence([])
    backend.save(str(folder / side / "tokenizer.json"))
    misread(folder / side)
    with pytest.raises(ValueError, match=f"tokenizer '.*/{side}' is not used as its tokenizer.json says"):
        load_encoder(str(folder))
    with pytest.raises(PresetError, match=f"/{side}' is not used as its tokenizer.json says"):
        check_contents("architectures.x", "encoder", Local(folder))


def bridge_folder(folder: Path, **settings: Any) -> Path:
    """Write a SentenceTransformer of a transformer and mean pooling."""
    from transformers import BertConfig, BertModel

    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=18, **size)).save_pretrained(folder / "body")
    written(folder / "body", wordpiece())
    body = Transformer(str(folder / "body"), **settings)
    SentenceTransformer(modules=[body, Pooling(8)]).save_pretrained(str(folder / "bridge"), create_model_card=False)
    return folder / "bridge"


def test_bridges_are_refused_before_and_while_they_are_loaded(tmp_path):
    folder = bridge_folder(tmp_path)
    assert load_bridge(str(folder)).tokenizer("The")["input_ids"] == [2, 7, 3]
    written(folder, wordpiece(), do_lower_case=True)
    with pytest.raises(ValueError, match=r"reads 'The' as 'the', tokenizer.json as 'The'"):
        load_bridge(str(folder))
    with pytest.raises(PresetError, match=r"^bridges\.b: tokenizer '.*' is not used as its tokenizer.json says"):
        check_contents("bridges.b", "bridge", Local(folder))


def test_lowercasing_by_sentence_transformers_is_declared_and_passes(tmp_path):
    folder = bridge_folder(tmp_path)
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    (folder / "sentence_bert_config.json").write_text(json.dumps({**settings, "do_lower_case": True}))
    assert load_bridge(str(folder)).tokenizer("The")["input_ids"] == [2, 8, 3]


def test_python_code_is_refused_before_it_is_loaded_with_advice_that_can_be_followed(tmp_path):
    folder = written(tmp_path, wordpiece(), tokenizer_class="BertJapaneseTokenizer")
    (tmp_path / "vocab.txt").write_text("\n".join([*MARKS, *WORDS]), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"is Python code \(BertJapaneseTokenizer\).*set tokenizer_class to PreTrained"
    ):
        load_tokenizer(folder)
    as_advised = written(tmp_path, wordpiece(), tokenizer_class="PreTrainedTokenizerFast")
    assert load_tokenizer(as_advised)("The")["input_ids"] == [2, 7, 3]
    written(tmp_path, wordpiece(), tokenizer_class="BertJapaneseTokenizer")
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"is Python code .*train_new_from_iterator"):
        load_tokenizer(folder)
    with pytest.raises(PresetError, match=r"has no tokenizer\.json; .* if that writes none, .* cannot be used: choose"):
        check_tokenizer("--languages ja", Local(tmp_path))


def test_a_tokenizer_can_be_trained_as_the_advice_says(tmp_path):
    start = PreTrainedTokenizerFast.from_pretrained(written(tmp_path / "start", wordpiece()))
    lines = ["東京 都 の 日本語", "東京 の 都"] * 20
    start.train_new_from_iterator(lines, 40, show_progress=False).save_pretrained(tmp_path / "own")
    assert "東" in load_tokenizer(str(tmp_path / "own")).get_vocab()


def test_own_code_beside_is_not_run(tmp_path):
    folder = written(tmp_path, wordpiece(), tokenizer_class="Mine", auto_map={"AutoTokenizer": ["mine.Mine", None]})
    with pytest.raises(
        ValueError, match=r"is Python code \(auto_map in its tokenizer_config.json\).*remove auto_map and"
    ):
        load_tokenizer(folder)
    shutil.rmtree(tmp_path)
    assert load_tokenizer(written(tmp_path, wordpiece(), tokenizer_class="PreTrainedTokenizerFast"))("The")


def renumber(folder: str, ids: dict[str, int]) -> None:
    file = Path(folder) / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["model"]["vocab"] |= ids
    file.write_text(json.dumps(content), encoding="utf-8")


def test_ids_that_two_tokens_share(tmp_path):
    folder = written(tmp_path, wordpiece())
    renumber(folder, {"the": 7})
    with pytest.raises(ValueError, match=r"gives the id 7 to 'The' and 'the'; give every token of its tokenizer\.json"):
        load_tokenizer(folder)


def test_ids_far_beyond_the_tokens(tmp_path):
    folder = written(tmp_path, wordpiece())
    renumber(folder, {"the": 1100})
    assert load_tokenizer(folder).convert_tokens_to_ids("the") == 1100
    renumber(folder, {"the": 2_000_000})
    with pytest.raises(ValueError, match=r"has 18 tokens, but ids up to 2,000,000 \('the'\), each of which would"):
        load_tokenizer(folder)


def test_an_unknown_token_that_is_not_there(tmp_path):
    folder = written(tmp_path, wordpiece(), unk_token="<unk>")
    with pytest.raises(
        ValueError, match=r"cannot read a text \(WordPiece error: Missing \[UNK\] token.*; check its unk_"
    ):
        load_tokenizer(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_files_that_are_not_json(tmp_path, name):
    folder = written(tmp_path, wordpiece())
    (tmp_path / name).write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"is not (valid )?JSON .*; get (the file|its files) again$") as error:
        load_tokenizer(folder)
    assert str(tmp_path) in str(error.value)
