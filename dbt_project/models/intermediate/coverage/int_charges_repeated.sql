{#-
  What a load delivers again of a day that an earlier one delivered: by moment and subject,
  whatever it costs now. Line items are read only of loads that cover one time of an
  account, which is of few bills. What is taken back in the same load is a correction.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}
{%- set time = 'billing_month, vendor_key, billing_currency, charge_date, long_until' %}
with loads as (
    select
        billing_month,
        load_id,
        provider,
        vendor_key,
        account_id,
        billing_currency,
        charge_date,
        long_until,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from {{ ref('int_coverage_days') }}
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

-- Of one account in this time, charges that name none are of it.
named as (
    select
        *,
        coalesce(
            account_id,
            case
                when min(account_id) over (partition by {{ time }}) = max(account_id) over (partition by {{ time }})
                    then min(account_id) over (partition by {{ time }})
            end,
            ''
        ) as account_key
    from loads
),

days as (
    select
        *,
        min(load_id) over (partition by {{ time }}, account_key) as first_load_id,
        max(load_id) over (partition by {{ time }}, account_key) as last_load_id,
        max(ended_at) over (
            partition by {{ time }}, account_key
            order by started_at, ended_at, load_id
            rows between unbounded preceding and 1 preceding
        ) as covered_until,
        lead(started_at) over (
            partition by {{ time }}, account_key
            order by started_at, ended_at, load_id
        ) as next_started_at
    from named
),

shared as (
    select distinct
        billing_month,
        vendor_key,
        load_id,
        provider,
        coalesce(account_id, '') as account_id,
        account_key,
        charge_date
    from days
    where
        first_load_id <> last_load_id
        and (coalesce(covered_until > started_at, false) or coalesce(next_started_at < ended_at, false))
),

charges as (
    select
        shared.billing_month,
        shared.vendor_key,
        unioned.load_id,
        unioned.source,
        upper(unioned.billing_currency) as billing_currency,
        shared.charge_date,
        unioned.charge_period_start,
        unioned.charge_period_end,
        shared.account_key || chr(31) || {{ charge_subject() }} as subject,
        {{ covered_cost() }} as cost
    from {{ ref('int_charges_unioned') }} as unioned
    inner join shared
        on
            unioned.load_id = shared.load_id
            and unioned.service_provider_name = shared.provider
            and coalesce(unioned.billing_account_id, '') = shared.account_id
            and cast(unioned.charge_period_start as date) = shared.charge_date
    where
        {{ in_months_to_build('billing_period_start') }}
        and coalesce(unioned.charge_class, '') <> 'Correction'
),

subjects as (
    select
        billing_month,
        vendor_key,
        load_id,
        source,
        billing_currency,
        charge_date,
        charge_period_start,
        charge_period_end,
        subject,
        sum(cost) as cost,
        count(*) as charge_count
    from charges
    where cost <> 0
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    having min(cost) > 0
),

in_order as (
    select
        *,
        first_value(load_id) over in_time as first_load_id,
        first_value(source) over in_time as first_source,
        first_value(cost) over in_time as first_cost
    from subjects
    window in_time as (
        partition by
            billing_month, vendor_key, billing_currency, charge_period_start, charge_period_end, subject
        order by load_id
    )
)

select
    billing_month,
    vendor_key,
    billing_currency,
    charge_date,
    first_source,
    first_load_id,
    source as second_source,
    load_id as second_load_id,
    {{ to_exact_money('sum(first_cost)') }} as first_cost,
    {{ to_exact_money('sum(cost)') }} as second_cost,
    cast(sum(charge_count) as bigint) as charge_count
from in_order
where load_id <> first_load_id
group by 1, 2, 3, 4, 5, 6, 7, 8
