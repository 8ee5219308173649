"""Read JSON, with a one-line error for every defect: cut off, nested too deep, numbers of thousands of digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.files.bounded import OversizedError, text


class JsonError(ValueError):
    """The content is not JSON; one line without the file name. reason: the same without the position in the text."""

    def __init__(self, what: str, reason: str = "") -> None:
        super().__init__(what)
        self.reason = reason or what


def load(content: str) -> Any:
    """Return the value of a text. Raises JsonError."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise JsonError(str(error), error.msg) from None
    except RecursionError:
        raise JsonError("nested too deep") from None
    except ValueError:  # int() accepts at most 4300 digits
        raise JsonError("a number has thousands of digits") from None


def read(path: Path) -> Any:
    """Return the content of a file. Raises JsonError, and OSError if it cannot be read."""
    try:
        return load(text(path))
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start + 1} is not UTF-8") from None
    except OversizedError as error:
        raise JsonError(str(error)) from None
