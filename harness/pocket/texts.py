"""Stage: the pocket's texts: two collections per language in BEIR layout, running text, parallel texts for the bridge.

collections/<language>/faq/        questions that use other words than their answers; with training pairs
collections/<language>/passages/   questions that share their words with one passage
text/<language>.txt                all documents and training questions, no test question
parallel.jsonl                     a line per case: texts about it in six languages
phrases.jsonl                      a line per concept: its forms in six languages
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pocket.cases import FAMILY, event_families, faq_families, known_concepts
from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.pocket.writer import Writer
from harness.store.artifact import Location
from harness.store.stage import Stage

# Families of four documents: 2,000 documents in each collection.
TEST_FAMILIES, TRAIN_FAMILIES, PASSAGE_FAMILIES = 100, 400, 500
PASSAGE_QUERIES = 400
PARALLEL = 3000


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Write the texts of all languages. parameters: seed."""
    seed = parameters["seed"]
    for language in LANGUAGES:
        texts = [*_faq(out, language, seed), *_passages(out, language, seed)]
        (out / "text").mkdir(exist_ok=True)
        (out / "text" / f"{language}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    _parallel(out, seed)


POCKET_TEXT = Stage("pocket-text", version=2, seconds=5, build=build, light=True)


def _faq(out: Path, language: str, seed: int) -> list[str]:
    """Write the collection and return its running text. Every case is asked for; training pairs use the known concepts
    only."""
    from harness.collections import beir

    everything, choice = concepts(), random.Random(f"faq {seed}")
    taken: set[tuple[str, str, str]] = set()
    test = faq_families(everything, TEST_FAMILIES, 10, choice, taken)
    train = faq_families(known_concepts(everything, seed), TRAIN_FAMILIES, 10, choice, taken)
    writer = Writer(language, seed)
    documents: list[tuple[str, str, str]] = []
    queries: list[tuple[str, str]] = []
    judged: dict[str, list[tuple[str, str, int]]] = {"test": [], "train": []}
    seen: set[str] = set()
    for split, families in (("test", test), ("train", train)):
        for case in itertools.chain.from_iterable(families):
            question, answer = writer.faq(case)
            while question in seen or answer in seen:  # a repeated text would make a judgment wrong
                question, answer = writer.faq(case)
            seen |= {question, answer}
            number = len(documents)
            documents.append((f"f{number:05d}", "", answer))
            queries.append((f"{split}-{number:05d}", question))
            judged[split].append((f"{split}-{number:05d}", f"f{number:05d}", 1))
    folder = out / "collections" / language / "faq"
    beir.write(folder, _shuffle(documents, seed), queries, judged["test"], judged["train"])
    training_questions = [question for query_id, question in queries if query_id.startswith("train")]
    return [text for _, _, text in documents] + training_questions


def _passages(out: Path, language: str, seed: int) -> list[str]:
    from harness.collections import beir

    families = event_families(concepts(), PASSAGE_FAMILIES, 10, random.Random(f"passages {seed}"))
    writer = Writer(language, seed + 1)
    documents, queries, judged = [], [], []
    for number, family in enumerate(families):
        for member, event in enumerate(family):
            documents.append((f"p{number * FAMILY + member:05d}", "", writer.passage(event)))
        if number < PASSAGE_QUERIES:
            queries.append((f"test-{number:05d}", writer.passage_question(family[0])))
            judged.append((f"test-{number:05d}", f"p{number * FAMILY:05d}", 1))
    beir.write(out / "collections" / language / "passages", _shuffle(documents, seed), queries, judged)
    return [text for _, _, text in documents]


def _parallel(out: Path, seed: int) -> None:
    """Write texts and phrases in all languages, for the bridge. Their cases are drawn apart from the collections'."""
    everything, choice = concepts(), random.Random(f"parallel {seed}")
    writers = {language: Writer(language, seed + 2) for language in LANGUAGES}
    cases = faq_families(everything, PARALLEL // 2, 10, choice)
    events = event_families(everything, PARALLEL // 2, 10, choice)
    with (out / "parallel.jsonl").open("w", encoding="utf-8") as file:
        for (case, *_), (event, *_) in zip(cases, events, strict=True):
            file.write(_json({language: writer.faq(case)[choice.randrange(2)] for language, writer in writers.items()}))
            file.write(_json({language: writer.passage(event) for language, writer in writers.items()}))
    with (out / "phrases.jsonl").open("w", encoding="utf-8") as file:
        for concept in itertools.chain.from_iterable(everything.values()):
            file.write(_json({"concept": concept.name, "forms": concept.forms}))


def _shuffle(documents: list[tuple[str, str, str]], seed: int) -> list[tuple[str, str, str]]:
    """Return the documents in an order that does not show, as ids otherwise would, which of them are asked for."""
    order = random.Random(f"order {seed}").sample(range(len(documents)), len(documents))
    return [documents[i] for i in order]


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n"
