"""Declare the need `text`: a file of target-language text, for methods that read it themselves."""

from __future__ import annotations

from harness.initialization.needs import TEXT, Need

NEED = Need(
    "text",
    field="text",
    options=((TEXT,),),
    inputs=lambda materials: {"text": materials.sources["text"]},
    load=lambda inputs: inputs["text"].path,
)
