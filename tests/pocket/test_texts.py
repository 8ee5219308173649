"""The pocket's collections: sizes, splits, and which words a question shares with its answer. Every text is parsed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain

import pytest

from harness.collections import beir
from harness.pocket.cases import HELD_OUT, known_concepts
from harness.pocket.names import SEED
from harness.pocket.phrasebook import LANGUAGES, concepts
from tests.helpers.pocket_texts import concepts_in, contains, read

every_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def collections(pocket_text):
    return {
        (language, name): beir.load(pocket_text / "collections" / language / name)
        for language in LANGUAGES
        for name in ("faq", "passages")
    }


def judged_pairs(collection):
    """Yield (question, text of its only relevant document) of every test query."""
    texts = dict(zip(collection.document_ids, collection.document_texts, strict=True))
    for query_id, question in zip(collection.query_ids, collection.query_texts, strict=True):
        ((document, gain),) = collection.qrels[query_id].items()
        assert gain == 1
        yield question, texts[document]


@every_language
@pytest.mark.parametrize("name", ["faq", "passages"])
def test_sizes(collections, language, name):
    collection = collections[language, name]
    assert len(collection.document_ids) >= 2000 and len(collection.query_ids) >= 300
    assert (len(collection.training) >= 1000) == (name == "faq")


@every_language
@pytest.mark.parametrize("name", ["faq", "passages"])
def test_every_text_is_there_once(collections, language, name):
    collection = collections[language, name]
    assert len(set(collection.document_texts)) == len(collection.document_texts)
    assert len(set(collection.query_texts)) == len(collection.query_texts)


@every_language
def test_training_and_test_share_no_question_and_no_passage(collections, language):
    faq = collections[language, "faq"]
    relevant = {document for judged in faq.qrels.values() for document in judged}
    assert not relevant & {document for _, document, _ in faq.training}
    assert not {answer for _, answer in judged_pairs(faq)} & {text for _, _, text in faq.training}
    assert not set(faq.query_texts) & {question for question, _, _ in faq.training}


@every_language
def test_a_question_and_its_answer_name_the_same_concepts_by_different_words(collections, language):
    faq = collections[language, "faq"]
    for question, answer in [*judged_pairs(faq), *((question, text) for question, _, text in faq.training)]:
        query, document = read(language, "faq_question", question), read(language, "faq_answer", answer)
        subjects, contents = concepts_in(language, query), concepts_in(language, document)
        extra = contents.pop("extra")
        assert subjects == contents and extra not in subjects.values(), (question, answer)
        for form in query.values():
            assert form not in document.values() and not contains(language, answer, form), (question, answer)


@every_language
def test_every_question_has_one_answer_and_near_misses(collections, language):
    """No other answer has the same three concepts; three others have two of them."""
    faq = collections[language, "faq"]
    answers = Counter()
    for text in faq.document_texts:
        slots = concepts_in(language, read(language, "faq_answer", text))
        answers[slots["thing"], slots["action"], slots["circumstance"]] += 1
    assert set(answers.values()) == {1}
    for question in faq.query_texts:
        slots = concepts_in(language, read(language, "faq_question", question))
        assert answers[slots["thing"], slots["action"], slots["circumstance"]] == 1
    pairs = Counter(
        pair
        for thing, action, circumstance in answers
        for pair in ((thing, action), (thing, circumstance), (action, circumstance))
    )
    slots = concepts_in(language, read(language, "faq_question", faq.query_texts[0]))
    assert all(pairs[slots["thing"], slots[other]] >= 2 for other in ("action", "circumstance"))


@every_language
def test_held_out_concepts_never_occur_in_training_pairs(collections, language):
    faq, everything = collections[language, "faq"], concepts()
    known = {concept.name for concept in chain.from_iterable(known_concepts(everything, SEED).values())}
    names = {concept.name for concept in chain.from_iterable(everything.values())}
    assert len(names - known) == pytest.approx(HELD_OUT * len(names), abs=3)
    trained, tested = set(), set()
    for question, _, answer in faq.training:
        trained |= {*concepts_in(language, read(language, "faq_question", question)).values()}
        trained |= {*concepts_in(language, read(language, "faq_answer", answer)).values()}
    for question in faq.query_texts:
        tested |= {*concepts_in(language, read(language, "faq_question", question)).values()}
    assert trained <= known
    assert len(trained) > 0.95 * len(known)
    assert len(tested - known) > 0.7 * len(names - known)


@every_language
def test_only_the_relevant_passage_has_every_word_of_its_question(collections, language):
    passages = collections[language, "passages"]
    documents = [read(language, "passage", text) for text in passages.document_texts]
    assert None not in documents
    for question, passage in judged_pairs(passages):
        query = read(language, "passage_question", question)
        assert all(value in passage for value in query.values())
        assert query.items() <= read(language, "passage", passage).items()
        assert sum(query.items() <= slots.items() for slots in documents) == 1, question


@every_language
def test_the_siblings_of_a_relevant_passage_differ_in_one_word_of_the_question(collections, language):
    passages = collections[language, "passages"]
    documents = [frozenset(read(language, "passage", text).items()) for text in passages.document_texts]
    misses = Counter()
    for question in passages.query_texts:
        query = frozenset(read(language, "passage_question", question).items())
        misses.update(len(query) - len(query & slots) for slots in documents)
    assert misses[0] == len(passages.query_texts) and misses[1] >= 3 * len(passages.query_texts)


@every_language
def test_running_text_has_all_documents_and_training_questions_and_no_test_question(pocket_text, collections, language):
    lines = (pocket_text / "text" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    faq, passages = collections[language, "faq"], collections[language, "passages"]
    expected = Counter([*faq.document_texts, *passages.document_texts, *(question for question, _, _ in faq.training)])
    assert Counter(lines) == expected
    assert not set(lines) & {*faq.query_texts, *passages.query_texts}


@every_language
def test_ids_and_order_do_not_reveal_the_relevant_documents(collections, language):
    for name in ("faq", "passages"):
        collection = collections[language, name]
        relevant = {document for judged in collection.qrels.values() for document in judged}
        places = [place for place, document in enumerate(collection.document_ids) if document in relevant]
        assert sum(places) / len(places) == pytest.approx(len(collection.document_ids) / 2, rel=0.15)
        assert collection.document_ids != tuple(sorted(collection.document_ids))


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_parallel_lines_are_about_the_same_case_in_six_languages(pocket_text):
    parallel = rows(pocket_text / "parallel.jsonl")
    assert len(parallel) == 3000
    for row in parallel:
        assert row.keys() == set(LANGUAGES)
        kind = "passage" if read("en", "passage", row["en"]) else "faq"
        about = []
        for language, text in row.items():
            if kind == "passage":
                slots = read(language, "passage", text)
                about.append(concepts_in(language, slots) | {name: slots[name] for name in ("year", "number")})
            else:
                slots = read(language, "faq_question", text) or read(language, "faq_answer", text)
                about.append({slot: name for slot, name in concepts_in(language, slots).items() if slot != "extra"})
        assert all(subject == about[0] for subject in about), row


def test_phrases_are_the_phrasebook(pocket_text):
    phrases = {row["concept"]: row["forms"] for row in rows(pocket_text / "phrases.jsonl")}
    entries = chain.from_iterable(concepts().values())
    assert phrases == {e.name: {language: list(forms) for language, forms in e.forms.items()} for e in entries}


def test_the_bridge_sees_no_text_of_a_collection(pocket_text, collections):
    parallel = rows(pocket_text / "parallel.jsonl")
    for (language, _), collection in collections.items():
        seen = {row[language] for row in parallel}
        assert not seen & {*collection.document_texts, *collection.query_texts}
