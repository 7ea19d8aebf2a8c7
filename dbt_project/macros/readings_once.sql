{#-
  Readings of nodes under canonical model ids, each hour of a node once. Where several
  meters look at one node in one hour (one knows what was requested, another what was
  used), the greatest reading of each quantity counts; two meters never add up. A meter
  may name a node by the id under which it is billed, and another by its name. What one
  meter knows of a node (`attributes`) holds for all that look at it.
-#}
{% macro readings_once(usage, capacities, quantities, attributes=[]) -%}
with usage as (
    select
        meter_rows.source,
        meter_rows.pool_id,
        coalesce(aliases.model_id, meter_rows.model_id) as model_id,
        coalesce(names.node_id, meter_rows.node_id) as node_id,
        {% for column in attributes -%}
        case
            when meter_rows.node_id is null then meter_rows.{{ column }}
            else max(meter_rows.{{ column }}) over (
                partition by
                    meter_rows.pool_id, coalesce(names.node_id, meter_rows.node_id),
                    {{ interval_start('hour', 'meter_rows.period_start') }}
            )
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

by_meter as (
    select
        usage.source,
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
        usage.source, usage.pool_id, usage.model_id, usage.node_id, usage.metered_hour
        {%- for column in attributes %}, usage.{{ column }}{% endfor %}
),

capacities_by_meter as (
    select
        by_meter.source,
        by_meter.pool_id,
        by_meter.node_id,
        {% for column in attributes -%}
        by_meter.{{ column }},
        {% endfor -%}
        {% for column in capacities -%}
        sum(by_meter.{{ column }}) as {{ column }},
        {% endfor -%}
        by_meter.metered_hour
    from by_meter
    group by
        by_meter.source, by_meter.pool_id, by_meter.node_id, by_meter.metered_hour
        {%- for column in attributes %}, by_meter.{{ column }}{% endfor %}
)

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
