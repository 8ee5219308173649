"""Refuse a tokenizer that reads texts otherwise than the tokenizer.json of its folder, and one that is Python code.

transformers builds a tokenizer from its class and tokenizer_config.json, and takes only the vocabulary from
tokenizer.json where that class has rules of its own. So what was checked would not be what is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sembridge.vocabulary.tokenizer_texts import CHARACTERS, TEXTS, texts_of

_DECLARING = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_TOKENS = 3  # named in a message
_MOST_IDS_PER_TOKEN, _SPARE_IDS = 10, 1000  # a vocabulary may have gaps
_SHOWN = 60  # characters of a text or of its reading in a message
AS_THE_FILE = "set tokenizer_class to PreTrainedTokenizerFast in its tokenizer_config.json to use tokenizer.json"
OTHER_TOKENIZER = (
    "choose a tokenizer of the language that has a tokenizer.json, or train one on your text: "
    "AutoTokenizer.from_pretrained(ONE_WITH_IT).train_new_from_iterator(LINES, 32000).save_pretrained(FOLDER)"
)


def check_reads_as_file(
    tokenizer: Any, model: str, revision: str | None = None, within: str = "", *, lowercase: bool = False
) -> None:
    """Check that a loaded tokenizer has the vocabulary of the model's tokenizer.json, and reads texts as that does.

    model, revision, within  the folder or hub id that it was loaded from, and the folder inside
    lowercase                a module of sentence-transformers declares that it lowercases texts first

    Tokens that tokenizer_config.json, special_tokens_map.json or added_tokens.json add, padding and truncation may
    differ. Raises ValueError, one line, with both readings. A model without tokenizer.json passes, if the tokenizer is
    not Python code.
    """
    name = _name(model, within)
    file = model_file(model, "tokenizer.json", revision, within)
    if (loaded := getattr(tokenizer, "backend_tokenizer", None)) is None:
        raise ValueError(python_only(name, type(tokenizer).__name__, has_file=file is not None))
    check_ids(name, loaded)  # with ids up to billions, what follows would take minutes and gigabytes
    if file is None:
        return
    from tokenizers import Tokenizer

    expected = Tokenizer.from_file(file)
    if lowercase:
        _lowercase(expected)
    with _whole_texts(loaded):
        _bare(expected)
        _add_declared(expected, tokenizer, _declared(model, revision, within))
        if loaded.to_str() == expected.to_str() and not loaded.encode_special_tokens:
            return
        try:
            difference = _of_vocabularies(loaded, expected) or _of_readings(loaded, expected)
        except Exception as error:  # the reader raises no narrower class
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"tokenizer {name!r} cannot read a text ({reason}); "
                "check its unk_token in tokenizer.json and tokenizer_config.json"
            ) from None
    if difference:
        ours, theirs = difference
        raise ValueError(
            f"tokenizer {name!r} is not used as its tokenizer.json says: {type(tokenizer).__name__} {ours}, "
            f"tokenizer.json {theirs}; {AS_THE_FILE}, or save what is used: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )


def tokenizer_of(model: str, revision: str | None = None, within: str = "") -> Any:
    """Return the tokenizer that transformers builds, checked; ValueError if it is not as its tokenizer.json says."""
    from transformers import AutoTokenizer

    check_is_fast(model, revision, within)
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, subfolder=within, trust_remote_code=False)
    except (TypeError, KeyError, AttributeError, ImportError) as error:  # what its class says of files of another class
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ValueError(
            f"tokenizer {_name(model, within)!r} cannot be built by the class in its tokenizer_config.json ({reason}); "
            f"{AS_THE_FILE}"
        ) from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"tokenizer {_name(model, within)!r} has a file that is not JSON ({error}); get its files again"
        ) from None
    check_reads_as_file(tokenizer, model, revision, within)
    return tokenizer


def check_ids(name: str, backend: Any) -> None:
    """Check that a tokenizer gives no two of its model's tokens one id, and few ids to none; ValueError, one line.

    Two tokens of one id would share a row, and every id has a row.
    """
    token_of: dict[int, str] = {}
    for token, token_id in sorted(backend.get_vocab(with_added_tokens=False).items()):
        if (first := token_of.setdefault(token_id, token)) != token:
            raise ValueError(
                f"tokenizer {name!r} gives the id {token_id} to {first[:20]!r} and {token[:20]!r}; "
                "give every token of its tokenizer.json an id of its own"
            )
    ids = backend.get_vocab(with_added_tokens=True)
    token, highest = max(ids.items(), key=lambda item: item[1])
    if highest >= _MOST_IDS_PER_TOKEN * len(ids) + _SPARE_IDS:
        raise ValueError(
            f"tokenizer {name!r} has {len(ids):,} tokens, but ids up to {highest:,} ({token[:20]!r}), each of which "
            "would need a row; number its tokens from 0 in its tokenizer.json"
        )


def check_tokenizer_folder(model: str, within: str = "") -> None:
    """Check the tokenizer in a model's folder, if it has one; ValueError if it is not as its tokenizer.json says."""
    if model_file(model, "tokenizer.json", within=within) or model_file(model, "tokenizer_config.json", within=within):
        tokenizer_of(model, within=within)


