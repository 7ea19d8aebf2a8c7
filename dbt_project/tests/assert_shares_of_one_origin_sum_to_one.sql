{#- Shares are rounded down at fourteen decimals: one unit per participant may lack. -#}
select
    origin_id,
    sum(share) as share,
    count(*) as participant_count
from {{ ref('int_pool_costs_allocated') }}
group by origin_id
having sum(share) > 1 or sum(share) < 1 - count(*) * 0.00000000000001
