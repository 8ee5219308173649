"""What a grid costs: work from first principles, seconds from rates measured on this machine.

FLOP are multiplications and additions. D is a model's dimension, P the weights of its body, V its vocabulary,
N documents and Q queries of T_d and T_q tokens, K the dimensions of the vectors that are compared, S the source and
T the target vocabulary.

    a token through an encoder  2 P + 2 D V       body and head
    a token through a bridge    2 P
    evaluation                  (N T_d + Q T_q) tokens, and Q N scores on the processor
    reference                   the same with the reference's own vocabulary
    (reference-)vectors         the tokens of these two, where options of vectors are set, which then have the scores
    dense                       the same with a bridge, and 2 Q N K for the scores
    bm25                        Q N scores; reading the words is left out
    strata                      N documents read, each for as long as READ scores take
    trained-encoder             3 x forward (the backward pass counts twice) of all pairs and epochs; every text is
                                padded to the longest of its batch, so it counts E[longest of B] tokens; with `points`,
                                an evaluation at each of them and before the first step
    bridge-vectors              V texts of TOKEN tokens through the bridge
    subword-vectors             S + min(MOST_WORDS, N T_d) words of TOKEN tokens through the bridge
    word-vectors                min(most, N T_d) words of TOKEN tokens through the bridge
    auxiliary-vectors           N T_d words, `epochs` times, through fastText
    initialization              2 T S K for the methods that compare every new token with every source token,
                                2 T S (K + D) at alpha 1, where all donors have a weight; T stands for the rows to
                                invent, which are fewer, but which a plan does not know

Left out: attention's own products (4 D x length a token and layer: a tenth of BERT-base at 512 tokens, a fortieth at
128), layer norms, reading and writing. A stage's first guess, which is the time of a small one, is added for all that
does not grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.estimate.sizes import Sizes, UnknownError
from harness.evaluation.shards import SHARE
from harness.evaluation.vectors import VECTORS_OF
from harness.files.atomic import write_json
from harness.files.units import flop
from harness.store.artifact import Artifact, Local, Member, Source

FILE = "calibration.json"
READ = 1000  # scores in the time that reading a document of 80 words takes, measured on one core (26 µs)
TOKEN = 4  # tokens of a token's or word's text as a bridge reads it, with special ones; our assumption


@dataclass(frozen=True)
class Rates:
    """What a calibration measured, for one cell at a time.

    device, threads  what it ran on
    multiply         FLOP/s of products of matrices by precision (float32, bfloat16)
    encode, train    the shares of these that a real encoding and a real training step attain
    mix              FLOP/s of an initialization, counted as 2 R S K
    pairs            query-document pairs scored in a second
    words            words a second through fastText; 0: not measured
    auto             the precision that `auto` means here
    """

    device: str
    threads: int
    multiply: Mapping[str, float]
    encode: float
    train: float
    mix: float
    pairs: float
    words: float
    auto: str

    @classmethod
    def load(cls, store: Path) -> Rates | None:
        """Read the rates of a store; None if there are none, or not in this format."""
        try:
            return cls(**json.loads((store / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def __str__(self) -> str:
        products = ", ".join(f"{flop(rate)}/s {precision}" for precision, rate in self.multiply.items())
        shares = f"of which encoding attains {self.encode:.0%} and training {self.train:.0%}"
        others = f"initialization {flop(self.mix)}/s, {self.pairs:.1e} scores/s"
        fasttext = f", fastText {self.words:.1e} words/s" if self.words else ""
        return f"{self.device}: products {products}, {shares}; {others}{fasttext}"

    def save(self, store: Path) -> None:
        """Write the rates to a store."""
        write_json(store / FILE, asdict(self))


@dataclass(frozen=True)
class Work:
    """encode, train, mix: FLOP; pairs, words: numbers of them; precision: of encode and train."""

    encode: float = 0.0
    train: float = 0.0
    mix: float = 0.0
    pairs: float = 0.0
    words: float = 0.0
    precision: str = "float32"

    @property
    def flop(self) -> float:
        return self.encode + self.train + self.mix

    def seconds(self, rates: Rates) -> float:
        """Return the seconds at these rates; UnknownError if a rate was not measured."""
        precision = rates.auto if self.precision == "auto" else self.precision
        if precision not in rates.multiply or (self.words and not rates.words):
            raise UnknownError(f"speed of {'fastText' if precision in rates.multiply else precision}: add --calibrate")
        multiply = rates.multiply[precision]
        on_device = self.encode / (multiply * rates.encode) + self.train / (multiply * rates.train)
        words = self.words / rates.words if self.words else 0.0
        return on_device + self.mix / rates.mix + self.pairs / rates.pairs + words


def forward(parameters: float, dimension: int, vocabulary: int) -> float:
    """Return the FLOP of one token through an encoder."""
    return 2 * (parameters + dimension * vocabulary)


def work(artifact: Artifact, sizes: Sizes) -> Work | None:
    """Return the work of an artifact; UnknownError if a size is not known.

    None for a stage without a formula, and for what reads the pocket: first guesses are the times of the pocket.
    """
    formula = _FORMULAS.get(artifact.stage.name)
    if formula is None or _reads_pocket(artifact):
        return None
    if any(name.startswith(VECTORS_OF) for name in artifact.inputs):  # encoded by artifacts of their own
        return Work(pairs=_pairs(artifact.inputs["collection"], sizes))
    return formula(artifact, sizes)


def is_counted(stage: str) -> bool:
    """Return whether there is a formula for the work of a stage."""
    return stage in _FORMULAS


def _reads_pocket(source: Source) -> bool:
    """Return whether something is made from the pocket. It asks for no key, which would read whole folders."""
    if isinstance(source, Member):
        return _reads_pocket(source.artifact)
    if not isinstance(source, Artifact):
        return False
    return source.stage.name.startswith("pocket-") or any(map(_reads_pocket, source.inputs.values()))


def _evaluation(artifact: Artifact, sizes: Sizes) -> Work:
    merged = any(name.startswith(SHARE) for name in artifact.inputs)  # of shards that are artifacts of their own
    return Work() if merged else _search(artifact, artifact.inputs.get("trained", artifact), artifact.parameters, sizes)


def _shard(artifact: Artifact, sizes: Sizes) -> Work:
    whole = _search(artifact, artifact.inputs.get("trained", artifact), artifact.parameters, sizes)
    shards = artifact.parameters["shares"]
    return replace(whole, encode=whole.encode / shards, pairs=whole.pairs / shards)


def _search(artifact: Artifact, encoder: Source, parameters: Mapping[str, Any], sizes: Sizes) -> Work:
    """Return the work of one search of an artifact's collection by the encoder that another one makes or reads."""
    collection, (token, tokenizer) = artifact.inputs["collection"], _encoder(encoder, sizes)
    tokens = _tokens(collection, parameters["max_length"], sizes, tokenizer)
    return Work(encode=tokens * token, pairs=_pairs(collection, sizes), precision=parameters["precision"])


