{#-
  Nodes as their meters see them beside what their bills charge for them, matched by the
  id under which a node is billed.
-#}
{%- set hours = [
    'capacity_gpu_hours', 'requested_gpu_hours', 'used_gpu_hours',
    'capacity_cpu_core_hours', 'requested_cpu_core_hours', 'used_cpu_core_hours',
] -%}
{%- set readings = [
    'meters', 'cluster', 'node_name', 'metered_pool_id', 'metered_period_count', 'first_metered_at', 'last_metered_at',
] -%}
with meters as (
    select * from {{ ref('int_node_meters') }}
),

-- Where several meters look at a node, the greatest reading of each quantity counts.
metered as (
    select
        meters.billing_month,
        meters.node_id,
        {{ distinct_texts('meters.source') }} as meters,
        min(meters.cluster) as cluster,
        min(meters.node_name) as node_name,
        min(meters.pool_id) as metered_pool_id,
        {% for column in hours -%}
        max(meters.{{ column }}) as {{ column }},
        {% endfor -%}
        max(meters.period_count) as metered_period_count,
        min(meters.first_metered_at) as first_metered_at,
        max(meters.last_metered_at) as last_metered_at
    from meters
    group by meters.billing_month, meters.node_id
),

charges as (
    select * from {{ ref('int_node_charges') }}
),

matched as (
    select
        coalesce(metered.billing_month, charges.billing_month) as billing_month,
        coalesce(metered.node_id, charges.node_id) as node_id,
        {% for column in readings + hours -%}
        metered.{{ column }},
        {% endfor -%}
        charges.currency,
        charges.bills,
        charges.service_names,
        charges.pool_ids as billed_pool_ids,
        charges.billed_cost,
        charges.effective_cost,
        case
            when charges.node_id is null then 'not_billed'
            when metered.node_id is null then 'not_metered'
            when coalesce(charges.pool_ids, '') <> coalesce(metered.metered_pool_id, '') then 'other_pool'
            else 'matched'
        end as status
    from metered
    full outer join charges
        on metered.billing_month = charges.billing_month and metered.node_id = charges.node_id
)

select
    billing_month,
    node_id,
    cluster,
    node_name,
    status,
    meters,
    metered_pool_id,
    bills,
    service_names,
    billed_pool_ids,
    currency,
    {{ to_money('billed_cost') }} as billed_cost,
    {{ to_money('effective_cost') }} as effective_cost,
    {% for column in hours -%}
    {{ to_money(column) }} as {{ column }},
    {% endfor -%}
    cast(metered_period_count as bigint) as metered_period_count,
    first_metered_at,
    last_metered_at,
    case status
        when 'matched' then 'The bill charges this node to the pool that its meter divides.'
        when 'other_pool' then 'The bill charges this node, but not to the pool that its meter divides.'
        when 'not_billed' then 'A meter names this node and no bill charges it in this month.'
        when 'not_metered' then 'The bill charges this machine to a pool of metered nodes, and no meter names it.'
    end as explanation,
    case
        when status = 'other_pool' and metered_pool_id <> 'parent-not-found'
            then
                '- {name: ' || {{ yaml_text('coalesce(node_name, node_id)') }}
                || ', match: {resource_id: ' || {{ yaml_text('node_id') }}
                || '}, pool: ' || {{ yaml_text('metered_pool_id') }} || '}'
    end as suggested_rule
from matched
