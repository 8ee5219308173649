"""Search documents with a sparse encoder, exactly, and see why a document was found.

import sembridge

index = sembridge.search.build("splade-ko", {"d1": "...", "d2": "..."}, "index")
index = sembridge.search.open("index")
hits = index.search("비밀번호", k=10)
hits[0].id, hits[0].score, hits[0].text, hits[0].terms
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sembridge.search.hits import Hit, Hits, Term
    from sembridge.search.index import Block, Index
    from sembridge.search.index import open_index as open
    from sembridge.search.index_writer import build
    from sembridge.search.manifest import IndexFolderError

__all__ = ["Block", "Hit", "Hits", "Index", "IndexFolderError", "Term", "build", "open"]

_HOME = {
    "Block": ("sembridge.search.index", "Block"),
    "Hit": ("sembridge.search.hits", "Hit"),
    "Hits": ("sembridge.search.hits", "Hits"),
    "Index": ("sembridge.search.index", "Index"),
    "IndexFolderError": ("sembridge.search.manifest", "IndexFolderError"),
    "Term": ("sembridge.search.hits", "Term"),
    "build": ("sembridge.search.index_writer", "build"),
    "open": ("sembridge.search.index", "open_index"),
}


def __getattr__(name: str) -> Any:
    """Import on first use, as `sembridge` does."""
    from importlib import import_module

    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'sembridge.search' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
