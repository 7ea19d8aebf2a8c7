{#- Shares are rounded down at fourteen decimals: one unit per participant may lack. -#}
with origins as (
    select
        origin_id,
        sum(share) as share_total,
        count(*) as participant_count
    from {{ ref('int_pool_costs_allocated') }}
    group by origin_id
)

select *
from origins
where share_total > 1 or share_total < 1 - participant_count * 0.00000000000001
