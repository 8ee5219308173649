"""Give a method its inputs, prepared by the stages of a grid in a folder that is removed once they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.cli.inputs import reading
from harness.cli.method import Method
from harness.files.units import duration
from harness.initialization.needs import Materials, Need
from harness.initialization.settings import field_values, own_fields
from harness.store.artifact import Artifact, Hub, Local, Location, Member, Source
from harness.store.store import Store
from sembridge.model_card.record import Nearness


def prepare(
    method: Method,
    located: Mapping[str, Location],
    say: Callable[[str, str], None],
    *,
    prompt: str | None = None,
    language: str = "",
    profile: str = "fixed",
) -> tuple[Any, Nearness | None]:
    """Return the initializer with its inputs, and the space of its donor search if that has both vocabularies.

    located                    locations of the source, the tokenizer and the method's inputs, by role or option
    prompt, language, profile  as in `Materials`
    """
    sources = {name: _source(location) for name, location in located.items()}
    materials = Materials(
        sources["source"], sources["tokenizer"], {}, prompt=prompt, language=language, profile=profile
    )
    fields: dict[str, Any] = {}
    nearness = None
    for need in method.needs:
        start = time.perf_counter()
        fields_set = field_values(method.kind, method.settings)
        read = need.choose(method.inputs, method.kind.name, str, fields_set)
        names = ", ".join(method.inputs[option.name].name for option in read)
        say(need.name, f"{names}: {need.makes}" if names else need.makes)
        for request in need.unavailable(read, fields_set):
            say("", f"without {request.option.flag} {request.without}")
        training = {name: method.settings[name] for name in need.training() if name in method.settings}
        chosen = {option.name: sources[option.name] for option in read}
        with reading({option.flag: method.inputs[option.name] for option in read}):
            fields[need.field] = filling = _run_stages(need, replace(materials, sources=chosen, training=training))
        if need.sides is not None:
            nearness = Nearness(*need.sides(filling), need.measure)
        say("", duration(time.perf_counter() - start))
    return method.kind(**own_fields(method.kind, method.settings), **fields), nearness


def _run_stages(need: Need, materials: Materials) -> Any:
    """Run the stages of a need in a store that is removed afterwards, and return what fills the field."""
    inputs = need.inputs(materials)
    with TemporaryDirectory(prefix="sembridge-") as folder:
        store = Store(Path(folder))
        store.create()
        for source in inputs.values():
            artifact = source.artifact if isinstance(source, Member) else source
            if isinstance(artifact, Artifact):
                store.make(artifact)
        return need.load({name: store.locate(source) for name, source in inputs.items()})


def _source(location: Location) -> Source:
    return Local(location.path) if location.revision is None else Hub(location.name, location.revision)
