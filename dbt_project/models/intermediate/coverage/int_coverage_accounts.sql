{#-
  Accounts of one vendor in one source with equal days to the cent, of five amounts and
  more: one bill under two numbers of its account. Fees and nodes at one price have fewer.
-#}
with series as (
    select
        usage_month,
        currency,
        vendor_key,
        source,
        scope,
        min(vendor) as vendor,
        min(first_load_id) as first_load_id,
        max(last_load_id) as last_load_id,
        min(charge_date) as first_day,
        max(charge_date) as last_day,
        sum(cost) as cost,
        {{ distinct_texts("cast(charge_date as string) || ' ' || cast(cost as string)") }} as days
    from {{ ref('int_coverage_deliveries') }}
    where scope <> '' and grain = 'day'
    group by usage_month, currency, vendor_key, source, scope
    having count(distinct cost) >= 5
),

in_order as (
    select
        *,
        first_value(scope) over (
            partition by usage_month, currency, vendor_key, source, days
            order by first_load_id, scope
        ) as first_scope
    from series
)

select
    two.usage_month,
    two.currency,
    two.scope,
    two.vendor_key,
    two.vendor,
    one.source as first_source,
    'day' as first_grain,
    one.first_load_id,
    one.last_load_id as first_last_load_id,
    one.cost as first_cost,
    two.source as second_source,
    'day' as second_grain,
    two.first_load_id as second_load_id,
    two.last_load_id as second_last_load_id,
    two.cost as second_cost,
    one.cost as first_repeated_cost,
    two.cost as second_repeated_cost,
    two.first_day,
    two.last_day,
    {{ to_money('two.cost') }} as repeated_amount
from in_order as two
inner join series as one
    on
        two.usage_month = one.usage_month
        and two.currency = one.currency
        and two.vendor_key = one.vendor_key
        and two.source = one.source
        and two.first_scope = one.scope
where two.scope <> two.first_scope
