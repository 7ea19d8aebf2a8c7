"""Books the cost of a month before its final invoices arrive.

The booking is taken from the published run: for each issuer and currency the amount,
its interval and its method. It is an entry of the audit log, rows and all, so it stays
as it was; the true-up is its difference from the final invoice. A month may be booked
again while invoices are missing: the newest booking of each issuer counts, and the log
has all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month, two_people
from triptych.core.warehouse.locks import read_history, record_accruals
from triptych.core.warehouse.reader import PublishedReader
from triptych.month.proposing import (
    approved_by_second,
    proposal_of,
    record_proposal,
)
from triptych.run.pipeline import Run, refuse_if_outdated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodHistory
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

_TO_ACCRUE = """
    SELECT
        invoice_issuer_id AS issuer_key,
        invoice_issuer_name,
        currency,
        accrual_amount AS booked_amount,
        accrual_amount_low AS booked_amount_low,
        accrual_amount_high AS booked_amount_high,
        coalesce(invoiced_amount, 0) AS invoiced_when_booked_amount,
        method AS booked_method,
        as_of AS booked_as_of,
        reason
    FROM cost.mart_accruals
    WHERE billing_month = ? AND state = 'to_accrue' AND is_month_over
    ORDER BY invoice_issuer_id, currency
"""
_MONEY = (
    *("booked_amount", "booked_amount_low", "booked_amount_high"),
    "invoiced_when_booked_amount",
)


@dataclass(frozen=True, slots=True)
class BookedAccrual:
    """Accrual booked for an issuer, in the currency of its invoice.

    ``low`` and ``high`` are None where too few invoices are known for an interval.
    """

    issuer: str
    currency: str
    amount: Decimal
    low: Decimal | None
    high: Decimal | None
    method: str


@dataclass(frozen=True, slots=True)
class AccrualReport:
    """Result of booking a month's accruals.

    ``unknown`` has a sentence for each issuer with an unknown amount: it is not booked.
    """

    billing_month: str
    booked_by: str
    approved_by: str
    as_of: datetime
    accruals: tuple[BookedAccrual, ...]
    unknown: tuple[str, ...]
    audit_log_hash: str
    published_run_id: str


def accrue(
    workspace: Workspace,
    settings: Settings,
    *,
    period: str,
    by: str,
    approved_by: str,
    reason: str | None = None,
    progress: Progress,
) -> AccrualReport:
    """Book the accruals that the published run has for a month.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    period : str
        The billing month, ``YYYY-MM``, which is over.
    by, approved_by : str
        Person who books and person who approves, two different people.
    reason : str, optional
        A remark for the audit log.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        The month is closed, nothing of it is to accrue, the published run is out of
        date, or both names are those of the same person.
    RunLockedError
        A run is under way.
    """
    people = two_people(by, approved_by, "book an accrual")
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        booking = _bookable(workspace, settings, period)
        run = Run(workspace, settings, progress)
        return _book(workspace, run, booking, people, _remarks(reason))


def propose_accrual(
    workspace: Workspace, settings: Settings, *, period: str, reason: str | None = None
) -> AuditEntry:
    """Propose to book a month's published accruals, as the current signer.

    Raises
    ------
    UsageError, RunLockedError
        As for :func:`accrue`.
    """
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        booking = _bookable(workspace, settings, period)
        return record_proposal(
            workspace, "accrue", period, content_hash=booking.digest, reason=reason
        )


def approve_accrual(
    workspace: Workspace,
    settings: Settings,
    *,
    period: str,
    reason: str | None = None,
    progress: Progress,
) -> AccrualReport:
    """Book the accruals that another person proposed, as the current signer.

    ``reason`` is the approver's remark; the entry of the audit log has it next to that
    of the proposer.

    Raises
    ------
    UsageError
        Nobody proposed it, the same person did, or the amounts are others by now.
    RunLockedError
        A run is under way.
    """
    check_month(period)
    with hold_run_lock(workspace.lock_file):
        booking = _bookable(workspace, settings, period)
        people, proposed_because = decided_accrual(workspace, booking)
        run = Run(workspace, settings, progress)
        remarks = _remarks(proposed_because, reason)
        return _book(workspace, run, booking, people, remarks)


def decided_accrual(
    workspace: Workspace, booking: Booking
) -> tuple[tuple[str, str], str | None]:
    """Return who proposed a booking and who approves it now, and why it is booked.

    Raises
    ------
    UsageError
        As for :func:`approve_accrual`.
    """
    proposal = proposal_of(workspace, "accrue", booking.period)
    if proposal is None:
        raise UsageError(
            f"Nobody has proposed to book accruals of {booking.period}.",
            next_step="Propose it first; then somebody else approves.",
        )
    return approved_by_second(proposal, booking.digest), proposal.reason


@dataclass(frozen=True, slots=True)
class Booking:
    """Accruals to book for a month, from a single published run."""

    period: str
    snapshot: Snapshot
    known: tuple[dict[str, Any], ...]
    unknown: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the rows as they would be kept."""
        rows = json.dumps([_as_text(row) for row in self.known], sort_keys=True)
        return hashlib.sha256(rows.encode()).hexdigest()

    @property
    def accruals(self) -> tuple[BookedAccrual, ...]:
        """Return the accruals to book, by issuer."""
        return tuple(_booked(row) for row in self.known)


