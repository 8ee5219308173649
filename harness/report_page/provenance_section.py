"""Say what the numbers were computed with: commands, machine, versions, and models and data by revision or content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from harness.files.redaction import without_folders, without_secrets
from harness.report_page.folder import ResultsFolder
from harness.report_page.markup import Markup, element, joined, table
from harness.report_page.store_files import StoreFiles

LOG = "run.log"
_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (command|machine): (.*)$", re.MULTILINE)
_VISITED = 100_000  # artifacts, at most


def pieces(folder: ResultsFolder, store: StoreFiles) -> Iterator[Markup]:
    """Yield lists and tables of what is known."""
    if (folder.path / LOG).is_file():
        written = dict.fromkeys(_LINE.findall(folder.text(LOG)))
        for name, title in (("command", "Commands"), ("machine", "Machines")):
            lines = [without_folders(without_secrets(text)) for kind, text in written if kind == name]
            if lines:
                items = [element("li", element("code", line)) for line in dict.fromkeys(lines)]
                yield joined([element("h3", title), element("ul", *items)])
    places = Counter(place for cell in folder.cells if (place := store.of_cell(cell.key)) is not None)
    if places:
        yield from _versions(store, places)
        yield from _inputs(store, list(places))
    else:
        yield element("p", "Versions and revisions are in the store, which this page was made without.", class_="note")


def _versions(store: StoreFiles, places: Mapping[str, int]) -> Iterator[Markup]:
    """Yield the versions of libraries; cells that were computed with others have columns of their own.

    places  of artifacts, and how many cells have their score from each
    """
    sets: Counter[tuple[tuple[str, str], ...]] = Counter()
    for place, cells in places.items():
        known = store.measurement(place).get("provenance", {})
        if isinstance(known, dict) and isinstance(known.get("versions"), dict):
            versions = {str(name): str(version) for name, version in known["versions"].items()}
            sets[(*versions.items(), ("commit", str(known.get("git", "unknown"))))] += cells
    if not sets:
        return
    order = [dict(each) for each, _ in sets.most_common()]
    names = list(dict.fromkeys(name for versions in order for name in versions))
    head = ["", *(f"{count:,} cell{'s' * (count > 1)}" for _, count in sets.most_common())]
    yield joined(
        [element("h3", "Versions"), table(head, [[name, *(own.get(name, "") for own in order)] for name in names])]
    )


def _inputs(store: StoreFiles, places: list[str]) -> Iterator[Markup]:
    """Yield the models and folders that everything was made from, with their revision, or the hash of their content."""
    rows: dict[tuple[str, str, str], None] = {}
    seen = set(places)
    stack = list(places)
    while stack and len(seen) < _VISITED:
        for name, described in store.inputs(stack.pop()):
            if (artifact := store.artifact(described)) is not None:
                if artifact not in seen:
                    seen.add(artifact)
                    stack.append(artifact)
                continue
            exact = str(described.get("revision") or described.get("content") or "")
            rows[name, without_folders(str(described.get("name", ""))), exact] = None
    if rows:
        ordered = [list(row) for row in sorted(rows)]
        head = ["input", "name", "revision, or hash of the content"]
        yield joined([element("h3", "Models and data"), table(head, ordered)])
