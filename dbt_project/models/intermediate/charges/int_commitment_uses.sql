{#-
  Which part of a commitment's month each target used, on the effective basis, and which
  stayed unused; of a pool each day apart, for that is what its meter divides. It has tokens
  where the charges of the use have: none, as they count there.
-#}
{%- set commitment = ['billing_month', 'source', 'billing_currency', 'commitment_key'] -%}
{%- set target = [
    'metered_interval', 'metered_interval_started_at', 'matched_platform_id', 'component', 'target_kind', 'target', 'lifecycle_stage', 'assignment_method', 'rule_name',
    'unallocated_service_name', 'unallocated_resource_type', 'charged_kind',
] -%}
{%- set of_commitment = 'partition by ' ~ (commitment | join(', ')) -%}
with uses as (
    {{ sums_with_names('use', rules('assignment_rules'), rules('platform_rules')) }}
),

charges as (
    select * from uses
    union all
    select * from {{ ref('int_daily_charges_placed') }}
    where commitment_role = 'unused'
),

dated as (
    select
        *,
        case
            when component = 'shared' then case when allocation_interval = 'month' then 'month' else 'day' end
        end as metered_interval,
        case when component = 'shared' then interval_started_at end as metered_interval_started_at
    from charges
),

summed as (
    select
        billing_month,
        source,
        billing_currency,
        lower(commitment_id) as commitment_key,
        {{ target | join(',\n        ') }},
        case when count(charged_tokens) = count(*) then {{ to_money('0') }} end as charged_tokens,
        {{ to_money('sum(effective_cost)') }} as effective_cost
    from dated
    group by billing_month, source, billing_currency, lower(commitment_id), {{ target | join(', ') }}
    having sum(effective_cost) > 0
),

weighed as (
    select
        *,
        {{ money_as_weight('effective_cost') }} as weight,
        row_number() over (
            {{ of_commitment }}
            order by {{ target | join(', ') }}
        ) as use_number
    from summed
),

totals as (
    select
        *,
        sum(weight) over ({{ of_commitment }}) as total_weight
    from weighed
)

select
    {{ commitment | join(',\n    ') }},
    {{ target | join(',\n    ') }},
    charged_tokens,
    use_number,
    {{ to_share('weight', 'total_weight') }} as share
from totals
