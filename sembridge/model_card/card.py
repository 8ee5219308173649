"""Write the model card of a transferred encoder: README.md with the front matter that the hub reads.

The card states only what the record holds. Licenses are those that the ingredients' own cards state; where one states
none, the card tells the reader to check.
"""

from __future__ import annotations

import json
from typing import Any

from sembridge.model_card.license import forbids_commerce, forbids_derivatives, most_restrictive
from sembridge.model_card.markdown import plain
from sembridge.model_card.measured import NOTHING_TRAINED, Measured
from sembridge.model_card.recipe import Ingredient, Recipe
from sembridge.model_card.record import TransferRecord
from sembridge.normalization import FORM

UNKNOWN = "unknown: check before you publish"
_TAGS = ("sparse-encoder", "sparse", "splade")
_OF_TRANSFER = ("cross-lingual-transfer", "vocabulary-transfer")
_NO_TRANSLATION = (
    "- Not a translation model: a new token has the meaning of the source tokens it is mixed from, good or bad.\n"
)
_MEANING = {
    "copied": "the row of the same token in the source vocabulary",
    "special": "the row of the source token with the same role ([CLS], padding, ...)",
    "mixed": "a weighted mean of source rows",
    "sampled": "drawn at random: the method could not place the token",
    "own": "made by the method itself, without source rows",
    "empty": "no token has this id: the row is zero and never fires",
}


def model_card(
    record: TransferRecord,
    name: str,
    *,
    language: str | None = None,
    masked_lm: str = "",
    strategy: str = "max",
    activation: str = "relu",
    measured: Measured | None = None,
) -> str:
    """Return the text of README.md.

    name                  of the encoder: the name of its folder, or its id on the hub
    language              code of the target language for the front matter, e.g. "ko"
    masked_lm             subfolder of the masked LM where it is not at the top (inference-free encoders)
    strategy, activation  of the encoder's pooling, see `head.pool`
    measured              its training and scores; None: nothing was trained, and nothing measured
    """
    recipe = record.recipe
    about = (
        f"The sparse encoder {_code(recipe.source)} with the vocabulary of {_code(recipe.tokenizer)}: "
        f"{len(record):,} tokens, initialized by {plain(recipe.label)}."
    )
    trained = measured is not None and measured.training is not None
    title = "What its rows were made of, before the training" if trained else "What its rows are made of"
    rows = f"## {title}\n\n{_coverage(record)}"
    usage = _usage(plain(name), masked_lm, _weights(strategy, activation))
    parts = [_front_matter(recipe, language), *_about(name, about, measured), usage, rows]
    return "\n\n".join([*parts, *_origins(recipe, measured)]) + "\n"


def trained_card(
    recipe: Recipe,
    name: str,
    measured: Measured,
    *,
    language: str | None = None,
    masked_lm: str = "",
    strategy: str = "max",
    activation: str = "relu",
) -> str:
    """Return the text of README.md of an encoder that was fine-tuned with its own vocabulary; see `model_card`."""
    about = f"The sparse encoder {_code(recipe.source)} with its own vocabulary."
    usage = _usage(plain(name), masked_lm, _weights(strategy, activation))
    parts = [_front_matter(recipe, language, transferred=False), *_about(name, about, measured), usage]
    return "\n\n".join([*parts, *_origins(recipe, measured, transferred=False)]) + "\n"


def _about(name: str, about: str, measured: Measured | None) -> list[str]:
    """Return title and introduction, and the section on scores where there are some."""
    training = NOTHING_TRAINED if measured is None else measured.training_text()
    kind = "It is an ordinary SPLADE encoder: texts become weighted tokens that an inverted index can hold."
    title = f"# {plain(name)}\n\n{about} {kind}\n\n{training}"
    return [title] if measured is None else [title, f"## How good it is\n\n{measured.scores_text()}"]


def _origins(recipe: Recipe, measured: Measured | None, transferred: bool = True) -> list[str]:
    """Return the sections on how it was made, on licenses, and on what it is not."""
    caution = (
        "Not fine-tuned and not evaluated: measure it on queries and documents of your own before you rely on it."
        if measured is None
        else measured.caution()
    )
    return [
        f"## How it was made\n\n{_making(recipe, measured)}",
        f"## Licenses\n\n{_licenses(recipe)}",
        "## What it is not\n\n"
        f"- {caution}\n"
        f"{_NO_TRANSLATION if transferred else ''}"
        "- Not better informed than its source: it knows the domains and has the biases of the source's training data.",
    ]


def carried_license(recipe: Recipe) -> str | None:
    """Return the license to declare: the most restrictive known one, None if the source's own is unknown."""
    if recipe.source.license is None:
        return None
    return most_restrictive(part.license for part in recipe.ingredients.values() if part.license is not None)


def _front_matter(recipe: Recipe, language: str | None, transferred: bool = True) -> str:
    """Return the front matter as YAML, with values written as JSON, which YAML reads."""
    fields: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "feature-extraction",
        "tags": [*_TAGS, *(_OF_TRANSFER if transferred else ())],
    }
    if language:
        fields["language"] = [language]
    if recipe.source.revision is not None:
        fields["base_model"] = [recipe.source.name]
    if (license := carried_license(recipe)) is not None:
        fields["license"] = license
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()]
    return "---\n" + "".join(lines) + "---"


