{#-
  The first pass in which rules look at line items. Their sums in five cuts, each with the
  columns that its readers need and no others: by day and target, by day and service, by
  day and the commitment that was used, by month, target and used commitment (in a pool by
  day), and by month and machine. A cut of all columns together would be as long as the bill; by day, target
  and used commitment it is nearly so.
  Incremental by billing month: a month whose loads changed is replaced, whatever it held.

  Rule, platform, component, interval, commitment role and broken money rules travel
  through the grouping as one number and are told apart afterwards: grouping by their
  names takes three times as long.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

{%- set assignment_rules = rules('assignment_rules') -%}
{%- set platform_rules = rules('platform_rules') -%}
{%- set hourly_pools = rules('hourly_pools') -%}
{%- set token_pools = rules('token_pools') -%}
{%- set accelerator_pools = rules('accelerator_pools') %}
{%- set parts = placement_parts() %}
{%- if platform_rules | length > 999 -%}
    {{ exceptions.raise_compiler_error("catalog.yml matches more than 999 platforms, which one number cannot carry.") }}
{%- endif %}

with charges as (
    select
        *,
        case
            when component_code not in ({{ component_code('shared') }}, {{ component_code('direct') }})
                then {{ interval_code('day') }}
            when {{ is_fee('charge_period_start', 'charge_period_end', 'charge_frequency') }}
                then {{ interval_code('month') }}
            when
                component_code = {{ component_code('shared') }}
                and {{ is_one_of('target', hourly_pools) }}
                and charge_period_end <= charge_period_start + interval '1' hour
                then {{ interval_code('hour') }}
            else {{ interval_code('day') }}
        end as interval_code,
        {{ commitment_role_code() }} as commitment_role_code,
        {{ placement_by_rules(assignment_rules, platform_rules) }} as placement_by_rules
    from {{ ref('int_charges_matched') }}
    where {{ in_months_to_build('billing_period_start') }}
),

placed as (
    select
        billing_period_start,
        charge_date,
        source,
        service_provider_name as provider,
        service_name,
        upper(billing_currency) as billing_currency,
        case
            when interval_code = {{ interval_code('hour') }} then {{ interval_start('hour', 'charge_period_start') }}
            else cast(charge_date as timestamp)
        end as started_at,
        case
            when component_code = {{ component_code('unallocated') }}
                then coalesce(service_name, '') || chr(31) || coalesce(resource_type, '')
            else coalesce(target, '')
        end as subject,
        {{ charged_kind(accelerator_pools) }} as charged_kind,
        {{ model_text(token_pools) }} as model_text,
        {{ charged_tokens() }} as charged_tokens,
        case when {{ is_use_of_commitment() }} then {{ commitment_of_role('id') }} end as used_commitment_id,
        case when {{ is_use_of_commitment() }} then {{ commitment_of_role('name') }} end as used_commitment_name,
        case
            when {{ is_use_of_commitment() }} and component_code = {{ component_code('shared') }}
                then cast(charge_date as timestamp)
        end as shared_use_started_at,
        case when not {{ is_use_of_commitment() }} then {{ commitment_of_role('id') }} end as commitment_id,
        case when not {{ is_use_of_commitment() }} then {{ commitment_of_role('name') }} end as commitment_name,
        placement_by_rules
        + case when {{ is_use_of_commitment() }} then 0 else commitment_role_code end * {{ parts['commitment_role'] }}
        + interval_code * {{ parts['interval'] }}
            as target_placement,
        placement_by_rules + {{ breach_code() }} as service_placement,
        {{ use_placement(platform_rules) }} as use_placement,
        case when {{ is_machine() }} then {{ instance_id('resource_id') }} end as machine_id,
        case when target_kind = 'pool' then target end as pool_id,
        nullif(line_item_count, 0) as counted,
        billed_cost,
        effective_cost
    from charges
),

summed as (
    select
        billing_period_start,
        charge_date,
        source,
        provider,
        service_name,
        billing_currency,
        started_at,
        subject,
        charged_kind,
        model_text,
        commitment_id,
        commitment_name,
        used_commitment_id,
        used_commitment_name,
        shared_use_started_at,
        target_placement,
        service_placement,
        use_placement,
        machine_id,
        pool_id,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        case when count(charged_tokens) = count(*) then sum(charged_tokens) end as charged_tokens,
        count(*) as charge_count,
        count(counted) as line_item_count
    from placed
    group by grouping sets (
        (
            billing_period_start, source, provider, billing_currency, started_at, subject, charged_kind,
            model_text, commitment_id, commitment_name, target_placement
        ),
        (billing_period_start, source, provider, billing_currency, service_name, charge_date, service_placement),
        (
            billing_period_start, source, provider, billing_currency, charge_date, used_commitment_id,
            used_commitment_name, use_placement
        ),
        (
            billing_period_start, source, provider, billing_currency, subject, charged_kind, model_text,
            used_commitment_id, shared_use_started_at, target_placement
        ),
        (billing_period_start, source, billing_currency, service_name, machine_id, pool_id)
    )
){%- if token_pools %},

described as (
    select
        *,
        {{ texts_of_model_text() }}
    from summed
)
{%- endif %}

select
    {{ month_label('billing_period_start') }} as billing_month,
    case
        when started_at is not null then 'target'
        when target_placement is not null then 'use'
        when service_placement is not null then 'service'
        when use_placement is not null then 'commitment'
        else 'machine'
    end as summed_by,
    coalesce(charge_date, cast(started_at as date)) as charge_date,
    coalesce(started_at, shared_use_started_at) as started_at,
    source,
    provider,
    service_name,
    billing_currency,
    nullif(subject, '') as subject,
    {%- if token_pools %}
    case when model_text is null then charged_kind else {{ kind_of_model_text() }} end as charged_kind,
    {%- else %}
    charged_kind,
    {%- endif %}
    model_text,
    nullif(coalesce(commitment_id, used_commitment_id), '') as commitment_id,
    nullif(coalesce(commitment_name, used_commitment_name), '') as commitment_name,
    machine_id,
    pool_id,
    coalesce(target_placement, service_placement, use_placement) as placement,
    {{ to_exact_money('billed_cost') }} as billed_cost,
    {{ to_exact_money('effective_cost') }} as effective_cost,
    {{ to_money('charged_tokens') }} as charged_tokens,
    cast(charge_count as bigint) as charge_count,
    cast(line_item_count as bigint) as line_item_count
from {{ 'described' if token_pools else 'summed' }}
where
    started_at is not null
    or used_commitment_id is not null
    or service_placement is not null
    or use_placement is not null
    or machine_id is not null
