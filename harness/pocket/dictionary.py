"""Stage: bilingual dictionaries from the phrasebook: `LANGUAGE.tsv`, on each line English form, tab, foreign form."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Write every English with every foreign form of a concept, in the phrasebook's order. No parameters, no inputs."""
    entries = list(itertools.chain.from_iterable(concepts().values()))
    for language in LANGUAGES:
        if language != "en":
            pairs = (pair for entry in entries for pair in itertools.product(entry.forms["en"], entry.forms[language]))
            text = "".join(f"{english}\t{foreign}\n" for english, foreign in pairs)
            (out / f"{language}.tsv").write_text(text, encoding="utf-8")


POCKET_DICTIONARY = Stage("pocket-dictionary", version=1, seconds=1, build=build, light=True)
