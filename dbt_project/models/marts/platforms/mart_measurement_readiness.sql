{#-
  Which of the measurements that a feature needs exist, since when, and what starts the
  others. What belongs to a team counts for each feature of the team. Whether something is
  measured well is another question, which coverage and freshness answer.
-#}
with features as (
    select * from {{ source('control', 'catalog_features') }}
),

models as (
    select distinct
        model_id,
        feature_id
    from {{ ref('int_model_versions') }}
    where feature_id is not null
),

studies as (
    select * from {{ source('control', 'studies') }}
),

begun as (
    select
        'requests' as measurement,
        models.feature_id,
        min(days.metered_date) as first_day,
        max(days.metered_date) as last_day
    from {{ ref('int_daily_model_usage') }} as days
    inner join models on days.model_id = models.model_id
    where days.requests > 0
    group by models.feature_id
    union all
    select
        'latency' as measurement,
        models.feature_id,
        min(cast(windows.window_start as date)) as first_day,
        max(cast(windows.window_start as date)) as last_day
    from {{ ref('int_latency_windows') }} as windows
    inner join models on windows.model_id = models.model_id
    where windows.latency_threshold_seconds is not null
    group by models.feature_id
    {% for measurement, relation, moment in [
        ('cost', 'fct_daily_model_costs', 'charge_date'),
        ('deployments', 'int_deployments_classified', 'ended_at'),
        ('incidents', 'int_incidents_folded', 'impact_started_at'),
        ('training_runs', 'int_training_runs_owned', 'started_at'),
        ('outcomes', 'fct_daily_outcomes', 'outcome_date'),
        ('outcomes', 'fct_daily_processes', 'volume_date'),
    ] -%}
    union all
    select
        '{{ measurement }}' as measurement,
        feature_id,
        min(cast({{ moment }} as date)) as first_day,
        max(cast({{ moment }} as date)) as last_day
    from {{ ref(relation) }}
    where feature_id is not null and {{ moment }} is not null
    group by feature_id
    {% endfor -%}
    union all
    select
        'worklogs' as measurement,
        features.feature_id,
        min(logs.booked_on) as first_day,
        max(logs.booked_on) as last_day
    from features
    inner join {{ ref('int_worklogs_owned') }} as logs
        on features.team_id = logs.team_id or features.feature_id = logs.feature_id
    group by features.feature_id
    union all
    select
        'survey' as measurement,
        features.feature_id,
        min(answers.first_answer_on) as first_day,
        max(answers.last_answer_on) as last_day
    from features
    inner join {{ ref('mart_satisfaction') }} as answers on features.team_id = answers.group_id
    group by features.feature_id
    union all
    select
        'outcomes' as measurement,
        studies.feature_id,
        min(outcomes.outcome_date) as first_day,
        max(outcomes.outcome_date) as last_day
    from studies
    inner join {{ ref('fct_daily_outcomes') }} as outcomes on studies.outcome = outcomes.metric
    group by studies.feature_id
    union all
    select
        'study' as measurement,
        feature_id,
        min(window_start) as first_day,
        max(window_end) as last_day
    from studies
    where is_locked
    group by feature_id
    union all
    select
        'assumptions' as measurement,
        features.feature_id,
        min(assumptions.valid_from) as first_day,
        max(assumptions.valid_to) as last_day
    from features
    inner join studies on features.feature_id = studies.feature_id
    inner join {{ source('control', 'assumptions') }} as assumptions
        on
            (assumptions.feature_id is null or features.feature_id = assumptions.feature_id)
            and (assumptions.metric is null or studies.outcome = assumptions.metric)
    where assumptions.approved_by is not null and assumptions.kind = 'conversion'
    group by features.feature_id
    union all
    select
        'budget' as measurement,
        features.feature_id,
        min(cast(budgets.billing_month || '-01' as date)) as first_day,
        max(cast(budgets.billing_month || '-01' as date)) as last_day
    from features
    inner join {{ ref('int_budgets_current') }} as budgets
        on
            (budgets.scope_type = 'feature' and features.feature_id = budgets.scope_id)
            or (budgets.scope_type = 'team' and features.team_id = budgets.scope_id)
    group by features.feature_id
),

folded as (
    select
        measurement,
        feature_id,
        min(first_day) as first_day,
        max(last_day) as last_day
    from begun
    group by measurement, feature_id
)

{% for measurement, what, how in needed_measurements() -%}
select
    features.feature_id,
    features.feature_name,
    features.team_id,
    '{{ measurement }}' as measurement,
    {{ loop.index }} as measurement_order,
    '{{ what }}' as measurement_name,
    folded.feature_id is not null as is_measured,
    folded.first_day as measured_since,
    folded.last_day as measured_until,
    case when folded.feature_id is null then '{{ how }}' end as next_step
from features
left join folded on features.feature_id = folded.feature_id and folded.measurement = '{{ measurement }}'
{{ 'union all' if not loop.last }}
{% endfor %}
