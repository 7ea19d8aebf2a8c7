{#-
  Who gets which share of a pool in an interval. With a known capacity a workload's
  share is its weight by the capacity, and what is left is the share of __idle__;
  without one the weights divide the whole. Each kind of line has shares of its own. What a reading gives to no model is the
  share of __unallocated__. An interval whose weights are all zero has no row here:
  its money becomes unallocated.
-#}
with weights as (
    select
        *,
        coalesce(model_id, '__unallocated__') as participant_id,
        case when model_id is not null then weight end as model_weight,
        case when model_id is not null then requested_idle_weight else 0 end as model_requested_idle_weight,
        case when model_id is not null then unmeasured_weight else 0 end as model_unmeasured_weight
    from {{ ref('int_pool_weights_by_kind') }}
),

totals as (
    select
        pool_id,
        allocation_interval,
        interval_started_at,
        charged_kind,
        {{ to_weight('sum(weight)') }} as weight,
        {{ to_weight('sum(model_weight)') }} as model_weight,
        {{ to_weight('sum(capacity)') }} as capacity,
        min(split_basis) as split_basis
    from weights
    group by pool_id, allocation_interval, interval_started_at, charged_kind
),

used_shares as (
    select
        weights.pool_id,
        weights.allocation_interval,
        weights.interval_started_at,
        weights.charged_kind,
        weights.split_basis,
        weights.participant_id,
        {{ to_share('weights.weight', 'greatest(totals.weight, totals.capacity)') }} as share,
        {{ to_share('weights.model_requested_idle_weight', 'greatest(totals.weight, totals.capacity)') }}
            as requested_idle_share,
        {{ to_share('weights.model_unmeasured_weight', 'greatest(totals.weight, totals.capacity)') }}
            as unmeasured_share,
        {{ to_share('weights.model_weight', 'totals.model_weight') }} as share_of_used,
        totals.capacity > 0 as is_capacity_known
    from weights
    inner join totals
        on
            weights.pool_id = totals.pool_id
            and weights.allocation_interval = totals.allocation_interval
            and weights.interval_started_at = totals.interval_started_at
            and weights.charged_kind = totals.charged_kind
    where weights.weight > 0
)

select * from used_shares
union all
select
    pool_id,
    allocation_interval,
    interval_started_at,
    charged_kind,
    split_basis,
    '__idle__' as participant_id,
    {{ to_share('(capacity - weight)', 'capacity') }} as share,
    cast(0 as decimal(15, 14)) as requested_idle_share,
    cast(0 as decimal(15, 14)) as unmeasured_share,
    cast(null as decimal(15, 14)) as share_of_used,
    true as is_capacity_known
from totals
where capacity > weight
