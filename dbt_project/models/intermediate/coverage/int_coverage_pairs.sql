{#-
  Two deliveries of one vendor and month that may be the same money: of two sources, or of
  one source by day and for longer. They are when four of five common days are alike, or when
  the months are, but for a usual tax.
-#}
with days as (
    select * from {{ ref('int_coverage_deliveries') }}
),

months as (
    select
        usage_month,
        currency,
        scope,
        vendor_key,
        source,
        grain,
        min(vendor) as vendor,
        min(charge_date) as first_day,
        max(charge_date) as last_day,
        min(first_load_id) as first_load_id,
        max(last_load_id) as last_load_id,
        sum(cost) as cost
    from days
    group by usage_month, currency, scope, vendor_key, source, grain
),

month_pairs as (
    select
        one.usage_month,
        one.currency,
        one.scope,
        one.vendor_key,
        one.vendor,
        one.source as first_source,
        one.grain as first_grain,
        one.first_load_id,
        one.last_load_id as first_last_load_id,
        one.cost as first_cost,
        other.source as second_source,
        other.grain as second_grain,
        other.first_load_id as second_load_id,
        other.last_load_id as second_last_load_id,
        other.cost as second_cost,
        least(one.first_day, other.first_day) as first_day,
        greatest(one.last_day, other.last_day) as last_day
    from months as one
    inner join months as other
        on
            one.usage_month = other.usage_month
            and one.currency = other.currency
            and one.scope = other.scope
            and one.vendor_key = other.vendor_key
            and (one.grain < other.grain or (one.grain = other.grain and one.source < other.source))
    where one.cost > 0 and other.cost > 0
),

day_pairs as (
    select
        one.usage_month,
        one.currency,
        one.scope,
        one.vendor_key,
        one.source as first_source,
        other.source as second_source,
        count(*) as day_count,
        min(one.charge_date) as first_common_day,
        max(one.charge_date) as last_common_day,
        sum(one.cost) as first_common_cost,
        sum(other.cost) as second_common_cost,
        sum(case when {{ is_near('one.cost', 'other.cost', 60) }} then 1 else 0 end) as near_count
    from days as one
    inner join days as other
        on
            one.charge_date = other.charge_date
            and one.currency = other.currency
            and one.scope = other.scope
            and one.vendor_key = other.vendor_key
            and one.source < other.source
    where one.grain = 'day' and other.grain = 'day'
    group by one.usage_month, one.currency, one.scope, one.vendor_key, one.source, other.source
),

judged as (
    select
        pairs.*,
        common.day_count,
        common.first_common_day,
        common.last_common_day,
        common.first_common_cost,
        common.second_common_cost,
        coalesce(common.day_count >= 3 and common.near_count * 5 >= common.day_count * 4, false) as has_days_alike,
        case
            when pairs.second_grain = 'longer'
                then
                    {{ is_near('pairs.first_cost', 'pairs.second_cost', 60) }}
                    or {{ is_with_tax('pairs.first_cost', 'pairs.second_cost') }}
            else {{ is_near('pairs.first_cost', 'pairs.second_cost', 10) }}
        end as has_months_alike
    from month_pairs as pairs
    left join day_pairs as common
        on
            pairs.usage_month = common.usage_month
            and pairs.currency = common.currency
            and pairs.scope = common.scope
            and pairs.vendor_key = common.vendor_key
            and pairs.first_source = common.first_source
            and pairs.second_source = common.second_source
            and pairs.first_grain = 'day'
            and pairs.second_grain = 'day'
)

select
    usage_month,
    currency,
    scope,
    vendor_key,
    vendor,
    first_source,
    first_grain,
    first_load_id,
    first_last_load_id,
    first_cost,
    second_source,
    second_grain,
    second_load_id,
    second_last_load_id,
    second_cost,
    case when has_months_alike then first_cost else first_common_cost end as first_repeated_cost,
    case when has_months_alike then second_cost else second_common_cost end as second_repeated_cost,
    case when has_days_alike then first_common_day else first_day end as first_day,
    case when has_days_alike then last_common_day else last_day end as last_day,
    {{ to_money('case when has_days_alike then least(first_common_cost, second_common_cost)'
        ~ ' else least(first_cost, second_cost) end') }} as repeated_amount
from judged
where has_days_alike or has_months_alike