def check_is_fast(model: str, revision: str | None = None, within: str = "") -> None:
    """Check, before loading, that the class in tokenizer_config.json is not Python code; ValueError if it is.

    Loading it may fail first, for the lack of a package that would not help.
    """
    config = _content(model_file(model, "tokenizer_config.json", revision, within))
    name, kind = _name(model, within), config.get("tokenizer_class")
    if not (kind or config.get("auto_map")):
        return
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name
    from transformers.tokenization_utils_tokenizers import TokenizersBackend

    cls = tokenizer_class_from_name(kind) if isinstance(kind, str) else None
    has_file = model_file(model, "tokenizer.json", revision, within) is not None
    if cls is None and config.get("auto_map"):
        raise ValueError(python_only(name, "auto_map in its tokenizer_config.json", has_file=has_file))
    # transformers reads a folder of the base class PreTrainedTokenizer as a fast one
    if isinstance(cls, type) and cls.__name__ != "PythonBackend" and not issubclass(cls, TokenizersBackend):
        raise ValueError(python_only(name, cls.__name__, has_file=has_file))


def python_only(name: str, kind: str, *, has_file: bool = False) -> str:
    """Return why a tokenizer of a Python class cannot be used, and what to use instead.

    has_file  there is a tokenizer.json beside it, which the class does not read
    """
    problem = f"tokenizer {name!r} is Python code ({kind}), which cannot be used: its rules fit in no tokenizer.json"
    if has_file:
        return f"{problem}; if the tokenizer.json beside it reads texts as you want, remove auto_map and {AS_THE_FILE}"
    return f"{problem}; {OTHER_TOKENIZER}"


def _of_vocabularies(loaded: Any, expected: Any) -> tuple[str, str] | None:
    """Return what both say about the tokens that only one has, or whose ids differ; None if there are none."""
    ours, theirs = loaded.get_vocab(with_added_tokens=True), expected.get_vocab(with_added_tokens=True)
    if ours == theirs:
        return None
    differing = [token for token in {**theirs, **ours} if ours.get(token) != theirs.get(token)]
    differing.sort(key=lambda token: (ours.get(token, len(ours)), theirs.get(token, 0)))
    more = f" and {len(differing) - _TOKENS:,} other tokens" if len(differing) > _TOKENS else ""
    said = [", ".join(_entry(token, side.get(token)) for token in differing[:_TOKENS]) for side in (ours, theirs)]
    return f"has {said[0]}{more}", f"has {said[1]}"


def _entry(token: str, token_id: int | None) -> str:
    return f"no {token[:20]!r}" if token_id is None else f"{token[:20]!r} (id {token_id})"


def _of_readings(loaded: Any, expected: Any) -> tuple[str, str] | None:
    """Return both readings of a text that they read differently; None if they agree on all texts."""
    for texts, specials in ((TEXTS, False), (TEXTS, True), (texts_of(expected), False), (CHARACTERS, False)):
        ours, theirs = (_read(backend, texts, specials) for backend in (loaded, expected))
        if differing := [text for text, *read in zip(texts, ours, theirs, strict=True) if read[0] != read[1]]:
            text = _shortest(differing, loaded, expected, specials)
            shown = [_shown(backend, text, specials) for backend in (loaded, expected)]
            return f"reads {_cut(text)!r} as {shown[0]}", f"as {shown[1]}"
    return None


