{#-
  The AI spend by day and service, as the bills name it: what each charge is, before
  anything is divided. Rounding each row once leaves a residue per source, month and
  currency against the ledger; it is a row of component remainder without a service.
  Closed months stand here as the evidence makes them now.
-#}
with placed as (
    select
        billing_month,
        charge_date,
        source,
        provider,
        service_name,
        component,
        billing_currency,
        is_estimated,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(effective_cost)') }} as effective_cost
    from {{ ref('int_daily_service_charges') }}
    where component <> 'out_of_scope'
    group by billing_month, charge_date, source, provider, service_name, component, billing_currency, is_estimated
),

converted as (
    select
        placed.billing_month,
        placed.charge_date,
        placed.source,
        placed.provider,
        placed.service_name,
        placed.component,
        coalesce(rates.to_currency, placed.billing_currency) as currency,
        placed.is_estimated,
        {{ converted_money('placed.billed_cost') }} as billed_cost,
        {{ converted_money('placed.effective_cost') }} as effective_cost
    from placed
    cross join {{ source('control', 'run') }} as run
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            placed.billing_month = rates.billing_month
            and placed.billing_currency = rates.from_currency
            and run.currency = rates.to_currency
),

compared as (
    select
        billing_month,
        source,
        currency,
        charge_date,
        billed_cost,
        effective_cost
    from {{ ref('int_charge_amounts') }}
    where component <> 'out_of_scope'
    union all
    select
        billing_month,
        source,
        currency,
        charge_date,
        0 - billed_cost as billed_cost,
        0 - effective_cost as effective_cost
    from converted
),

residues as (
    select
        billing_month,
        min(charge_date) as charge_date,
        source,
        cast(null as string) as provider,
        cast(null as string) as service_name,
        'remainder' as component,
        currency,
        false as is_estimated,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from compared
    group by billing_month, source, currency
),

unioned as (
    select * from converted
    union all
    select * from residues
    where billed_cost <> 0 or effective_cost <> 0
)

select
    charge_date,
    billing_month,
    source,
    provider,
    service_name,
    component,
    currency,
    {{ to_money('sum(billed_cost)') }} as billed_cost,
    {{ to_money('sum(effective_cost)') }} as effective_cost,
    is_estimated,
    {{ is_ai_cost() }} as is_ai_cost
from unioned
group by charge_date, billing_month, source, provider, service_name, component, currency, is_estimated
