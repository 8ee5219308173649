"""The models of the paper's grid, tiny, with the files that they have on the hub, for `hub_double`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from harness.pocket.tokenizers import wordpiece
from sembridge.encoder.loading import load_encoder
from tests.helpers.families_made import family_folder
from tests.helpers.tokenizers_made import english

FOREIGN = {
    "ar": "معلم طبيب قطة محرك كلمة نافذة أغنية نهر جبل رسالة سؤال جواب سوق خبز ماء "
    "شتاء صيف حديقة جسر شارع محطة قطار تذكرة جزيرة مكتبة قارئ قصة صباح مساء صمت",
    "zh": "老师 医生 小猫 引擎 密码 窗户 歌曲 河流 高山 信件 问题 回答 市场 面包 清水 "
    "冬天 夏天 花园 大桥 街道 车站 火车 车票 岛屿 图书馆 读者 故事 早晨 晚上 寂静",
    "hi": "शिक्षक डॉक्टर बिल्ली इंजन पासवर्ड खिड़की गीत नदी पर्वत पत्र प्रश्न उत्तर बाज़ार रोटी पानी "
    "सर्दी गर्मी बगीचा पुल सड़क स्टेशन रेल टिकट द्वीप पुस्तकालय पाठक कहानी सुबह शाम मौन",
    "ko": "교사 의사 고양이 엔진 비밀번호 창문 노래 강물 산맥 편지 질문 대답 시장 빵집 바다 "
    "겨울 여름 정원 다리 거리 역전 기차 표지 섬나라 도서관 독자 이야기 아침 저녁 침묵",
    "ru": "учитель врач кот двигатель пароль окно песня река гора письмо вопрос ответ рынок хлеб вода "
    "зима лето сад мост улица станция поезд билет остров библиотека читатель рассказ утро вечер тишина",
}
SHARED = "cat window song train 7 19"  # words of both vocabularies, as real text has them
POOLING = {"cls": "cls", "mean": "mean", "last": "lasttoken"}


def texts(language: str, count: int = 160) -> list[str]:
    """Return distinct sequences of eight words; Russian ones for a language that FOREIGN lacks."""
    words = f"{FOREIGN.get(language, FOREIGN['ru'])} {SHARED}".split()
    rng = np.random.default_rng(len(language) + ord(language[0]))
    return [f"{' '.join(rng.choice(words, size=7))} {number}" for number in range(count)]


def encoder(folder: Path, kind: str) -> dict[str, bytes]:
    """Return an encoder's files.

    kind  saved (with modules.json), plain (a masked LM alone), untied (plain, with its own decoder), roberta,
    distilbert,
          router (inference-free)
    """
    if kind == "router":
        family_folder(folder, "inference-free")
        shutil.rmtree(folder / "document")  # the folder that its module was read from
    elif kind == "roberta":
        family_folder(folder / "plain", "roberta")
        load_encoder(str(folder / "plain")).save_pretrained(str(folder / "saved"), create_model_card=False)
        shutil.rmtree(folder / "plain")
        folder = folder / "saved"
    elif kind == "distilbert":
        family_folder(folder, "distilbert")
    else:
        family_folder(folder / "plain", "bert", tied=kind != "untied")
        if kind == "saved":
            load_encoder(str(folder / "plain")).save_pretrained(str(folder / "saved"), create_model_card=False)
        folder = folder / ("saved" if kind == "saved" else "plain")
    return content(folder)


def tokenizer(folder: Path, language: str, *, fast: bool = True) -> dict[str, bytes]:
    """Return the files of a BERT of a language; without `fast` vocab.txt and settings, as older ones have them."""
    trained = wordpiece(texts(language), 240, lowercase=False)
    folder.mkdir(parents=True)
    config = '{"model_type": "bert", "architectures": ["BertForMaskedLM"], "pad_token_id": 0, "vocab_size": 240}'
    (folder / "config.json").write_text(config)
    if fast:
        trained.save_pretrained(folder)
    else:
        by_id = sorted(trained.get_vocab().items(), key=lambda entry: entry[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in by_id), encoding="utf-8")
        settings = '{"do_lower_case": false, "strip_accents": false, "tokenizer_class": "BertTokenizer"}'
        (folder / "tokenizer_config.json").write_text(settings)
    return content(folder) | {"pytorch_model.bin": b"pickled weights, which a tokenizer does not need"}


def bridge(folder: Path, pooling: str, languages: list[str], seed: int) -> dict[str, bytes]:
    """Return the files of a multilingual SentenceTransformer: a one-layer XLM-RoBERTa, pooling and Normalize.

    pooling  cls, mean or last
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    specials = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    text = f"{' '.join(english())} {SHARED} {' '.join(FOREIGN[language] for language in languages)}"
    characters, words = sorted(set(text.replace(" ", ""))), sorted({f"\u2581{word}" for word in text.split()})
    pieces = dict.fromkeys([*specials.values(), "\u2581", *characters, *words])
    backend = Tokenizer(models.Unigram([(piece, -float(len(piece) < 3)) for piece in pieces], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    marks = [("<s>", 0), ("</s>", 2)]
    backend.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=marks)
    fast: Any = PreTrainedTokenizerFast(tokenizer_object=backend, **specials, model_max_length=64)
    body = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sizes = {"vocab_size": len(fast), "max_position_embeddings": 68, "pad_token_id": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        XLMRobertaModel(XLMRobertaConfig(**body, **sizes, initializer_range=0.5)).save_pretrained(folder / "model")
    fast.save_pretrained(folder / "model")
    modules = [Transformer(str(folder / "model")), Pooling(16, pooling_mode=POOLING[pooling]), Normalize()]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "saved"), create_model_card=False)
    return content(folder / "saved")


def content(folder: Path) -> dict[str, bytes]:
    """Return a folder's files by relative name, and the card that every repository has."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return files | {"README.md": b"---\nlicense: apache-2.0\n---\n"}
