"""The models that the paper's grid names, tiny, with the files they have on the hub, for `hub_double`."""

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
}  # fmt: skip
SHARED = "cat window song train 7 19"  # what both vocabularies have, as real text does
POOLING = {"cls": "cls", "mean": "mean", "last": "lasttoken"}


def texts(language: str, count: int = 160) -> list[str]:
    """Sequences of eight words, all different; of a language that FOREIGN lacks in Russian."""
    words = f"{FOREIGN.get(language, FOREIGN['ru'])} {SHARED}".split()
    rng = np.random.default_rng(len(language) + ord(language[0]))
    return [f"{' '.join(rng.choice(words, size=7))} {number}" for number in range(count)]


def encoder(folder: Path, kind: str) -> dict[str, bytes]:
    """kind: saved (with modules.json), plain (a masked LM alone), untied (plain, its decoder apart), roberta, distilbert, router (inference-free)."""
    if kind == "router":
        family_folder(folder, "inference-free")
        shutil.rmtree(folder / "document")  # what it was made of
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
    """The repository of a BERT of a language. Without `fast` it has no tokenizer.json: vocab.txt and a few settings, as older ones do."""
    made = wordpiece(texts(language), 240, lowercase=False)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        '{"model_type": "bert", "architectures": ["BertForMaskedLM"], "pad_token_id": 0, "vocab_size": 240}'
    )
    if fast:
        made.save_pretrained(folder)
    else:
        by_id = sorted(made.get_vocab().items(), key=lambda entry: entry[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in by_id), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(
            '{"do_lower_case": false, "strip_accents": false, "tokenizer_class": "BertTokenizer"}'
        )
    return content(folder) | {"pytorch_model.bin": b"pickled weights, which a tokenizer does not need"}


def bridge(folder: Path, pooling: str, languages: list[str], seed: int) -> dict[str, bytes]:
    """A multilingual SentenceTransformer: an XLM-RoBERTa of one layer, pooling (cls, mean, last) and a Normalize, as modules.json says."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    specials = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    known = f"{' '.join(english())} {SHARED} {' '.join(FOREIGN[language] for language in languages)}"
    pieces = [
        *specials.values(),
        "\u2581",
        *sorted(set(known.replace(" ", ""))),
        *sorted({f"\u2581{word}" for word in known.split()}),
    ]
    backend = Tokenizer(models.Unigram([(piece, -float(len(piece) < 3)) for piece in dict.fromkeys(pieces)], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    words: Any = PreTrainedTokenizerFast(tokenizer_object=backend, **specials, model_max_length=64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = XLMRobertaConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                                  max_position_embeddings=68, pad_token_id=1, initializer_range=0.5)  # fmt: skip
        XLMRobertaModel(config).save_pretrained(folder / "model")
    words.save_pretrained(folder / "model")
    modules = [Transformer(str(folder / "model")), Pooling(16, pooling_mode=POOLING[pooling]), Normalize()]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "saved"), create_model_card=False)
    return content(folder / "saved")


def content(folder: Path) -> dict[str, bytes]:
    """A folder's files by relative name, with the card that every repository has."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return files | {"README.md": b"---\nlicense: apache-2.0\n---\n"}
