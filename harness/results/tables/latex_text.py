"""Write text so that LaTeX shows it as it is, and estimate how wide it will be."""

from __future__ import annotations

import re

from harness.results.tables.table import BELOW, UNDECIDED

_WRITTEN = {character: f"\\{character}" for character in "&%$#{}"} | {
    "_": "\\_\\allowbreak{}",  # long names may end a line there
    "/": "/\\allowbreak{}",
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "[": "{[}",  # at the start of a row, [ and * would be read as arguments of the \\ or the rule before them
    "]": "{]}",
    "*": "{*}",
    "α": "$\\alpha$",
    "±": "$\\pm$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "×": "$\\times$",
    "…": "\\ldots{}",
    UNDECIDED: "$^{\\dagger}$",
    BELOW: "$\\downarrow$",
    "–": "--",
}
_LAST_LATIN = "\u024f"  # of Latin Extended-B; pdflatex knows most letters up to there

# Widths of Computer Modern at 10 pt, in units of the size (cmr10.tfm); it is wider than the Times and the Libertine
# of two-column classes. A letter that stands in no line is as wide as a digit or an "n" plus a little.
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!", 0.278),
    **dict.fromkeys("f", 0.306),
    **dict.fromkeys("- ", 0.334),
    **dict.fromkeys("()[]/rst`", 0.392),
    **dict.fromkeys("cez", 0.445),
    **dict.fromkeys("0123456789aovg–", 0.5),
    **dict.fromkeys("wCEFLPSTZβ", 0.723),
    **dict.fromkeys("ABDGHIJKNOQRUVXY=+<>±≥≤×α~", 0.785),
    **dict.fromkeys("mM%&@W…", 1.03),
}
_OTHER = 0.556
_WIDE = 1.0  # a letter beyond the Latin ones
_GROWTH = {10: 1.0, 9: 1.028, 8: 1.063, 7: 1.139}  # smaller letters are wider for their size (cmr9, cmr8, cmr7)
_BOLD = 1.16


def written(text: str) -> str:
    """Return LaTeX that shows the text as it is: no command, no mathematics, no comment, no further line."""
    return _escaped(" ".join(text.split()))


def breakable(text: str, room: float, size: int) -> str:
    """Return what `written` does, with places to end a line wherever a line of `room` points may need one."""
    words = re.split(r"(?<=[-_/ ])", " ".join(text.split()))
    return "".join(
        _escaped(word) if width(word, size) <= room else "\\allowbreak{}".join(map(_escaped, word)) for word in words
    )


def _escaped(text: str) -> str:
    return "".join(_WRITTEN.get(character, character) for character in text)


def foreign(text: str) -> str:
    """Return the letters that pdflatex cannot set, each once, in order."""
    return "".join(dict.fromkeys(letter for letter in text if letter > _LAST_LATIN and letter not in _WRITTEN))


def label(name: str) -> str:
    """Return a name for \\label: ASCII letters, digits and - . : @ _ as they are, others by their number."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-.:@_") else f"u{ord(letter):x}"
        for letter in name
    )


def width(text: str, size: int, *, bold: bool = False) -> float:
    """Return about how wide a text is, in points, at a size of 7 to 10 points; rather more than less."""
    units = sum(_WIDTHS.get(letter, _OTHER if letter <= _LAST_LATIN else _WIDE) for letter in text)
    return units * size * _GROWTH[size] * (_BOLD if bold else 1)