def bookable(workspace: Workspace, settings: Settings, period: str) -> Booking:
    """Return the accruals to book for a month without writing anything.

    Raises
    ------
    UsageError
        As for :func:`accrue`.
    """
    check_month(period)
    return _bookable(workspace, settings, period)


def _bookable(workspace: Workspace, settings: Settings, period: str) -> Booking:
    history = read_history(workspace)
    snapshot = PublishedReader(workspace.root).snapshot()
    _refuse_closed(history, period)
    rows = snapshot.query(_TO_ACCRUE, [period]).to_pylist()
    known = tuple(row for row in rows if row["booked_amount"] is not None)
    unknown = tuple(_unknown(row) for row in rows if row["booked_amount"] is None)
    if not known:
        raise _nothing_to_book(snapshot, period, unknown)
    refuse_if_outdated(workspace, settings, history, snapshot)
    return Booking(period, snapshot, known, unknown)


def _book(
    workspace: Workspace,
    run: Run,
    booking: Booking,
    people: tuple[str, str],
    remarks: Mapping[str, str | None],
) -> AccrualReport:
    """Book the accruals; the caller holds the run lock and has validated them."""
    rows = list(booking.known)
    with run.recorded(f"booking accruals of {booking.period}"):
        detail = _detail(booking.snapshot, booking.period, people, remarks, rows)
        entry = record_accruals(workspace, detail)
    published = run.build()
    return AccrualReport(
        billing_month=booking.period,
        booked_by=people[0],
        approved_by=people[1],
        as_of=rows[0]["booked_as_of"],
        accruals=booking.accruals,
        unknown=booking.unknown,
        audit_log_hash=entry.entry_hash,
        published_run_id=published.run_id,
    )


def _refuse_closed(history: PeriodHistory, period: str) -> None:
    lock = history.lock_of(period)
    if lock is not None:
        raise UsageError(
            f"{period} is closed, by {lock.locked_by}: nothing of it is to accrue.",
            next_step="What came to light since is in cost.mart_period_adjustments.",
        )


def _nothing_to_book(
    snapshot: Snapshot, period: str, unknown: tuple[str, ...]
) -> UsageError:
    if unknown:
        return UsageError(
            f"What {period} is to accrue is unknown. {' '.join(unknown)}",
            next_step="Ingest the bills, run again, and book then.",
        )
    months = snapshot.query(
        "SELECT DISTINCT billing_month FROM cost.mart_accruals"
        " WHERE state = 'to_accrue' AND is_month_over ORDER BY billing_month"
    )
    waiting = ", ".join(months.column("billing_month").to_pylist()) or "none"
    return UsageError(
        f"Nothing of {period} is to accrue: the month is not over, or every invoice of"
        " it is there.",
        next_step=f"Months with something to accrue: {waiting}.",
    )


def _unknown(row: dict[str, Any]) -> str:
    return f"{row['invoice_issuer_name']} ({row['currency']}): {row['reason']}"


def _detail(
    snapshot: Snapshot,
    period: str,
    people: tuple[str, str],
    remarks: Mapping[str, str | None],
    rows: list[dict[str, Any]],
) -> dict[str, object]:
    return {
        "billing_month": period,
        "lock_id": None,
        "actor": people[0],
        "approver": people[1],
        **remarks,
        "content_hash": None,
        "published_run_id": snapshot.run_id,
        "rows": [_as_text(row) for row in rows],
    }


def _remarks(reason: str | None, approval: str | None = None) -> dict[str, str | None]:
    given = {"approval_reason": approval} if approval else {}
    return {"reason": reason, **given}


def _as_text(row: dict[str, Any]) -> dict[str, str | None]:
    """Return a row as JSON keeps it, to the last digit."""
    money = {name: None if row[name] is None else f"{row[name]:f}" for name in _MONEY}
    return {
        "issuer_key": row["issuer_key"],
        "currency": row["currency"],
        **money,
        "booked_method": row["booked_method"],
        "booked_as_of": row["booked_as_of"].isoformat(),
    }


def _booked(row: dict[str, Any]) -> BookedAccrual:
    return BookedAccrual(
        issuer=row["invoice_issuer_name"],
        currency=row["currency"],
        amount=row["booked_amount"],
        low=row["booked_amount_low"],
        high=row["booked_amount_high"],
        method=row["booked_method"],
    )
