"""A transplanted encoder is an ordinary folder: a process without this library reads it and scores the same bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.pipeline import transfer
from tests.helpers.families_made import (
    FAMILIES,
    Copying,
    batch_of,
    new_ids,
    renumbered,
    represented,
    russian,
    source_tokenizer,
    texts,
)
from tests.helpers.fresh_process import run_fresh

READER = """
import json, os, sys
import numpy as np, torch
from sentence_transformers import SparseEncoder
from transformers import AutoModelForMaskedLM, AutoTokenizer
torch.set_num_threads(1)  # as here: the number of threads decides how sums are cut
folder, given = sys.argv[1], json.load(open(sys.argv[1] + "/texts.json", encoding="utf-8"))
for name in sys.argv[2:]:
    encoder = SparseEncoder(f"{folder}/{name}", device="cpu")
    weights = encoder.encode_document(given, batch_size=16, convert_to_sparse_tensor=False).numpy()
    queries = encoder.encode_query(given, batch_size=16, convert_to_sparse_tensor=False).numpy()
    routed = os.path.isdir(f"{folder}/{name}/document_0_Transformer")
    document = encoder[0].sub_modules["document"][0] if routed else encoder[0]
    place = f"{folder}/{name}/document_0_Transformer" if routed else f"{folder}/{name}"
    tokenizer = AutoTokenizer.from_pretrained(place)
    model = AutoModelForMaskedLM.from_pretrained(place).eval()
    batch = tokenizer(given[:16], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits.numpy()
    sizes = [document.max_seq_length, encoder.get_embedding_dimension()]
    about = [*sizes, sorted(document.preprocess(["a"])), sorted(batch), tokenizer.padding_side]
    np.savez(f"{folder}/{name}.npz", weights=weights, queries=queries, logits=logits, about=json.dumps(about))
assert "sembridge" not in sys.modules
"""


def test_reloaded_in_another_process_it_scores_bit_identically(folders, tmp_path):
    sentences = [*texts()[:30], "новый кот смотрит", "забывает пароль", "The cat, старый!"]
    (tmp_path / "texts.json").write_text(json.dumps(sentences), encoding="utf-8")
    cases = {f"{family}-{tied}": (family, tied, russian()) for family in FAMILIES for tied in (True, False)}
    cases["roberta-pad5"] = (
        "roberta",
        True,
        renumbered(source_tokenizer("roberta"), new_ids(source_tokenizer("roberta"), 5)),
    )
    cases["bert-left"] = ("bert", True, russian())
    cases["bert-left"][2].padding_side = "left"
    expected = {}
    for name, (family, tied, target) in cases.items():
        encoder = transfer(load_encoder(folders[family, tied]), target, Copying())
        encoder.save_pretrained(str(tmp_path / name), create_model_card=False)
        with torch.no_grad():
            logits = splade_modules(encoder).model(**batch_of(encoder, sentences[:16])).logits.numpy()
        names = sorted(set(splade_modules(encoder).tokenizer.model_input_names))
        weights, queries = represented(encoder, sentences), represented(encoder, sentences, side="query")
        expected[name] = (
            weights,
            queries,
            logits,
            splade_modules(encoder).transformer.max_seq_length,
            encoder.get_embedding_dimension(),
            names,
        )
    ran = run_fresh(["-c", READER, tmp_path, *cases], cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for name, (weights, queries, logits, length, dimension, names) in expected.items():
        with np.load(tmp_path / f"{name}.npz") as read:
            about = json.loads(str(read["about"]))
            assert read["weights"].tobytes() == weights.tobytes(), f"{name}: SparseEncoder"
            assert read["queries"].tobytes() == queries.tobytes(), f"{name}: queries"
            assert read["logits"].tobytes() == logits.tobytes(), f"{name}: AutoModelForMaskedLM"
            assert about[:2] == [length, dimension], name
            assert [n for n in about[2] if n in about[3]] == about[3] == names, (
                f"{name}: inputs of the reloaded tokenizer"
            )
            assert about[4] == "right"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reloaded_encoder_can_be_transplanted_again(family, folders, tmp_path):
    encoder, tokenizer = load_encoder(folders[family, True]), source_tokenizer(family)
    before = represented(encoder, texts())
    transfer(encoder, renumbered(tokenizer, new_ids(tokenizer, 5)), Copying()).save_pretrained(
        str(tmp_path), create_model_card=False
    )
    again = transfer(load_encoder(str(tmp_path)), tokenizer, Copying())
    assert represented(again, texts()).tobytes() == before.tobytes()
