"""Packages that a document describes file by file, installed as pip would: modules and entry points."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path


def install(document: Path, package: str, site: Path) -> None:
    """Install a package into a folder to be put on the path.

    Its files are the indented blocks of the document that follow a line beginning with `package/FILE`, in backticks.
    """
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(rf"^`{package}/([\w.]+)`(?:.*\n)(?:.+\n)*\n((?:    .*\n|\n)+)", text, re.M)
    files = {name: textwrap.dedent(block) for name, block in blocks}
    project = tomllib.loads(files.pop("pyproject.toml"))
    assert sorted(files) == sorted(f"{name}.py" for name in project["tool"]["setuptools"]["py-modules"])
    for name, content in files.items():
        (site / name).write_text(content, encoding="utf-8")
    about = project["project"]
    folder = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n", encoding="utf-8"
    )
    groups = (
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())])
        for group, entries in about["entry-points"].items()
    )
    (folder / "entry_points.txt").write_text("\n\n".join(groups) + "\n", encoding="utf-8")
