"""The formats of `sembridge-bench export`, by the names that `--to` takes."""

from __future__ import annotations

from collections.abc import Mapping

from harness.export.engine import Engine
from harness.export.engines.elasticsearch import Elasticsearch
from harness.export.engines.jsonl import Jsonl
from harness.export.engines.lucene import Lucene
from harness.export.engines.opensearch import OpenSearch
from harness.export.engines.pgvector import Pgvector
from harness.export.engines.pisa import Pisa
from harness.export.engines.qdrant import Qdrant
from harness.export.engines.seismic import Seismic
from harness.export.engines.vespa import Vespa

_ALL = (Qdrant, OpenSearch, Elasticsearch, Lucene, Vespa, Pgvector, Seismic, Pisa, Jsonl)
ENGINES: Mapping[str, type[Engine]] = {engine.name: engine for engine in _ALL}
