{#-
  What bills charge on a day under each commitment, in the reporting currency where a rate
  exists: what was bought or stayed unused as the ledger has it, and what was used, of
  which the ledger does not say under which commitment, from a cut of its own.
-#}
with by_use as (
    select
        *,
        {{ placement_part('placement', 'platform') }} as platform_position,
        {{ placement_part('placement', 'component') }} as component_code,
        {{ placement_part('placement', 'commitment_role') }} as commitment_role_code,
        {{ to_money('billed_cost') }} as unconverted_billed_cost,
        {{ to_money('effective_cost') }} as unconverted_effective_cost
    from {{ ref('int_charges_summed') }}
    where summed_by = 'commitment'
),

rates as (
    select * from {{ ref('int_exchange_rates_by_month') }}
),

run as (
    select * from {{ source('control', 'run') }}
)

select
    billing_month,
    charge_date,
    source,
    provider,
    platform_id,
    commitment_kind,
    commitment_role,
    commitment_id,
    commitment_name,
    component = 'out_of_scope' as is_out_of_scope,
    billing_currency,
    unconverted_billed_cost,
    unconverted_effective_cost,
    currency,
    billed_cost,
    effective_cost
from {{ ref('int_charge_amounts') }}
where commitment_role is not null
union all
select
    by_use.billing_month,
    by_use.charge_date,
    by_use.source,
    by_use.provider,
    coalesce(
        {{ rule_attribute('by_use.platform_position', rules('platform_rules'), 'target') }},
        {{ to_slug('by_use.provider') }}
    ) as platform_id,
    {{ commitment_kind('by_use.commitment_role_code') }} as commitment_kind,
    {{ commitment_role('by_use.commitment_role_code') }} as commitment_role,
    by_use.commitment_id,
    by_use.commitment_name,
    by_use.component_code = {{ component_code('out_of_scope') }} as is_out_of_scope,
    by_use.billing_currency,
    by_use.unconverted_billed_cost,
    by_use.unconverted_effective_cost,
    coalesce(rates.to_currency, by_use.billing_currency) as currency,
    {{ converted_money('by_use.unconverted_billed_cost') }} as billed_cost,
    {{ converted_money('by_use.unconverted_effective_cost') }} as effective_cost
from by_use
cross join run
left join rates
    on
        by_use.billing_month = rates.billing_month
        and by_use.billing_currency = rates.from_currency
        and run.currency = rates.to_currency
