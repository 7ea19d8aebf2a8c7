{#-
  How long training takes, over the three and the twelve months that end with a month: by
  the architecture of the model, and by that with the hardware, as far as the evidence
  tells it: platform (where the catalogue places the training of the model), instance
  type, accelerator and number of GPUs. A faster GPU is no better architecture.
-#}
{%- set hardware = ['platform_id', 'instance_type', 'accelerator', 'gpu_count'] -%}
with runs as (
    select
        runs.ended_month as month,
        coalesce(runs.architecture, 'not stated') as architecture,
        placements.platform_id,
        runs.instance_type,
        runs.accelerator,
        runs.gpu_count,
        runs.gpu_hours,
        {{ safe_ratio('runs.duration_seconds', '3600') }} as duration_hours
    from {{ ref('fct_training_runs') }} as runs
    left join {{ source('control', 'platform_placements') }} as placements
        on
            runs.model_id = placements.model_id
            and placements.stage = 'training'
            and {{ is_valid_on('placements', 'runs.started_on') }}
    where runs.is_leaf and runs.status = 'finished' and runs.duration_seconds is not null
),

months as (
    select distinct month from runs
),

{{ windows_ending_with('months') }},

timed as (
    {% for breakdown in ['architecture', 'hardware'] -%}
    select
        windows.month,
        windows.window_months,
        windows.window_start,
        windows.window_end,
        '{{ breakdown }}' as breakdown,
        runs.architecture,
        {% for column in hardware -%}
        {% if breakdown == 'hardware' %}runs.{{ column }}
        {%- else %}cast(null as {{ 'double' if column == 'gpu_count' else 'string' }}) as {{ column }}{% endif %},
        {% endfor -%}
        count(*) as n,
        {{ sorted_values('runs.duration_hours') }} as durations,
        case when count(runs.gpu_hours) = count(*) then {{ mean_in_order('runs.gpu_hours') }} end as gpu_hours_per_run
    from runs
    inner join windows on runs.month >= windows.first_month and runs.month <= windows.month
    group by
        windows.month, windows.window_months, windows.window_start, windows.window_end, runs.architecture
        {%- if breakdown == 'hardware' %}, runs.{{ hardware | join(', runs.') }}{% endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    timed.month,
    cast(timed.window_months as int) as window_months,
    timed.window_start,
    timed.window_end,
    timed.breakdown,
    timed.architecture,
    {% for column in hardware -%}
    timed.{{ column }},
    {% endfor -%}
    timed.n as n_used,
    case when timed.n >= 5 then {{ median_of_sorted('timed.durations', 'timed.n') }} end as training_hours_p50,
    case when timed.n >= 10 then {{ ninth_decile_of_sorted('timed.durations', 'timed.n') }} end as training_hours_p90,
    {{ value_at('timed.durations', median_bound_rank('timed.n')) }} as interval_low,
    {{ value_at('timed.durations', 'timed.n + 1 - ' ~ median_bound_rank('timed.n')) }} as interval_high,
    timed.gpu_hours_per_run,
    case when timed.n < 5 then 'n = ' || cast(timed.n as string) || ', fewer than five' end as reason,
    case
        when timed.n < 5 and wider.n >= 5
            then
                'n = ' || cast(wider.n as string) || ' of the architecture ' || wider.architecture || ' over '
                || cast(wider.window_months as string) || ' months'
        when timed.n < 5 then 'deliver training runs with their start and end'
    end as way_out
from timed
left join timed as wider
    on
        timed.architecture = wider.architecture and timed.month = wider.month
        and wider.breakdown = 'architecture' and wider.window_months = 12
