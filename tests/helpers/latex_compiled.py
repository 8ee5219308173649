"""Compile LaTeX tables in a column of a two-column paper, and measure them, where there is a LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

COLUMN = 219  # points: the narrowest of the usual ones (ACL)
PAPERS = {"10pt": "", "11pt": r"\usepackage{times}"}
"""Sizes of the text, and what sets its letters: Computer Modern, which is wide, and the Times of ACL."""
_PAPER = r"""\documentclass[SIZE,twocolumn]{article}
\setlength{\columnsep}{10pt}\setlength{\textwidth}{448pt}
\usepackage{booktabs}LETTERS
\begin{document}
TABLES
\typeout{COLUMN \the\columnwidth}
\end{document}
"""


@dataclass(frozen=True)
class Compiled:
    """Hold the widths of the tabulars in points, and the complaints of the log: overfull boxes and errors."""

    widths: list[float]
    complaints: list[str]


def compiled(tables: str, folder: Path, size: str = "10pt") -> Compiled:
    r"""Return what LaTeX says of these tables; each tabular is put into a box first, whose \wd is measured."""
    program = shutil.which("pdflatex") or shutil.which("tectonic")
    if program is None:
        pytest.skip("neither pdflatex nor tectonic is installed: tables are not compiled")
    kpsewhich = shutil.which("kpsewhich")
    if PAPERS[size] and kpsewhich and subprocess.run([kpsewhich, "ptmr7t.tfm"], capture_output=True).returncode:
        pytest.skip("LaTeX has no Times (texlive-fonts-recommended): tables are not compiled in it")
    boxed = re.sub(r"\\begin\{tabular\}", r"\\setbox0=\\hbox\\bgroup\\begin{tabular}", tables)
    boxed = boxed.replace(r"\end{tabular}", r"\end{tabular}\egroup\typeout{TABULAR \the\wd0}\leavevmode\box0 ")
    paper = _PAPER.replace("SIZE", size).replace("LETTERS", PAPERS[size]).replace("TABLES", boxed)
    (folder / "paper.tex").write_text(paper, encoding="utf-8")
    options = ["--keep-logs"] if Path(program).name == "tectonic" else ["-interaction=nonstopmode"]
    subprocess.run([program, *options, "paper.tex"], cwd=folder, capture_output=True, timeout=120, check=False)
    log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace").replace("\n", "\n ")
    assert re.search(rf"COLUMN {COLUMN}\.0pt", log), log[-3000:]
    missing = r"Missing character[^\n]*"
    return Compiled(
        [float(width) for width in re.findall(r"TABULAR ([\d.]+)pt", log)],
        re.findall(rf"Overfull \\hbox[^\n]*|\n ![^\n]*|{missing}|undefined on input[^\n]*", log),
    )
