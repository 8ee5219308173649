"""Packages that only a part of the project needs: what to type where one is missing. Imports nothing heavy."""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {
    "grid": ("ray", "pandas", "pyarrow", "bm25s", "matplotlib"),
    "focus": ("gensim",),
    "irds": ("ir_datasets",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
}
"""Extra of the distribution -> the packages that are imported because of it."""


class MissingExtraError(ModuleNotFoundError):
    """One line for a person: what needs which package, and the command that installs it."""


def require(extra: str, what: str) -> None:
    """Check that the packages of an extra are installed, before anything is computed; MissingExtraError if not.

    what  needs them, as the subject of a sentence: "a grid"
    """
    if missing := [package for package in EXTRAS[extra] if find_spec(package) is None]:
        message = f"{what} needs {', '.join(missing)}, not installed here: pip install 'sembridge-bench[{extra}]'"
        raise MissingExtraError(message, name=missing[0])
