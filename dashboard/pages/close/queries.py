"""Readiness of a month to close, its ties to invoices, later changes.

Invoices stay in their own currency: their amounts are never added over currencies.
Months and adjustments are in the organisation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.measured import relation, whole
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: A month's amounts in two currencies are no difference that a journal could have.
_BOOKING = (
    "case when kind = 'currency_change' then 'not to be booked'"
    " when is_in_ledger_of_booked_month then 'in its bill'"
    " when is_booked then 'booked' else 'to be booked' end"
)
_OF_PERIOD = (
    "(list_contains($months, booked_month) or list_contains($months, locked_month))"
)
#: The kinds of facts that explain a difference between invoice and bill.
EXPLANATIONS = ("tax", "credit", "rounding", "exchange", "timing", "missing_line")
_EXPLAINED = ", ".join(f"explained_{kind}_amount as {kind}" for kind in EXPLANATIONS)


@per_run
def month_states(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the state of each month, newest first, on the chosen basis."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            billing_month,
            state,
            basis,
            reason,
            currency,
            locked_{amount} as locked_cost,
            current_{amount} as current_cost,
            difference_{amount} as difference,
            adjustment_count,
            open_item_count,
            oldest_open_item_days,
            locked_at,
            locked_by,
            approved_by,
            content_hash,
            list_contains($months, billing_month) as is_chosen
        from cost.mart_period_states
        order by not list_contains($months, billing_month), billing_month desc
        """,
        months=list(selection.period.months),
    )


