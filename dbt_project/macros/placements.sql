{#-
  Where a charge is placed, as one number: line items are grouped by it three times faster
  than by the names it stands for. Its digits are, from the left, the rule, three of the
  platform, one each of the component, of whether it is an estimate, of the commitment role
  and of the interval, and two of the money rules that it breaks.
-#}
{% macro placement_parts() -%}
    {{ return({
        'rule': 1000000000,
        'platform': 1000000,
        'component': 100000,
        'estimate': 10000,
        'commitment_role': 1000,
        'interval': 100,
        'breach': 1,
    }) }}
{%- endmacro %}

{#- What rules say of a charge. Rules that say the same, of one name or platform, are one. -#}
{% macro placement_by_rules(assignment_rules, platform_rules) -%}
    {%- set of_charge = ['name', 'target_kind', 'lifecycle_stage', 'assignment_method'] -%}
    cast({{ first_alike('rule_position', assignment_rules, of_charge) }} as bigint) * {{ placement_parts()['rule'] }}
    + {{ first_alike('platform_position', platform_rules, ['target']) }} * {{ placement_parts()['platform'] }}
    + component_code * {{ placement_parts()['component'] }}
    + case when is_estimated then {{ placement_parts()['estimate'] }} else 0 end
{%- endmacro %}

{#-
  Where a use of a commitment is placed among uses; NULL of all other charges. Of the
  component only that it is no AI spend is kept.
-#}
{% macro use_placement(platform_rules) -%}
    case
        when {{ is_use_of_commitment() }}
            then
                {{ first_alike('platform_position', platform_rules, ['target']) }} * {{ placement_parts()['platform'] }}
                + case
                    when component_code = {{ component_code('out_of_scope') }}
                        then component_code * {{ placement_parts()['component'] }}
                    else 0
                end
                + commitment_role_code * {{ placement_parts()['commitment_role'] }}
    end
{%- endmacro %}

{#- One part of a placement, as a number again. -#}
{% macro placement_part(placement, part) -%}
    {%- set sizes = {'platform': 1000, 'breach': 100} -%}
    {%- set quotient = integer_quotient(placement, placement_parts()[part]) -%}
    {{ return(quotient if part == 'rule' else quotient ~ ' % ' ~ sizes.get(part, 10)) }}
{%- endmacro %}

{#-
  Over which interval a pool divides a charge, as one of the digits of its placement. Sums
  are kept by it, so the numbers may gain one at the end but never change.
-#}
{% macro allocation_intervals() -%}
    {{ return(['day', 'hour', 'month']) }}
{%- endmacro %}

{% macro interval_code(interval) -%}
    {{ return(allocation_intervals().index(interval)) }}
{%- endmacro %}

{#- Is a charge a fee of its month? FOCUS calls one that comes whatever is used recurring; by the hour it is none. -#}
{% macro is_fee(started_at, ended_at, frequency) -%}
    (
        {{ is_longer_than_a_day(started_at, ended_at) }}
        or ({{ frequency }} = 'Recurring' and {{ ended_at }} > {{ started_at }} + interval '1' hour)
    )
{%- endmacro %}

{% macro interval_label(code) -%}
    case {{ code }}
    {%- for interval in allocation_intervals() %} when {{ loop.index0 }} then '{{ interval }}'{% endfor %} end
{%- endmacro %}

{#- The position of the first rule with the same attributes; zero where none matched. -#}
{% macro first_alike(position, rule_list, attributes) -%}
    {%- set seen = [] -%}
    {%- set later = [] -%}
    {%- for rule in rule_list -%}
        {%- set attributes_of_rule = [] -%}
        {%- for attribute in attributes -%}
            {%- do attributes_of_rule.append(rule[attribute]) -%}
        {%- endfor -%}
        {%- if attributes_of_rule in seen -%}
            {%- do later.append((loop.index, seen.index(attributes_of_rule) + 1)) -%}
        {%- endif -%}
        {%- do seen.append(attributes_of_rule) -%}
    {%- endfor -%}
    {%- if later -%}
        case {{ position }}
        {%- for rule, first in later %}
            when {{ rule }} then {{ first }}
        {%- endfor %}
            else coalesce({{ position }}, 0)
        end
    {%- else -%}
        coalesce({{ position }}, 0)
    {%- endif -%}
{%- endmacro %}

{#-
  One cut by target of the sums of line items, with the names that a placement stands for, and
  with the models that lines of pools name: lines that spell one model in several ways are one.
-#}
{% macro sums_with_names(cut, assignment_rules, platform_rules) -%}
    {%- set unallocated = component_code('unallocated') -%}
    {%- set keys = [
        'billing_month', 'charge_date', 'started_at', 'source', 'provider', 'billing_currency', 'subject',
        'commitment_id', 'commitment_name', 'placement',
    ] -%}
    with sums as (
        select * from {{ ref('int_charges_summed') }}
        where summed_by = '{{ cut }}'
    ),

    by_kind as (
        select
            {{ keys | join(', ') }},
            charged_kind,
            charged_tokens,
            billed_cost,
            effective_cost,
            line_item_count
        from sums
        where model_text is null
        union all
        select
            {% for key in keys -%}
            sums.{{ key }},
            {% endfor -%}
            {{ kind_with_model('sums.charged_kind', 'names') }} as charged_kind,
            {{ to_money('sum(sums.charged_tokens)') }} as charged_tokens,
            {{ to_exact_money('sum(sums.billed_cost)') }} as billed_cost,
            {{ to_exact_money('sum(sums.effective_cost)') }} as effective_cost,
            cast(sum(sums.line_item_count) as bigint) as line_item_count
        from sums
        left join {{ ref('int_model_names') }} as names on sums.model_text = names.model_text
        where sums.model_text is not null
        group by
            {% for key in keys -%}
            sums.{{ key }},
            {% endfor -%}
            {{ kind_with_model('sums.charged_kind', 'names') }}
    ),

    by_target as (
        select
            *,
            {{ placement_part('placement', 'rule') }} as rule_position,
            {{ placement_part('placement', 'platform') }} as platform_position,
            {{ placement_part('placement', 'component') }} as component_code,
            {{ placement_part('placement', 'commitment_role') }} as commitment_role_code,
            {{ placement_part('placement', 'interval') }} as interval_code
        from by_kind
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
{%- endmacro %}
