{#-
  The items of each metric of velocity by owner, month and state, with the values of what
  is used: figures of months and of longer periods are both made from these. A deployment
  that reached several services of one owner is one; it is in the month in which the item
  that tells of it ended. The organisation has what windows of several months are made of.
-#}
{%- set windowed = velocity_windows() | map('first') | list -%}
{%- set of = 'scope_kind, scope_id, metric, month, state, exclusion_reason' -%}
with scoped as (
    {% for kind, id in velocity_scopes() + [('organisation', "'organisation'")] -%}
    select
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        metric,
        month,
        state,
        exclusion_reason,
        item_key,
        event_kind,
        is_missing,
        started_at,
        event_value
    from {{ ref('mart_velocity_events') }}
    where
        month is not null
        {% if kind == 'organisation' -%}
        and metric in ({{ sql_texts(windowed) }})
        {%- else -%}
        and {{ id }} is not null
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

shared as (
    select
        *,
        row_number() over (
            partition by scope_kind, scope_id, metric, item_key
            order by
                case state when 'used' then 0 when 'open' then 1 else 2 end asc,
                event_value desc, month asc, exclusion_reason asc, started_at asc
        ) as telling
    from scoped
    where event_kind = 'deployment' and scope_kind <> 'service'
),

items as (
    select
        {{ of }},
        is_missing,
        started_at,
        -- Frequencies are counted by day.
        case when metric <> 'deployment_frequency' then event_value end as event_value
    from scoped
    where event_kind <> 'deployment' or scope_kind = 'service'
    union all
    select
        {{ of }},
        is_missing,
        started_at,
        case when metric <> 'deployment_frequency' then event_value end as event_value
    from shared
    where telling = 1
)

select
    {{ of }},
    count(*) as item_count,
    sum(case when is_missing then 1 else 0 end) as missing_count,
    min(started_at) as first_started_at,
    count(event_value) as measured_count,
    sum(event_value) as measured_total,
    {{ sorted_values('event_value') }} as measurements
from items
group by {{ of }}
