"""JSON whose every defect is one line: cut off, nested too deep, numbers of thousands of digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.files.bounded import OversizedError, text


class JsonError(ValueError):
    """What is wrong, on one line, without the name of the file. reason: the same without the place in the text."""

    def __init__(self, what: str, reason: str = "") -> None:
        super().__init__(what)
        self.reason = reason or what


def load(content: str) -> Any:
    """The value of a text. JsonError."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise JsonError(str(error), error.msg) from None
    except RecursionError:
        raise JsonError("nested too deep") from None
    except ValueError:  # int() takes no more than 4300 digits
        raise JsonError("a number has thousands of digits") from None


def read(path: Path) -> Any:
    """The content of a file. JsonError; OSError if it cannot be read."""
    try:
        return load(text(path))
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start + 1} is not UTF-8") from None
    except OversizedError as error:
        raise JsonError(str(error)) from None
