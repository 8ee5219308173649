"""`sembridge-bench export --to onnx`: write an encoder as a graph that needs no torch, and compare the two."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import inputs
from harness.cli.export import inputs as export_inputs
from harness.cli.messages import failed, say
from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from harness.cli.search.index_encoder import check_revision, encoder_of
from harness.cli.search.texts import folder_of, read_queries
from harness.collections.documents import Documents
from harness.files.redaction import without_secrets
from harness.store.artifact import Local
from sembridge.extras import require
from sembridge.search.manifest import IndexFolderError

if TYPE_CHECKING:
    from harness.export.graph.agreement import Comparison
    from harness.export.graph.facts import GraphExport

_WITHOUT = ("name", "max_active_document", "max_active_query", "largest_loss", "drop_special", "without_texts")
"""Options for documents and their requests, which a graph has none of."""


@dataclass(frozen=True)
class _Command:
    """Hold the checked command.

    encoder    None for an index, which names its own
    documents  of --collection, to compare with
    queries    of --queries, to compare with
    """

    encoder: inputs.Input | None
    documents: Documents | None
    queries: list[str] | None
    out: Path


@dataclass(frozen=True)
class _Source:
    """Hold a loaded encoder, its name for people, tokens kept of a text, and texts of documents to compare with."""

    encoder: Any
    name: str
    max_length: int | None
    documents: list[str]


def export_graph(args: argparse.Namespace) -> int:
    """Export and return the exit code: 0 written, 1 failed; RefusedError before anything is computed or written."""
    command = _check(args)
    require("onnx", "an ONNX graph")
    from harness.cli.transfer import quiet

    quiet()
    if command.encoder is not None:
        inputs.check_files("ENCODER", "encoder", command.encoder)
    try:
        return _run(args, command)
    except IndexFolderError as error:
        raise RefusedError(without_secrets(str(error))) from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, torch, the runtime, the disk
        return failed(error, " (nothing was written)")


def _check(args: argparse.Namespace) -> _Command:
    """Return the checked command; RefusedError for what can be refused without a heavy import."""
    for name in _WITHOUT:
        if getattr(args, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise RefusedError(f"{option} is for documents and queries, and --to onnx writes an encoder; leave it out")
    for option, typed in (("--queries", args.queries), ("--collection", args.collection)):
        if typed is not None and args.check is None:
            raise RefusedError(f"{option} names texts to compare with, with --to onnx; add --check N, or leave it out")
    folder = Path(args.source).expanduser()
    encoder, read = None, [folder.resolve()]
    if export_inputs.is_index(folder):
        check_revision(args)
    else:
        encoder = inputs.encoder(args.source, args.revision, "INDEX|ENCODER")
        inputs.check_store(args.store, [encoder])
        read = [encoder.path] if isinstance(encoder.source, Local) else []
    documents = None if args.collection is None else export_inputs.documents_of(args)
    queries = None
    if args.queries is not None:
        path = folder_of(args.queries, "--queries", args.store)
        queries = list(read_queries(path).values())
        read.append(path.resolve())
    if documents is not None:
        read.append(documents.path.resolve())
    out = check_output(args.out, args.force, read, mark="export.json", what="an export", reader="the export")
    return _Command(encoder, documents, queries, out)


def _run(args: argparse.Namespace, command: _Command) -> int:
    from harness.export.graph.folder import write
    from harness.files.units import amount, duration

    start = time.perf_counter()
    source = _of_index(args) if command.encoder is None else _of_encoder(args, command.encoder, command.documents)
    with replacing(command.out) as folder:
        export = write(folder, source.encoder, source.name, source.max_length)
        compared = {} if args.check is None else _compared(folder, export, source, command.queries, args.check)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    seconds = duration(time.perf_counter() - start)
    side = "documents and queries" if export.lookup is None else "documents; queries are looked up, without a model"
    say("graph", f"reads {side}: {', '.join(export.graph.inputs)} to {export.graph.dimensions:,} weights")
    for what, prompt in export.prompts.items():
        if prompt:
            say("note", f"every {what} has to be preceded by {prompt!r}, as the page does it")
    if len(export.graph.files) > 1:
        say("note", f"the weights are in {export.graph.files[1]}, which has to lie beside {export.graph.files[0]}")
    say("written", f"{args.out} for ONNX: {amount(size)} in {seconds}")
    _show(compared)
    print(f"\nHow to encode with it:  {shlex.quote(str(args.out))}/README.md")
    return 0


def _of_encoder(args: argparse.Namespace, item: inputs.Input, documents: Documents | None) -> _Source:
    """Return an encoder, loaded. Raises ValueError if it cannot be."""
    from sembridge.encoder.loading import load_encoder

    location = inputs.place("encoder", item, args.store, say)
    with inputs.reading({"ENCODER": item}):
        encoder = load_encoder(*location, device="cpu")
    texts = [] if documents is None else [text for _, text in islice(documents.stream(), args.check)]
    return _Source(encoder, item.name, None, texts)


def _of_index(args: argparse.Namespace) -> _Source:
    """Return the encoder of an index. Raises IndexFolderError for an index that is not whole, or lacks its encoder."""
    from sembridge.search.index import open_index

    index = open_index(args.source, *encoder_of(args))
    say("index", f"{args.source}: {len(index):,} documents")
    encoder = index.encoder
    name = str(args.encoder or index.manifest["encoder"].get("model") or "ENCODER")
    name = Path(name).name if Path(name).is_dir() else name  # a hub id has its owner
    texts = (text for block in index.blocks() for text in block.texts if text)
    return _Source(encoder, name, index.manifest["max_length"], list(islice(texts, args.check or 0)))


def _compared(
    folder: Path, export: GraphExport, source: _Source, queries: list[str] | None, most: int
) -> dict[str, Comparison]:
    """Return how the files and the encoder agree, by what was compared. Raises ValueError if they do not."""
    from harness.export.graph import running
    from harness.export.graph.agreement import compare
    from sembridge.search.encode import encode_all
    from sembridge.search.encode_options import EncodeOptions

    texts: dict[str, Iterable[str]] = {"document": source.documents, "query": queries or ()}
    origin = ""
    if not any(texts.values()):
        texts, origin = dict.fromkeys(texts, running.BUILT_IN), ", built in"
    options = EncodeOptions(source.max_length, "float32")
    compared = {}
    for side, plural in (("document", "documents"), ("query", "queries")):
        if not (some := list(islice(texts[side], most))):
            continue
        graph = export.graph
        if side == "query" and export.lookup is not None:
            vectors = running.lookup_vectors(folder, graph.dimensions)
        else:
            vectors = running.graph_vectors(folder, graph.inputs, graph.dimensions)
        other = vectors([export.prompts[side] + text for text in some])
        agreement = compare(encode_all(source.encoder, some, side, options), other)
        if not agreement.agrees:
            problem = f"weights of {plural} differ from the encoder's by up to {agreement.difference:.4f}"
            raise ValueError(
                f"the graph does not do what the encoder does: {problem}; report it with the encoder's name"
            )
        compared[f"{len(some):,} {plural}{origin}"] = agreement
    return compared


def _show(compared: dict[str, Comparison]) -> None:
    """Print how the graph agrees with the encoder."""
    if not compared:
        print("not compared with the encoder: --check N does that with N texts")
        return
    import onnxruntime

    print(f"\nRun with onnxruntime {onnxruntime.__version__}, in padded batches, and compared with the encoder:")
    for what, found in compared.items():
        alike = f"the same active dimensions in {found.alike:,} of {found.texts:,}"
        if found.one_sided:
            alike += f"; {found.one_sided:,} are active on one side only, with weights up to {found.heaviest:.7f}"
        say("", f"{what}: weights differ by at most {found.difference:.7f}, {alike}")
