"""The formats of `sembridge-bench export`, by the names that `--to` takes."""

from __future__ import annotations

from collections.abc import Mapping

from harness.export.elasticsearch import Elasticsearch
from harness.export.engine import Engine
from harness.export.jsonl import Jsonl
from harness.export.lucene import Lucene
from harness.export.opensearch import OpenSearch
from harness.export.pgvector import Pgvector
from harness.export.pisa import Pisa
from harness.export.qdrant import Qdrant
from harness.export.seismic import Seismic
from harness.export.vespa import Vespa

_ALL = (Qdrant, OpenSearch, Elasticsearch, Lucene, Vespa, Pgvector, Seismic, Pisa, Jsonl)
ENGINES: Mapping[str, type[Engine]] = {engine.name: engine for engine in _ALL}
