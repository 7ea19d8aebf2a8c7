"""Provenance of an exported month: its owner, state and completeness."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dashboard.shared import format as fmt
from dashboard.shared import gaps, selection_queries
from dashboard.shared.published import rows
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot

#: Mark on every page, sheet and row of an export of simulated data.
SYNTHETIC = "SYNTHETIC"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Source and reach of the figures of an exported month.

    ``dated`` is the moment that files carry as their own: the start of the run, or of
    a closed month the moment of closing. Both are UTC. ``journal_head`` is the hash of
    the audit log that the figures were made under: who has the document can prove later
    that nothing of the log up to there was changed.
    """

    organisation: str
    billing_month: str
    basis: selection_queries.Basis
    currency: str
    state: str
    signed_by: tuple[tuple[str, str], ...]
    gap: gaps.MonthGap
    coverage_ratio: float | None
    evidence_as_of: datetime | None
    run_id: str
    dated: datetime
    is_synthetic: bool
    facts_of_lock: tuple[tuple[str, str], ...] = field(default=())
    journal_head: str = ""

    @property
    def completeness(self) -> str:
        """Completeness of the totals, with the parts known to be missing."""
        return self.gap.completeness

    @property
    def coverage(self) -> str:
        """Coverage in words: cost without an amount is covered by nothing."""
        text = fmt.coverage(self.coverage_ratio)
        known = self.coverage_ratio is not None
        return f"at most {text}" if known and self.gap.is_material() else text

    @property
    def mark(self) -> str:
        """``SYNTHETIC`` for simulated data, else nothing."""
        return SYNTHETIC if self.is_synthetic else ""

    @property
    def facts_of_evidence(self) -> tuple[tuple[str, str], ...]:
        """Later proof that neither figures nor the audit log were changed."""
        head = (("Audit log head", self.journal_head),) if self.journal_head else ()
        return (*self.facts_of_lock, *head)

    def facts(self) -> list[tuple[str, str]]:
        """Return the header, as pairs of a name and a text."""
        marked = [("Data", f"{SYNTHETIC}: of a simulated company")]
        return [
            *(marked if self.is_synthetic else []),
            ("Organisation", self.organisation),
            ("Month", self.billing_month),
            ("Cost basis", self.basis.lower()),
            ("Currency", self.currency),
            ("State", self.state),
            ("Completeness", self.completeness),
            ("Coverage", self.coverage),
            ("Data as of", fmt.moment(self.evidence_as_of)),
            ("Run", self.run_id),
            *self.facts_of_evidence,
        ]


def provenance(
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    *,
    closing: ClosingMonth | None = None,
) -> Provenance:
    """Return the provenance of an exported month.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    billing_month : str
        ``YYYY-MM``.
    basis : {'Amortised', 'Billed'}
        Cost basis of its amounts.
    closing : ClosingMonth, optional
        The close that the export is rendered for; else the published state counts.

    Raises
    ------
    UsageError
        It is no month, or it has no charges.
    """
    check_month(snapshot, billing_month)
    run = selection_queries.run(snapshot)
    period = selection_queries.Period(billing_month, (billing_month,))
    standing = selection_queries.standing(
        snapshot, selection_queries.Selection(period, basis, run.currency)
    )
    state, signed_by, facts = (
        _of_closing(closing) if closing else _published_state(snapshot, billing_month)
    )
    return Provenance(
        organisation=run.organisation,
        billing_month=billing_month,
        basis=basis,
        currency=run.currency,
        state=state,
        signed_by=signed_by,
        gap=standing.gap,
        coverage_ratio=standing.coverage_ratio,
        evidence_as_of=run.evidence_as_of,
        run_id=run.run_id,
        dated=whole_second(closing.closed_at if closing else run.started_at),
        is_synthetic=run.is_synthetic,
        facts_of_lock=facts,
        journal_head=closing.journal_head if closing else snapshot.journal_head,
    )


def check_month(snapshot: Snapshot, billing_month: str) -> None:
    """Raise for an invalid month, and for a month without charges.

    Raises
    ------
    UsageError
        The error names the available months.
    """
    if not _MONTH.fullmatch(billing_month):
        raise UsageError(
            f"{billing_month!r} is no month.",
            where="--period",
            next_step="Write it as 2026-03.",
        )
    months = {
        month
        for period in selection_queries.periods(snapshot)
        for month in period.months
    }
    if billing_month not in months:
        known = f"from {min(months)} to {max(months)}" if months else "in no month"
        raise UsageError(
            f"There are no charges in {billing_month}.",
            where="--period",
            next_step=f"There are charges {known}.",
        )


def _of_closing(
    closing: ClosingMonth,
) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    return _closed(
        "locked",
        closed_by=closing.closed_by,
        approved_by=closing.approved_by,
        closed_at=closing.closed_at,
        lock_id=closing.lock_id,
        content_hash=closing.content_hash,
    )


def _published_state(
    snapshot: Snapshot, billing_month: str
) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    found = rows(
        snapshot,
        "select state, lock_id, locked_at, locked_by, approved_by, content_hash"
        " from cost.mart_period_states where billing_month = $month",
        month=billing_month,
    )
    if not found:
        return "open", (), ()
    row = found[0]
    if row["lock_id"] is None:
        return row["state"], (), ()
    return _closed(
        row["state"],
        closed_by=row["locked_by"],
        approved_by=row["approved_by"],
        closed_at=row["locked_at"],
        lock_id=row["lock_id"],
        content_hash=row["content_hash"],
    )


def _closed(
    state: str,
    *,
    closed_by: str,
    approved_by: str,
    closed_at: datetime,
    lock_id: str,
    content_hash: str,
) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    when = fmt.moment(closed_at)
    return (
        f"{state}, closed by {closed_by}, approved by {approved_by}, {when}",
        (("Closed by", closed_by), ("Approved by", approved_by)),
        (("Lock", lock_id), ("Content hash", content_hash)),
    )


def whole_second(moment: datetime | None) -> datetime:
    """Return a moment as files carry it: to the second, without zone.

    Raises
    ------
    UsageError
        The published run has no start time.
    """
    if moment is None:
        raise UsageError(
            "The published run does not say when it started.",
            next_step='"triptych build --full" publishes one that does.',
        )
    return moment.replace(microsecond=0, tzinfo=None)
