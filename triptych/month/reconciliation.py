"""A month in a published run: its invoices, bills, and open amounts.

Every figure is a mart's; nothing is added up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
#: Rows of a source, also where an invoice is for the bills of several.
_OF_SOURCE = " AND ($source IS NULL OR list_contains(split(source, ', '), $source))"


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """A billing month of a published run.

    ``invoices`` are rows of ``cost.mart_invoice_reconciliation``, ``sources`` those of
    ``cost.mart_period_reconciliation``, ``open_items`` those of
    ``cost.mart_open_items`` about a closed month.
    """

    billing_month: str
    run_id: str
    is_reconciled: bool
    invoices: tuple[dict[str, Any], ...]
    sources: tuple[dict[str, Any], ...]
    open_items: tuple[dict[str, Any], ...] = ()

    @property
    def summary(self) -> str:
        """Return the obstacles to its reconciliation, bill by bill."""
        return " ".join(
            f"{row['source']}: {row['reason']}"
            for row in self.sources
            if not row["is_reconciled"]
        )


def read_period(
    workspace_root: Path, billing_month: str, *, source: str | None = None
) -> PeriodReport:
    """Read a month from the published run.

    Parameters
    ----------
    workspace_root : Path
        The folder that holds ``warehouse/``.
    billing_month : str
        ``YYYY-MM``.
    source : str, optional
        Only the bills of this source.

    Raises
    ------
    UsageError
        It is no month, or nothing was billed or invoiced in it.
    NothingPublishedError
        No run has been published.
    """
    if not _MONTH.fullmatch(billing_month):
        raise UsageError(
            f"{billing_month!r} is no month.",
            where="--period",
            next_step="Write it as 2026-03.",
        )
    snapshot = PublishedReader(workspace_root).snapshot()
    given = {"month": billing_month, "source": source}
    invoices = _rows(
        snapshot,
        "SELECT * FROM cost.mart_invoice_reconciliation"
        f" WHERE billing_month = $month{_OF_SOURCE}"
        " ORDER BY invoice_issuer_name, invoice_id, currency",
        given,
    )
    sources = _rows(
        snapshot,
        "SELECT * FROM cost.mart_period_reconciliation"
        " WHERE billing_month = $month AND ($source IS NULL OR source = $source)"
        " ORDER BY source",
        given,
    )
    open_items = _rows(
        snapshot,
        "SELECT * FROM cost.mart_open_items"
        f" WHERE billing_month = $month AND is_about_closed_month{_OF_SOURCE}"
        " ORDER BY is_settled, kind DESC, abs(open_amount) DESC, invoice_issuer_name,"
        " invoice_id, booked_month, source",
        given,
    )
    if not sources:
        raise _no_data(snapshot, billing_month, source)
    is_reconciled = all(row["is_reconciled"] for row in sources)
    return PeriodReport(
        *(billing_month, snapshot.run_id, is_reconciled),
        *(invoices, sources, open_items),
    )


def _rows(
    snapshot: Snapshot, sql: str, given: dict[str, str | None]
) -> tuple[dict[str, Any], ...]:
    return tuple(snapshot.query(sql, given).to_pylist())


def _no_data(snapshot: Snapshot, billing_month: str, source: str | None) -> UsageError:
    [row] = snapshot.query(
        "SELECT min(billing_month) AS first, max(billing_month) AS last,"
        " string_agg(DISTINCT source, ', ' ORDER BY source) AS sources"
        " FROM cost.mart_period_reconciliation"
    ).to_pylist()
    whose = "" if source is None else f" of {source}"
    known = (
        f"There is something from {row['first']} to {row['last']}, of {row['sources']}."
        if row["first"]
        else "Bring in bills and invoices first."
    )
    return UsageError(
        f"Nothing{whose} was billed or invoiced in {billing_month}.",
        where="--period",
        next_step=known,
    )