def _shortest(differing: Sequence[str], loaded: Any, expected: Any, specials: bool) -> str:
    """Return a word of the texts that is read differently by itself; a whole text if there is none."""
    words = [word for text in differing[:50] for word in text.split() if word.isprintable()]
    ours, theirs = (_read(backend, words, specials) for backend in (loaded, expected))
    alone = (word for word, *read in zip(words, ours, theirs, strict=True) if read[0] != read[1])
    return next(alone, differing[0])


def _read(backend: Any, texts: Sequence[str], specials: bool) -> list[tuple[list[int], list[int]]]:
    encodings = backend.encode_batch(list(texts), add_special_tokens=specials)
    return [(encoding.ids, encoding.type_ids) for encoding in encodings]


def _shown(backend: Any, text: str, specials: bool) -> str:
    encoding = backend.encode(text, add_special_tokens=specials)
    types = f" of types {encoding.type_ids}" if any(encoding.type_ids) else ""
    return repr(_cut(" ".join(encoding.tokens))) + _cut(types)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _bare(expected: Any) -> None:
    """Take padding and truncation off; state that no token is added, where the file states nothing, as transformers."""
    from tokenizers.processors import TemplateProcessing

    expected.no_padding()
    expected.no_truncation()
    if expected.post_processor is None:
        expected.post_processor = TemplateProcessing(single="$A:0", pair="$A:0 $B:1", special_tokens=[])


@contextmanager
def _whole_texts(backend: Any) -> Iterator[None]:
    """Switch padding and truncation off for a while: they depend on the call, not on the tokenizer."""
    padding, truncation = backend.padding, backend.truncation
    backend.no_padding()
    backend.no_truncation()
    try:
        yield
    finally:
        if padding is not None:
            backend.enable_padding(**padding)
        if truncation is not None:
            backend.enable_truncation(**truncation)


def _lowercase(backend: Any) -> None:
    """Lowercase texts first, as sentence-transformers does for a module that says do_lower_case."""
    from tokenizers.normalizers import Lowercase, Sequence

    own = backend.normalizer
    if not any(isinstance(step, Lowercase) or getattr(step, "lowercase", False) for step in _steps(own)):
        backend.normalizer = Sequence([Lowercase(), *_steps(own)])


def _steps(normalizer: Any) -> list[Any]:
    """Return the steps of a normalizer; a sequence of them can be iterated, one step cannot."""
    if normalizer is None:
        return []
    return [*normalizer] if type(normalizer).__name__ == "Sequence" else [normalizer]


def _add_declared(expected: Any, tokenizer: Any, declared: set[str]) -> None:
    """Add the tokens that the loaded tokenizer never splits, beyond those of the file, if the folder declares them."""
    own = {token.content for token in expected.get_added_tokens_decoder().values()}
    for _, token in sorted(tokenizer.added_tokens_decoder.items()):
        if token.content not in own and token.content in declared:
            expected.add_special_tokens([token]) if token.special else expected.add_tokens([token])


def _declared(model: str, revision: str | None, within: str) -> set[str]:
    """Return every text in the files that may add tokens."""
    texts: set[str] = set()
    pending: list[Any] = [_content(model_file(model, name, revision, within)) for name in _DECLARING]
    while pending:
        entry = pending.pop()
        if isinstance(entry, str):
            texts.add(entry)
        elif isinstance(entry, dict):
            pending += [*entry.keys(), *entry.values()]
        elif isinstance(entry, list):
            pending += entry
    return texts


def model_file(model: str, name: str, revision: str | None = None, within: str = "") -> str | None:
    """Return the path of a file of a folder or hub model, downloaded if need be; None if there is none."""
    if Path(model).is_dir():
        path = Path(model, within, name)
        return str(path) if path.is_file() else None
    from sentence_transformers.util import load_file_path

    return load_file_path(model, name, subfolder=within, revision=revision)


def _name(model: str, within: str) -> str:
    return f"{model}/{within}" if within else model


def _content(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); get the file again") from None
    return content if isinstance(content, dict) else {}
