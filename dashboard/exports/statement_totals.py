"""Totals of each statement of a month, and their tie to the bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.measured import relation
from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import Period, Selection

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Basis
    from triptych.core.warehouse.reader import Snapshot


@per_run
def statement_totals(
    snapshot: Snapshot, billing_month: str, basis: Basis, currency: str
) -> pa.Table:
    """Return the total of each statement of a month, and the way to the bills.

    After the statements come their sum, the part of it about closed months, the cost
    outside AI scope, and all bills; ``kind`` distinguishes them. ``teams`` are the
    teams that own the cost.
    """
    selection = Selection(Period(billing_month, (billing_month,)), basis, currency)
    sums = {"amount": "statement_cost", "row_count": "statement_rows"}
    adjusted = {"adjusted": "statement_adjustments"}
    bills = {"outside": "out_of_scope_cost", "ledger": "ledger_cost"}
    each = relation(selection, sums, by=("cost_center",), months="chosen")
    return table(
        snapshot,
        f"""
        with whole as (from {relation(selection, sums | adjusted, months="chosen")}),
        bills as (from {relation(selection, bills, months="chosen")}),
        owners as (
            select distinct cost_center, coalesce(team, team_id) as team
            from cost.mart_statement_lines left join {named_sql("team")} using (team_id)
            where billing_month = $month and currency = $currency
        )
        select
            1 as position, 'statement' as kind, cost_center,
            coalesce(cost_center, 'Without a cost centre') as label, amount, row_count,
            (select string_agg(team, ', ' order by team) from owners
                where owners.cost_center is not distinct from each.cost_center) as teams
        from {each} as each
        union all
        select 2, 'all_statements', null, 'All statements', amount, row_count, null
        from whole
        union all
        select 3, 'adjustments', null, 'Of it about closed months', adjusted, null, null
        from whole where adjusted is not null
        union all
        select 4, 'out_of_scope', null, 'Outside AI scope, in no statement',
            coalesce(outside, 0), null, null
        from bills
        union all
        select 5, 'ledger', null, 'All bills', ledger, null, null from bills
        order by position, cost_center nulls last
        """,
        month=billing_month,
        currency=currency,
    )