@per_run
def closing_steps(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return by month the requirements of its next state, done and missing.

    A row per requirement, with who does it, and the day on which it was done where that
    is recorded: of the last exchange rate it is not.
    """
    return table(
        snapshot,
        """
        with months as (
            select * from cost.mart_period_states
            where list_contains($months, billing_month)
        ),
        bills as (
            select * from cost.mart_period_reconciliation
            where list_contains($months, billing_month)
        ),
        steps as (
            select billing_month, 1 as place, 'The month is over, with every rate'
                as step, state <> 'open' as is_done,
                case when state = 'open' then reason end as missing,
                'estimated' as leads_to, 'triptych run' as owner,
                cast(null as date) as done_on, cast(null as varchar) as source
            from months
            union all
            select billing_month, 2, 'Invoices and bill tie (' || source || ')',
                is_reconciled, reason, 'reconciled', 'finance', null, source
            from bills
            union all
            select months.billing_month, 2, 'Invoices and bills tie', false,
                'No invoice for this month yet.', 'reconciled', 'finance', null, null
            from months
            where not exists (
                select 1 from bills where bills.billing_month = months.billing_month
            )
            union all
            select billing_month, 3, 'Closed by one person, approved by another',
                locked_at is not null,
                case when locked_at is null then 'Not closed yet.' end,
                'locked',
                coalesce(
                    locked_by || ', approved by ' || approved_by, 'two of finance'
                ),
                cast(locked_at as date), null
            from months
            union all
            select billing_month, 4, 'Nothing changed or is open since the close',
                state = 'locked' and open_item_count = 0, reason, 'locked', 'finance',
                null, null
            from months
            where locked_at is not null
        )
        select billing_month, step, is_done,
            case when is_done then '✓ done' else '○ missing' end as mark,
            leads_to, missing, missing as remark, owner, done_on, source
        from steps
        order by billing_month desc, place, is_done, step
        """,
        months=list(selection.period.months),
    )


@per_run
def invoices(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return every invoice and every charge without an invoice, red first."""
    return table(
        snapshot,
        f"""
        select
            billing_month,
            invoice_issuer_name as issuer,
            coalesce(invoice_id, 'no number') as invoice,
            source,
            currency,
            invoiced_amount as invoiced,
            ledger_billed_cost as ledger,
            explained_amount as explained,
            {_EXPLAINED},
            unexplained_amount as unexplained,
            tolerance_amount as tolerance,
            replace(state, '_', ' ') as state,
            state = 'reconciled' as is_reconciled,
            case state when 'no_invoice' then 'no invoice' when 'draft' then 'draft' end
                as without_invoice,
            case state when 'no_ledger' then 'no charge' end as without_ledger,
            missing_lines,
            reason
        from cost.mart_invoice_reconciliation
        where list_contains($months, billing_month)
        order by state = 'reconciled', abs(unexplained_amount) desc, issuer, invoice,
            currency
        """,
        months=list(selection.period.months),
    )


@per_run
def unmatched(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return items on a single side only, in both directions, largest first."""
    awaited = relation(
        whole(selection),
        {"amount": "accruals_to_book"},
        by=("billing_month", "invoice_issuer_name", "currency"),
        months="chosen",
    )
    return table(
        snapshot,
        f"""
        select
            case
                when state = 'no_invoice' then 'charges without an invoice'
                when state = 'no_ledger' then 'invoice without charges'
                else 'lines on one side'
            end as side,
            invoice_issuer_name as issuer,
            coalesce(invoice_id, 'no number') as invoice,
            source,
            currency,
            case state
                when 'no_invoice'
                    then coalesce(nullif(ledger_billed_cost, 0), awaited.amount, 0)
                when 'no_ledger' then invoiced_amount
                else explained_missing_line_amount end as amount,
            coalesce(missing_lines, reason) as explanation
        from cost.mart_invoice_reconciliation
        left join {awaited} as awaited
            using (billing_month, invoice_issuer_name, currency)
        where list_contains($months, billing_month)
            and (state in ('no_invoice', 'no_ledger') or missing_lines is not null)
        order by array_position(
                ['no_invoice', 'no_ledger', 'not_reconciled', 'reconciled'], state
            ),
            abs(amount) desc, issuer, invoice
        """,
        months=list(selection.period.months),
    )


@per_run
def invoice_totals(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return invoiced, billed, explained and unexplained sums by currency.

    ``unexplained`` is net; ``unexplained_gross`` adds up sizes, so that an excess on an
    invoice does not hide a shortfall on another. Charges that await their invoice are
    in ``not_invoiced``, an estimate, and not in ``unexplained_gross``. Only a single
    issuer's has an interval: those of several do not add up.
    """
    totals = relation(
        whole(selection),
        {
            "invoiced": "invoices_invoiced",
            "ledger": "invoices_ledger",
            **{kind: f"invoices_{kind}" for kind in EXPLANATIONS},
            "unexplained": "invoices_unexplained",
            "size": "invoices_unexplained_size",
            "reconciled_count": "reconciled_invoices",
            "row_count": "invoice_rows",
        },
        by=("currency",),
        months="chosen",
    )
    awaited = relation(
        whole(selection),
        {"amount": "accruals_to_book", "issuer": "awaited_invoices"},
        by=("currency",),
        months="chosen",
        labels=("accrual_amount_low", "accrual_amount_high"),
        conditions=("accrual_amount <> 0",),
    )
    return table(
        snapshot,
        f"""
        select
            totals.* exclude (size),
            coalesce(size, 0) as unexplained_gross,
            coalesce(amount, 0) as not_invoiced,
            case when issuer = 1 then accrual_amount_low end as not_invoiced_low,
            case when issuer = 1 then accrual_amount_high end as not_invoiced_high
        from {totals} as totals left join {awaited} as awaited using (currency)
        order by currency <> $currency, currency
        """,
        currency=selection.currency,
    )


@per_run
def ledger_parts(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the way from the bills down to nothing, part by part.

    After the last part, ``ends_at`` is the amount in no part, which a test of every
    build keeps at zero.
    """
    parts = relation(
        whole(selection),
        {"amount": "step_effective_cost", "left": "left_of_bills"},
        by=("step",),
        months="chosen",
        labels=("step_order",),
        running="step_order",
    )
    return table(
        snapshot,
        f"""
        select
            step,
            case step when 'ledger' then 'Bills (ledger)'
                when 'out_of_scope' then 'Outside AI scope'
                when 'credit' then 'Credits'
                else upper(left(step, 1)) || replace(substr(step, 2), '_', ' ')
            end as name,
            amount,
            step = 'ledger' as is_total,
            left_begin as starts_at,
            left_end as ends_at
        from {parts}
        order by step_order
        """,
    )


@per_run
def adjustments(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return later findings about closed months, the largest first.

    Items booked in the period, and items about it wherever they are booked.
    """
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            locked_month,
            booked_month,
            replace(kind, '_', ' ') as kind,
            source,
            charge_date,
            replace(component, '_', ' ') as component,
            coalesce(model_id, 'no model') as model,
            cost_center,
            currency,
            {amount} as amount,
            locked_{amount} as locked_cost,
            current_{amount} as current_cost,
            is_in_ledger_of_booked_month as is_in_ledger,
            {_BOOKING} as booking,
            list_contains($months, booked_month) as is_booked_here,
            list_contains($months, locked_month) as is_about_here,
            explanation
        from cost.mart_period_adjustments
        where {_OF_PERIOD}
        order by abs({amount}) desc, locked_month, source, charge_date, model
        """,
        months=list(selection.period.months),
    )


@per_run
def adjustment_totals(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return adjustments by closed month, booked month, kind and currency."""
    keys = ("locked_month", "booked_month", "kind", "currency")
    sums = relation(
        whole(selection),
        {"amount": "adjustment_effective"},
        by=(*keys, "is_in_ledger_of_booked_month", "is_booked"),
        months="all",
        conditions=(_OF_PERIOD,),
        within=(),
    )
    return table(
        snapshot,
        f"""
        select
            * replace (replace(kind, '_', ' ') as kind),
            {_BOOKING} as booking,
            case when booking = 'to be booked' then amount end as to_book,
            amount_rows as row_count
        from {sums} as sums
        order by locked_month desc, booked_month desc, sums.kind, currency
        """,
        months=list(selection.period.months),
    )


@per_run
def period_events(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return who closed, approved and reopened the months, newest first."""
    return table(
        snapshot,
        """
        select
            occurred_at,
            billing_month,
            event,
            actor,
            approver,
            reason,
            left(entry_hash, 12) as entry
        from cost.mart_period_events
        where list_contains($months, billing_month)
        order by log_position desc
        """,
        months=list(selection.period.months),
    )
