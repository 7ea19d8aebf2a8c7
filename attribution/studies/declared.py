"""Studies to estimate: plans locked in time, regardless of their files.

The register decides, not the folder. A plan that was locked before its figures could be
read is the plan that is estimated and counted. Deleting its file, renaming it, editing
it or amending it late changes the study's standing, with a note; it does not change the
measurement. Only two people, by the register, take a study out of the counted studies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from attribution.studies.register import late_amendments, state_of_entries
from attribution.studies.sealed_draws import registered_draw
from attribution.studies.withdrawals import (
    WITHDRAWAL_APPROVED,
    WITHDRAWN,
    are_two_logins,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from attribution.causal.plan import Plan
    from attribution.causal.random_assignment import Draw
    from attribution.studies.register import Entry, State

#: Without a withdrawal, ``none``; pending until a second person agrees.
Withdrawal = Literal["none", "pending", "approved"]
#: Addition to a withdrawal that two logins did not decide.
_ALONE = " No second login was there: both names may be one person's."
_LOOKS = (
    "`looks` is obsolete and changes nothing: before its registered end every study has"
    " an interval that holds at each look, and at its end one for a single look. Remove"
    " it from the file of a study that is not locked yet."
)


@dataclass(frozen=True, slots=True)
class DeclaredStudy:
    """A study as it is to be estimated.

    Attributes
    ----------
    plan : Plan
        The plan that was locked last in time; for a study without such a plan, that of
        the file.
    state : {"REGISTERED", "AMENDED", "EXPLORATORY"}
        Label that an estimate of ``plan`` may carry.
    entries : tuple of Entry
        Entries in the register, oldest first.
    withdrawal : {"none", "pending", "approved"}
        Pending, too, where the file of a locked study is gone.
    notes : tuple of str
        Notes for a reader: withdrawn by a person for a reason, edited, amended late.
    draw : Draw or None
        Evidence of chance of an experiment's arms.
    """

    plan: Plan
    state: State
    entries: tuple[Entry, ...] = ()
    withdrawal: Withdrawal = "none"
    notes: tuple[str, ...] = ()
    draw: Draw | None = None

    def record(self) -> dict[str, object]:
        """Return the standing of the study as a record."""
        first = self.entries[0] if self.entries else None
        return {
            "study_id": self.plan.id,
            "feature": self.plan.feature,
            "outcome": self.plan.outcome,
            "state": self.state,
            "withdrawal": self.withdrawal,
            "registered_at": first and first.at,
            "registered_by": first and first.by,
            "launch": self.plan.launch,
            "window_end": self.plan.window.end,
            "plan_hash": self.plan.hash,
            "notes": self.notes,
        }


def declared_studies(
    files: Iterable[Plan], entries: Iterable[Entry]
) -> tuple[DeclaredStudy, ...]:
    """Return every study that has a file or a register entry, by its id.

    Parameters
    ----------
    files : iterable of Plan
        The plans of the folder ``studies/``.
    entries : iterable of Entry
        The register, oldest first.
    """
    plans = {plan.id: plan for plan in files}
    everything = tuple(entries)
    by_study: dict[str, list[Entry]] = {}
    for entry in everything:
        by_study.setdefault(entry.study_id, []).append(entry)
    studies = [
        _declared(plans.get(study_id), by_study.get(study_id, []))
        for study_id in sorted(plans.keys() | by_study.keys())
    ]
    return tuple(
        replace(study, draw=registered_draw(study.plan, everything))
        for study in studies
    )


def _declared(file: Plan | None, entries: Sequence[Entry]) -> DeclaredStudy:
    study = _as_locked(file, entries)
    if study.plan.looks == 1:
        return study
    return replace(study, notes=(*study.notes, _LOOKS))


def _as_locked(file: Plan | None, entries: Sequence[Entry]) -> DeclaredStudy:
    locking = [entry for entry in entries if entry.locks_a_plan]
    late = late_amendments(locking)
    in_time = [entry for entry in locking if entry not in late]
    withdrawal, notes = _withdrawal(file, entries)
    if not locking or not in_time or not locking[0].was_in_time:
        plan = file or _plan_of(locking[-1])
        state = state_of_entries(entries, plan)
        return DeclaredStudy(plan, state, tuple(entries), withdrawal, notes)
    entry = in_time[-1]
    plan = file if file and file.hash == entry.plan_hash else _plan_of(entry)
    notes += tuple(_amendment(one) for one in late)
    last = locking[-1]
    if file is not None and file.hash not in {entry.plan_hash, last.plan_hash}:
        fields = ", ".join(file.changes_since(last.plan)) or "its form"
        notes += (
            f"Its file differs from what is locked ({fields}). The locked plan is"
            " estimated; an amendment needs `triptych study register`, another"
            " question an id of its own.",
        )
    return DeclaredStudy(plan, "REGISTERED", tuple(entries), withdrawal, notes)


def _plan_of(entry: Entry) -> Plan:
    from attribution.causal.plan import Plan  # noqa: PLC0415  (slow to load; many need none)

    content: Mapping[str, object] = entry.plan
    return Plan.model_validate(content)


def _amendment(entry: Entry) -> str:
    changed = "; ".join(
        f"{name}: {before} → {after}" for name, (before, after) in entry.changes.items()
    )
    return (
        f"Amended on {entry.at[:10]} by {entry.by}, when its figures could be read"
        f" ({changed}). The plan as locked before is estimated and counted; the amended"
        " question would be exploratory, grade C at most, under an id of its own."
    )


def _withdrawal(
    file: Plan | None, entries: Sequence[Entry]
) -> tuple[Withdrawal, tuple[str, ...]]:
    asked = next((entry for entry in entries if entry.event == WITHDRAWN), None)
    agreed = next(
        (entry for entry in entries if entry.event == WITHDRAWAL_APPROVED), None
    )
    if asked is not None and agreed is not None:
        alone = "" if are_two_logins(asked, agreed) else _ALONE
        return "approved", (
            f"Withdrawn on {asked.at[:10]} by {asked.by}: {asked.because}. Approved on"
            f" {agreed.at[:10]} by {agreed.by}: not counted.{alone}",
        )
    if asked is not None:
        return "pending", (
            f"Withdrawn on {asked.at[:10]} by {asked.by}: {asked.because}. Counted as"
            " registered until a second person approves.",
        )
    if not entries or file is not None:
        return "none", ()
    if not entries[0].was_in_time:
        return "none", ("Its file is gone from studies/. It stays on record.",)
    return "pending", (
        "Its file is gone from studies/. Counted as registered until it is withdrawn"
        " with a reason and a second person approves.",
    )
