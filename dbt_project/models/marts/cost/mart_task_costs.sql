{#-
  What tasks of agents cost, and how they ended; every row of the ledger of these models is in
  exactly one part. A task counts once, with the costliest part of its last attempt, or of the one
  that succeeded, and in the month of it.
-#}
{%- set owner = ['billing_month', 'model_id', 'feature_id', 'team_id', 'cost_center', 'agent', 'currency'] -%}
{%- set grain = owner + ['cost_part', 'attempt_outcome'] -%}
with cells as (
    select
        {% for column in owner -%}
        costs.{{ column }},
        {% endfor -%}
        {{ cost_part() }} as cost_part,
        attempts.attempt_outcome,
        costs.task_id,
        costs.attempt_id,
        attempts.attempt_position,
        {{ to_money('sum(costs.billed_cost)') }} as billed_cost,
        {{ to_money('sum(costs.effective_cost)') }} as effective_cost
    from {{ ref('int_task_costs') }} as costs
    left join {{ ref('int_task_attempts') }} as attempts
        on costs.task_id = attempts.task_id and costs.attempt_id = attempts.attempt_id
    group by
        {% for column in owner -%}
        costs.{{ column }},
        {% endfor -%}
        {{ cost_part() }}, attempts.attempt_outcome, costs.task_id, costs.attempt_id, attempts.attempt_position
),

placed as (
    select
        *,
        max(case attempt_outcome when 'success' then 2 when 'failure' then 1 else 0 end) over of_task as best_outcome,
        {{ to_money('sum(effective_cost) over of_task') }} as task_cost,
        row_number() over (
            partition by task_id, attempt_id, currency
            order by effective_cost desc, {{ grain | reject('equalto', 'currency') | join(', ') }}
        ) as place_in_attempt,
        row_number() over (
            partition by task_id, currency
            order by
                case when attempt_outcome = 'success' then 0 else 1 end asc, attempt_position desc, effective_cost desc,
                attempt_id asc, {{ grain | reject('equalto', 'currency') | join(', ') }}
        ) as place_in_task
    from cells
    window of_task as (partition by task_id, currency)
),

counted as (
    select
        *,
        attempt_position is not null and place_in_attempt = 1 as is_attempt,
        attempt_position is not null and place_in_task = 1 as is_task
    from placed
),

successes as (
    select
        billing_month,
        agent,
        currency,
        count(*) as n,
        {{ sorted_values('task_cost') }} as task_costs
    from counted
    where is_task and best_outcome = 2
    group by billing_month, agent, currency
),

summed as (
    select
        {{ grain | join(', ') }},
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(effective_cost)') }} as effective_cost,
        cast(sum(case when is_attempt then 1 else 0 end) as bigint) as attempt_count,
        cast(sum(case when is_task then 1 else 0 end) as bigint) as task_count,
        cast(sum(case when is_task and best_outcome = 2 then 1 else 0 end) as bigint) as successful_task_count,
        cast(sum(case when is_task and best_outcome = 1 then 1 else 0 end) as bigint) as failed_task_count
    from counted
    group by {{ grain | join(', ') }}
)

select
    summed.*,
    case when successes.n >= 5 then {{ median_of_sorted('successes.task_costs', 'successes.n') }} end
        as median_successful_task_cost,
    case when successes.n >= 10 then {{ ninth_decile_of_sorted('successes.task_costs', 'successes.n') }} end
        as p90_successful_task_cost
from summed
left join successes
    on
        summed.billing_month = successes.billing_month
        and coalesce(summed.agent, '') = coalesce(successes.agent, '')
        and summed.currency = successes.currency
