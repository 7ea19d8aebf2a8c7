"""Plans of studies from the workspace's ``studies/*.yml``, with line numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from attribution.plan import Plan
from triptych.settings.document import read_document
from triptych.settings.problems import Problems, known_names

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from triptych.settings.document import Document


def read_plan(path: Path) -> Plan:
    """Return the plan of a file.

    Raises
    ------
    SettingsError
        The file is missing or not valid; each problem with its line.
    """
    problems = Problems()
    document = read_document(path, problems=problems)
    if not document.is_present:
        problems.add(path.name, None, "there is no such file.")
    problems.raise_if_any()
    try:
        return Plan.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors():
            line, text = _problem(detail, document)
            problems.add(document.name, line, text)
        problems.raise_if_any()
        raise


def _problem(detail: ErrorDetails, document: Document) -> tuple[int, str]:
    path = tuple(detail["loc"])
    line = document.line_of(path)
    name = ".".join(str(part) for part in path)
    if detail["type"] == "extra_forbidden":
        known = known_names("keys", Plan.model_fields, given=str(path[-1]))
        return line, f"{name!r} is not a key of a study; {known}"
    if detail["type"] == "missing":
        return line, f"the study does not say {name!r}."
    text = detail["msg"].removeprefix("Value error, ")
    return line, f"{name}: {text}." if name else f"{text}."


__all__ = ["read_plan"]
