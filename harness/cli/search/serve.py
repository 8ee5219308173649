"""`sembridge-bench serve`: a page to try an index, on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.messages import failed, say
from harness.cli.refusal import RefusedError
from harness.cli.search.index_encoder import check_revision, encoder_of, record_of
from harness.files.redaction import without_secrets
from harness.files.units import amount
from harness.serving.access import LINK_SECONDS, SHORTEST_TOKEN, Access
from sembridge.extras import MissingExtraError
from sembridge.search.manifest import IndexFolderError, read_manifest

if TYPE_CHECKING:
    from harness.serving.server import Server
    from harness.serving.word_search import WordSearch
    from sembridge.model_card.record import TransferRecord
    from sembridge.search.index import Index

GRACE_SECONDS = 1.0  # for answers that are under way when the server is told to end
_MOST_TOKEN = 4096  # bytes of a token file


def serve(args: argparse.Namespace) -> int:
    """Serve until a signal ends it, and return the exit code: 0 ended, 1 failed; RefusedError before it listens."""
    token = _check(args)
    try:
        return _serve(args, token)
    except KeyboardInterrupt:
        print("\nended; nothing was written")
        return 0


def _check(args: argparse.Namespace) -> str | None:
    """Return the token of --token-file; RefusedError for what can be refused without a heavy import."""
    if not 0 <= args.port <= 65535:
        raise RefusedError(f"--port {args.port} is not a port; give one from 1024 to 65535, or 0 for any that is free")
    check_revision(args)
    try:
        read_manifest(args.index.expanduser())
    except IndexFolderError as error:
        raise RefusedError(without_secrets(str(error))) from None
    return None if args.token_file is None else _token(args.token_file)


def _token(path: Path) -> str:
    shown = f"--token-file {str(path)!r}"
    path = path.expanduser()
    if not path.is_file():
        raise RefusedError(f"{shown} is not a file; check the path")
    try:
        with path.open("rb") as file:
            token = file.read(_MOST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise RefusedError(f"{shown} cannot be read as a token; it has one line of letters and digits") from None
    if len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token:
        problem = f"has no token of at least {SHORTEST_TOKEN} characters without spaces on its one line"
        raise RefusedError(f"{shown} {problem}; write one with: openssl rand -hex 32")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        print(f"warning: {shown} can be read by others on this machine: chmod 600 it", file=sys.stderr)
    return token


def _serve(args: argparse.Namespace, token: str | None) -> int:
    from harness.serving.server import listen

    try:
        server = listen(args.host, args.port)  # before anything is loaded: a port in use is said at once
    except ValueError as error:
        raise RefusedError(str(error)) from None
    try:
        local = ipaddress.ip_address(str(server.server_address[0]).partition("%")[0]).is_loopback
        made = secrets.token_urlsafe(32) if token is None and not local else None
        names = frozenset() if local else frozenset({args.host.lower(), socket.gethostname().lower()})
        access = Access(names, token or made, server.port)
        code = _load(args, server, access)
        if code == 0:
            _announce(server, access, local, made)
            server.serve_forever()
        return code
    finally:
        server.server_close()
        if not server.idle(GRACE_SECONDS):
            sys.stdout.flush()
            os._exit(0)  # a model that still computes would be torn down under its threads


def _load(args: argparse.Namespace, server: Server, access: Access) -> int:
    """Load the encoder and what is shown beside it, and return the exit code: 1 if the encoder cannot be loaded."""
    from harness.cli.transfer import quiet
    from harness.serving.answers import Answers
    from harness.serving.site import Site
    from sembridge.search.index import open_index

    quiet()
    try:
        name, revision = encoder_of(args)
        index = open_index(args.index, name, revision)
        say("index", f"{args.index}: {len(index):,} documents")
        start = time.perf_counter()
        _ = index.encoder  # loads it, and checks that it is the one of the documents
        seconds = time.perf_counter() - start
        say("encoder", f"{index.manifest['dimensions']:,} tokens, loaded in {seconds:.1f} s")
        words, without_words = _words(index)
        record, unmade = _record(index, name)
        answers = Answers(index, words, without_words, record, unmade, args.idf)
        answers.search("a", 1)  # what is compiled or read on first use is so before the first person waits
    except RefusedError:
        raise
    except IndexFolderError as error:
        raise RefusedError(without_secrets(str(error))) from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders and the encoder
        return failed(error)
    server.site = Site(answers, access)
    return 0


def _words(index: Index) -> tuple[WordSearch | None, str]:
    """Return BM25 over the documents, or None and a sentence that says why it is left out."""
    from harness.cli.search.progress import Progress
    from harness.serving.word_search import MOST_TEXT, WordSearch, too_large

    if too_large(index):
        sentence = f"the documents are more than the {amount(MOST_TEXT)} that are read into memory for it"
        say("bm25", f"left out: {sentence}")
        return None, sentence
    progress, done, start = Progress("documents", len(index)), 0, time.perf_counter()

    def advance() -> None:
        nonlocal done
        done += 1
        if done % 1000 == 0:
            progress(done)

    try:
        words = WordSearch(index, advance)
    except MissingExtraError as error:
        say("bm25", f"left out: {error}")
        return None, str(error)
    finally:
        progress.close()
    say("bm25", f"{len(index):,} documents read in {time.perf_counter() - start:.1f} s")
    return words, ""


def _record(index: Index, name: str | None) -> tuple[TransferRecord | None, str]:
    """Return what the encoder's tokens are made of, or None and a sentence that says why that is not known."""
    try:
        record = record_of(index, name)
    except ValueError as error:
        say("made of", f"left out: {error}")
        return None, "the encoder has no record of a transfer that could be read"
    say("made of", f"the record of the transfer by {record.recipe.label}")
    return record, ""


def _announce(server: Server, access: Access, local: bool, made: str | None) -> None:
    """Print where the page is, and how to get in."""
    host = str(server.server_address[0])
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        host = socket.gethostname()
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
    if made is not None:
        say("token", f"{made} (for programs: Authorization: Bearer TOKEN; it is not shown again)")
    if not local:
        print("warning: others can reach this, and nothing on the way is encrypted", file=sys.stderr)
    if access.asks_for_token:
        say("open", f"{address}{access.link}")
        say("", f"lets one browser in, once, within {LINK_SECONDS / 60:.0f} minutes; then the page asks for the token")
    else:
        say("open", f"{address}/")
    say("", "Ctrl-C ends it")
