{#-
  The ledger by day and target at ten decimals, in the reporting currency where a rate exists.
  Rounding each row once leaves a residue per source, month and currency; it is a row
  of component remainder, so that the sum is the exact total, rounded once.
-#}
{{ config(materialized='table') }}
with placed as (
    select
        *,
        {{ to_money('billed_cost') }} as rounded_billed_cost,
        {{ to_money('effective_cost') }} as rounded_effective_cost
    from {{ ref('int_daily_charges_placed') }}
),

rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

run as (
    select * from {{ source('control', 'run') }}
),

totals as (
    select
        billing_month,
        source,
        billing_currency,
        sum(billed_cost) as exact_billed_cost,
        sum(effective_cost) as exact_effective_cost,
        sum(rounded_billed_cost) as rounded_billed_cost,
        sum(rounded_effective_cost) as rounded_effective_cost,
        min(charge_date) as charge_date
    from placed
    group by billing_month, source, billing_currency
),

residues as (
    select
        billing_month,
        source,
        billing_currency,
        charge_date,
        {{ to_money('exact_billed_cost') }} - rounded_billed_cost as billed_cost,
        {{ to_money('exact_effective_cost') }} - rounded_effective_cost as effective_cost
    from totals
),

rounded as (
    select
        billing_month,
        charge_date,
        allocation_interval,
        interval_started_at,
        source,
        provider,
        coalesce(matched_platform_id, {{ to_slug('provider') }}) as platform_id,
        component,
        target_kind,
        target,
        lifecycle_stage,
        assignment_method,
        rule_name,
        unallocated_service_name,
        unallocated_resource_type,
        commitment_kind,
        commitment_role,
        commitment_id,
        commitment_name,
        charged_kind,
        billing_currency,
        is_estimated,
        rounded_billed_cost as unconverted_billed_cost,
        rounded_effective_cost as unconverted_effective_cost,
        line_item_count
    from placed
    union all
    select
        billing_month,
        charge_date,
        'day' as allocation_interval,
        cast(charge_date as timestamp) as interval_started_at,
        source,
        cast(null as string) as provider,
        cast(null as string) as platform_id,
        'remainder' as component,
        cast(null as string) as target_kind,
        cast(null as string) as target,
        'unknown' as lifecycle_stage,
        'none' as assignment_method,
        'rounding of line items' as rule_name,
        cast(null as string) as unallocated_service_name,
        cast(null as string) as unallocated_resource_type,
        cast(null as string) as commitment_kind,
        cast(null as string) as commitment_role,
        cast(null as string) as commitment_id,
        cast(null as string) as commitment_name,
        cast(null as string) as charged_kind,
        billing_currency,
        false as is_estimated,
        {{ to_money('billed_cost') }} as unconverted_billed_cost,
        {{ to_money('effective_cost') }} as unconverted_effective_cost,
        0 as line_item_count
    from residues
    where billed_cost <> 0 or effective_cost <> 0
)

select
    rounded.*,
    coalesce(rates.to_currency, rounded.billing_currency) as currency,
    {{ converted_money('rounded.unconverted_billed_cost') }} as billed_cost,
    {{ converted_money('rounded.unconverted_effective_cost') }} as effective_cost,
    rounded.billing_currency <> run.currency and rates.rate is null as is_missing_rate
from rounded
cross join run
left join rates
    on
        rounded.billing_month = rates.billing_month
        and rounded.billing_currency = rates.from_currency
        and run.currency = rates.to_currency
