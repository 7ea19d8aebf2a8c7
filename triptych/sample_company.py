"""The sample company with its studies locked, and with its scenarios run.

Each study is locked before its feature was launched.

The simulated company writes the plans; only the register itself can lock them, and the
stages do not know each other.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from attribution.studies.platform_exports import record_export
from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plans
from ingest.sample_company.company import write_company
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from attribution.causal.plan import Plan

#: Declarer of studies there: a role, as nobody works at a company that does not exist.
DECLARED_BY = "analytics"
DECLARED_BEFORE = timedelta(days=21)
_AT = time(9, 0, tzinfo=UTC)


def write_sample_company(
    directory: Path, *, months: int = 18, seed: int = 7, scale: float = 1.0
) -> None:
    """Write the sample company into an empty folder, and lock its studies.

    Parameters
    ----------
    directory, months, seed, scale
        As for :func:`ingest.sample_company.company.write_company`.

    Raises
    ------
    UsageError
        The folder is not empty, or ``months`` or ``scale`` cannot be had.
    """
    write_company(directory, months=months, seed=seed, scale=scale)
    workspace = Workspace(directory)
    plans = read_plans(workspace.studies_dir)
    register = StudyRegister(workspace.study_register)
    lock_studies(plans, register)
    export = directory / "meters" / "growthbook" / "assignments.csv"
    for plan in plans:
        if plan.assignment and plan.assignment.platform:
            at = datetime.combine(plan.launch, _AT)
            record_export(register, plan.id, export, by=DECLARED_BY, at=at)


def run_scenarios(workspace: Workspace) -> tuple[str, ...]:
    """Run all scenarios on the published run; return their names."""
    # Simulating is quicker without the scenario code.
    from attribution.scenarios.running import run_scenario  # noqa: PLC0415
    from attribution.scenarios.scenario_file import read_scenario  # noqa: PLC0415

    found = [
        read_scenario(path) for path in sorted(workspace.scenarios_dir.glob("*.yml"))
    ]
    now = datetime.now(tz=UTC)
    for one in found:
        run_scenario(workspace, one, by=one.author or DECLARED_BY, at=now)
    return tuple(one.name for one in found)


def lock_studies(plans: Iterable[Plan], register: StudyRegister) -> None:
    """Lock plans in the order in which they were declared, each before its launch."""
    for plan in sorted(plans, key=lambda plan: (plan.launch, plan.id)):
        at = datetime.combine(plan.launch, _AT) - DECLARED_BEFORE
        register.register(plan, by=DECLARED_BY, at=at)


__all__ = [
    "DECLARED_BEFORE",
    "DECLARED_BY",
    "lock_studies",
    "run_scenarios",
    "write_sample_company",
]
