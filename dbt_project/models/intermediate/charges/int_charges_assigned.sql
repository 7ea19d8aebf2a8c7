{#-
  Every line item with what the rules that caught it say of it: their names, the stage of
  the lifecycle, the platform, and why it counts as AI spend or does not.
-#}
{%- set scope_rules = rules('scope_rules') -%}
{%- set assignment_rules = rules('assignment_rules') -%}
with named as (
    select
        *,
        {{ rule_attribute('rule_position', assignment_rules, 'name') }} as rule_name,
        {{ rule_attribute('rule_position', assignment_rules, 'lifecycle_stage', "'unknown'") }} as lifecycle_stage,
        {{ rule_attribute('rule_position', assignment_rules, 'assignment_method', "'none'") }} as assignment_method,
        {{ rule_attribute('platform_position', rules('platform_rules'), 'target') }} as matched_platform_id
    from {{ ref('int_charges_matched') }}
)

select
    *,
    {{ scope_reason(scope_rules, assignment_rules) }} as scope_reason
from named
