"""Possible savings, each candidate with its assumptions.

A candidate is the amortised cost left idle in a full month. It is no forecast.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dashboard.pages.cost_by_model.queries import NAMES
from dashboard.shared.measured import relation, whole
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot


#: The month before the last month with charges. A commitment that no bill of it names
#: has ended.
_NEWEST_MONTH = """
    select max(billing_month) from cost.mart_cost_waterfall
    where billing_month < (select max(billing_month) from cost.mart_cost_waterfall)
"""
_OF_POOLS = """
select
    'Fewer nodes in ' || pool_id as candidate,
    coalesce(team_id, 'no team named') as team,
    billing_month,
    infrastructure_idle as amount,
    'Nodes go back at an unchanged GPU-hour price.'
        as assumption,
    row_count
from idle
where infrastructure_idle > 0
union all
select
    'Smaller requests of ' || coalesce(names.model, idle.model_id) || ' in '
        || pool_id,
    coalesce(team_id, 'no team named'),
    billing_month,
    requested_idle,
    'It never needs more than it used.',
    row_count
from idle
left join names using (model_id)
where requested_idle > 0
"""


@per_run
def saving_candidates(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the idle cost per pool and commitment in its last full month.

    A month is full for a pool when every day of it has money and a reading of the
    capacity. For a commitment it is the month before the last month with charges, which
    may still grow; a commitment that ended before is no candidate.
    """
    amortised = replace(selection, basis="Amortised")
    days = relation(
        whole(amortised),
        {"days": "gpu_days_read"},
        by=("pool_id", "billing_month"),
        months="all",
    )
    parts = ("requested_idle", "infrastructure_idle")
    money = relation(
        amortised,
        {part: f"pool_part_{part}_cost" for part in parts},
        by=("pool_id", "model_id", "team_id", "billing_month"),
        months="all",
        counted=True,
    )
    return table(
        snapshot,
        f"""
        with {NAMES},

        full_months as (
            select pool_id, billing_month from {days}
            where days = day(last_day(strptime(billing_month || '-01', '%Y-%m-%d')))
            qualify billing_month = max(billing_month) over (partition by pool_id)
        ),

        idle as (
            select *, row_count
            from {money} inner join full_months using (pool_id, billing_month)
        )

        {_OF_POOLS}
        union all
        select
            'A smaller commitment than ' || coalesce(commitment_name, commitment_id),
            cast(null as varchar),
            billing_month,
            unused_effective_cost,
            'It can be reduced at its end.',
            1
        from cost.mart_commitments
        where
            currency = $currency
            and billing_month = ({_NEWEST_MONTH})
            and unused_effective_cost > 0
            and {"true" if selection.covers_everything else "false"}
        order by amount desc, candidate
        """,
        currency=selection.currency,
    )
