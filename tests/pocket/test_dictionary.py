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
    """Counted by concept: forms belong to one concept only, so pairs that number the products and stay within concepts are all there can be."""
    pairs = [
        tuple(line.split("\t")) for line in (dictionaries / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    ]
    known = [*chain.from_iterable(concepts().values())]
    assert (
        len(set(pairs))
        == len(pairs)
        == sum(len(concept.forms["en"]) * len(concept.forms[language]) for concept in known)
    )
    of = {side: {form: concept.name for concept in known for form in concept.forms[side]} for side in ("en", language)}
    assert all(of["en"][english] == of[language][foreign] for english, foreign in pairs)
    assert len(read_dictionary(dictionaries / f"{language}.tsv")) == len(pairs)


def test_one_entry_by_hand(dictionaries):
    assert {("car", "자동차"), ("automobile", "자가용")} <= {*read_dictionary(dictionaries / "ko.tsv")}
