{#-
  The first table, and the only pass over the line items: their sums by day, target
  and component. Incremental by billing month: a month whose loads changed is
  replaced, whatever it held.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy=replace_months_strategy(),
    unique_key='billing_month',
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

{%- set hourly_pools = rules('hourly_pools') %}

with charges as (
    select
        *,
        case
            when component <> 'shared' then 'day'
            when {{ is_longer_than_a_day('charge_period_start', 'charge_period_end') }} then 'month'
            {% if hourly_pools -%}
            when
                target in ({{ sql_texts(hourly_pools) }})
                and charge_period_end <= charge_period_start + interval '1' hour
                then 'hour'
            {% endif -%}
            else 'day'
        end as allocation_interval
    from {{ ref('int_charges_assigned') }}
    {% if is_incremental() %}
    where {{ in_months_to_build('billing_period_start') }}
    {% endif %}
),

summed as (
    select
        cast(date_trunc('month', billing_period_start) as date) as billing_month_start,
        charge_date,
        allocation_interval,
        case
            when allocation_interval = 'hour' then {{ interval_start('hour', 'charge_period_start') }}
            when allocation_interval = 'month' then {{ interval_start('month', 'charge_period_start') }}
            else cast(charge_date as timestamp)
        end as interval_started_at,
        source,
        service_provider_name as provider,
        matched_platform_id,
        component,
        target_kind,
        target,
        rule_position,
        case when component = 'unallocated' then service_name end as unallocated_service_name,
        case when component = 'unallocated' then resource_type end as unallocated_resource_type,
        upper(billing_currency) as billing_currency,
        is_estimated,
        {{ exact_sum('billed_cost') }} as billed_cost,
        {{ exact_sum('effective_cost') }} as effective_cost,
        sum(line_item_count) as line_item_count,
        {{ quality_counts() }}
    from charges
    group by all
)

select
    {{ month_label('summed.billing_month_start') }} as billing_month,
    summed.*,
    {{ rule_attribute('rule_position', rules('assignment_rules'), 'lifecycle_stage', "'unknown'") }} as lifecycle_stage,
    {{ rule_attribute('rule_position', rules('assignment_rules'), 'assignment_method', "'none'") }} as assignment_method,
    {{ rule_attribute('rule_position', rules('assignment_rules'), 'name') }} as rule_name
from summed
