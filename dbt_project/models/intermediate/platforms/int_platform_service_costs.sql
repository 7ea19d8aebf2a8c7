{#-
  AI spend before tax and credits by month, platform and service as the bill names it, in
  the reporting currency, with how portable somebody judged the service. Nothing is divided
  by usage here: an elasticity of allocated cost would find its own key.
-#}
with placed as (
    select
        charges.billing_month,
        coalesce(charges.matched_platform_id, {{ to_slug('charges.provider') }}) as platform_id,
        charges.service_name,
        charges.rule_name,
        charges.component = 'unused_commitment' as is_unused_commitment,
        charges.billing_currency,
        {{ to_money('sum(charges.effective_cost)') }} as effective_cost
    from {{ ref('int_daily_service_charges') }} as charges
    where {{ is_ai_cost('charges.component') }}
    group by
        charges.billing_month, coalesce(charges.matched_platform_id, {{ to_slug('charges.provider') }}),
        charges.service_name, charges.rule_name, charges.component = 'unused_commitment', charges.billing_currency
)

select
    placed.billing_month,
    placed.platform_id,
    placed.service_name,
    placed.rule_name,
    placed.is_unused_commitment,
    coalesce(classes.portability, 'unclassified') as portability,
    coalesce(rates.to_currency, placed.billing_currency) as currency,
    {{ converted_money('placed.effective_cost') }} as effective_cost
from placed
cross join {{ source('control', 'run') }} as run
left join {{ ref('int_exchange_rates_by_month') }} as rates
    on
        placed.billing_month = rates.billing_month
        and placed.billing_currency = rates.from_currency
        and run.currency = rates.to_currency
left join {{ source('control', 'service_portability') }} as classes
    on lower(placed.service_name) = classes.service_name
where placed.platform_id is not null
