"""Lucene through Anserini or Pyserini: JSON with integer weights, and queries that repeat a token by its weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from harness.export.documents import Document
from harness.export.engine import CLAUSES, Pair, clause_warning
from harness.export.engines.integers import Integers
from harness.export.engines.json_text import ending_in, records


class Lucene(Integers):
    """JsonVectorCollection: a folder with lines {"id": ..., "contents": ..., "vector": {"17": 400}}."""

    name = "lucene"
    title = "Lucene (Anserini, Pyserini)"
    version = "Anserini 0.14 or newer"
    files = "documents/{part}.jsonl"
    requests = "queries.tsv"
    limits = (CLAUSES,)

    def document(self, document: Document) -> str:
        """Return a line."""
        head = {"id": document.id, "contents": document.text or ""}
        return ending_in(head, "vector", self.vector(document)) + "\n"

    def query(self, query: Document) -> str:
        """Return a topic: its id, and each token as often as its weight says. Raises ValueError for a tab in the id."""
        if len(query.id.split()) != 1:
            raise ValueError(f"query id {query.id!r} has white space, which topics and runs cannot hold: rename it")
        words = " ".join(" ".join([str(dimension)] * weight) for dimension, weight in self.pairs(query))
        return f"{query.id}\t{words}\n"

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        return records(lines, "id", "vector")

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights): how often each token occurs."""
        for line in lines:
            counts = Counter(line.rstrip("\n").split("\t")[1].split())
            yield [int(token) for token in counts], list(counts.values())

    def warnings(self) -> list[str]:
        """Return the limits of Lucene and of integers."""
        return [*super().warnings(), *clause_warning(self.facts.queries)]

    def load(self) -> str:
        """Return how the index is made."""
        return (
            "With Anserini (one jar, Java 21):\n\n"
            "```sh\n"
            "java -cp anserini-*-fatjar.jar io.anserini.index.IndexCollection -collection JsonVectorCollection \\\n"
            "  -input documents -index index -generator DefaultLuceneDocumentGenerator -threads 4 \\\n"
            "  -impact -pretokenized -optimize\n"
            "```\n\n"
            "With Pyserini: `python -m pyserini.index.lucene --collection JsonVectorCollection --input documents "
            "--index index --generator DefaultLuceneDocumentGenerator --threads 4 --impact --pretokenized --optimize`."
            f"\n\nWeights are integers, {self.facts.scale:,} times those of the encoder (`scale` in `export.json`). "
            "The usual 100 changed a third of the lists of ten for a Korean encoder of ours, 1,000 one in 40.\n"
        )

    def request(self) -> str:
        """Return Python that makes the text of a topic."""
        return (
            f"SCALE = {self.facts.scale}\n\n"
            "def request(vector):\n"
            '    words = (" ".join([str(token)] * round(weight * SCALE)) for token, weight in vector.items())\n'
            '    return " ".join(word for word in words if word)\n'
        )

    def search(self) -> str:
        """Return how topics are searched."""
        topics = "queries.tsv" if self.facts.queries else "TOPICS.tsv"
        made = "" if self.facts.queries else "Write lines `id<TAB>request(vector(text))` into TOPICS.tsv.\n\n"
        return (
            f"{made}```sh\n"
            "java -cp anserini-*-fatjar.jar io.anserini.search.SearchCollection -index index \\\n"
            f"  -topicReader TsvString -topics {topics} -output run.txt -hits 10 -impact -pretokenized\n"
            "```\n\n"
            "A token that a query repeats 400 times has the weight 400 there.\n"
        )
