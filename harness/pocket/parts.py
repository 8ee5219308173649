"""What `pocket:...` names stand for: members of the artefacts the pocket is built from."""

from __future__ import annotations

from harness.grid.artefact import Artefact, Member
from sembridge.nearest import nearest

LANGUAGES = ("ar", "zh", "hi", "ko", "ru")
FAMILIES = ("bert",)
SEED = 7


def pocket_member(path: str) -> Member | Artefact:
    """`collections/ko/faq`, `text/ko.txt`, `tokenizers/ko`, `encoders/bert` or `bridge`. ValueError for anything else."""
    head, _, rest = path.partition("/")
    text = Artefact("pocket-text", {"seed": SEED})
    tokenizers = Artefact("pocket-tokenizers", {}, {"text": text})
    if head in ("collections", "text", "tokenizers"):
        language = rest.split("/")[0].removesuffix(".txt")
        if language not in (*LANGUAGES, "en"):
            raise ValueError(f"language {language!r} is not in the pocket; {nearest(language, LANGUAGES)}")
        return Member(tokenizers, rest) if head == "tokenizers" else Member(text, path)
    if head == "encoders":
        if rest not in FAMILIES:
            raise ValueError(f"the pocket has no encoder {rest!r}; {nearest(rest, FAMILIES)}")
        return Artefact("pocket-encoder", {"family": rest, "seed": SEED}, {"text": text, "tokenizers": tokenizers})
    if head == "bridge":
        return Artefact("pocket-bridge", {"seed": SEED}, {"text": text})
    raise ValueError(f"the pocket has no {path!r}; {nearest(head, ('collections', 'text', 'tokenizers', 'encoders', 'bridge'))}")
