"""Precision on a dictionary and weight on translations, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from harness.advice.dictionary_measures import csls, measure_dictionary, sampled_words, translated_mass

PLANE = {"cat": 0, "dog": 90, "tomcat": 10, "кот": 8, "пёс": 80, "лес": 85, "forest": 180}


def embed(words):
    """Each word at its angle; zero for a word without one."""
    angles = np.radians([PLANE.get(word, 0) for word in words])
    known = np.array([word in PLANE for word in words])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * known[:, None]


def test_precision_at_one():
    """кот is nearest to tomcat, one of its two translations; пёс to dog; лес to dog, which is wrong; ёж is not known
    to the bridge, so it is a miss: 2 of 4."""
    translations = {"кот": {"cat", "tomcat"}, "пёс": {"dog"}, "лес": {"forest"}, "ёж": {"hedgehog"}}
    measures = measure_dictionary(translations, embed)
    assert (measures.precision, measures.words, measures.candidates) == (0.5, 4, 5)
    assert measure_dictionary({"ёж": {"hedgehog"}}, embed).precision == 0.0


def test_csls_takes_off_what_is_near_to_everything():
    """The first source word is near to both targets. With one neighbor: r(x) = .9, .8; r(y) = .9, .7."""
    cosines = np.array([[0.9, 0.2], [0.8, 0.7]])
    expected = [[2 * 0.9 - 0.9 - 0.9, 2 * 0.2 - 0.9 - 0.7], [2 * 0.8 - 0.8 - 0.9, 2 * 0.7 - 0.8 - 0.7]]
    assert np.allclose(csls(cosines, 1), expected)
    assert cosines.argmax(axis=1).tolist() == [0, 0] and csls(cosines, 1).argmax(axis=1).tolist() == [0, 0]
    hub = np.array([[0.9, 0.2], [0.75, 0.7]])
    assert csls(hub, 1).argmax(axis=1).tolist() == [0, 1]


def test_weight_on_translations():
    """One word of two pieces with .6 + .1 and .2 on its translations 0 and 1: .45. One of one copied piece: 1. One of
    an unknown piece: 0."""
    rows = sp.csr_array(np.array([[0.6, 0.1, 0.3], [0.2, 0.0, 0.8], [0, 0, 1], [0, 0, 0]], dtype=np.float32))
    assert translated_mass([[0, 1], [2], [3]], [[0, 1], [2], [0]], rows) == pytest.approx((0.45 + 1 + 0) / 3)
    assert translated_mass([[]], [[0]], rows) == 0.0


def test_words_are_sampled_evenly_with_all_their_translations():
    pairs = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "z"), ("e", "w")]
    assert sampled_words(pairs, 2) == {"x": {"a", "c"}, "z": {"d"}}
    assert len(sampled_words(pairs)) == 4
