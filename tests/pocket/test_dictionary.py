"""The dictionaries: translations of the phrasebook, all of them and no others, in the form WECHSEL's reader takes."""

from __future__ import annotations

from itertools import chain

import pytest

from baselines.vectors.aligned import read_dictionary
from harness.pocket import dictionary
from harness.pocket.names import LANGUAGES
from harness.pocket.phrasebook import concepts


@pytest.fixture(scope="module")
def dictionaries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dictionary")
    dictionary.build(folder, {}, {})
    return folder


def test_a_file_for_each_language(dictionaries):
    assert {path.name for path in dictionaries.iterdir()} == {f"{language}.tsv" for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_meets_every_form_of_its_concept(dictionaries, language):
    """Forms belong to one concept only, so the pairs within concepts, counted as products, are all there can be."""
    text = (dictionaries / f"{language}.tsv").read_text(encoding="utf-8")
    pairs = [tuple(line.split("\t")) for line in text.splitlines()]
    entries = [*chain.from_iterable(concepts().values())]
    count = sum(len(entry.forms["en"]) * len(entry.forms[language]) for entry in entries)
    assert len(set(pairs)) == len(pairs) == count
    concept_of = {side: {form: e.name for e in entries for form in e.forms[side]} for side in ("en", language)}
    assert all(concept_of["en"][english] == concept_of[language][foreign] for english, foreign in pairs)
    assert len(read_dictionary(dictionaries / f"{language}.tsv")) == len(pairs)


def test_one_entry_by_hand(dictionaries):
    assert {("car", "자동차"), ("automobile", "자가용")} <= {*read_dictionary(dictionaries / "ko.tsv")}