def _weights(strategy: str, activation: str) -> str:
    """Return one line of Python that computes what `head.pool` does."""
    saturated = "torch.log1p(torch.relu({}))" if activation == "relu" else "torch.log1p(torch.log1p(torch.relu({})))"
    return saturated.format("masked.amax(dim=1)") if strategy == "max" else f"{saturated.format('masked')}.sum(dim=1)"


def _usage(name: str, masked_lm: str, weights: str) -> str:
    subfolder = f", subfolder={masked_lm!r}" if masked_lm else ""
    note = ""
    if masked_lm:
        note = (
            f" This encoder is inference-free: the masked LM in the subfolder `{masked_lm}` reads documents, "
            "queries are looked up without it."
        )
    return f"""## Use

With sentence-transformers:

```python
from sentence_transformers import SparseEncoder

encoder = SparseEncoder({name!r})
queries = encoder.encode_query(["a query"])
documents = encoder.encode_document(["a document", "another document"])
print(encoder.similarity(queries, documents))
print(encoder.decode(documents[0], top_k=10))  # the heaviest tokens and their weights
```

The encoder was made for text in Unicode {FORM}. Text in another form, such as Korean from a Mac's file names, may be
unknown to its tokenizer: pass `unicodedata.normalize({FORM!r}, text)`.

With transformers alone:{note}

```python
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({name!r}{subfolder})
model = AutoModelForMaskedLM.from_pretrained({name!r}{subfolder})
batch = tokenizer(["a document"], return_tensors="pt")
with torch.no_grad():
    logits = model(**batch).logits
masked = logits.masked_fill(batch["attention_mask"].unsqueeze(-1) == 0, float("-inf"))
weights = {weights}  # one weight per token of the vocabulary
```"""


def _coverage(record: TransferRecord) -> str:
    counts = record.counts()
    meaning = _MEANING | {"mixed": _mixed(record)}
    rows = [
        f"| {origin} | {counts[origin]:,} | {100 * counts[origin] / max(1, len(record)):.1f}% | {meaning[origin]} |"
        for origin in counts
    ]
    mean = f"\n\nA mixed token has {record.mean_support():.1f} source tokens on average." if counts["mixed"] else ""
    if record.mean_own():
        mean += (
            " Its own direction, which is in no source row, holds "
            f"{100 * record.mean_own():.0f}% of its row's squared length on average."
        )
    return "\n".join(["| row | tokens | share | what it is |", "|---|---:|---:|---|", *rows]) + (
        f"{mean}\n\n`sembridge-bench explain DIR TOKEN` shows what a token is made of; "
        "it reads `transfer.json` and `transfer.safetensors` here."
    )


def _mixed(record: TransferRecord) -> str:
    kind = (
        "a weighted sum of source rows, some weights are negative or do not sum to 1"
        if record.signed
        else _MEANING["mixed"]
    )
    return f"{kind}, and a direction of its own" if record.mean_own() else kind


def _making(recipe: Recipe, measured: Measured | None = None) -> str:
    rows = [("method", f"`{plain(recipe.initializer)}`")]
    rows += [
        (role, _code(part) + (f", revision `{plain(part.revision)}`" if part.revision else ""))
        for role, part in recipe.ingredients.items()
    ]
    rows += [(key, f"`{_value(value)}`") for key, value in {**recipe.parameters, **recipe.options}.items()]
    if measured is not None and measured.training is not None:
        rows += [(f"training: {key}", f"`{_value(value)}`") for key, value in measured.training.settings.items()]
    versions = (f"{plain(library)} {plain(version)}" for library, version in sorted(recipe.versions.items()))
    rows.append(("versions", ", ".join(versions)))
    return "\n".join(["| | |", "|---|---|", *(f"| {plain(key)} | {value} |" for key, value in rows)])


def _licenses(recipe: Recipe) -> str:
    stated = {role: part.license for role, part in recipe.ingredients.items() if part.license is not None}
    lines = [f"- {role}, {_code(part)}: {plain(part.license or UNKNOWN)}" for role, part in recipe.ingredients.items()]
    for role, license in stated.items():
        if forbids_commerce(license):
            lines.append(f"\n**Not for commercial use**: the {role} is under {plain(license)}.")
        if forbids_derivatives(license):
            lines.append(
                f"\n**No derivatives**: {plain(license)} of the {role} does not allow changed versions "
                "to be passed on. Ask its makers first."
            )
    lines.append(
        "\nThe weights of this encoder are derived from the source's. "
        "Check that all of these licenses allow what you intend."
    )
    return "\n".join(lines)


def _code(part: Ingredient) -> str:
    return f"`{plain(part.name)}`"


def _value(value: object) -> str:
    """Return a value as one line; a text that begins or ends with a blank, as prompts do, is in quotes."""
    text = str(value)
    before, after = " " * (text != text.lstrip()), " " * (text != text.rstrip())
    return f"'{before}{plain(text)}{after}'" if before or after else plain(text)
