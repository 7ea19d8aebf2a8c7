"""dbt inputs on studies: the question, columns, units and days of each.

``triptych.core.control`` cannot do so: plans belong to a stage, above the core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.studies.declared import DeclaredStudy, declared_studies
from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plans
from triptych.core.warehouse.build import ControlTable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from attribution.causal.plan import Plan
    from triptych.core.workspace import Workspace

#: Columns that the rows of the outcome have themselves: no metric delivers them.
OWN_COLUMNS = frozenset({"arm", "is_treated"})


def studies_of(workspace: Workspace) -> tuple[Plan, ...]:
    """Return the plans of a workspace; none where it has no studies.

    Raises
    ------
    SettingsError
        A file of ``studies/`` is not valid.
    """
    return read_plans(workspace.studies_dir)


def declared_of(
    workspace: Workspace, files: Sequence[Plan] | None = None
) -> tuple[DeclaredStudy, ...]:
    """Return every study of a workspace: those with a file and those in the register.

    Parameters
    ----------
    workspace : Workspace
        Workspace with ``studies/`` and the register.
    files : sequence of Plan, optional
        The plans of the folder, where they are read already.

    Raises
    ------
    SettingsError
        A file of ``studies/`` is not valid, or an entry differs from the entry written.
    """
    plans = studies_of(workspace) if files is None else files
    return declared_studies(plans, StudyRegister(workspace.study_register).entries())


def study_tables(
    plans: Sequence[Plan], *, locked: Collection[str] = ()
) -> list[ControlTable]:
    """Return the control tables that the panels of studies are built from.

    Parameters
    ----------
    plans : sequence of Plan
        The files of ``studies/``.
    locked : collection of str
        Ids of those that the register holds as they are now.
    """
    return [_studies(plans, locked), _columns(plans), _units(plans)]


def studies_hash_content(
    declared: Sequence[DeclaredStudy],
) -> list[tuple[str, str, str, str]]:
    """Return the study inputs of a build: id, plan, state and withdrawal."""
    return [
        (study.plan.id, study.plan.hash, study.state, study.withdrawal)
        for study in declared
    ]


def _studies(plans: Sequence[Plan], locked: Collection[str]) -> ControlTable:
    texts = ("study_id", "feature_id", "outcome", "outcome_unit", "period")
    dates = ("launch_date", "window_start", "window_end")
    return ControlTable(
        "studies",
        {
            **dict.fromkeys(texts, "VARCHAR"),
            **dict.fromkeys(dates, "DATE"),
            "is_locked": "BOOLEAN",
        },
        [
            (
                plan.id,
                plan.feature,
                plan.outcome,
                plan.outcome_unit,
                plan.period,
                plan.launch,
                plan.window.start,
                plan.window.end,
                plan.id in locked,
            )
            for plan in plans
        ],
    )


def _columns(plans: Sequence[Plan]) -> ControlTable:
    names = ("study_id", "column_name", "role", "metric")
    return ControlTable(
        "study_columns",
        dict.fromkeys(names, "VARCHAR"),
        [
            (plan.id, name, role, None if name in OWN_COLUMNS else name)
            for plan in plans
            for name, role in plan.columns.items()
        ],
    )


def _units(plans: Sequence[Plan]) -> ControlTable:
    return ControlTable(
        "study_units",
        {"study_id": "VARCHAR", "unit": "VARCHAR", "first_date": "DATE"},
        [
            (plan.id, unit, plan.first_date(unit))
            for plan in plans
            for unit in (*plan.treated, *plan.rollout)
        ],
    )
