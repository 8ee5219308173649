"""Pieces take the mean of the words that contain them: small tokenizers of each kind, vectors computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sembridge.bridge import TokenVectors, embed_vocabulary, embed_words, load_bridge
from sembridge.bridging.counted_words import CountedWords, count_words
from sembridge.bridging.piece_vectors import Containment, embed_both, embed_by_words, place_pieces, word_means
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.tokenizers_made import KINDS, english, made_tokenizer, russian

ROOT_HALF = np.sqrt(0.5)


def fast(backend: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")


def wordpiece(*tokens: str) -> Any:
    backend = Tokenizer(models.WordPiece({token: i for i, token in enumerate(("[PAD]", "[UNK]", *tokens))}))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return fast(backend)


def unigram(*tokens: str) -> Any:
    pieces = [("[PAD]", 0.0), ("[UNK]", 0.0), *((token, -1.0) for token in tokens)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=1))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return fast(backend)


def byte_bpe(merges: list[tuple[str, str]]) -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["[PAD]", "[UNK]", *alphabet, *dict.fromkeys(a + b for a, b in merges)]
    backend = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return fast(backend)


def place(tokenizer: Any, words: dict[str, int], vectors: dict[str, list[float]], spaced: bool = True, own: Any = None):
    """Return (vocabulary, plain vectors, placed vectors); plain ones point along the third axis, with length 2."""
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    if own is None:
        own = TokenVectors(np.tile(np.float32([0, 0, 2]), (len(vocabulary), 1)), vocabulary.has_text)
    counted = CountedWords.of(words, spaced=spaced)
    bridge = np.array([vectors.get(word, [0, 0, 0]) for word in counted.words], dtype=np.float32).reshape(-1, 3)
    return vocabulary, own, place_pieces(own, vocabulary, tokenizer, counted, bridge)


def by_token(vocabulary: Vocabulary, vectors: TokenVectors) -> dict[str, list[float]]:
    """Return the vectors of placed tokens."""
    assert vectors.placed is not None
    return {vocabulary.tokens[i]: vectors.vectors[i].tolist() for i in np.flatnonzero(vectors.placed)}


def unit(vector: list[float] | np.ndarray) -> list[float]:
    return (np.array(vector) / np.linalg.norm(vector)).tolist()


def test_a_piece_has_the_direction_of_the_frequency_weighted_mean_of_unit_vectors_of_its_words():
    tokenizer = wordpiece("cat", "win", "##dow", "##s", "##zz", "!")
    words = {"cat": 3, "cats": 1, "window": 1, "windows": 2}
    vectors = {"cat": [9, 9, 9], "cats": [4, 0, 0], "window": [0, 5, 0], "windows": [0, 3, 3]}
    vocabulary, own, placed = place(tokenizer, words, vectors)
    means = {
        "win": [0, (1 + 2 * ROOT_HALF) / 3, 2 * ROOT_HALF / 3],
        "##dow": [0, (1 + 2 * ROOT_HALF) / 3, 2 * ROOT_HALF / 3],
        "##s": [1 / 3, 2 * ROOT_HALF / 3, 2 * ROOT_HALF / 3],
    }
    assert by_token(vocabulary, placed) == {token: pytest.approx(unit(mean)) for token, mean in means.items()}
    for token in ("cat", "##zz", "!"):  # a word of its own; in no word; no letter
        assert placed.vectors[vocabulary.tokens.index(token)].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(placed.known, own.known)
    assert placed.vectors.dtype == np.float32


def test_a_word_that_the_bridge_does_not_know_places_nothing_and_known_words_make_a_piece_known():
    tokenizer = wordpiece("win", "##dow", "##s")
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    own = TokenVectors(np.zeros((len(vocabulary), 3), dtype=np.float32), np.zeros(len(vocabulary), dtype=bool))
    _, _, placed = place(tokenizer, {"windows": 1, "window": 5}, {"windows": [0, 7, 0]}, own=own)
    assert by_token(vocabulary, placed) == {token: [0, 1, 0] for token in ("win", "##dow", "##s")}
    assert placed.known.tolist() == [False, False, True, True, True]


def test_a_word_that_the_tokenizer_does_not_know_places_nothing():
    vocabulary, _, placed = place(wordpiece("win"), {"window": 1}, {"window": [1, 0, 0]})
    assert by_token(vocabulary, placed) == {}


@pytest.mark.parametrize("words", [{}, {"window": 1}])
def test_without_words_every_token_keeps_its_own_vector(words):
    _, own, placed = place(wordpiece("cat", "##s"), words, {})
    np.testing.assert_array_equal(placed.vectors, own.vectors / 2)
    np.testing.assert_array_equal(placed.known, own.known)
    assert placed.placed is not None and not placed.placed.any()


def test_unigram_words_stand_after_a_space():
    tokenizer = unigram("▁", "▁cat", "cat", "▁win", "dow", "s")
    words = {"cat": 1, "window": 1, "windows": 1}
    vectors = {"cat": [0, 0, 5], "window": [1, 0, 0], "windows": [0, 1, 0]}
    vocabulary, _, placed = place(tokenizer, words, vectors)
    assert by_token(vocabulary, placed) == {
        "▁win": pytest.approx([ROOT_HALF, ROOT_HALF, 0]),
        "dow": pytest.approx([ROOT_HALF, ROOT_HALF, 0]),
        "s": [0, 1, 0],
    }
    assert placed.vectors[vocabulary.tokens.index("▁")].tolist() == [0, 0, 1]  # it has no text


def test_byte_bpe_tokens_without_a_space_take_words_at_the_beginning_of_a_text():
    """`do` continues words after a space; `ca` occurs only where no space precedes."""
    tokenizer = byte_bpe([("Ġ", "w"), ("d", "o"), ("Ġ", "c"), ("c", "a")])
    vocabulary, _, placed = place(tokenizer, {"wdo": 1, "ca": 2}, {"wdo": [1, 0, 0], "ca": [0, 1, 0]})
    assert by_token(vocabulary, placed) == {
        "Ġw": [1, 0, 0], "do": [1, 0, 0], "Ġc": [0, 1, 0], "a": [0, 1, 0], "ca": [0, 1, 0], "w": [1, 0, 0],
    }  # fmt: skip


def test_without_spaces_a_token_that_begins_no_word_is_a_word_nevertheless():
    words, vectors = {"密": 1, "码": 2, "密码": 1}, {"密": [1, 0, 0], "码": [0, 1, 0], "密码": [1, 1, 0]}
    vocabulary, _, placed = place(unigram("▁", "密码", "码", "密"), words, vectors, spaced=False)
    assert by_token(vocabulary, placed) == {}
    vocabulary, _, placed = place(unigram("▁", "密", "码"), words, vectors, spaced=True)
    assert by_token(vocabulary, placed) == {
        "密": pytest.approx(unit([1 + ROOT_HALF, ROOT_HALF, 0])),
        "码": pytest.approx(unit([ROOT_HALF, 2 + ROOT_HALF, 0])),
    }
    vocabulary, _, placed = place(wordpiece("密", "##码"), {"密": 1, "密码": 1}, vectors, spaced=False)
    assert by_token(vocabulary, placed) == {"##码": pytest.approx([ROOT_HALF, ROOT_HALF, 0])}


@pytest.mark.parametrize("kind", KINDS)
def test_real_tokenizers_against_a_loop(kind):
    """Word by word and token by token, with vectors drawn at random; in any order of the words the same bits."""
    tokenizer = made_tokenizer(kind, "russian", 200)
    counts: dict[str, int] = {}
    for line in russian():
        for word in line.split():
            counts[word] = counts.get(word, 0) + 1
    rng = np.random.default_rng(0)
    drawn = {word: rng.standard_normal(3).tolist() for word in sorted(counts)}
    vocabulary, _, placed = place(tokenizer, counts, drawn)
    expected = {}
    for token, text in enumerate(vocabulary.texts):
        for before in (" ", ""):
            ids = {word: tokenizer.encode(before + word, add_special_tokens=False) for word in counts}
            containing = [word for word in counts if token in ids[word]]
            if containing:
                break
        whole = vocabulary.word_initial[token] and any(ids[word] == [token] for word in containing)
        if text is not None and containing and not whole:
            total = sum(counts[word] for word in containing)
            mean = sum(
                counts[word] / total * np.array(drawn[word]) / np.linalg.norm(drawn[word]) for word in containing
            )
            expected[vocabulary.tokens[token]] = unit(mean)
    assert len(expected) > 10 and len(vocabulary) - len(expected) > 20
    assert by_token(vocabulary, placed) == {token: pytest.approx(value, abs=1e-6) for token, value in expected.items()}
    again = place(tokenizer, dict(reversed(counts.items())), drawn)[2]
    assert again.vectors.tobytes() == placed.vectors.tobytes()


# Two tokens; words 0 and 1 contain token 0, which is the whole of word 0; words 1 and 2 contain token 1.
CONTAINS = np.array([[1, 1, 0], [0, 1, 1]], dtype=float)
ALONE = np.array([[1, 0, 0], [0, 0, 0]], dtype=float)


def test_the_rule():
    """Token 0 is a word, so it is not placed; token 1 gets the mean of words 1 and 2 by their counts, 4 and 9."""
    containment = Containment(*map(sp.csr_array, (CONTAINS, ALONE)))
    ids, means = word_means(containment, np.array([1, 4, 9]), np.eye(3, dtype=np.float32))
    assert ids.tolist() == [1] and means[0].tolist() == pytest.approx([0, 4 / 13, 9 / 13])


def test_vectors_of_other_words_are_refused():
    tokenizer = wordpiece("cat")
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    own = TokenVectors(np.ones((3, 2), dtype=np.float32), np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match=r"^1 vectors for 2 words, 3 for 3 tokens; embed these words"):
        place_pieces(own, vocabulary, tokenizer, CountedWords.of({"a": 1, "b": 1}), np.ones((1, 2)))


def test_embedding_by_words_is_counting_embedding_and_placing(tmp_path):
    tokenizer = made_tokenizer("wordpiece", "russian", 200)
    bridge = load_bridge(str(made_bridge_folder(tmp_path / "bridge", [*english(), *russian()])))
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    words = count_words(russian(), "ru")
    vectors = embed_words(bridge, words.words, prompt="window ")
    own = embed_vocabulary(bridge, vocabulary, prompt="window ")
    expected = place_pieces(own, vocabulary, tokenizer, words, vectors)
    placed = embed_by_words(bridge, vocabulary, tokenizer, iter(russian()), language="ru", prompt="window ")
    assert placed.vectors.tobytes() == expected.vectors.tobytes()
    assert placed.placed is not None and placed.placed.sum() > 20
    np.testing.assert_array_equal(placed.known, expected.known)
    again = embed_by_words(bridge, vocabulary, tokenizer, russian()[::-1], language="ru", prompt="window ")
    assert again.vectors.tobytes() == expected.vectors.tobytes()


def test_both_vocabularies_with_and_without_a_text(tmp_path):
    bridge = load_bridge(str(made_bridge_folder(tmp_path / "bridge", [*english(), *russian()])))
    (tmp_path / "ru.txt").write_text("\ufeff" + "\n".join(russian()), encoding="utf-8")
    tokenizer = made_tokenizer("wordpiece", "russian", 200)
    sides = [Vocabulary.from_tokenizer(made) for made in (made_tokenizer("wordpiece", "english"), tokenizer)]
    source, target = (embed_vocabulary(bridge, side, prompt="window ") for side in sides)
    plain = embed_both(bridge, *sides, prompt="window ")
    assert plain.target.vectors.tobytes() == target.vectors.tobytes() and plain.target.placed is None
    options = {"text": tmp_path / "ru.txt", "language": "ru", "prompt": "window "}
    placed = embed_both(bridge, *sides, tokenizer=tokenizer, **options)
    expected = embed_by_words(bridge, sides[1], tokenizer, russian(), language="ru", prompt="window ")
    assert placed.target.vectors.tobytes() == expected.vectors.tobytes()
    assert placed.source.vectors.tobytes() == source.vectors.tobytes() and placed.prompt == "window "
    with pytest.raises(ValueError, match=r"ru.txt', but there is no tokenizer to split them with: give that of"):
        embed_both(bridge, *sides, **options)
