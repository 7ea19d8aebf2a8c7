{#-
  The ledger of coverage in the reporting currency where a rate is known, with the vendor
  that is paid in the end: a gateway bills services that have the names of vendors.
-#}
with run as (
    select * from {{ source('control', 'run') }}
),

vendors as (
    select
        vendor_key,
        min(provider) as vendor
    from {{ ref('int_coverage_days') }}
    where vendor_key <> ''
    group by vendor_key
),

services as (
    select
        service_name,
        {{ vendor_key("split_part(service_name, '/', 1)") }} as vendor_key
    from {{ ref('int_coverage_days') }}
    where service_name is not null
    group by service_name
),

resold as (
    select
        services.service_name,
        vendors.vendor_key,
        vendors.vendor
    from services
    inner join vendors on services.vendor_key = vendors.vendor_key
)

select
    days.billing_month,
    days.source,
    days.load_id,
    days.provider,
    days.service_name,
    coalesce(resold.vendor, days.provider) as vendor,
    days.vendor_key as provider_key,
    coalesce(resold.vendor_key, days.vendor_key) as vendor_key,
    case when days.long_until is null then 'day' else 'longer' end as grain,
    days.charge_date,
    {{ month_label('days.charge_date') }} as usage_month,
    {{ regex_group('lower(days.account_id)', "'([^/]*)$'", 1) }} as account_key,
    days.billing_currency,
    days.cost as billed_cost,
    coalesce(rates.to_currency, days.billing_currency) as currency,
    {{ converted_money('days.cost') }} as cost
from {{ ref('int_coverage_days') }} as days
cross join run
left join resold on days.service_name = resold.service_name
left join {{ ref('int_exchange_rates_by_month') }} as rates
    on
        days.billing_month = rates.billing_month
        and days.billing_currency = rates.from_currency
        and run.currency = rates.to_currency
