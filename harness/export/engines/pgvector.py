"""PostgreSQL with pgvector: a table with a column of type sparsevec, filled by COPY."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.export.documents import Document
from harness.export.engine import Engine, Pair
from harness.export.weights import shortest

MOST = 16_000
"""Active dimensions that a sparsevec may have."""
HNSW = 1_000
"""Active dimensions that an HNSW index takes."""
_UTF8 = "\\encoding UTF8\n"
"""The files are UTF-8, whatever the terminal of psql is: in a Latin-1 one it would store other letters."""
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_TABLE = str.maketrans(_ESCAPES)
_PLAIN = {escaped: char for char, escaped in _ESCAPES.items()}


class Pgvector(Engine):
    """Lines for COPY. Dimensions are numbered from 1 there; `<#>` is minus the product, so the best come first."""

    name = "pgvector"
    title = "pgvector"
    version = "0.7 or newer"
    files = "documents.tsv"
    requests = "queries.tsv"
    limits = (HNSW, MOST)

    def document(self, document: Document) -> str:
        """Return a row. Raises ValueError for a zero byte, which PostgreSQL does not store."""
        columns = [document.id, *([] if document.text is None else [document.text])]
        if any("\0" in column for column in columns):
            raise ValueError(f"document {document.id!r} has a zero byte, which PostgreSQL does not store: remove it")
        return "\t".join([*(column.translate(_TABLE) for column in columns), self._sparse(document)]) + "\n"

    def query(self, query: Document) -> str:
        """Return a row: the id, and the vector."""
        return self.document(query._replace(text=None))

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for line in lines:
            columns = line.rstrip("\n").split("\t")
            pairs = [entry.split(":") for entry in columns[-1].partition("}")[0][1:].split(",") if entry]
            name = re.sub(r"\\.", lambda match: _PLAIN[match.group()], columns[0])
            yield name, ([int(index) - 1 for index, _ in pairs], [float(weight) for _, weight in pairs])

    def finish(self, folder: Path) -> None:
        """Write the tables, the index if it can be made, and the searches."""
        name, dimensions = self.facts.name, self.facts.dimensions
        text = "text text NOT NULL, " if self.facts.texts else ""
        (folder / "schema.sql").write_text(
            "CREATE EXTENSION IF NOT EXISTS vector;\n"
            f'CREATE TABLE "{name}" (id text PRIMARY KEY, {text}splade sparsevec({dimensions}) NOT NULL);\n',
            encoding="utf-8",
        )
        (folder / "load.sql").write_text(f"{_UTF8}\\copy \"{name}\" from 'documents.tsv'\n", encoding="utf-8")
        if not self.facts.documents.beyond[HNSW]:
            index = f'CREATE INDEX ON "{name}" USING hnsw (splade sparsevec_ip_ops);\n'
            (folder / "index.sql").write_text(index, encoding="utf-8")
        if self.facts.queries:
            (folder / "queries.sql").write_text(
                f"{_UTF8}CREATE TEMPORARY TABLE asked_{name} (id text, splade sparsevec({dimensions}) NOT NULL);\n"
                f"\\copy asked_{name} from 'queries.tsv'\n"
                "SELECT asked.id AS query, hits.id AS document, hits.score\n"
                f"FROM asked_{name} AS asked CROSS JOIN LATERAL (\n"
                f'  SELECT id, -(splade <#> asked.splade) AS score FROM "{name}"\n'
                "  ORDER BY splade <#> asked.splade LIMIT 10\n"
                ") AS hits ORDER BY asked.id, hits.score DESC;\n",
                encoding="utf-8",
            )

    def warnings(self) -> list[str]:
        """Return how many documents cannot be stored, or not in an HNSW index."""
        documents = self.facts.documents
        found = []
        if documents.beyond[MOST]:
            problem = f"{documents.beyond[MOST]:,} of {documents.number:,} documents have more than {MOST:,}"
            found.append(f"{problem} active dimensions: pgvector refuses them; cut with --max-active-document {MOST}")
        if documents.beyond[HNSW]:
            problem = f"{documents.beyond[HNSW]:,} of {documents.number:,} documents have more than {HNSW:,}"
            found.append(
                f"{problem} active dimensions: pgvector searches them exactly, but an HNSW index refuses them; "
                f"for one, cut with --max-active-document {HNSW} and look at what --check says it costs"
            )
        return found

    def load(self) -> str:
        """Return how the table is made and filled."""
        index = (
            "There is no index: the search is exact, and looks at every row.\n"
            if self.facts.documents.beyond[HNSW]
            else "The search is exact, and looks at every row. `psql -d DATABASE -f index.sql` makes it approximate "
            "and faster: an HNSW index. With it, `SET hnsw.ef_search = 200;` before a search finds more.\n"
        )
        return (
            "```sh\n"
            "psql -v ON_ERROR_STOP=1 -d DATABASE -f schema.sql -f load.sql\n"
            "```\n\n"
            "Dimensions are numbered from 1 in a `sparsevec`: token 17 of `vocab.json` is 18 there. "
            f"{index}"
        )

    def request(self) -> str:
        """Return Python that makes the text of a sparsevec."""
        return (
            "def request(vector):\n"
            '    entries = ",".join(f"{dimension + 1}:{weight}" for dimension, weight in sorted(vector.items()))\n'
            f'    return "{{" + entries + "}}/{self.facts.dimensions}"\n'
        )

    def search(self) -> str:
        """Return how a query is searched."""
        many = "\nAll queries of `queries.tsv`: `psql -d DATABASE -f queries.sql`.\n" if self.facts.queries else ""
        return (
            "```python\n"
            "import psycopg\n\n"
            'with psycopg.connect("dbname=DATABASE") as connection:\n'
            f'    hits = "SELECT id, -(splade <#> %s::sparsevec) FROM \\"{self.facts.name}\\" ORDER BY '
            'splade <#> %s::sparsevec LIMIT 10"\n'
            '    query = request(vector("your question"))\n'
            "    print(connection.execute(hits, (query, query)).fetchall())\n"
            "```\n\n"
            "`<#>` is *minus* the inner product: ascending order puts the best first, and the score is its opposite. "
            "Documents without a common token follow with the score 0.\n"
            f"{many}"
        )

    def _sparse(self, document: Document) -> str:
        pairs = zip((document.dimensions + 1).tolist(), shortest(document.weights), strict=True)
        entries = ",".join(f"{dimension}:{weight}" for dimension, weight in pairs)
        return f"{{{entries}}}/{self.facts.dimensions}"
