"""Turn a pydantic error into one sentence for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from harness.files.shown import shown
from sembridge.nearest import nearest

LONGEST_PLACE = 200  # characters


class Complaint(NamedTuple):
    """One defect.

    place  the field, dotted; empty for the whole
    kind   unknown: no such field; missing: a required field; refused: by a validator of ours, whose sentence is `text`;
           value: of another type
    text   what is wrong, to be put behind the place
    """

    place: str
    kind: Literal["unknown", "missing", "refused", "value"]
    text: str


def complaint(error: ValidationError, model: type[BaseModel], further: Iterable[str] = ()) -> Complaint:
    """Return the first complaint about a `model`. An unknown field comes first: if misspelled, it is also missing.

    further  names at the top that the model takes beside its fields
    """
    complaints = error.errors()
    first = next((details for details in complaints if details["type"] == "extra_forbidden"), complaints[0])
    place = ".".join(str(part) for part in first["loc"])[:LONGEST_PLACE]
    if first["type"] == "extra_forbidden":
        fields = [*_fields_at(model, first["loc"][:-1]), *(further if len(first["loc"]) == 1 else ())]
        return Complaint(place, "unknown", f"is unknown; {nearest(str(first['loc'][-1]), fields)}")
    if first["type"] == "missing":
        return Complaint(place, "missing", "is missing; add it")
    if first["type"] == "value_error":
        return Complaint(place, "refused", str(first["ctx"]["error"]))
    if first["type"] == "literal_error":
        literals = str(first.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        advice = nearest(str(first["input"]), literals)
        return Complaint(place, "value", f"{shown(first['input'])} is not valid; {advice}")
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "string_type":
        message += "; put text in quotes"
    return Complaint(place, "value", f"{shown(first['input'])} is not valid ({message})")


def takes_text(model: type[BaseModel], path: Sequence[str], further: Iterable[str] = ()) -> bool:
    """Return whether the option at a path below a `model` takes a text, and neither a number nor a structure.

    further  names of text options that the model takes beside its fields
    """
    if len(path) == 1 and path[0] in further:
        return True
    annotation: Any = model
    for part in path:
        inner = _model_in(annotation)
        if inner is not None and part in inner.model_fields and not _is_mapping(annotation):
            annotation = inner.model_fields[part].annotation
        elif _is_mapping(annotation):  # the name of an entry, chosen by the user
            annotation = next(get_args(kind)[1] for kind in _alternatives(annotation) if get_origin(kind) is dict)
        else:
            return False
    kinds = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in _alternatives(annotation)]
    return str in kinds and all(kind in (str, type(None)) for kind in kinds)


def _is_mapping(annotation: Any) -> bool:
    return any(get_origin(kind) is dict for kind in _alternatives(annotation))


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _fields_at(model: Any, location: tuple) -> list[str]:
    for part in location:
        if part in model.model_fields:  # otherwise it is the name of an entry, chosen by the user
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    """Return the model that an annotation is or contains: dict[str, X], X | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
