"""Closing of a month by two people in turn, each by an identity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month
from triptych.month.closing import SignOff, closable, figures_hash, lock_month
from triptych.month.proposing import (
    approved_by_second,
    proposal_of,
    record_proposal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import Renderer
    from triptych.core.workspace import Workspace
    from triptych.month.closing import CloseReport, MonthToLock


def propose_close(
    workspace: Workspace, settings: Settings, *, period: str, reason: str | None = None
) -> AuditEntry:
    """Propose to lock a month as it is published, as the current signer.

    Raises
    ------
    UsageError, NotReconciledError, RunLockedError
        As for :func:`triptych.month.closing.close`.
    """
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        month = closable(workspace, settings, period)
        digest = figures_hash(month.snapshot, period)
        return record_proposal(
            workspace, "close", period, content_hash=digest, reason=reason
        )


def approve_close(
    workspace: Workspace,
    settings: Settings,
    *,
    period: str,
    reason: str | None = None,
    renderers: Sequence[Renderer] = (),
    progress: Progress,
) -> CloseReport:
    """Lock a month that another person proposed, as the current signer.

    ``reason`` is the approver's remark; the entry of the audit log has it next to that
    of the proposer.

    Raises
    ------
    UsageError
        Nobody proposed it, the same person did, or its figures are others by now.
    NotReconciledError, RunLockedError
        As for :func:`triptych.month.closing.close`.
    """
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        month = closable(workspace, settings, period)
        decided = replace(decided_close(workspace, month), approval_reason=reason)
        return lock_month(
            workspace, settings, month, decided, renderers=renderers, progress=progress
        )


def decided_close(workspace: Workspace, month: MonthToLock) -> SignOff:
    """Return who proposed a close and who approves it now: two people.

    Raises
    ------
    UsageError
        As for :func:`approve_close`.
    """
    proposal = proposal_of(workspace, "close", month.period)
    if proposal is None:
        raise UsageError(
            f"Nobody has proposed to close {month.period}.",
            next_step="Propose it first; then somebody else approves.",
        )
    digest = figures_hash(month.snapshot, month.period)
    people = approved_by_second(proposal, digest)
    return SignOff(*people, proposal.reason, proposal.entry_hash)
