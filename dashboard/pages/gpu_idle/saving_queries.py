"""Where money might be saved, each candidate with what it assumes.

A candidate is what one full month left idle, as it was amortised. It is no forecast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.cost_by_model.queries import NAMES
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import SCOPES, scope_parameters

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot


#: A pool's last month of which every day has money and a reading of the capacity.
_FULL_MONTHS = """
full_months as (
    select pool_id, max(billing_month) as billing_month
    from (
        select pool_id, billing_month
        from delivery.mart_accelerator_efficiency
        where
            currency = $currency
            and capacity_gpu_hours is not null
            and total_effective_cost is not null
        group by pool_id, billing_month
        having
            count(distinct charge_date)
            = day(last_day(strptime(billing_month || '-01', '%Y-%m-%d')))
    )
    group by pool_id
)
"""
#: A commitment's month before the last one with charges.
_NEWEST_COMMITMENTS = """
newest as (
    select commitment_id, source, max(billing_month) as billing_month
    from cost.mart_commitments
    where
        currency = $currency
        and billing_month < (
            select max(billing_month) from cost.mart_cost_waterfall
        )
    group by commitment_id, source
    -- What no bill names any more has ended, and cannot be made smaller.
    having max(billing_month) = (
        select max(billing_month) from cost.mart_cost_waterfall
        where billing_month < (
            select max(billing_month) from cost.mart_cost_waterfall
        )
    )
)
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
    """Return what each pool and commitment left idle in its last full month.

    A month is full for a pool when every day of it has money and a reading of the
    capacity. For a commitment it is the month before the last one with charges, which
    may still grow; one that ended before is no candidate.
    """
    parameters = scope_parameters(selection)
    del parameters["months"], parameters["prior_months"]
    return table(
        snapshot,
        f"""
        with {NAMES},

        {_FULL_MONTHS},

        idle as (
            select
                costs.pool_id,
                costs.model_id,
                costs.team_id,
                costs.billing_month,
                sum(costs.requested_idle_effective_cost) as requested_idle,
                sum(costs.infrastructure_idle_effective_cost) as infrastructure_idle,
                count(*) as row_count
            from delivery.mart_accelerator_idle_costs as costs
            inner join full_months using (pool_id, billing_month)
            where costs.currency = $currency and {SCOPES[selection.scope_kind]}
            group by all
        ),

        {_NEWEST_COMMITMENTS}

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
        inner join newest using (commitment_id, source, billing_month)
        where
            currency = $currency
            and unused_effective_cost > 0
            and {"true" if selection.covers_everything else "false"}
        order by amount desc, candidate
        """,
        **parameters,
    )