def _reference(artifact: Artifact, sizes: Sizes) -> Work:
    """BGE-M3's head gives each token one weight; in the other kinds each token meets the vocabulary."""
    encoder, collection = artifact.inputs["encoder"], artifact.inputs["collection"]
    body = sizes.body(encoder)
    vocabulary = 0 if artifact.parameters["kind"] == "bge-m3" else sizes.vocabulary(encoder)
    tokens = _tokens(collection, artifact.parameters["max_length"], sizes, encoder)
    encode = tokens * forward(body.parameters, body.dimension, vocabulary)
    return Work(encode, pairs=_pairs(collection, sizes), precision=artifact.parameters["precision"] or "auto")


def _dense(artifact: Artifact, sizes: Sizes) -> Work:
    bridge, collection = artifact.inputs["bridge"], artifact.inputs["collection"]
    pairs = _pairs(collection, sizes)
    tokens = _tokens(collection, artifact.parameters["max_length"], sizes, bridge)
    encode, mix = 2 * sizes.body(bridge).parameters * tokens, 2 * pairs * sizes.dimensions(bridge)
    return Work(encode, mix=mix, pairs=pairs, precision=artifact.parameters["precision"])


def _pairs(collection: Source, sizes: Sizes) -> int:
    return sizes.counts(collection).queries * sizes.counts(collection).documents


def _trained(artifact: Artifact, sizes: Sizes) -> Work:
    collection, training = artifact.inputs["pairs"], artifact.parameters["training"]
    pairs = sizes.counts(collection).pairs
    if pairs is None:
        raise UnknownError("number of training pairs")
    pairs = min(pairs, training["max_pairs"] or pairs) * training["epochs"]
    token, tokenizer = _encoder(artifact, sizes)
    texts = (sizes.lengths(collection, side, tokenizer, training["max_length"]) for side in ("query", "document"))
    tokens = pairs * sum(text.longest(training["batch_size"]) for text in texts)
    trained = Work(train=3 * token * tokens, precision=training["precision"])
    if "points" not in artifact.parameters:
        return trained
    measurement = _search(artifact, artifact, artifact.parameters["evaluation"], sizes)
    times = artifact.parameters["points"] + 1  # and once before the first step
    return replace(trained, encode=times * measurement.encode, pairs=times * measurement.pairs)


def _bridge_vectors(artifact: Artifact, sizes: Sizes) -> Work:
    tokens = TOKEN * sizes.vocabulary(artifact.inputs["tokenizer"])
    return Work(encode=2 * sizes.body(artifact.inputs["bridge"]).parameters * tokens)


