"""The stages of words: counted in text as it is stored, embedded by the bridge with its prompt."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from harness.collections import beir
from harness.initialization import word_vectors
from sembridge.bridge import embed_words, load_bridge
from tests.helpers.batches_seen import batches_seen
from tests.helpers.vector_stages import fresh, location


def counts(text, out, language="ru", most=100):
    word_vectors.build_counts(fresh(out), {"language": language, "most": most}, {"text": location(text)})
    return word_vectors.load_counts(out)


def test_words_of_a_file_are_counted_in_nfc(tmp_path):
    (tmp_path / "text.txt").write_text(unicodedata.normalize("NFD", "Йод и йод\n\nи Йод\n"), encoding="utf-8")
    words = counts(tmp_path / "text.txt", tmp_path / "out")
    assert dict(zip(words.words, words.counts.tolist(), strict=True)) == {"Йод": 2, "и": 2, "йод": 1} and words.spaced


def test_words_of_documents_are_counted_and_never_those_of_queries(tmp_path):
    beir.write(tmp_path / "data", [("d", "题", "密码")], [("q", "问")], [("q", "d", 1)])
    words = counts(tmp_path / "data" / "corpus.jsonl", tmp_path / "out", language="zh")
    assert words.words == ("密", "密码", "码", "题") and not words.spaced


def test_the_order_of_lines_changes_no_bit(tmp_path):
    lines = ["c b", "a a", "b d"]
    stored = []
    for name, content in (("a", lines), ("b", lines[::-1])):
        (tmp_path / f"{name}.txt").write_text("\n".join(content) + "\n", encoding="utf-8")
        counts(tmp_path / f"{name}.txt", tmp_path / name, most=3)
        stored.append((tmp_path / name / word_vectors.COUNTS).read_bytes())
    assert stored[0] == stored[1] and b'"c"' in stored[0] and b'"d"' not in stored[0]


def test_a_text_without_words_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text("!\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the text has no words"):
        counts(tmp_path / "text.txt", tmp_path / "out")


@pytest.mark.parametrize("prompt", ["", "window ", None])
def test_the_bridge_embeds_words_after_its_prompt(materials, tmp_path, prompt):
    words = counts(materials / "text.txt", tmp_path / "words")
    inputs = {"bridge": location(materials / "bridge"), "words": location(tmp_path / "words")}
    outputs = []
    for batch_divisor in (1, 256):
        with batches_seen() as batches:
            out = fresh(tmp_path / f"{batch_divisor}")
            word_vectors.build(out, {"prompt": prompt}, inputs, batch_divisor=batch_divisor)
        assert (max(texts for texts, _ in batches) == 1024 // 256) == (batch_divisor == 256)
        outputs.append(word_vectors.load(out))
    bridge = load_bridge(str(materials / "bridge"))
    assert outputs[0].tobytes() == embed_words(bridge, words.words, prompt=prompt).tobytes()
    np.testing.assert_allclose(outputs[0], bridge.encode([f"{prompt or ''}{word}" for word in words.words]), atol=1e-6)
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)
