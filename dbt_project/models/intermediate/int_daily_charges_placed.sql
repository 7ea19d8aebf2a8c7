{#-
  The first table, and the only pass over all line items: their sums by day, target,
  service and component. Incremental by billing month: a month whose loads changed is
  replaced, whatever it held.

  Rule, platform, component, interval and broken money rules travel through the
  grouping as one number and are told apart afterwards; at fifty million lines that is
  three times faster than grouping by their names and counting each rule. A commitment
  travels with the target, so that charges without one pay nothing for it.
-#}
{{ config(
    schema=schema_of_kept_months(),
    materialized='incremental',
    incremental_strategy=replace_months_strategy(),
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

{%- set assignment_rules = rules('assignment_rules') -%}
{%- set platform_rules = rules('platform_rules') -%}
{%- set hourly_pools = rules('hourly_pools') %}
{%- set subject -%}
    case
        when component_code = {{ component_code('unallocated') }}
            then coalesce(service_name, '') || chr(31) || coalesce(resource_type, '')
        else target
    end
{%- endset %}
{%- if platform_rules | length > 999 -%}
    {{ exceptions.raise_compiler_error("catalog.yml matches more than 999 platforms, which one number cannot carry.") }}
{%- endif %}

with charges as (
    select
        *,
        case
            when component_code <> {{ component_code('shared') }} then 0
            when {{ is_longer_than_a_day('charge_period_start', 'charge_period_end') }} then 2
            when
                {{ is_one_of('target', hourly_pools) }}
                and charge_period_end <= charge_period_start + interval '1' hour
                then 1
            else 0
        end as interval_code,
        {{ commitment_role_code() }} as commitment_role_code
    from {{ ref('int_charges_assigned') }}
    where {{ in_months_to_build('billing_period_start') }}
),

summed as (
    select
        billing_period_start,
        case
            when interval_code = 1 then {{ interval_start('hour', 'charge_period_start') }}
            else cast(charge_date as timestamp)
        end as started_at,
        source,
        service_provider_name as provider,
        service_name,
        billing_currency,
        case
            when commitment_role_code > 0 then coalesce({{ subject }}, '') || {{ packed_commitment() }}
            else {{ subject }}
        end as subject,
        (
            (cast(coalesce(rule_position, 0) as bigint) * 1000 + coalesce(platform_position, 0)) * 10 + component_code
        ) * 2240 + commitment_role_code * 320 + interval_code * 64 + case when is_estimated then 32 else 0 end
        + (1 - line_item_count) * 16 + {{ breach_code() }} as placement,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        count(*) as charge_count
    from charges
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

told_apart as (
    select
        *,
        nullif(split_part(subject, chr(30), 1), '') as target,
        cast(started_at as date) as charge_date,
        {{ integer_quotient('placement', 22400000) }} as rule_position,
        {{ integer_quotient('placement', 22400) }} % 1000 as platform_position,
        {{ integer_quotient('placement', 2240) }} % 10 as component_code,
        {{ integer_quotient('placement', 320) }} % 7 as commitment_role_code,
        {{ integer_quotient('placement', 64) }} % 5 as interval_code,
        {{ integer_quotient('placement', 32) }} % 2 = 1 as is_estimated,
        placement % 16 as breach_code,
        case when {{ integer_quotient('placement', 16) }} % 2 = 0 then charge_count else 0 end as line_item_count
    from summed
)

select
    {{ month_label('billing_period_start') }} as billing_month,
    charge_date,
    case interval_code when 1 then 'hour' when 2 then 'month' else 'day' end as allocation_interval,
    case interval_code
        when 2 then {{ interval_start('month', 'started_at') }}
        else started_at
    end as interval_started_at,
    source,
    provider,
    service_name,
    {{ rule_attribute('platform_position', platform_rules, 'target') }} as matched_platform_id,
    {{ component_label('component_code') }} as component,
    {{ rule_attribute('rule_position', assignment_rules, 'target_kind') }} as target_kind,
    case when component_code <> {{ component_code('unallocated') }} then target end as target,
    {{ rule_attribute('rule_position', assignment_rules, 'lifecycle_stage', "'unknown'") }} as lifecycle_stage,
    {{ rule_attribute('rule_position', assignment_rules, 'assignment_method', "'none'") }} as assignment_method,
    {{ rule_attribute('rule_position', assignment_rules, 'name') }} as rule_name,
    case when component_code = {{ component_code('unallocated') }} then nullif(split_part(target, chr(31), 1), '') end
        as unallocated_service_name,
    case when component_code = {{ component_code('unallocated') }} then nullif(split_part(target, chr(31), 2), '') end
        as unallocated_resource_type,
    {{ commitment_kind('commitment_role_code') }} as commitment_kind,
    {{ commitment_role('commitment_role_code') }} as commitment_role,
    nullif(split_part(subject, chr(30), 2), '') as commitment_id,
    nullif(split_part(subject, chr(30), 3), '') as commitment_name,
    billing_currency,
    is_estimated,
    {{ to_exact_money('billed_cost') }} as billed_cost,
    {{ to_exact_money('effective_cost') }} as effective_cost,
    {% for rule in money_rules() -%}
    case
        when {{ breaks('breach_code', loop.index0) }} then cast(charge_count as bigint) else 0
    end as {{ rule.column }},
    {% endfor -%}
    cast(line_item_count as bigint) as line_item_count
from told_apart
