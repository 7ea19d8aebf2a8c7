{#-
  Every line item with the positions of the rules that caught it, the target it names and
  the component it belongs to, as a code. What rules call these is no part of it: a rule
  that is given another name or stage moves no line item, and none is read for it again.
-#}
{%- set scope_rules = rules('scope_rules') -%}
{%- set assignment_rules = rules('assignment_rules') -%}
{%- set platform_rules = rules('platform_rules') -%}
{%- set keys = tag_keys([scope_rules, assignment_rules, platform_rules]) -%}
{%- set folds_case = folds_tag_case([scope_rules, assignment_rules, platform_rules]) -%}
with charges as (
    select
        *,
        {% for key in keys -%}
        {{ tag_of_rule('tags', key, folds_case) }} as tag_{{ loop.index0 }},
        {% endfor -%}
        cast(charge_period_start as date) as charge_date
    from {{ ref('int_charges_unioned') }}
),

matched as (
    select
        *,
        {{ first_matching_rule(own_scope_rules(scope_rules), keys) }} as scope_position,
        {{ first_matching_rule(assignment_rules, keys) }} as rule_position,
        {{ first_matching_rule(platform_rules, keys) }} as platform_position
    from charges
),

placed as (
    select
        *,
        {{ known_position(scope_rules, assignment_rules, keys) }} as known_position,
        {{ rule_attribute('rule_position', assignment_rules, 'target_kind') }} as target_kind,
        {{ rule_target('rule_position', assignment_rules, keys) }} as target
    from matched
),

coded as (
    select
        *,
        case
            when not ({{ is_in_scope(scope_rules, assignment_rules) }}) then {{ component_code('out_of_scope') }}
            when charge_category = 'Tax' then {{ component_code('tax') }}
            when charge_category = 'Credit' then {{ component_code('credit') }}
            when commitment_discount_status = 'Unused' or capacity_reservation_status = 'Unused'
                then {{ component_code('unused_commitment') }}
            when {{ rule_targets('rule_position', assignment_rules, ['pool']) }} then {{ component_code('shared') }}
            when
                {{ rule_targets('rule_position', assignment_rules, ['model', 'feature', 'team']) }}
                and target is not null
                then {{ component_code('direct') }}
            else {{ component_code('unallocated') }}
        end as component_code
    from placed
)

select
    *,
    {{ component_label('component_code') }} as component
from coded
