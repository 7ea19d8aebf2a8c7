"""Settles two overlapping deliveries: *same*, *different*, *supersedes*.

*different* keeps both. Otherwise charges of a load count no more: for *supersedes*
those of the first load, for *same* rather those of the second. They are all of the
load, or the vendor's of the month, where the other delivery has all of these. A load
with other money of the vendor stays, as that would be lost. Each answer is an entry
of the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatures import current_signature, of_operating_system
from triptych.core.warehouse.coverage_overlaps import (
    read_open_overlaps,
    read_repeated_services,
)
from triptych.core.warehouse.gate import open_published
from triptych.core.warehouse.locks import UNDONE, read_history, record_overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.warehouse.coverage_overlaps import CoverageOverlap
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

Answer = Literal["same", "different", "supersedes"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Outcome of an overlap; ``withdrawn_load_id`` is empty where both count.

    ``services`` are the services of vendors whose charges of the month count no more;
    without any, all charges of the load.
    """

    overlap: CoverageOverlap
    answer: Answer
    withdrawn_load_id: str = ""
    services: tuple[Mapping[str, str], ...] = ()
    audit_log_hash: str = ""

    @property
    def counted_source(self) -> str:
        """Source of the delivery that counts."""
        is_second = self.withdrawn_load_id == self.overlap.second_load_id
        return self.overlap.first_source if is_second else self.overlap.second_source

    @property
    def effect(self) -> str:
        """What counts from the next build on."""
        if not self.withdrawn_load_id:
            return "both deliveries count"
        load, overlap = f"load {self.withdrawn_load_id}", self.overlap
        if not self.services:
            return f"{load} no longer counts"
        return f"{overlap.vendor} of {overlap.billing_month} in {load} no longer counts"


def read_answer(text: str) -> Answer:
    """Return an answer that was typed.

    Raises
    ------
    UsageError
        It is none of the three.
    """
    for answer in ANSWERS:
        if text == answer:
            return answer
    raise UsageError(
        f"{text!r} settles nothing.", next_step=f"Give one of {', '.join(ANSWERS)}."
    )


def settle(
    workspace: Workspace, overlap_id: str, answer: Answer, *, because: str
) -> Settlement:
    """Settle an overlap of the published run, and write it down with the reason.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the overlap.
    overlap_id : str
        Id of the overlap.
    answer : {'same', 'different', 'supersedes'}
        *same*: only a single delivery counts; *supersedes*: the second replaces the
        first; *different*: both count.
    because : str
        Reason, for the audit log.

    Raises
    ------
    UsageError
        There is no reason or no such overlap, or a load holds other money, too.
    RunLockedError
        A run is going on.
    """
    reason = because.strip()
    if not reason:
        raise UsageError(
            "To settle an overlap needs a reason.",
            next_step=f"Give it: triptych loads settle {overlap_id} {answer}"
            " --because TEXT; the audit log keeps it.",
        )
    decided = decided_settlement(workspace, overlap_id, answer)
    signature = current_signature() or of_operating_system()
    detail = {
        "overlap_id": overlap_id,
        "actor": signature.name,
        "answer": answer,
        "what": decided.overlap.what,
        "reason": reason,
        **_withdrawn(decided),
    }
    with hold_run_lock(workspace.lock_file):
        entry = record_overlap(workspace, detail)
    return replace(decided, audit_log_hash=entry.entry_hash)


def settlements_of(workspace: Workspace, target: str) -> list[AuditEntry]:
    """Return the settlements in force about charges of a load."""
    history = read_history(workspace)
    return [e for e in history.settlements if e.detail["load_id"] == target]


def undo_settlement(workspace: Workspace, entry: AuditEntry, reason: str) -> AuditEntry:
    """Let charges count again; the run lock is held."""
    signature = current_signature() or of_operating_system()
    kept = {name: entry.detail[name] for name in ("overlap_id", "load_id", "what")}
    return record_overlap(
        workspace,
        {**kept, "actor": signature.name, "answer": UNDONE, "reason": reason},
    )


def _withdrawn(decided: Settlement) -> dict[str, object]:
    """Return what the audit log has of charges that count no more; amounts as text."""
    if not decided.withdrawn_load_id:
        return {}
    overlap = decided.overlap
    return {
        "load_id": decided.withdrawn_load_id,
        "counted_source": decided.counted_source,
        "vendor": overlap.vendor,
        "usage_month": overlap.billing_month,
        "services": [dict(service) for service in decided.services],
        "currency": overlap.currency,
        "amount": str(overlap.repeated_amount),
    }


def decided_settlement(
    workspace: Workspace, overlap_id: str, answer: Answer
) -> Settlement:
    """Return the effect of an answer without writing anything.

    Raises
    ------
    UsageError
        There is no such overlap, or a load holds other money, too.
    """
    snapshot = open_published(workspace.root)
    overlap = _open_overlap(snapshot, overlap_id)
    if answer == "different":
        return Settlement(overlap, answer)
    sides = ("second", "first") if answer == "same" else ("first",)
    for side in sides:
        if getattr(overlap, f"is_{side}_repeated_whole"):
            return Settlement(overlap, answer, getattr(overlap, f"{side}_load_id"))
        if services := read_repeated_services(snapshot, overlap_id, side):
            load_id = getattr(overlap, f"{side}_load_id")
            return Settlement(overlap, answer, load_id, services)
    raise UsageError(
        f"Neither delivery can be left out: each has other money of {overlap.vendor},"
        " too, or is one of several loads.",
        where=f"overlap {overlap.overlap_id}",
        next_step="Deliver one of them without these days, or retire its source; or"
        f" settle it as different: triptych loads settle {overlap.overlap_id} different"
        " --because TEXT.",
    )


def _open_overlap(snapshot: Snapshot, overlap_id: str) -> CoverageOverlap:
    """Return an open overlap of the published run."""
    overlaps = read_open_overlaps(snapshot)
    named = [overlap for overlap in overlaps if overlap.overlap_id == overlap_id]
    if named:
        return named[0]
    listed = ", ".join(overlap.overlap_id for overlap in overlaps) or "none"
    raise UsageError(
        f"No overlap {overlap_id!r} is open.",
        next_step=f"Open are: {listed}. triptych loads overlaps shows all.",
    )
