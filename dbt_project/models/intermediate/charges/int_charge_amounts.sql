{#-
  The ledger by day and target at ten decimals, in the reporting currency where a rate exists.
  Rounding each row once leaves a residue per source, month and currency; it is a row
  of component remainder, so that the sum is the exact total, rounded once.
-#}
{{ config(materialized='table') }}
with placed as (
    select
        *,
        {{ rounded_money('billed_cost') }} as rounded_billed_cost,
        {{ rounded_money('effective_cost') }} as rounded_effective_cost
    from {{ ref('int_daily_charges_placed') }}
),

rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

run as (
    select * from {{ source('control', 'run') }}
),

-- Named once each: a name is made of a text by a regular expression.
providers as (
    select
        provider,
        {{ to_slug('provider') }} as platform_id
    from placed
    group by provider
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
        placed.billing_month,
        placed.charge_date,
        placed.allocation_interval,
        placed.interval_started_at,
        placed.source,
        placed.provider,
        coalesce(placed.matched_platform_id, providers.platform_id) as platform_id,
        placed.component,
        placed.target_kind,
        placed.target,
        placed.lifecycle_stage,
        placed.assignment_method,
        placed.rule_name,
        placed.unallocated_service_name,
        placed.unallocated_resource_type,
        placed.commitment_kind,
        placed.commitment_role,
        placed.commitment_id,
        placed.commitment_name,
        placed.charged_kind,
        placed.charged_tokens,
        placed.billing_currency,
        placed.is_estimated,
        placed.rounded_billed_cost as unconverted_billed_cost,
        placed.rounded_effective_cost as unconverted_effective_cost,
        placed.line_item_count
    from placed
    left join providers on placed.provider = providers.provider
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
        cast(null as decimal(28, 10)) as charged_tokens,
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
