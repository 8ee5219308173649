"""Write what strangers have named into a model card, as text that cannot become markup."""

from __future__ import annotations


def plain(value: object) -> str:
    """Return a value as one line that cannot break out of a table cell or a code span."""
    return " ".join(str(value).replace("`", "'").replace("|", "/").split())
