{#-
  Loads that deliver days of another load again: those days of which half of the smaller
  delivery is the same by moment and subject.
-#}
with repeated as (
    select
        billing_month,
        vendor_key,
        billing_currency,
        charge_date,
        first_source,
        first_load_id,
        second_source,
        second_load_id,
        sum(first_cost) as first_cost,
        sum(second_cost) as second_cost
    from {{ ref('int_charges_repeated') }}
    group by
        billing_month,
        vendor_key,
        billing_currency,
        charge_date,
        first_source,
        first_load_id,
        second_source,
        second_load_id
),

days as (
    select
        billing_month,
        vendor_key,
        billing_currency,
        charge_date,
        load_id,
        min(provider) as vendor,
        max(case when long_until is null then 0 else 1 end) as is_longer,
        sum(cost) as cost
    from {{ ref('int_coverage_days') }}
    group by billing_month, vendor_key, billing_currency, charge_date, load_id
),

compared as (
    select
        repeated.*,
        first_days.vendor,
        first_days.is_longer as is_first_longer,
        first_days.cost as first_day_cost,
        second_days.cost as second_day_cost,
        second_days.is_longer as is_second_longer
    from repeated
    inner join days as first_days
        on
            repeated.billing_month = first_days.billing_month
            and repeated.vendor_key = first_days.vendor_key
            and repeated.billing_currency = first_days.billing_currency
            and repeated.charge_date = first_days.charge_date
            and repeated.first_load_id = first_days.load_id
    inner join days as second_days
        on
            repeated.billing_month = second_days.billing_month
            and repeated.vendor_key = second_days.vendor_key
            and repeated.billing_currency = second_days.billing_currency
            and repeated.charge_date = second_days.charge_date
            and repeated.second_load_id = second_days.load_id
)

select
    {{ month_label('charge_date') }} as usage_month,
    billing_currency as currency,
    vendor_key,
    min(vendor) as vendor,
    first_source,
    first_load_id,
    case when max(is_first_longer) = 1 then 'longer' else 'day' end as first_grain,
    sum(first_day_cost) as first_cost,
    second_source,
    second_load_id,
    case when max(is_second_longer) = 1 then 'longer' else 'day' end as second_grain,
    sum(second_day_cost) as second_cost,
    min(charge_date) as first_day,
    max(charge_date) as last_day,
    sum(first_cost) as first_repeated_cost,
    sum(second_cost) as second_repeated_cost,
    {{ to_money('sum(least(first_cost, second_cost))') }} as repeated_amount
from compared
where least(first_cost, second_cost) * 2 >= least(first_day_cost, second_day_cost)
group by
    {{ month_label('charge_date') }},
    billing_currency,
    vendor_key,
    first_source,
    first_load_id,
    second_source,
    second_load_id
