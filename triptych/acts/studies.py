"""Acts on studies: a plan is locked before its figures can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attribution.causal.refusal import Refusal
from attribution.studies.history import history_of
from attribution.studies.study_files import read_plan
from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import INSIDE
from triptych.core.acts import Act, ActField
from triptych.core.errors import RefusedEstimateError, UsageError
from triptych.core.signatories import named_signatory
from triptych.run.study_journal import open_register

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.acts.deed import Filling, Site


def _draft_register(site: Site, filling: Filling) -> Draft:
    plan = read_plan(_file(site, filling))
    entries = open_register(site.workspace).entries(plan.id)
    locked = [each for each in entries if each.locks_a_plan]
    if locked and locked[-1].plan_hash == plan.hash:
        raise UsageError(
            f"Study {plan.id!r} is already locked as it is.",
            next_step="Nothing is to be done; change its plan to amend it.",
        )
    verb = "amends" if locked else "locks"
    return Draft(
        says=f"{site.name} {verb} the plan of study {plan.id}. A locked plan is never"
        " changed.",
        did=f"{site.name} {verb} the plan of study {plan.id}.",
        effect="From its launch on, runs estimate it by this plan.",
        entry={
            "study": plan.id,
            "plan": plan.hash,
            "launch": plan.launch,
            "window end": plan.window.end,
        },
    )


def _register(site: Site, filling: Filling) -> None:
    path, content = _file(site, filling), filling.files.get("history", b"")
    entry = open_register(site.workspace).register(
        read_plan(path),
        by=named_signatory(site.name, "the name of the login"),
        at=datetime.now(tz=UTC),
        history=history_of(content, where="the history") if content else None,
        low_power_reason=filling.text("low_power_because"),
    )
    if isinstance(entry, Refusal):
        raise RefusedEstimateError(
            f"{entry.message} ({entry.code})",
            where=path.name,
            next_step=entry.what_would_fix_it,
        )


def plan_names(site: Site) -> tuple[str, ...]:
    """Return the plans that have a file."""
    return tuple(sorted(p.stem for p in site.workspace.studies_dir.glob("*.yml")))


def _file(site: Site, filling: Filling) -> Path:
    name = filling.text("plan")
    if name not in plan_names(site):
        raise UsageError(
            f"There is no plan {name!r}.",
            where="studies",
            next_step="Write it as a YAML file there first.",
        )
    return site.workspace.studies_dir / f"{name}.yml"


DEEDS: Final = (
    Deed(
        Act(
            "register_study",
            "Lock the plan of a study",
            (
                ActField("plan", "Plan"),
                ActField(
                    *("history", "History", "file"),
                    help="CSV or Parquet of unit, date, outcome, for the power.",
                    is_required=False,
                ),
                ActField(
                    *("low_power_because", "Why it may be too small to tell"),
                    is_required=False,
                ),
            ),
            INSIDE,
        ),
        _draft_register,
        _register,
        choices={"plan": plan_names},
    ),
)