def _subword_vectors(artifact: Artifact, sizes: Sizes) -> Work | None:
    from harness.initialization.subword_vectors import MOST_WORDS

    if "bridge" not in artifact.inputs:
        return None
    source, target = artifact.inputs["source"], artifact.inputs["target"]
    words = sizes.vocabulary(source) + min(MOST_WORDS, _words(artifact.inputs["text"], sizes, target))
    return Work(encode=2 * sizes.body(artifact.inputs["bridge"]).parameters * TOKEN * words)


def _word_vectors(artifact: Artifact, sizes: Sizes) -> Work:
    bridge, counted = artifact.inputs["bridge"], artifact.inputs["words"]
    assert isinstance(counted, Artifact)
    words = min(counted.parameters["most"], _words(counted.inputs["text"], sizes, bridge))
    return Work(encode=2 * sizes.body(bridge).parameters * TOKEN * words)


def _auxiliary_vectors(artifact: Artifact, sizes: Sizes) -> Work:
    from baselines.focus import Focus

    words = _words(artifact.inputs["text"], sizes, artifact.inputs["tokenizer"])
    return Work(words=words * artifact.parameters.get("epochs", Focus.epochs))


def _initialization(artifact: Artifact, sizes: Sizes) -> Work:
    from harness.initialization.needs import needs_of
    from sembridge.registry import initializer_class

    inputs, settings = artifact.inputs, artifact.parameters["settings"]
    needs = needs_of(initializer_class(artifact.parameters["initializer"]))
    compared = next(filter(None, (need.dimensions(inputs, sizes) for need in needs if need.dimensions)), 0)
    if not compared:
        return Work()
    if settings.get("alpha") == 1:
        compared += sizes.body(inputs["encoder"]).dimension
    return Work(mix=2 * sizes.vocabulary(inputs["tokenizer"]) * sizes.vocabulary(inputs["encoder"]) * compared)


_FORMULAS = {
    "evaluation": _evaluation, "evaluation-share": _shard, "reference": _reference, "dense": _dense,
    "bm25": lambda artifact, sizes: Work(pairs=_pairs(artifact.inputs["collection"], sizes)),
    "trained-encoder": _trained, "bridge-vectors": _bridge_vectors, "subword-vectors": _subword_vectors,
    "vectors": lambda artifact, sizes: replace(_shard(artifact, sizes), pairs=0.0),
    "reference-vectors": lambda artifact, sizes: replace(_reference(artifact, sizes), pairs=0.0),
    "auxiliary-vectors": _auxiliary_vectors, "initialization": _initialization, "word-vectors": _word_vectors,
    "strata": lambda artifact, sizes: Work(pairs=READ * sizes.counts(artifact.inputs["collection"]).documents),
}  # fmt: skip


def _encoder(artifact: Source, sizes: Sizes) -> tuple[float, Source]:
    """Return the FLOP of a token through the encoder that an artifact makes or reads, and its tokenizer."""
    assert isinstance(artifact, Artifact)
    encoder = artifact.inputs["encoder"]
    tokenizer = artifact.inputs.get("tokenizer", encoder)
    body = sizes.body(encoder)
    return forward(body.parameters, body.dimension, sizes.vocabulary(tokenizer)), tokenizer


def _tokens(collection: Source, most: int | None, sizes: Sizes, tokenizer: Source) -> float:
    """Return the tokens of all queries and documents."""
    counts = sizes.counts(collection)
    queries, documents = (sizes.lengths(collection, side, tokenizer, most) for side in ("query", "document"))
    return counts.queries * queries.mean + counts.documents * documents.mean


def _words(text: Source, sizes: Sizes, tokenizer: Source) -> float:
    """Return the tokens of the documents of a collection."""
    collection: Source = text.artifact if isinstance(text, Member) else text
    if isinstance(text, Local) and text.path.name == "corpus.jsonl":
        collection = Local(text.path.parent)
    elif not isinstance(text, Member):
        raise UnknownError("length of the text to learn from")
    return sizes.counts(collection).documents * sizes.lengths(collection, "document", tokenizer, None).mean


def amounts(total: Work) -> str:
    """Format work as in "3.1 EFLOP, 2.0e+09 scores"."""
    parts = [flop(total.flop)] if total.flop else []
    parts += [f"{value:.1e} {name}" for name, value in (("scores", total.pairs), ("words", total.words)) if value]
    return ", ".join(parts) or "-"


def total(works: Iterable[Work]) -> Work:
    """Return the sum, without precision."""
    works, names = list(works), ("encode", "train", "mix", "pairs", "words")
    return Work(**{name: sum(getattr(work, name) for work in works) for name in names})
