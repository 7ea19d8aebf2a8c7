{#-
  Whose a row is. `rows` is a CTE with `source`, a column for each of the kinds of names
  that it may have, and `given_model_id`, `given_feature_id` and `given_team_id`. The ids
  that a row gives win; then the first of its names that is mapped on that day decides,
  an entry for its source before one for all; then what the catalogue says of the model.
  The day is that of the organisation's calendar, as the month of a row is; without
  `on_calendar` it is the day of the moment as it stands: of what is a day, and of
  latencies, which are too many.
  Yields the CTEs `named` and `owned`; the latter adds `model_id`, `feature_id`, `team_id`.
-#}
{% macro with_owners(rows, kinds, moment, on_calendar=true) -%}
{%- set day_of_row = day_owned(rows ~ '.' ~ moment, on_calendar) -%}
{%- set day_of_named = day_owned('named.' ~ moment, on_calendar) -%}
named as (
    select
        {{ rows }}.*,
        coalesce(given.model_id, {{ rows }}.given_model_id, {{ first_mapped(kinds, 'model_id') }}) as model_id,
        coalesce(
            {{ rows }}.given_feature_id,
            case when {{ rows }}.given_model_id is null then {{ first_mapped(kinds, 'feature_id') }} end
        ) as named_feature_id,
        coalesce(
            {{ rows }}.given_team_id,
            case when {{ rows }}.given_model_id is null then {{ first_mapped(kinds, 'team_id') }} end
        ) as named_team_id
    from {{ rows }}
    {%- if on_calendar %}
    cross join {{ source('control', 'delivery_rules') }} as calendar
    {%- endif %}
    left join {{ ref('int_names_and_owners') }} as given
        on given.kind = 'alias' and {{ rows }}.given_model_id = given.name
    {%- for kind in kinds %}
    left join {{ ref('int_names_and_owners') }} as {{ kind }}_of_source
        on
            {{ kind }}_of_source.kind = '{{ kind }}'
            and lower({{ rows }}.{{ kind }}) = {{ kind }}_of_source.name
            and {{ rows }}.source = {{ kind }}_of_source.source
            and {{ day_of_row }} >= {{ kind }}_of_source.valid_from
            and {{ day_of_row }} < {{ kind }}_of_source.valid_to
    left join {{ ref('int_names_and_owners') }} as {{ kind }}_of_all
        on
            {{ kind }}_of_all.kind = '{{ kind }}'
            and {{ kind }}_of_all.source is null
            and lower({{ rows }}.{{ kind }}) = {{ kind }}_of_all.name
            and {{ day_of_row }} >= {{ kind }}_of_all.valid_from
            and {{ day_of_row }} < {{ kind }}_of_all.valid_to
    {%- endfor %}
),

owned as (
    select
        named.*,
        coalesce(named.named_feature_id, of_model.feature_id) as feature_id,
        coalesce(named.named_team_id, of_model.team_id, of_feature.team_id) as team_id
    from named
    {%- if on_calendar %}
    cross join {{ source('control', 'delivery_rules') }} as calendar
    {%- endif %}
    left join {{ ref('int_names_and_owners') }} as of_model
        on
            of_model.kind = 'model'
            and named.model_id = of_model.name
            and {{ day_of_named }} >= of_model.valid_from
            and {{ day_of_named }} < of_model.valid_to
    left join {{ ref('int_names_and_owners') }} as of_feature
        on of_feature.kind = 'feature' and coalesce(named.named_feature_id, of_model.feature_id) = of_feature.name
)
{%- endmacro %}

{% macro day_owned(moment, on_calendar) -%}
    {{ return(local_day(moment, 'calendar') if on_calendar else 'cast(' ~ moment ~ ' as date)') }}
{%- endmacro %}

{% macro first_mapped(kinds, id) -%}
case
    {%- for kind in kinds %}
    when {{ kind }}_of_source.name is not null then {{ kind }}_of_source.{{ id }}
    when {{ kind }}_of_all.name is not null then {{ kind }}_of_all.{{ id }}
    {%- endfor %}
end
{%- endmacro %}
