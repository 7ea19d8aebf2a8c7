{#-
  Deliveries that are one load, all of whose money another delivery has, too: no money is lost
  without them. What several overlaps with the other delivery repeat is added up, by
  month and vendor. Charges of two loads are compared as billed, totals as reported.
-#}
with sides as (
    select
        overlap_id,
        1 as side,
        kind = 'same charges' as is_billed,
        first_load_id as load_id,
        case
            when kind in ('same charges', 'two accounts') then second_load_id
            else second_source || ' ' || second_grain
        end as other,
        currency,
        first_repeated_cost as cost
    from {{ ref('int_coverage_found') }}
    where first_load_id = first_last_load_id and first_load_id <> second_load_id
    union all
    select
        overlap_id,
        2 as side,
        kind = 'same charges' as is_billed,
        second_load_id as load_id,
        case
            when kind in ('same charges', 'two accounts') then first_load_id
            else first_source || ' ' || first_grain
        end as other,
        currency,
        second_repeated_cost as cost
    from {{ ref('int_coverage_found') }}
    where second_load_id = second_last_load_id and first_load_id <> second_load_id
),

repeated as (
    select
        side,
        is_billed,
        load_id,
        other,
        currency,
        sum(cost) as cost
    from sides
    group by side, is_billed, load_id, other, currency
),

load_costs as (
    select
        true as is_billed,
        load_id,
        billing_currency as currency,
        sum(abs(billed_cost)) as cost
    from {{ ref('int_coverage_converted') }}
    group by load_id, billing_currency
    union all
    select
        false as is_billed,
        load_id,
        currency,
        sum(abs(cost)) as cost
    from {{ ref('int_coverage_converted') }}
    group by load_id, currency
),

pairs as (
    select distinct
        side,
        is_billed,
        load_id,
        other
    from repeated
),

judged as (
    select
        pairs.side,
        pairs.is_billed,
        pairs.load_id,
        pairs.other,
        min(case when coalesce(repeated.cost, 0) >= load_costs.cost then 1 else 0 end) = 1 as is_whole
    from pairs
    inner join load_costs on pairs.is_billed = load_costs.is_billed and pairs.load_id = load_costs.load_id
    left join repeated
        on
            pairs.side = repeated.side
            and pairs.is_billed = repeated.is_billed
            and pairs.load_id = repeated.load_id
            and pairs.other = repeated.other
            and load_costs.currency = repeated.currency
    group by pairs.side, pairs.is_billed, pairs.load_id, pairs.other
)

select
    sides.overlap_id,
    sides.side,
    judged.is_whole
from sides
inner join judged
    on
        sides.side = judged.side
        and sides.is_billed = judged.is_billed
        and sides.load_id = judged.load_id
        and sides.other = judged.other
