"""Give an English sparse encoder another language's vocabulary.

from sembridge import SemBridge, transfer
encoder = transfer("naver/splade-v3", tokenizer="monologg/kobigbird-bert-base", initializer=SemBridge(bridge="BAAI/bge-m3", alpha=4))
encoder.save_pretrained("splade-v3-ko")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sembridge.initializer import Initialization, Initializer, Transfer
    from sembridge.pipeline import transfer
    from sembridge.semantic_bridge import SemBridge
    from sembridge.vocabulary.vocabulary import Vocabulary

__all__ = ["Initialization", "Initializer", "SemBridge", "Transfer", "Vocabulary", "transfer"]

_HOME = {
    "Initialization": "sembridge.initializer",
    "Initializer": "sembridge.initializer",
    "Transfer": "sembridge.initializer",
    "SemBridge": "sembridge.semantic_bridge",
    "Vocabulary": "sembridge.vocabulary.vocabulary",
    "transfer": "sembridge.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import sembridge` stays instant, torch comes when it is needed."""
    from importlib import import_module

    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sembridge' has no attribute {name!r}")
