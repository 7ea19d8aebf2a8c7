"""Plans of studies from the workspace's ``studies/*.yml``, with line numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from attribution.plan import Plan
from triptych.settings.document import read_document
from triptych.settings.explanation import explain
from triptych.settings.problems import Problems

if TYPE_CHECKING:
    from pathlib import Path


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
        for complaint in explain(error, schema=Plan, data=document.data):
            line = document.line_of(complaint.path)
            problems.add(document.name, line, complaint.text)
        problems.raise_if_any()
        raise


__all__ = ["read_plan"]
