{#-
  The ledger of coverage: what each load delivers of a service for an account and a day, and
  whether in charges within a day or in longer ones. Longer charges stay apart by their ends.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}
with charges as (
    select
        billing_period_start,
        source,
        load_id,
        service_provider_name as provider,
        service_name,
        billing_account_id as account_id,
        upper(billing_currency) as billing_currency,
        cast(charge_period_start as date) as charge_date,
        case
            when {{ is_longer_than_a_day('charge_period_start', 'charge_period_end') }}
                then cast(charge_period_end as date)
        end as long_until,
        charge_period_start,
        charge_period_end,
        {{ covered_cost() }} as cost
    from {{ ref('int_charges_unioned') }}
    where {{ in_months_to_build('billing_period_start') }}
),

summed as (
    select
        billing_period_start,
        source,
        load_id,
        provider,
        service_name,
        account_id,
        billing_currency,
        charge_date,
        long_until,
        min(charge_period_start) as started_at,
        max(charge_period_end) as ended_at,
        sum(cost) as cost,
        max(cost) as greatest_cost,
        count(*) as charge_count
    from charges
    where cost <> 0
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
)

select
    {{ month_label('billing_period_start') }} as billing_month,
    source,
    load_id,
    provider,
    {{ vendor_key('provider') }} as vendor_key,
    service_name,
    account_id,
    billing_currency,
    charge_date,
    long_until,
    started_at,
    ended_at,
    {{ to_exact_money('cost') }} as cost,
    {{ to_exact_money('greatest_cost') }} as greatest_cost,
    cast(charge_count as bigint) as charge_count
from summed
