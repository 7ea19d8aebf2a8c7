"""What a run tells dbt of studies: what each asks, of which columns, units and days.

``control.py`` cannot do so: it stands beside the stages, and plans are of one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plans
from triptych.warehouse.build import ControlTable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from attribution.plan import Plan
    from triptych.workspace import Workspace

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
    workspace: Workspace, plans: Sequence[Plan]
) -> list[tuple[str, str, str]]:
    """Return what a build owes to its studies: id, plan and state of each.

    Raises
    ------
    SettingsError
        An entry of the register is not what was written.
    """
    register = StudyRegister(workspace.study_register)
    return [(plan.id, plan.hash, register.state_of(plan)) for plan in plans]


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


__all__ = [
    "OWN_COLUMNS",
    "studies_hash_content",
    "studies_of",
    "study_tables",
]
