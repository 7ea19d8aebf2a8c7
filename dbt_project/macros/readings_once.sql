{#-
  Readings of nodes under canonical model ids, each hour of a node once. Where several
  meters look at one node in one hour (one knows what was requested, another what was
  used), the greatest reading of each quantity counts; two meters never add up. A meter
  may name a node by the id under which it is billed, and another by its name. What one
  meter knows of a node (`attributes`) holds for all that look at it. Nodes of one name in
  two clusters are two: they add up, and count once against a meter that knows the name alone.
-#}
{% macro readings_once(usage, capacities, quantities, attributes=[]) -%}
with usage as (
    select
        meter_rows.source,
        meter_rows.cluster,
        meter_rows.pool_id,
        coalesce(aliases.model_id, meter_rows.model_id) as model_id,
        coalesce(names.node_id, meter_rows.node_id) as node_id,
        {% for column in attributes -%}
        case
            when
                meter_rows.node_id is null
                or (meter_rows.cluster is not null and min(meter_rows.cluster) over same_node
                    <> max(meter_rows.cluster) over same_node)
                then meter_rows.{{ column }}
            else max(meter_rows.{{ column }}) over same_node
        end as {{ column }},
        {% endfor -%}
        {% for column in capacities + quantities -%}
        meter_rows.{{ column }},
        {% endfor -%}
        meter_rows.period_start,
        {{ interval_start('hour', 'meter_rows.period_start') }} as metered_hour
    from {{ usage }} as meter_rows
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on meter_rows.model_id = aliases.alias
    left join {{ ref('int_node_names') }} as names
        on meter_rows.node_id = names.provider_id
    {%- if attributes %}
    window same_node as (
        partition by
            meter_rows.pool_id, coalesce(names.node_id, meter_rows.node_id),
            {{ interval_start('hour', 'meter_rows.period_start') }}
    )
    {%- endif %}
),

metered_twice as (
    select
        usage.pool_id,
        usage.node_id,
        usage.metered_hour
    from usage
    where usage.node_id is not null
    group by usage.pool_id, usage.node_id, usage.metered_hour
    having count(distinct usage.source) > 1
),

by_source as (
    select
        usage.source,
        usage.cluster,
        usage.pool_id,
        usage.model_id,
        usage.node_id,
        {% for column in attributes -%}
        usage.{{ column }},
        {% endfor -%}
        {% for column in capacities + quantities -%}
        sum(usage.{{ column }}) as {{ column }},
        {% endfor -%}
        usage.metered_hour
    from usage
    inner join metered_twice
        on
            usage.pool_id = metered_twice.pool_id
            and usage.node_id = metered_twice.node_id
            and usage.metered_hour = metered_twice.metered_hour
    group by
        usage.source, usage.cluster, usage.pool_id, usage.model_id, usage.node_id, usage.metered_hour
        {%- for column in attributes %}, usage.{{ column }}{% endfor %}
),

capacities_by_source as (
    select
        source,
        cluster,
        pool_id,
        cast(null as string) as model_id,
        node_id,
        {% for column in attributes -%}
        {{ column }},
        {% endfor -%}
        {% for column in capacities -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        metered_hour
    from by_source
    group by source, cluster, pool_id, node_id, metered_hour{% for column in attributes %}, {{ column }}{% endfor %}
),

by_meter as ({{ nodes_of_meters('by_source', quantities, attributes) }}),

capacities_by_meter as ({{ nodes_of_meters('capacities_by_source', capacities, attributes) }})

select
    usage.pool_id,
    usage.model_id,
    usage.node_id,
    {% for column in attributes -%}
    usage.{{ column }},
    {% endfor -%}
    {% for column in capacities + quantities -%}
    usage.{{ column }},
    {% endfor -%}
    usage.period_start
from usage
left join metered_twice
    on
        usage.pool_id = metered_twice.pool_id
        and usage.node_id = metered_twice.node_id
        and usage.metered_hour = metered_twice.metered_hour
where metered_twice.pool_id is null
union all
select
    by_meter.pool_id,
    by_meter.model_id,
    by_meter.node_id,
    {% for column in attributes -%}
    by_meter.{{ column }},
    {% endfor -%}
    {% for column in capacities -%}
    cast(null as decimal(38, 18)) as {{ column }},
    {% endfor -%}
    {% for column in quantities -%}
    max(by_meter.{{ column }}) as {{ column }},
    {% endfor -%}
    by_meter.metered_hour as period_start
from by_meter
group by
    by_meter.pool_id, by_meter.model_id, by_meter.node_id, by_meter.metered_hour
    {%- for column in attributes %}, by_meter.{{ column }}{% endfor %}
union all
select
    by_node.pool_id,
    cast(null as string) as model_id,
    by_node.node_id,
    {% for column in attributes -%}
    by_node.{{ column }},
    {% endfor -%}
    {% for column in capacities -%}
    max(by_node.{{ column }}) as {{ column }},
    {% endfor -%}
    {% for column in quantities -%}
    cast(null as decimal(38, 18)) as {{ column }},
    {% endfor -%}
    by_node.metered_hour as period_start
from capacities_by_meter as by_node
group by
    by_node.pool_id, by_node.node_id, by_node.metered_hour
    {%- for column in attributes %}, by_node.{{ column }}{% endfor %}
{%- endmacro %}

{#- The greatest reading of each node of a cluster, added up by name; of a meter without clusters, its own. -#}
{% macro nodes_of_meters(readings, columns, attributes) -%}
    {%- set keys = ['pool_id', 'model_id', 'node_id', 'metered_hour'] + attributes -%}
    select
        {{ keys | join(', ') }},
        meter,
        {% for column in columns -%}
        sum({{ column }}) as {{ column }}{{ "," if not loop.last }}
        {% endfor -%}
    from (
        select
            {{ keys | join(', ') }},
            cluster,
            case when cluster is null then source end as meter,
            {% for column in columns -%}
            max({{ column }}) as {{ column }}{{ "," if not loop.last }}
            {% endfor -%}
        from {{ readings }}
        group by {{ keys | join(', ') }}, cluster, case when cluster is null then source end
    ) as nodes
    group by {{ keys | join(', ') }}, meter
{%- endmacro %}
