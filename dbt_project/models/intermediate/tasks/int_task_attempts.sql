{#-
  Attempts at tasks in their order, with how each ended. The newest event decides. An event without
  a request of its own, such as an outcome that is declared late, is of the attempt that it names,
  else of the last one that had begun.
-#}
{%- set outcome_rules = rules('task_outcome_rules') -%}
with spans as (
    select
        task_id,
        attempt_id,
        agent,
        task_outcome as word,
        metered_at,
        requests
    from {{ ref('stg_llm_usage') }}
    where seen_requests is not null and task_id is not null
),

attempts as (
    select
        task_id,
        attempt_id,
        min(metered_at) as first_seen_at,
        case when {{ matches_regex('attempt_id', "'^[0-9]{1,9}$'") }} then cast(attempt_id as integer) end as number
    from spans
    where requests > 0
    group by task_id, attempt_id
),

events as (
    select distinct
        task_id,
        attempt_id,
        agent,
        word,
        metered_at
    from spans
    where word is not null
),

followed as (
    select
        events.*,
        moment.as_of,
        count(undoing.task_id) > 0 as is_undone
    from events
    cross join {{ ref('int_reporting_moment') }} as moment
    left join events as undoing
        on
            events.task_id = undoing.task_id
            and events.metered_at <= undoing.metered_at
            and {{ is_undone_by(outcome_rules, 'events', 'undoing') }}
    group by events.task_id, events.attempt_id, events.agent, events.word, events.metered_at, moment.as_of
),

judged as (
    select
        followed.task_id,
        followed.attempt_id,
        followed.metered_at,
        {{ outcome_of_event(outcome_rules, 'followed') }} as outcome
    from followed
    where {{ is_event_of_outcome(outcome_rules, 'followed') }}
),

placed as (
    select
        judged.outcome,
        judged.metered_at,
        attempts.task_id,
        attempts.attempt_id,
        row_number() over (
            partition by judged.task_id, judged.attempt_id, judged.metered_at, judged.outcome
            order by
                case
                    when attempts.attempt_id = judged.attempt_id then 0
                    when attempts.first_seen_at <= judged.metered_at then 1
                    else 2
                end asc,
                attempts.first_seen_at desc, attempts.number desc, attempts.attempt_id desc
        ) as preference
    from judged
    inner join attempts on judged.task_id = attempts.task_id
),

newest as (
    select
        *,
        row_number() over (
            partition by task_id, attempt_id
            order by metered_at desc, case when outcome = 'failure' then 0 else 1 end asc, outcome asc
        ) as place
    from placed
    where preference = 1
)

select
    attempts.task_id,
    attempts.attempt_id,
    newest.outcome as attempt_outcome,
    row_number() over (
        partition by attempts.task_id
        order by
            attempts.first_seen_at asc, attempts.number asc,
            case when newest.outcome = 'success' then 1 else 0 end asc, attempts.attempt_id asc
    ) as attempt_position
from attempts
left join newest
    on
        attempts.task_id = newest.task_id
        and attempts.attempt_id = newest.attempt_id
        and newest.place = 1
