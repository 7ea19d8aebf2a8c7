{#-
  For each owner of items of delivery the scopes that are wider, the narrowest first, as
  its newest items name them, and itself as the first of all: where an owner has too few
  items, the next one may have enough.
-#}
{%- set columns = {'service': 'deployed_unit', 'model': 'model_id', 'feature': 'feature_id', 'team': 'team_id'} -%}
with named as (
    select
        deployed_unit,
        model_id,
        feature_id,
        team_id,
        architecture,
        max(happened_on) as last_on
    from {{ ref('mart_velocity_events') }}
    group by deployed_unit, model_id, feature_id, team_id, architecture
),

owners as (
    {% for kind, id in velocity_scopes() -%}
    select
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        model_id,
        feature_id,
        team_id,
        row_number() over (
            partition by {{ id }}
            order by last_on desc, model_id asc, feature_id asc, team_id asc, deployed_unit asc, architecture asc
        ) as choice
    from named
    where {{ id }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

{% for kind, wider in wider_scopes().items() %}{% for other in wider -%}
select
    scope_kind,
    scope_id,
    '{{ other }}' as wider_scope_kind,
    {{ columns[other] }} as wider_scope_id,
    {{ loop.index }} as distance
from owners
where choice = 1 and scope_kind = '{{ kind }}' and {{ columns[other] }} is not null
union all
{% endfor %}{% endfor -%}
select
    scope_kind,
    scope_id,
    scope_kind as wider_scope_kind,
    scope_id as wider_scope_id,
    0 as distance
from owners
where choice = 1
union all
select
    scope_kind,
    scope_id,
    'organisation' as wider_scope_kind,
    'organisation' as wider_scope_id,
    9 as distance
from owners
where choice = 1
