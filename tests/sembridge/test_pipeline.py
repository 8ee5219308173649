"""The whole transfer in one call, from folders to a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.encoder.calibration import thresholds
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import source_rows
from sembridge.pipeline import make_task, transfer, with_tokenizers
from sembridge.semantic_bridge import SemBridge
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import (
    FAMILIES,
    Copying,
    decoder_bias,
    family_folder,
    represented,
    source_tokenizer,
    texts,
    with_marks,
)
from tests.helpers.tokenizers_made import english, made_tokenizer, russian


@pytest.fixture(scope="module")
def russian_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("russian")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return family_folder(tmp_path_factory.mktemp("bert"), "bert")


@pytest.mark.parametrize("family", FAMILIES)
def test_from_folder_to_folder(family, russian_folder, tmp_path):
    encoder = transfer(family_folder(tmp_path / "source", family), russian_folder, Copying())
    assert not encoder.training
    sentences = ["новый кот смотрит", "the old song"]
    before = represented(encoder, sentences)
    encoder.save_pretrained(str(tmp_path / "made"), create_model_card=False)
    assert represented(load_encoder(str(tmp_path / "made")), sentences).tobytes() == before.tobytes()


def test_sembridge_moves_meaning(bert_folder, russian_folder):
    """A Russian token with the bridge vector of an English one gets its row, its bias, and so its weight in a text."""
    encoder = load_encoder(bert_folder)
    target = with_marks(made_tokenizer("wordpiece", "russian", 350))
    asked = make_task(encoder, target)
    rng = np.random.default_rng(0)
    sides = [rng.standard_normal((len(side), 96)).astype(np.float32) for side in (asked.source, asked.target)]
    twin, donor = int(asked.missing[-1]), asked.source.tokens.index("cat")
    sides[1][twin] = 3 * sides[0][donor]
    bridge = BridgeVectors(*(TokenVectors(side, np.ones(len(side), dtype=bool)) for side in sides))
    rows, bias = (
        source_rows(encoder),
        splade_modules(encoder).model.get_output_embeddings().bias.detach().numpy().copy(),
    )
    transfer(encoder, target, SemBridge(bridge, alpha=4))
    assert np.array_equal(source_rows(encoder)[twin], rows[donor])
    assert splade_modules(encoder).model.get_output_embeddings().bias[twin].item() == bias[donor]
    weights = represented(encoder, ["cat кот", "song"])
    assert np.array_equal(weights[:, twin], weights[:, target.convert_tokens_to_ids("cat")])


def test_options_reach_the_question(bert_folder, russian_folder):
    seen = []

    @dataclass(frozen=True)
    class Watching(Copying):
        def __call__(self, asked):
            seen.append(asked)
            return super().__call__(asked)

    encoder = transfer(bert_folder, russian_folder, Watching(), bias="zero", overlap="exact", seed=5)
    assert seen[0].seed == 5 and set(seen[0].overlap.rule) <= {"", "role", "exact", "token"}
    assert seen[0].initializer_range == splade_modules(encoder).model.config.initializer_range == 0.02
    assert not splade_modules(encoder).model.get_output_embeddings().bias.any()
    transfer(bert_folder, russian_folder, Watching())
    assert seen[1].seed == 42 and {"case", "boundary"} & set(seen[1].overlap.rule)


def test_a_profile_decides_how_vocabularies_are_read_and_what_the_transplant_leaves(bert_folder, russian_folder):
    """RoBERTa-like defaults differ most, but the bias shows it in every family: compat leaves it at the source ids."""
    encoder = load_encoder(bert_folder)
    source, target = splade_modules(encoder).tokenizer, load_tokenizer(russian_folder)
    asked = make_task(encoder, target, profile="compat")
    assert asked.source.profile == asked.target.profile == "compat" and asked.donors.all()
    bias = splade_modules(encoder).model.get_output_embeddings().bias.detach().clone()
    transfer(encoder, target, Copying(), profile="compat")
    moved = splade_modules(encoder).model.get_output_embeddings().bias
    assert (
        torch.equal(moved[: len(bias)], bias[: len(moved)])
        and splade_modules(encoder).model.config.pad_token_id == source.pad_token_id
    )
    other = transfer(bert_folder, russian_folder, Copying(), profile="compat", bias="zero")
    assert not splade_modules(other).model.get_output_embeddings().bias.any(), "a policy that is given wins"


def test_donors(bert_folder, russian_folder):
    encoder, target = load_encoder(bert_folder), load_tokenizer(russian_folder)
    ordinary, everyone = make_task(encoder, target).donors, make_task(encoder, target, donors="all").donors
    specials = splade_modules(encoder).tokenizer.all_special_ids
    assert everyone[specials].all() and not ordinary[specials].any() and everyone.sum() > ordinary.sum()


def test_initializer_range_is_the_models(bert_folder):
    encoder = load_encoder(bert_folder)
    splade_modules(encoder).model.config.initializer_range = 0.5
    assert make_task(encoder, source_tokenizer("bert")).initializer_range == 0.5


def test_errors_come_before_the_work(bert_folder, russian_folder, tmp_path):
    @dataclass(frozen=True)
    class Refusing:
        name: ClassVar[str] = "refusing"

        def __call__(self, asked):
            raise AssertionError("not asked")

    for source, tokenizer in ((str(tmp_path / "none"), russian_folder), (str(tmp_path), russian_folder)):
        with pytest.raises(ValueError, match="model folder"):
            transfer(source, tokenizer, Refusing())
    with pytest.raises(ValueError, match="overlap 'loose' is unknown"):
        transfer(bert_folder, russian_folder, Refusing(), overlap="loose")


def test_tokenizers_are_handed_to_methods_that_want_them():
    @dataclass(frozen=True)
    class Wanting:
        name: ClassVar[str] = "wanting"
        tokenizer: Any = None
        source_tokenizer: Any = None
        target_tokenizer: Any = None
        other: Any = None

    source, target, own = object(), object(), object()
    filled = with_tokenizers(Wanting(), source, target)
    assert (filled.tokenizer, filled.source_tokenizer, filled.target_tokenizer, filled.other) == (
        target,
        source,
        target,
        None,
    )
    assert with_tokenizers(Wanting(tokenizer=own), source, target).tokenizer is own, "what was given stays"
    method = Copying()
    assert with_tokenizers(method, source, target) is method


def test_same_transfer_same_bits(bert_folder, russian_folder):
    first, second, other = (
        represented(transfer(bert_folder, russian_folder, Copying(), seed=seed), texts()[:5]) for seed in (1, 1, 2)
    )
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_question_counts_the_rows(bert_folder):
    encoder = load_encoder(bert_folder)
    splade_modules(encoder).tokenizer.add_tokens(["extra", "tokens"])
    size = len(source_rows(encoder))
    with pytest.raises(ValueError, match=f"ids up to {size + 1} but the embedding has only {size} rows"):
        make_task(encoder, source_tokenizer("bert"))
    assert replace(make_task(load_encoder(bert_folder), source_tokenizer("bert")), seed=1).missing.size == 0


def test_a_text_is_read_with_the_tokenizer_and_the_language_of_the_transfer(bert_folder, tmp_path):
    bridge = str(made_bridge_folder(tmp_path / "bridge", [*english(), *russian()]))
    (tmp_path / "ru.txt").write_text("\n".join(russian()), encoding="utf-8")
    made_tokenizer("wordpiece", "russian", 200).save_pretrained(tmp_path / "target")
    folders = bert_folder, str(tmp_path / "target")
    by_words = transfer(*folders, SemBridge(bridge, pieces="words", text=str(tmp_path / "ru.txt")), language="ru")
    again = transfer(*folders, SemBridge(bridge, pieces="words", text=str(tmp_path / "ru.txt")), language="ru")
    plain = transfer(*folders, SemBridge(bridge))
    rows = [source_rows(encoder) for encoder in (by_words, again, plain)]
    assert np.array_equal(rows[0], rows[1])
    assert 10 < (rows[0] != rows[2]).any(axis=1).sum() < len(rows[0])
    assert by_words.transfer_record.recipe.inputs["text"].name == "ru.txt"


def passages() -> list[str]:
    """Return different Russian and English texts."""
    words = ["новый", "кот", "смотрит", "пароль", "песня", "cat", "song", "the"]
    return [f"{words[i % 8]} {words[i // 8 % 8]} {words[i // 3 % 7]} {i}" for i in range(150)]


@dataclass(frozen=True)
class Calibrating(Copying):
    """A method that prefers a calibrated bias, and reads a text of its own."""

    bias: ClassVar[str] = "calibrated"
    text: Any = None


def bias_after(bert_folder: str, russian_folder: str, method: Any = None, **options: Any) -> tuple[np.ndarray, str]:
    """Return (the bias after a transfer, the policy that its record names)."""
    encoder = transfer(bert_folder, russian_folder, Copying() if method is None else method, **options)
    used = encoder.transfer_record.recipe.options["bias"]
    return decoder_bias(encoder), used


def test_a_bias_is_calibrated_on_passages_or_a_file_of_them(bert_folder, russian_folder, tmp_path):
    plain, _ = bias_after(bert_folder, russian_folder)
    calibrated, used = bias_after(bert_folder, russian_folder, bias="calibrated", text=passages())
    encoder = transfer(bert_folder, russian_folder, Copying())
    np.testing.assert_array_equal(calibrated, plain - thresholds(encoder, passages()))
    assert used == "calibrated" and (calibrated < plain).sum() > 10
    (tmp_path / "ru.txt").write_text("\ufeff" + "\n\n".join(passages()) + "\n", encoding="utf-8")
    of_file, _ = bias_after(bert_folder, russian_folder, bias="calibrated", text=tmp_path / "ru.txt")
    assert np.array_equal(of_file, calibrated)


def test_a_method_that_prefers_a_calibrated_bias_gets_it_where_there_is_a_text(bert_folder, russian_folder, tmp_path):
    plain, used = bias_after(bert_folder, russian_folder, Calibrating())
    assert used == "transfer"
    (tmp_path / "ru.txt").write_text("\n".join(passages()), encoding="utf-8")
    own, used = bias_after(bert_folder, russian_folder, Calibrating(tmp_path / "ru.txt"))
    assert used == "calibrated" and (own < plain).any()
    given, _ = bias_after(bert_folder, russian_folder, Calibrating(), text=passages())
    assert np.array_equal(given, own)
    for options in ({"bias": "transfer"}, {"profile": "compat"}):
        kept, used = bias_after(bert_folder, russian_folder, Calibrating(tmp_path / "ru.txt"), **options)
        assert used in ("transfer", "keep") and not np.array_equal(kept, own)


def test_text_and_bias_belong_together(bert_folder, russian_folder):
    with pytest.raises(ValueError, match="bias 'calibrated' needs text of the new language; add text="):
        transfer(bert_folder, russian_folder, Copying(), bias="calibrated")
    with pytest.raises(
        ValueError, match="text has no effect on bias 'transfer'; leave it out, or add bias='calibrated'"
    ):
        transfer(bert_folder, russian_folder, Copying(), text=passages())
