{#-
  What a delivery of one load has of an overlap's vendor and month, by service, where the
  other delivery has all of it: no money is lost without it, whatever else the load has.
-#}
with sides as (
    {% for side, other in [('first', 'second'), ('second', 'first')] -%}
    select
        overlap_id,
        '{{ side }}' as delivery,
        kind = 'same charges' as is_billed,
        usage_month,
        vendor_key,
        currency,
        {{ side }}_load_id as load_id,
        {{ side }}_repeated_cost as repeated_cost
    from {{ ref('int_coverage_found') }}
    where {{ side }}_load_id = {{ side }}_last_load_id and {{ side }}_load_id <> {{ other }}_load_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

services as (
    select
        load_id,
        usage_month,
        provider_key,
        vendor_key,
        provider,
        service_name,
        billing_currency,
        currency,
        sum(abs(billed_cost)) as billed_cost,
        sum(abs(cost)) as cost
    from {{ ref('int_coverage_converted') }}
    group by load_id, usage_month, provider_key, vendor_key, provider, service_name, billing_currency, currency
),

matched as (
    select
        sides.overlap_id,
        sides.delivery,
        sides.load_id,
        sides.usage_month,
        services.provider,
        services.service_name,
        sides.repeated_cost,
        case when sides.is_billed then services.billed_cost else services.cost end as cost,
        case when sides.is_billed then services.billing_currency else services.currency end = sides.currency
            as has_same_currency
    from sides
    inner join services
        on
            sides.load_id = services.load_id
            and sides.usage_month = services.usage_month
            and sides.vendor_key = case when sides.is_billed then services.provider_key else services.vendor_key end
),

judged as (
    select
        *,
        sum(cost) over (partition by overlap_id, delivery) <= repeated_cost
        and min(case when has_same_currency then 1 else 0 end) over (partition by overlap_id, delivery) = 1
            as is_repeated
    from matched
)

select
    overlap_id,
    delivery,
    load_id,
    usage_month as billing_month,
    provider,
    service_name
from judged
where is_repeated
group by overlap_id, delivery, load_id, usage_month, provider, service_name
