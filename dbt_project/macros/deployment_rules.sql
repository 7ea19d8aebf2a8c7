{#- Names of environments that are no production without anybody saying so. -#}
{% macro known_not_production() -%}
    ('staging', 'stage', 'stg', 'test', 'testing', 'tst', 'development', 'develop', 'dev', 'local', 'qa', 'uat', 'preview',
    'review', 'sandbox', 'integration', 'int', 'ci', 'demo', 'acceptance', 'preproduction', 'pre-production', 'preprod')
{%- endmacro %}

{#- Native states that only a deployment can be in that ran: asleep (Railway), under maintenance (SageMaker). -#}
{% macro states_of_what_ran() -%}
    ('sleeping', 'systemupdating')
{%- endmacro %}

{#- Seconds after which a rollout is over: what was in its place for longer, and until another one began, ran. -#}
{% macro longest_rollout_seconds() -%}
    3600
{%- endmacro %}

{#- A place in an order as text that sorts as the number does, to carry a value past a maximum or minimum. -#}
{% macro place_text(place) -%}
    lpad(cast({{ place }} as string), 12, '0')
{%- endmacro %}

{#- What stands behind the place in such a text. -#}
{% macro without_place(text) -%}
    nullif(substr({{ text }}, 13), '')
{%- endmacro %}

{#- Seconds for which a difference of two clocks is taken for none. -#}
{% macro clock_skew_seconds() -%}
    120
{%- endmacro %}

{#- A duration whose ends two clocks tell: a little below zero is zero, more is unknown. -#}
{% macro without_clock_skew(seconds) -%}
    case
        when {{ seconds }} >= 0 then {{ seconds }}
        when {{ seconds }} >= -{{ clock_skew_seconds() }} then 0
    end
{%- endmacro %}

{#- Why an incident counts in no figure; NULL where it does. -#}
{% macro incident_exclusion_reason(row) -%}
    case
        when {{ row }}.is_test then 'test'
        when {{ row }}.environment in {{ known_not_production() }} then 'not_production'
        when {{ seconds_between(row ~ '.impact_started_at', row ~ '.resolved_at') }} < -{{ clock_skew_seconds() }}
            then 'resolved_before_it_started'
    end
{%- endmacro %}

{#-
  Deployments that count, and those of unknown outcome, one row for each and owner. Of one
  that reached several services of an owner, those that count tell before those of which
  nobody knows, and the earliest of them says when.
-#}
{% macro deployments_once(deployments, owners=[]) -%}
    {%- set of = (owners + ['deployment_key']) | join(', ') -%}
    select
        {{ of }},
        max(case when counts_as_deployment then 1 else 0 end) = 1 as counts_as_deployment,
        coalesce(min(case when counts_as_deployment then deployed_on end), min(deployed_on)) as deployed_on,
        coalesce(min(case when counts_as_deployment then month end), min(month)) as month
    from {{ deployments }}
    where counts_as_deployment or exclusion_reason = 'unknown'
    group by {{ of }}
{%- endmacro %}
