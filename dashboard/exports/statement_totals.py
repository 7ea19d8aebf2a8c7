"""What each statement of a month comes to, and how all of them tie to the bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Basis
    from triptych.core.warehouse.reader import Snapshot

_TOTALS: Final = """
    with statements as (
        select cost_center, sum({amount}) as amount, count(*) as row_count,
            sum({amount}) filter (kind = 'adjustment') as adjusted
        from cost.mart_statement_lines
        where billing_month = $month and currency = $currency
        group by cost_center
    ),
    owners as (
        select distinct cost_center, team_id, coalesce(team, team_id) as team
        from cost.mart_statement_lines
        left join {teams} using (team_id)
        where billing_month = $month and currency = $currency
    ),
    teams as (
        select cost_center, string_agg(team, ', ' order by team) as teams
        from owners group by cost_center
    ),
    bills as (
        select step, sum({amount}) as amount
        from cost.mart_cost_waterfall
        where billing_month = $month and currency = $currency
            and step in ('out_of_scope', 'ledger')
        group by step
    )
    select
        1 as position, 'statement' as kind, statements.cost_center,
        coalesce(statements.cost_center, 'Without a cost centre') as label, amount,
        row_count, teams
    from statements left join teams
        on statements.cost_center is not distinct from teams.cost_center
    union all
    select 2, 'all_statements', null, 'All statements', sum(amount), sum(row_count),
        null
    from statements
    union all
    select 3, 'adjustments', null, 'Of it about closed months', sum(adjusted),
        null, null
    from statements
    having count(adjusted) > 0
    union all
    select 4, 'out_of_scope', null, 'Outside AI scope, in no statement',
        coalesce(sum(amount), 0), null, null
    from bills where step = 'out_of_scope'
    union all
    select 5, 'ledger', null, 'All bills', sum(amount), null, null
    from bills where step = 'ledger'
    order by position, cost_center nulls last
"""


@per_run
def statement_totals(
    snapshot: Snapshot, billing_month: str, basis: Basis, currency: str
) -> pa.Table:
    """Return what each statement of a month comes to, and their way to the bills.

    After the statements come all of them, what of it is about closed months, what is
    outside AI scope, and all bills; ``kind`` says which. ``teams`` are those whose
    cost it is.
    """
    sql = _TOTALS.format(amount=AMOUNTS[basis], teams=named_sql("team"))
    return table(snapshot, sql, month=billing_month, currency=currency)
