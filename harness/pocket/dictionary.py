"""Stage: bilingual dictionaries read off the phrasebook, `LANGUAGE.tsv` with an English form, a tab and a form of the same concept on each line."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Every English form with every form of the same concept, in the phrasebook's order. No parameters, no inputs."""
    known = list(itertools.chain.from_iterable(concepts().values()))
    for language in LANGUAGES:
        if language != "en":
            pairs = (
                pair for concept in known for pair in itertools.product(concept.forms["en"], concept.forms[language])
            )
            (out / f"{language}.tsv").write_text(
                "".join(f"{english}\t{foreign}\n" for english, foreign in pairs), encoding="utf-8"
            )


POCKET_DICTIONARY = Stage("pocket-dictionary", version=1, seconds=1, build=build)
