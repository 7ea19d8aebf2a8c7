"""Plans of studies from the workspace's ``studies/*.yml``, with line numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from triptych.core.settings.document import read_document
from triptych.core.settings.explanation import explain
from triptych.core.settings.problems import TRY_AGAIN, Problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from attribution.causal.plan import Plan
    from triptych.core.settings.document import Document

_SUFFIXES = frozenset({".yml", ".yaml"})


def read_plan(path: Path) -> Plan:
    """Return the plan of a file that is to be locked.

    Raises
    ------
    SettingsError
        The file is missing or not valid, or has options that its design does not use;
        each problem with its line.
    """
    problems = Problems(TRY_AGAIN)
    document = read_document(path, problems=problems)
    if not document.is_present:
        problems.add(path.name, None, "there is no such file.")
    problems.raise_if_any()
    plan = _plan_of(document, problems)
    if plan is not None:
        _refuse_unused(document, plan, problems)
    problems.raise_if_any()
    assert plan is not None  # noqa: S101  (else there was a problem)
    return plan


def read_plans(folder: Path) -> tuple[Plan, ...]:
    """Return the plans of a folder of studies, by their ids.

    Parameters
    ----------
    folder : Path
        ``studies/`` of a workspace. An absent or empty folder has no plans; files that
        are no YAML, such as the register, are not looked at.

    Raises
    ------
    SettingsError
        A file is not valid, or two are of the same study; all problems of all files,
        each with its line.
    """
    problems = Problems()
    plans: dict[str, Plan] = {}
    files: dict[str, str] = {}
    for document, plan in _documents(folder, problems):
        if plan.id in plans:
            line = document.line_of(("id",))
            text = f"study {plan.id!r} is also in {files[plan.id]}."
            problems.add(document.name, line, text)
        files.setdefault(plan.id, document.name)
        plans.setdefault(plan.id, plan)
    problems.raise_if_any()
    return tuple(plans[study_id] for study_id in sorted(plans))


def _documents(folder: Path, problems: Problems) -> Iterator[tuple[Document, Plan]]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            name = f"{folder.name}/{path.name}"
            before = len(problems.lines())
            document = read_document(path, problems=problems, name=name)
            is_readable = len(problems.lines()) == before
            plan = _plan_of(document, problems) if is_readable else None
            if plan is not None:
                yield document, plan


def _refuse_unused(document: Document, plan: Plan, problems: Problems) -> None:
    """Add the options that change nothing, each with its line."""
    from attribution.causal.unused_options import (  # noqa: PLC0415  (see below)
        complaint_of,
        evident_design,
        unused_options,
    )

    design = evident_design(plan)
    for name in unused_options(plan, design):
        line = document.line_of((name,))
        problems.add(document.name, line, complaint_of(name, design))


def _plan_of(document: Document, problems: Problems) -> Plan | None:
    """Return the plan of a file; its errors are added to ``problems``."""
    from attribution.causal.plan import Plan  # noqa: PLC0415  (slow to load; many have none)

    try:
        return Plan.model_validate(document.data)
    except ValidationError as error:
        for complaint in explain(error, schema=Plan, data=document.data):
            line = document.line_of(complaint.path)
            problems.add(document.name, line, complaint.text)
    return None
