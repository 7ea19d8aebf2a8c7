"""Draws of experiments that the register bears out.

The arms of listed units follow from the hash of the entry that locked them. It holds
random text, so nobody can choose it. Arms of a platform are those of its export, whose
hashes are an entry of the register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.random_assignment import Draw, drawn_arms
from attribution.studies.register_entries import ASSIGNED
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.causal.plan import Plan
    from attribution.studies.register_entries import Entry


def registered_draw(plan: Plan, entries: Sequence[Entry]) -> Draw | None:
    """Return the draw of a plan's arms; ``None`` if the register has none.

    Parameters
    ----------
    plan : Plan
        Plan to estimate.
    entries : sequence of Entry
        The whole register, oldest first.
    """
    if plan.assignment is None:
        return None
    if plan.assignment.units:
        return _sealed(plan, entries)
    if plan.assignment.platform:
        return _delivered(plan, entries)
    return None


def sealed_arms(study_id: str, entries: Sequence[Entry]) -> dict[str, int]:
    """Return the arms that the register draws for a study, by unit.

    Raises
    ------
    UsageError
        No entry of the study lists units, or they were drawn before.
    """
    from attribution.causal.plan import Plan  # noqa: PLC0415  (slow to load)

    own = [entry for entry in entries if entry.study_id == study_id and entry.nonce]
    plan = Plan.model_validate(own[-1].plan) if own else None
    drawn = registered_draw(plan, entries) if plan else None
    if plan is None or plan.assignment is None or drawn is None or drawn.objection:
        raise UsageError(
            drawn.objection if drawn else f"Study {study_id!r} locks no list of units.",
            next_step="List `units` in the plan's assignment, and register it.",
        )
    assigned = plan.assignment
    return drawn_arms(assigned.units, seed=drawn.seed, share=assigned.expected_share)


def _sealed(plan: Plan, entries: Sequence[Entry]) -> Draw | None:
    """Return the draw of the first entry that locked the study with these units."""
    units = set(plan.assignment.units if plan.assignment else ())
    drawing = [entry for entry in entries if entry.nonce]
    own = next(
        (
            entry
            for entry in drawing
            if entry.study_id == plan.id and set(_units(entry)) == units
        ),
        None,
    )
    if own is None:
        return None
    earlier = drawing[: drawing.index(own)]
    repeated = [entry.study_id for entry in earlier if _is_of_same(entry, own)]
    objection = (
        f"Its units were drawn before, for {repeated[0]!r}: the first draw counts."
        if repeated
        else ""
    )
    return Draw(
        f"the draw that entry {own.entry_hash[:12]} of the register fixed",
        seed=own.entry_hash,
        objection=objection,
    )


def _is_of_same(entry: Entry, own: Entry) -> bool:
    """Return True if both draw a unit for the same outcome on the same days."""
    first, second = entry.plan, own.plan
    is_same_time = (
        first["launch"] < second["window"]["end"]
        and second["launch"] < first["window"]["end"]
    )
    shares_units = not set(_units(entry)).isdisjoint(_units(own))
    return first["outcome"] == second["outcome"] and is_same_time and shares_units


def _units(entry: Entry) -> Sequence[str]:
    assigned = entry.plan.get("assignment") or {}
    return assigned.get("units") or ()


def _delivered(plan: Plan, entries: Sequence[Entry]) -> Draw | None:
    own = [entry for entry in entries if entry.study_id == plan.id]
    delivered = [entry for entry in own if entry.event == ASSIGNED]
    if not delivered or plan.assignment is None:
        return None
    first = delivered[0]
    return Draw(
        f"the export of {plan.assignment.platform}, experiment"
        f" {plan.assignment.experiment!r}",
        list_sha256=first.arms["list_sha256"],
        objection=_objection(plan, own, first),
    )


def _objection(plan: Plan, own: Sequence[Entry], first: Entry) -> str:
    lists = {entry.arms["list_sha256"] for entry in own if entry.event == ASSIGNED}
    if len(lists) > 1:
        return "The platform's arms were delivered twice and differ."
    if plan.assignment and first.arms["experiment"] != plan.assignment.experiment:
        return f"The export is of another experiment, {first.arms['experiment']!r}."
    locked = next(entry.at[:10] for entry in own if entry.locks_a_plan)
    if first.arms["first_exposure"][:10] < locked:
        return f"The platform exposed units before the plan was locked on {locked}."
    return ""
