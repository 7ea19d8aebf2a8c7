{#-
  The ledger by day and target, at eighteen decimals: one cut of the sums of line items,
  with the names that a placement stands for.
-#}
{%- set assignment_rules = rules('assignment_rules') -%}
{%- set platform_rules = rules('platform_rules') -%}
{%- set unallocated = component_code('unallocated') -%}
with by_target as (
    select
        *,
        {{ placement_part('placement', 'rule') }} as rule_position,
        {{ placement_part('placement', 'platform') }} as platform_position,
        {{ placement_part('placement', 'component') }} as component_code,
        {{ placement_part('placement', 'commitment_role') }} as commitment_role_code,
        {{ placement_part('placement', 'interval') }} as interval_code
    from {{ ref('int_charges_summed') }}
    where summed_by = 'target'
)

select
    billing_month,
    charge_date,
    {{ interval_label('interval_code') }} as allocation_interval,
    case interval_code
        when {{ interval_code('month') }} then {{ interval_start('month', 'started_at') }}
        else started_at
    end as interval_started_at,
    source,
    provider,
    {{ rule_attribute('platform_position', platform_rules, 'target') }} as matched_platform_id,
    {{ component_label('component_code') }} as component,
    {{ rule_attribute('rule_position', assignment_rules, 'target_kind') }} as target_kind,
    case when component_code <> {{ unallocated }} then subject end as target,
    {{ rule_attribute('rule_position', assignment_rules, 'lifecycle_stage', "'unknown'") }} as lifecycle_stage,
    {{ rule_attribute('rule_position', assignment_rules, 'assignment_method', "'none'") }} as assignment_method,
    {{ rule_attribute('rule_position', assignment_rules, 'name') }} as rule_name,
    case when component_code = {{ unallocated }} then nullif(split_part(subject, chr(31), 1), '') end
        as unallocated_service_name,
    case when component_code = {{ unallocated }} then nullif(split_part(subject, chr(31), 2), '') end
        as unallocated_resource_type,
    {{ commitment_kind('commitment_role_code') }} as commitment_kind,
    {{ commitment_role('commitment_role_code') }} as commitment_role,
    commitment_id,
    commitment_name,
    charged_kind,
    charged_tokens,
    billing_currency,
    {{ placement_part('placement', 'estimate') }} = 1 as is_estimated,
    billed_cost,
    effective_cost,
    line_item_count
from by_target
