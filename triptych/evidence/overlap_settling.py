"""Settles two overlapping deliveries: *same*, *different*, *supersedes*.

*different* keeps both and is an entry of the audit log. Otherwise a load is withdrawn:
for *supersedes* the first load, for *same* the load that holds nothing else. A load
with other money stays, as withdrawing it would lose that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatures import current_signature, of_operating_system
from triptych.core.warehouse.coverage_overlaps import read_open_overlaps
from triptych.core.warehouse.gate import open_published
from triptych.core.warehouse.locks import record_overlap
from triptych.evidence.withdrawing import withdraw

if TYPE_CHECKING:
    from triptych.core.warehouse.coverage_overlaps import CoverageOverlap
    from triptych.core.workspace import Workspace

Answer = Literal["same", "different", "supersedes"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Outcome of an overlap; ``withdrawn_load_id`` is empty where both count."""

    overlap: CoverageOverlap
    answer: Answer
    withdrawn_load_id: str
    audit_log_hash: str = ""


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
    load_id = decided.withdrawn_load_id
    if load_id:
        report = withdraw(workspace, load_id, because=f"{answer}: {reason}")
        return replace(decided, audit_log_hash=report.audit_log_hash)
    signature = current_signature() or of_operating_system()
    detail = {
        "overlap_id": overlap_id,
        "actor": signature.name,
        "answer": answer,
        "what": decided.overlap.what,
        "reason": reason,
    }
    with hold_run_lock(workspace.lock_file):
        entry = record_overlap(workspace, detail)
    return replace(decided, audit_log_hash=entry.entry_hash)


def decided_settlement(
    workspace: Workspace, overlap_id: str, answer: Answer
) -> Settlement:
    """Return the effect of an answer without writing anything.

    Raises
    ------
    UsageError
        There is no such overlap, or a load holds other money, too.
    """
    overlap = _open_overlap(workspace, overlap_id)
    if answer == "different":
        return Settlement(overlap, answer, "")
    return Settlement(overlap, answer, _withdrawable(overlap, answer))


def _open_overlap(workspace: Workspace, overlap_id: str) -> CoverageOverlap:
    """Return an open overlap of the published run."""
    overlaps = read_open_overlaps(open_published(workspace.root))
    named = [overlap for overlap in overlaps if overlap.overlap_id == overlap_id]
    if named:
        return named[0]
    listed = ", ".join(overlap.overlap_id for overlap in overlaps) or "none"
    raise UsageError(
        f"No overlap {overlap_id!r} is open.",
        next_step=f"Open are: {listed}. triptych loads overlaps shows all.",
    )


def _withdrawable(overlap: CoverageOverlap, answer: Answer) -> str:
    """Return the load that counts no more, which has no other money."""
    if answer == "same" and overlap.is_second_repeated_whole:
        return overlap.second_load_id
    if overlap.is_first_repeated_whole:
        return overlap.first_load_id
    raise UsageError(
        "No load of it can be withdrawn: each holds other money, too, or is one of"
        " several.",
        where=f"overlap {overlap.overlap_id}",
        next_step="Deliver one of them without these days, or retire its source; or"
        f" settle it as different: triptych loads settle {overlap.overlap_id} different"
        " --because TEXT.",
    )
