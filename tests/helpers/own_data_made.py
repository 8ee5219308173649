"""A small real world on disk: encoder, tokenizers, bridge, collections, in the ordinary layouts, made in seconds."""

from pathlib import Path

import numpy as np

from harness.collections import beir

TOPICS = "apple river candle mountain window garden violin harbour lantern orchard copper meadow"
FOREIGN = "яблоко река свеча гора окно сад скрипка гавань фонарь роща медь луг"
TOPICS, FOREIGN = TOPICS.split(), FOREIGN.split()


def made_own_data(folder: Path) -> Path:
    """Write a folder in the layout of the preset own-data, languages ru and en."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import BertConfig, BertForMaskedLM

    from harness.pocket.tokenizers import wordpiece

    texts = {"en": _texts(TOPICS), "ru": _texts(FOREIGN)}
    for language, lines in texts.items():
        wordpiece(lines, 120, lowercase=True).save_pretrained(folder / "tokenizers" / language)
        (folder / "text").mkdir(exist_ok=True)
        (folder / "text" / f"{language}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        _collection(folder / "collections" / language, lines)
    source = wordpiece(texts["en"], 120, lowercase=True)
    source.save_pretrained(folder / "source")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        config = BertConfig(vocab_size=len(source), max_position_embeddings=64, **body, **no_dropout)
        model = BertForMaskedLM(config)
        model.get_input_embeddings().weight.data.normal_(std=0.3)
    model.save_pretrained(folder / "source")
    both = wordpiece([*texts["en"], *texts["ru"]], 200, lowercase=True).backend_tokenizer
    vectors = np.random.default_rng(0).standard_normal((both.get_vocab_size(), 16)).astype(np.float32)
    for english, russian in zip(TOPICS, FOREIGN, strict=True):
        for word in (english, russian):
            for piece in both.encode(word, add_special_tokens=False).ids:
                vectors[piece] = np.random.default_rng(TOPICS.index(english)).standard_normal(16)
    model = SentenceTransformer(modules=[StaticEmbedding(both, embedding_weights=vectors)])
    model.save_pretrained(str(folder / "bridge"), create_model_card=False)
    return folder


def _texts(words: list[str]) -> list[str]:
    return [
        f"{a} {b} 19{i:02d} {words[(i + j) % len(words)]}." for i, a in enumerate(words) for j, b in enumerate(words)
    ]


def _collection(folder: Path, lines: list[str]) -> None:
    documents = [(f"d{i:03d}", "", line) for i, line in enumerate(lines)]
    queries = [(f"q{i:03d}", " ".join(line.split()[:2])) for i, line in enumerate(lines[:40])]
    test = [(f"q{i:03d}", f"d{i:03d}", 1) for i in range(20)]
    train = [(f"q{i:03d}", f"d{i:03d}", 1) for i in range(20, 40)]
    beir.write(folder, documents, queries, test, train)
