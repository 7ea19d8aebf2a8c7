{#-
  The ledger by day and service as the bills name it, at eighteen decimals, with how many
  charges break each money rule: one cut of the sums of line items. Charges that break the
  same rules are summed together.
-#}
with by_service as (
    select
        *,
        {{ placement_part('placement', 'rule') }} as rule_position,
        {{ placement_part('placement', 'platform') }} as platform_position,
        {{ placement_part('placement', 'component') }} as component_code,
        {{ placement_part('placement', 'breach') }} as breach_code
    from {{ ref('int_charges_summed') }}
    where summed_by = 'service'
)

select
    billing_month,
    charge_date,
    source,
    provider,
    service_name,
    {{ rule_attribute('platform_position', rules('platform_rules'), 'target') }} as matched_platform_id,
    {{ component_label('component_code') }} as component,
    {{ rule_attribute('rule_position', rules('assignment_rules'), 'name') }} as rule_name,
    billing_currency,
    {{ placement_part('placement', 'estimate') }} = 1 as is_estimated,
    billed_cost,
    effective_cost,
    {% for rule in money_rules() -%}
    case
        when {{ breaks('breach_code', loop.index0) }} then charge_count else 0
    end as {{ rule.column }},
    {% endfor -%}
    line_item_count
from by_service
