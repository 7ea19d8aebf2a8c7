"""Opens closed months again: by two people, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month, two_people
from triptych.core.warehouse.locks import record_reopening
from triptych.month.closing import SignOff, lock_in_force
from triptych.month.proposing import (
    approved_by_second,
    proposal_of,
    record_proposal,
)
from triptych.run.pipeline import Run

if TYPE_CHECKING:
    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodLock
    from triptych.core.workspace import Workspace

_REOPEN = "open a month again"


@dataclass(frozen=True, slots=True)
class ReopenReport:
    """Result of reopening a month."""

    billing_month: str
    lock_id: str
    reopened_by: str
    approved_by: str
    reason: str
    audit_log_hash: str
    published_run_id: str


def reopen(
    workspace: Workspace,
    settings: Settings,
    sign_off: SignOff,
    *,
    period: str,
    progress: Progress,
) -> ReopenReport:
    """End a month's lock: it is again computed from evidence and rules.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    sign_off : SignOff
        Person who opens it, its approver, and the reason.
    period : str
        The billing month, ``YYYY-MM``.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        The month is not closed, no reason is given, or both names are those of the same
        person.
    """
    people = two_people(sign_off.by, sign_off.approved_by, _REOPEN)
    reason = _checked_reason(sign_off.reason)
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        lock = lock_in_force(workspace, period)
        decided = SignOff(*people, reason)
        return _ended(workspace, settings, lock, decided, progress)


def propose_reopening(
    workspace: Workspace, *, period: str, reason: str | None
) -> AuditEntry:
    """Propose to open a month again, as the current signer.

    Raises
    ------
    UsageError, RunLockedError
        As for :func:`reopen`.
    """
    because = _checked_reason(reason)
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        lock = lock_in_force(workspace, period)
        return record_proposal(
            *(workspace, "reopen", period),
            content_hash=lock.content_hash,
            reason=because,
        )


def approve_reopening(
    workspace: Workspace, settings: Settings, *, period: str, progress: Progress
) -> ReopenReport:
    """Reopen a month that another person proposed, as the current signer.

    Raises
    ------
    UsageError
        Nobody proposed it, or the same person did.
    RunLockedError
        A run is under way.
    """
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        lock = lock_in_force(workspace, period)
        decided = decided_reopening(workspace, lock)
        return _ended(workspace, settings, lock, decided, progress)


def decided_reopening(workspace: Workspace, lock: PeriodLock) -> SignOff:
    """Return who proposed to open a month again, who approves it now, and why.

    Raises
    ------
    UsageError
        As for :func:`approve_reopening`.
    """
    proposal = proposal_of(workspace, "reopen", lock.billing_month)
    if proposal is None:
        raise UsageError(
            f"Nobody has proposed to open {lock.billing_month} again.",
            next_step="Propose it first; then somebody else approves.",
        )
    people = approved_by_second(proposal, lock.content_hash)
    return SignOff(*people, proposal.reason, proposal.entry_hash)


def _checked_reason(reason: str | None) -> str:
    given = (reason or "").strip()
    if not given:
        raise UsageError(
            "A month is only reopened with a --reason.",
            next_step="Give it: the audit log keeps it.",
        )
    return given


def _ended(
    workspace: Workspace,
    settings: Settings,
    lock: PeriodLock,
    decided: SignOff,
    progress: Progress,
) -> ReopenReport:
    """End a lock and publish; the run lock is held."""
    approver, reason = str(decided.approved_by), str(decided.reason)
    run = Run(workspace, settings, progress)
    with run.recorded(f"reopening {lock.billing_month}"):
        entry = record_reopening(
            workspace, lock, actor=decided.by, approver=approver, reason=reason
        )
    published = run.build()
    return ReopenReport(
        billing_month=lock.billing_month,
        lock_id=lock.lock_id,
        reopened_by=decided.by,
        approved_by=approver,
        reason=reason,
        audit_log_hash=entry.entry_hash,
        published_run_id=published.run_id,
    )
