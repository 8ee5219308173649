"""Give an English sparse encoder another language's vocabulary.

from sembridge import SemBridge, explain, transfer

bridge = SemBridge(bridge="BAAI/bge-m3", alpha=4)
encoder = transfer("naver/splade-v3", "monologg/kobigbird-bert-base", bridge, language="ko")
print(explain(encoder, "비밀번호"))
encoder.save_pretrained("splade-v3-ko")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sembridge import search
    from sembridge.assembly import assemble
    from sembridge.initializer import Initialization, Initializer, Transfer
    from sembridge.model_card.explanation import explain
    from sembridge.pipeline import transfer
    from sembridge.registry import available_initializers
    from sembridge.semantic_bridge import SemBridge
    from sembridge.vocabulary.vocabulary import Vocabulary

__all__ = [
    "Initialization",
    "Initializer",
    "SemBridge",
    "Transfer",
    "Vocabulary",
    "assemble",
    "available_initializers",
    "explain",
    "search",
    "transfer",
]

_HOME = {
    "Initialization": "sembridge.initializer",
    "Initializer": "sembridge.initializer",
    "SemBridge": "sembridge.semantic_bridge",
    "Transfer": "sembridge.initializer",
    "Vocabulary": "sembridge.vocabulary.vocabulary",
    "assemble": "sembridge.assembly",
    "available_initializers": "sembridge.registry",
    "explain": "sembridge.model_card.explanation",
    "transfer": "sembridge.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import sembridge` stays instant, torch comes when it is needed."""
    from importlib import import_module

    if name == "search":
        return import_module("sembridge.search")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sembridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
