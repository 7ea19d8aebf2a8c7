{#-
  What delivery costs, by month and whose it is: AI cost without tax and credits, which a
  policy may distribute. The cost of a deployment divides by those
  that count as one, as in mart_deployment_weeks: twice the deployments, half the cost.
  Without a rate for an hour, what an incident cost is unknown, and never zero.
-#}
{%- set scopes = [('model', 'model_id'), ('team', 'team_id')] -%}
with costs as (
    select
        {{ month_label('charge_date') }} as month,
        model_id,
        team_id,
        currency,
        lifecycle_stage,
        effective_cost
    from {{ ref('fct_daily_model_costs') }}
    where component not in ('tax', 'credit')
),

spent as (
    {% for kind, id in scopes -%}
    select
        month,
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        currency,
        {{ to_money('sum(effective_cost)') }} as effective_cost,
        {{ to_money("sum(case when lifecycle_stage = 'training' then effective_cost end)") }} as training_cost
    from costs
    where {{ id }} is not null
    group by month, {{ id }}, currency
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{% for kind, id in scopes -%}
deployments_of_{{ kind }} as (
    {{ deployments_once(ref('fct_deployments'), [id]) }}
),

{% endfor -%}
deployed as (
    {% for kind, id in scopes -%}
    select
        month,
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        nullif(count(case when counts_as_deployment then 1 end), 0) as deployment_count,
        count(case when not counts_as_deployment then 1 end) as unknown_count
    from deployments_of_{{ kind }}
    where {{ id }} is not null
    group by month, {{ id }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

trained as (
    {% for kind, id in scopes -%}
    select
        ended_month as month,
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        count(*) as run_count,
        {{ safe_ratio(sum_in_order('duration_seconds'), '3600') }} as run_hours,
        case when count(gpu_hours) = count(*) then {{ sum_in_order('gpu_hours') }} end as gpu_hours
    from {{ ref('fct_training_runs') }}
    where is_leaf and duration_seconds is not null and {{ id }} is not null
    group by ended_month, {{ id }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

rated as (
    select
        incidents.*,
        row_number() over (
            partition by incidents.incident_key order by case when rates.team_id is null then 1 else 0 end
        ) as choice,
        rates.loaded_hourly_rate_amount
    from {{ ref('fct_incidents') }} as incidents
    left join {{ source('control', 'loaded_hourly_rates') }} as rates
        on
            (rates.team_id is null or incidents.team_id = rates.team_id)
            and {{ is_valid_on('rates', 'incidents.impact_on') }}
    where incidents.exclusion_reason is null
),

interrupted as (
    {% for kind, id in scopes -%}
    select
        impact_month as month,
        '{{ kind }}' as scope_kind,
        {{ id }} as scope_id,
        count(*) as incident_count,
        {{ sum_of_shown('engaged_seconds', 'engaged_reason is not null') }} as engaged_seconds,
        max(engaged_reason) as engaged_reason,
        case
            when count(engaged_seconds) = count(*) and count(loaded_hourly_rate_amount) = count(*)
                then {{ to_money('sum(' ~ amount_for_seconds('loaded_hourly_rate_amount', 'engaged_seconds') ~ ')') }}
        end as incident_cost
    from rated
    where choice = 1 and {{ id }} is not null
    group by impact_month, {{ id }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

scopes as (
    select
        month,
        scope_kind,
        scope_id
    from deployed
    union
    select
        month,
        scope_kind,
        scope_id
    from trained
    union
    select
        month,
        scope_kind,
        scope_id
    from interrupted
)

select
    scopes.month,
    scopes.scope_kind,
    scopes.scope_id,
    run.currency,
    spent.effective_cost,
    deployed.deployment_count,
    coalesce(deployed.unknown_count, 0) as unknown_deployment_count,
    {{ safe_ratio('spent.effective_cost', 'deployed.deployment_count') }} as cost_per_deployment,
    spent.training_cost,
    trained.run_count as training_run_count,
    trained.run_hours as training_run_hours,
    trained.gpu_hours as training_gpu_hours,
    {{ safe_ratio('spent.training_cost', 'trained.run_count') }} as cost_per_training_run,
    {{ safe_ratio('spent.training_cost', 'trained.run_hours') }} as cost_per_training_hour,
    {{ safe_ratio('spent.training_cost', 'trained.gpu_hours') }} as cost_per_training_gpu_hour,
    interrupted.incident_count,
    {{ safe_ratio('interrupted.engaged_seconds', '3600') }} as engaged_hours,
    interrupted.engaged_reason,
    interrupted.incident_cost,
    {{ safe_ratio('interrupted.incident_cost', 'interrupted.incident_count') }} as cost_per_incident
from scopes
cross join {{ source('control', 'run') }} as run
left join spent
    on
        scopes.month = spent.month and scopes.scope_kind = spent.scope_kind
        and scopes.scope_id = spent.scope_id and run.currency = spent.currency
left join deployed
    on scopes.month = deployed.month and scopes.scope_kind = deployed.scope_kind and scopes.scope_id = deployed.scope_id
left join trained
    on scopes.month = trained.month and scopes.scope_kind = trained.scope_kind and scopes.scope_id = trained.scope_id
left join interrupted
    on
        scopes.month = interrupted.month and scopes.scope_kind = interrupted.scope_kind
        and scopes.scope_id = interrupted.scope_id
