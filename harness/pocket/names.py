"""What `pocket:...` names stand for: the pocket's artifacts and their members."""

from __future__ import annotations

from pathlib import Path

from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.bridge import POCKET_BRIDGE
from harness.pocket.dictionary import POCKET_DICTIONARY
from harness.pocket.encoder import POCKET_ENCODER
from harness.pocket.texts import POCKET_TEXT
from harness.pocket.tokenizers import POCKET_TOKENIZERS
from harness.store.artifact import Artifact, Member
from harness.store.store import Store
from sembridge.nearest import nearest

LANGUAGES = ("ar", "zh", "hi", "ko", "ru")
COLLECTIONS = ("faq", "passages")
SEED = 7


def pocket_member(path: str) -> Member | Artifact:
    """Return the artifact or member of a path like `collections/ko/faq` or `encoders/bert`; ValueError if unknown."""
    text = Artifact(POCKET_TEXT, {"seed": SEED})
    tokenizers = Artifact(POCKET_TOKENIZERS, {}, {"text": text})
    match path.split("/"):
        case ["collections", language, name]:
            _check("language", language, LANGUAGES)
            _check("collection", name, COLLECTIONS)
            return Member(text, path)
        case ["text", file] if file.endswith(".txt"):
            _check("language", file.removesuffix(".txt"), LANGUAGES)
            return Member(text, path)
        case ["dictionary", file] if file.endswith(".tsv"):
            language = file.removesuffix(".tsv")
            if language not in LANGUAGES:  # not _check: English has texts and a tokenizer, but no dictionary
                advice = nearest(language, LANGUAGES)
                raise ValueError(f"language {language!r} has no dictionary in the pocket; {advice}")
            return Member(Artifact(POCKET_DICTIONARY, {}), file)
        case ["tokenizers", language]:
            _check("language", language, LANGUAGES)
            return Member(tokenizers, language)
        case ["encoders", architecture]:
            _check("encoder", architecture, tuple(ARCHITECTURES))
            parameters = {"family": architecture, "seed": SEED}
            return Artifact(POCKET_ENCODER, parameters, {"text": text, "tokenizers": tokenizers})
        case ["bridge"]:
            return Artifact(POCKET_BRIDGE, {"seed": SEED}, {"text": text})
    forms = ("bridge", "collections/ko/faq", "dictionary/ko.tsv", "encoders/bert", "text/ko.txt", "tokenizers/ko")
    raise ValueError(f"the pocket has no {path!r}; {nearest(path, forms)}")


def _check(kind: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names and not (kind == "language" and name == "en"):
        raise ValueError(f"{kind} {name!r} is not in the pocket; {nearest(name, names)}")


def pocket_folder(path: str, store: Path | str = "store") -> Path:
    """Return the folder or file of a path like `encoders/bert`, built into the store on first use (minutes).

    Raises ValueError for an unknown path, StoreError for a store that cannot be used.
    """
    member, kept = pocket_member(path), Store(Path(store))
    artifact = member.artifact if isinstance(member, Member) else member
    if not kept.has(artifact):
        kept.create()
        kept.make(artifact)
    return kept.locate(member).path
