"""Accruals booked before invoices arrive, and the invoiced amounts.

Amounts are billed and in the currency of the invoice: never added over currencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.measured import relation, whole
from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Results of the method in all months that have their final invoices.

    ``tried_count`` months had an interval from the errors before them, and in
    ``covered_count`` of these the invoice lay inside it.
    """

    tried_count: int
    covered_count: int
    coverage_ratio: float | None


@per_run
def accruals(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return accruals due in a period, the largest first in each currency."""
    return table(
        snapshot,
        """
        select
            billing_month,
            invoice_issuer_name as issuer,
            source,
            currency,
            accrual_amount as amount,
            accrual_amount_low as low,
            accrual_amount_high as high,
            replace(method, '_', ' ') as method,
            missing_day_count,
            run_rate_amount,
            delivered_tax_amount as tax,
            as_of,
            backtest_month_count as tried_month_count,
            backtest_error_ratio as error_ratio,
            coverage_ratio,
            booked_amount as booked,
            is_month_over,
            reason
        from cost.mart_accruals
        where list_contains($months, billing_month) and state = 'to_accrue'
        order by billing_month, currency, accrual_amount desc nulls first, issuer
        """,
        months=list(selection.period.months),
    )


@per_run
def accrual_totals(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return accruals due in each currency, the chosen currency first.

    ``unknown_count`` issuers are in no amount: nobody knows the amounts that they will
    ask for.
    """
    totals = relation(
        whole(selection),
        {
            "amount": "accruals_to_book",
            "unknown_count": "unknown_accruals",
            "row_count": "accruals_due",
        },
        by=("currency",),
        months="chosen",
        conditions=("state = 'to_accrue'",),
    )
    return table(
        snapshot,
        f"select * from {totals} order by currency <> $currency, currency",
        currency=selection.currency,
    )


@per_run
def booked_accruals(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return a period's booked accruals, with true-ups where invoices came."""
    return table(
        snapshot,
        """
        select
            billing_month,
            invoice_issuer_name as issuer,
            currency,
            booked_amount as booked,
            booked_amount_low as low,
            booked_amount_high as high,
            replace(booked_method, '_', ' ') as method,
            booked_as_of,
            booked_at,
            booked_by,
            approved_by,
            invoiced_amount as invoiced,
            true_up_amount as true_up,
            case when true_up_amount is null then 'no invoice' end as without_invoice
        from cost.mart_accruals
        where list_contains($months, billing_month) and booked_amount is not null
        order by billing_month, currency, booked_amount desc, issuer
        """,
        months=list(selection.period.months),
    )


@per_run
def accrual_track_record(snapshot: Snapshot) -> TrackRecord:
    """Return how often the interval held, over all issuers and invoiced months."""
    (row,) = rows(
        snapshot,
        """
        select
            count(is_in_interval) as tried_count,
            count(*) filter (is_in_interval) as covered_count,
            count(*) filter (is_in_interval) / nullif(count(is_in_interval), 0)
                as coverage_ratio
        from cost.mart_accruals
        """,
    )
    return TrackRecord(**row)
