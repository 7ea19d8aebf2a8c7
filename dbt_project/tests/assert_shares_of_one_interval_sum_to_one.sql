{#- Shares are rounded down at fourteen decimals: one unit per participant may lack. -#}
with intervals as (
    select
        pool_id,
        charged_kind,
        allocation_interval,
        interval_started_at,
        sum(share) as share_total,
        count(*) as participant_count
    from {{ ref('int_pool_shares') }}
    group by pool_id, charged_kind, allocation_interval, interval_started_at
)

select *
from intervals
where share_total > 1 or share_total < 1 - participant_count * 0.00000000000001
