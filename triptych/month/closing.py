"""Closing of months: permission, conditions, and kept evidence.

A month is closed as it is published: reconciled, from the current evidence and rules,
by a person and approved by another. Its rows of the frozen marts are then copied into
evidence, their canonical text and its renderings into the folder of the lock, and the
audit log records it; all of it counts from a single transaction on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.engine.closed_months import ClosedMonth
from triptych.core.errors import NotReconciledError, UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month, two_people
from triptych.core.warehouse.closing_inputs import closing_inputs
from triptych.core.warehouse.frozen_marts import (
    FROZEN_MARTS,
    canonical_csv,
    content_hash,
)
from triptych.core.warehouse.inspection import read_bill_loads
from triptych.core.warehouse.locks import (
    CLOSED,
    ClosingMonth,
    PeriodHistory,
    RenderedFile,
    closed_detail,
    folder_of,
    read_history,
    store_files,
    sweep_unlocked,
)
from triptych.core.warehouse.reader import PublishedReader
from triptych.month.adjustments import adjustments_booked_with
from triptych.run.pipeline import Run, refuse_if_outdated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodLock, Renderer
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace
    from triptych.month.adjustments import BookedAdjustment


_CLOSE = "close a month"
#: Hashes of the figures to lock, by published file and month; the oldest go first.
_HASHES: dict[tuple[Path, str], str] = {}
_MOST_HASHES = 32


@dataclass(frozen=True, slots=True)
class SignOff:
    """Person who decides on a month, its approver, and the reason."""

    by: str
    approved_by: str | None = None
    reason: str | None = None
    #: Hash of the audit log entry that proposed it, if any did.
    proposal: str | None = None
    #: Remark of the approver, as opposed to that of the proposer.
    approval_reason: str | None = None


@dataclass(frozen=True, slots=True)
class CloseReport:
    """Result of closing a month.

    ``audit_log_hash`` represents the whole audit log up to this close: kept elsewhere,
    it proves later that nothing of the log was removed.
    """

    billing_month: str
    lock_id: str
    locked_by: str
    approved_by: str
    content_hash: str
    audit_log_hash: str
    row_count: int
    folder: Path
    published_run_id: str
    adjustments: tuple[BookedAdjustment, ...] = ()

    @property
    def proof(self) -> dict[str, str]:
        """Return the announcement of a close, which later proves its content."""
        return {
            "billing_month": self.billing_month,
            "lock_id": self.lock_id,
            "content_hash": self.content_hash,
            "head_hash": self.audit_log_hash,
        }


def close(
    workspace: Workspace,
    settings: Settings,
    sign_off: SignOff,
    *,
    period: str,
    renderers: Sequence[Renderer] = (),
    progress: Progress,
) -> CloseReport:
    """Lock a reconciled month with the figures that are published now.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    sign_off : SignOff
        Person who closes and person who approves, two different people; a reason is
        optional.
    period : str
        The billing month, ``YYYY-MM``.
    renderers : sequence of Renderer
        Make the files that are kept with the lock, beside the canonical text.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        The month cannot be closed now, or both names are those of the same person.
    NotReconciledError
        Invoices and ledger of the month do not tie; the message names the place.
    RunLockedError
        A run is under way.
    """
    people = two_people(sign_off.by, sign_off.approved_by, _CLOSE)
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        month = closable(workspace, settings, period)
        decided = SignOff(*people, sign_off.reason)
        return lock_month(
            workspace, settings, month, decided, renderers=renderers, progress=progress
        )


@dataclass(frozen=True, slots=True)
class MonthToLock:
    """A month that may be locked, as a run published it."""

    period: str
    snapshot: Snapshot
    history: PeriodHistory


def closable(workspace: Workspace, settings: Settings, period: str) -> MonthToLock:
    """Return a month ready to be closed; the signer holds the run lock.

    Raises
    ------
    UsageError, NotReconciledError
        As for :func:`close`.
    """
    history = read_history(workspace)
    snapshot = PublishedReader(workspace.root).snapshot()
    _refuse_unless_closable(snapshot, history, period)
    refuse_if_outdated(workspace, settings, history, snapshot)
    return MonthToLock(period, snapshot, history)


def lock_month(
    workspace: Workspace,
    settings: Settings,
    closing: MonthToLock,
    decided: SignOff,
    *,
    renderers: Sequence[Renderer],
    progress: Progress,
) -> CloseReport:
    """Lock a month; the caller holds the run lock and has validated it."""
    period, snapshot, history = closing.period, closing.snapshot, closing.history
    people = decided.by, str(decided.approved_by)
    sweep_unlocked(workspace, history)
    run = Run(workspace, settings, progress)
    with run.recorded(f"closing {period}"), progress.task(f"close {period}"):
        month, rows, files = _figures(snapshot, history, period, people, run.run_id)
        for render in renderers:
            files += list(render(month))
        inputs = closing_inputs(settings)
        entry = _commit(workspace, run, month, rows, files, decided, inputs)
    published = run.build()
    return CloseReport(
        billing_month=period,
        lock_id=month.lock_id,
        locked_by=month.closed_by,
        approved_by=month.approved_by,
        content_hash=month.content_hash,
        audit_log_hash=entry.entry_hash,
        row_count=sum(table.num_rows for table in rows.values()),
        folder=folder_of(workspace, period, month.lock_id),
        published_run_id=published.run_id,
        adjustments=adjustments_booked_with(snapshot, period),
    )


def lock_in_force(workspace: Workspace, period: str) -> PeriodLock:
    """Return the lock of a month.

    Raises
    ------
    UsageError
        The month is not closed.
    """
    history = read_history(workspace)
    lock = history.lock_of(period)
    if lock is None:
        closed = ", ".join(one.billing_month for one in history.locks) or "none"
        raise UsageError(
            f"{period} is not closed.", next_step=f"Closed months: {closed}."
        )
    return lock


def _refuse_unless_closable(
    snapshot: Snapshot, history: PeriodHistory, period: str
) -> None:
    lock = history.lock_of(period)
    if lock is not None:
        raise UsageError(
            f"{period} is closed already: by {lock.locked_by}, approved by"
            f" {lock.approved_by}, on {lock.locked_at:%Y-%m-%d}.",
            next_step=f'To close it anew, "triptych reopen --period {period}" first.',
        )
    rows = snapshot.query(
        "SELECT state, reason FROM cost.mart_period_states WHERE billing_month = ?",
        [period],
    ).to_pylist()
    if not rows:
        raise UsageError(
            f"There are no figures for {period}.",
            next_step="Ingest its bills and invoices first.",
        )
    _refuse_unless_reconciled(period, rows[0])


def _refuse_unless_reconciled(period: str, row: dict[str, Any]) -> None:
    if row["state"] == "open":
        raise UsageError(
            f"{period} cannot be closed yet: {row['reason']}",
            next_step="Close it when the month has ended and its bills are in.",
        )
    if row["state"] != "reconciled":
        raise NotReconciledError(
            f"{period} is not reconciled: {row['reason']}",
            next_step=f'"triptych reconcile --period {period}" lists what differs.'
            " Ingest the missing invoice or bill, run again, and close then.",
        )


def _figures(
    snapshot: Snapshot,
    history: PeriodHistory,
    period: str,
    people: tuple[str, str],
    lock_id: str,
) -> tuple[ClosingMonth, dict[str, pa.Table], list[RenderedFile]]:
    """Return the month that is being closed, its rows by mart, and their text."""
    figures, files = _canonical(snapshot, period)
    month = ClosingMonth(
        billing_month=period,
        lock_id=lock_id,
        # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
        closed_at=datetime.now(UTC).replace(tzinfo=None),
        closed_by=people[0],
        approved_by=people[1],
        content_hash=content_hash((file.name, file.content) for file in files),
        figures=snapshot,
        journal_head=history.head_hash,
    )
    return month, figures, files


def _canonical(
    snapshot: Snapshot, period: str
) -> tuple[dict[str, pa.Table], list[RenderedFile]]:
    figures = {
        mart.name: snapshot.query(
            f"SELECT {', '.join(mart.columns)} FROM cost.{mart.name}"
            f" WHERE {mart.month_column} = ? ORDER BY ALL",
            [period],
        )
        for mart in FROZEN_MARTS
    }
    files = [
        RenderedFile(f"{mart.name}.csv", canonical_csv(mart, figures[mart.name]))
        for mart in FROZEN_MARTS
    ]
    return figures, files


def figures_hash(snapshot: Snapshot, period: str) -> str:
    """Return the hash of the figures of a month that would be locked.

    A run is published under a unique name and checked when it is opened, so a hash
    computed from it once holds: looking, proposing and approving each use it.
    """
    key = snapshot.path, period
    if key not in _HASHES:
        _, files = _canonical(snapshot, period)
        if len(_HASHES) >= _MOST_HASHES:
            _HASHES.pop(next(iter(_HASHES)))
        _HASHES[key] = content_hash((file.name, file.content) for file in files)
    return _HASHES[key]


def _commit(
    workspace: Workspace,
    run: Run,
    month: ClosingMonth,
    figures: dict[str, pa.Table],
    files: Sequence[RenderedFile],
    sign_off: SignOff,
    inputs: dict[str, str],
) -> AuditEntry:
    checksums = store_files(workspace, month, files)
    detail = closed_detail(
        month,
        reason=sign_off.reason,
        approval_reason=sign_off.approval_reason,
        files=checksums,
        marts=list(figures),
        load_ids=read_bill_loads(workspace.raw_database, month.billing_month),
        inputs=inputs,
    )
    if sign_off.proposal is not None:
        detail["proposal"] = sign_off.proposal
    rows = ClosedMonth(
        month.billing_month,
        lock_id=month.lock_id,
        content_hash=month.content_hash,
        figures=figures,
    )
    return run.runner().commit_together(rows, event=CLOSED, detail=detail)
