"""Explains schema errors in the reader's words, with their places."""

from __future__ import annotations

import re
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel

from triptych.core.settings.complaint import COMPLAINTS_TYPE, Complaint
from triptych.core.settings.problems import known_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from triptych.core.settings.document import ValuePath

NAMED_BY_NAME = ("sources", "scope", "assignments", "pools")
NOUNS = {
    "sources": "source",
    "scope": "scope rule",
    "assignments": "assignment",
    "pools": "pool",
    "cost_centers": "cost centre",
    "teams": "team",
    "platforms": "platform",
    "features": "feature",
    "models": "model",
    "assumptions": "assumption",
    "controls": "control",
    "outcomes": "outcome",
}
_PLURALS = {"idle": "idle policies", "kind": "kinds", "interval": "intervals"}


def explain(
    error: ValidationError,
    *,
    schema: type[BaseModel],
    data: dict[str, Any],
) -> list[Complaint]:
    """Return every complaint of ``error`` with its path from the top of ``data``."""
    complaints: list[Complaint] = []
    for details in error.errors(include_url=False):
        complaints += _complaints(details, schema, data)
    return complaints


def explain_whole(error: ValidationError) -> list[Complaint]:
    """Return the complaints of ``error`` about several entries together."""
    return [
        complaint
        for details in error.errors(include_url=False)
        if details["loc"] == () and details["type"] == COMPLAINTS_TYPE
        for complaint in details["ctx"]["complaints"]
    ]


def _complaints(
    details: ErrorDetails,
    schema: type[BaseModel],
    data: Any,  # noqa: ANN401
) -> Iterable[Complaint]:
    path = tuple(step for step in details["loc"] if step != "[key]")
    if details["type"] == COMPLAINTS_TYPE:
        for complaint in details["ctx"]["complaints"]:
            yield Complaint((*path, *complaint.path), complaint.text)
        return
    yield Complaint(path, _text(details, path, schema, data))


def _text(
    details: ErrorDetails,
    path: ValuePath,
    schema: type[BaseModel],
    data: Any,  # noqa: ANN401
) -> str:
    subject = _subject(path, data)
    name = str(path[-1]) if path else ""
    kind = details["type"]
    if kind == "missing" or (kind.endswith("_type") and details["input"] is None):
        return f"{subject or 'the file'} has no {name!r}."
    if kind == "extra_forbidden":
        known = known_names("keys", _known_keys(schema, path[:-1]), given=name)
        inside = f" in {subject}" if subject else ""
        return f"unknown key {name!r}{inside}; {known}"
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", details["ctx"]["expected"])
        given = str(details["input"])
        plural = _PLURALS.get(name, f"{name.replace('_', ' ')}s")
        known = known_names(plural, names, given=given)
        if _is_policy(path):
            return f"policy {name!r} is {given!r}; {known_names('policies', names)}"
        return (
            f"{subject or 'the file'} names {name.replace('_', ' ')} {given!r}; {known}"
        )
    label = _label(path, subject)
    if kind == "value_error":
        text = str(details["ctx"]["error"])
        return f"{label}: {text}" if label else text
    return f"{label} {_reason(details)}"


def _label(path: ValuePath, subject: str) -> str:
    match path:
        case (str(section), int()) if section in NOUNS:
            return subject
        case (str(section), int(), *_, last) if section in NOUNS:
            return f"{subject}: {last}"
    return ".".join(str(step) for step in path)


def _is_policy(path: ValuePath) -> bool:
    return path[:1] == ("policies",)


def _reason(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind in {"tuple_type", "list_type"}:
        return "must be a list."
    if kind in {"dict_type", "model_type", "model_attributes_type"}:
        return "must be a mapping of keys and values."
    wanted = details["msg"].removeprefix("Input ").removeprefix("String ")
    return f"is {details['input']!r} and {wanted}."


def _subject(path: ValuePath, data: Any) -> str:  # noqa: ANN401
    """Return ``pool 'gpu-cluster'``, ``pool 3``, ``'warehouse'``, or nothing."""
    match path:
        case (str(section), int(position), *_):
            name = _name(data, section, position)
            noun = NOUNS.get(section, section)
            return f"{noun} {name!r}" if name else f"{noun} {position + 1}"
        case (str(section), _, *_):
            return repr(section)
    return ""


def _name(data: Any, section: str, position: int) -> str:  # noqa: ANN401
    entry = data[section][position]
    if not isinstance(entry, dict):
        return ""
    return str(entry.get("name" if section in NAMED_BY_NAME else "id") or "")


def _known_keys(schema: type[BaseModel], path: ValuePath) -> list[str]:
    annotation: Any = schema
    for step in path:
        annotation = _inner(annotation, step)
    annotation = _without_none(annotation)
    return list(annotation.model_fields) if _is_model(annotation) else []


def _inner(annotation: Any, step: str | int) -> Any:  # noqa: ANN401  (any type)
    annotation = _without_none(annotation)
    if _is_model(annotation):
        return annotation.model_fields[str(step)].annotation
    return get_args(annotation)[-1 if get_origin(annotation) is dict else 0]


def _without_none(annotation: Any) -> Any:  # noqa: ANN401  (any type)
    if get_origin(annotation) in {Union, UnionType}:
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def _is_model(annotation: Any) -> bool:  # noqa: ANN401  (any type)
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
