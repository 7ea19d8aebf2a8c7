{#-
  Figures of velocity by month or by fiscal quarter. The median of a quarter is none of
  the medians of its months: their values are put together again. Percentiles are over
  what ended in the period, by linear interpolation; fewer than five values have none,
  and fewer than ten no p90. A period without data is NULL. Of what is open, the row says
  how much had begun by then. A weekly figure is a count by the weeks of which anything is
  known, of a whole one at least. Items that may belong to a ratio or a count, and of which
  that is unknown, leave an interval from none to all of them in place of the value; recovery
  has none where a fifth of it is unknown.
-#}
{% macro velocity_figures(period) -%}
{%- set is_ranked = "metric in ('change_lead_time', 'training_to_production')" -%}
with
{{ velocity_parts(period) }},

{{ velocity_spine(period) }},

joined as (
    select
        spine.*,
        described.value_count,
        described.total,
        described.p50,
        described.p90,
        described.median_low,
        described.median_high,
        {{ safe_ratio('deployed.known_count', 'deployed.week_count') }} as per_week,
        {{ safe_ratio('(deployed.known_count + deployed.unknown_count)', 'deployed.week_count') }} as per_week_at_most,
        coalesce(counted.missing_count, 0) as unknown_count,
        counted.n_used,
        counted.n_excluded,
        counted.missing_count,
        counted.excluded_by_reason,
        coalesce(sum(counted.open_count) over until_then, 0) as n_open,
        min(counted.oldest_open_at) over until_then as oldest_open_at
    from spine
    left join described
        on
            spine.scope_kind = described.scope_kind and spine.scope_id = described.scope_id
            and spine.metric = described.metric and spine.period = described.period
    left join deployed
        on
            spine.scope_kind = deployed.scope_kind and spine.scope_id = deployed.scope_id
            and spine.metric = deployed.metric and spine.period = deployed.period
    left join counted
        on
            spine.scope_kind = counted.scope_kind and spine.scope_id = counted.scope_id
            and spine.items_of = counted.metric and spine.period = counted.period
    window until_then as (
        partition by spine.scope_kind, spine.scope_id, spine.metric
        order by spine.period
        rows between unbounded preceding and current row
    )
),

figures as (
    select
        *,
        coalesce(total, 0) as total_known,
        coalesce(value_count, 0) + unknown_count as total_count,
        case
            when statistic = 'ratio' then unknown_count > 0
            when statistic = 'weekly' then per_week_at_most > per_week
            when metric = 'failed_deployment_recovery' then 5 * unknown_count >= coalesce(value_count, 0) + unknown_count
            else false
        end as is_unknown
    from joined
),

result as (
    {{ velocity_result(period) }}
)

select
    *,
    case
        when {{ is_ranked }} and metric_value is not null
            then rank() over (
                partition by {{ period }}, scope_kind, metric
                order by metric_value desc nulls last
            )
    end as slowness_rank,
    case
        when {{ is_ranked }} and metric_value is null and n_used < 5
            then 'n = ' || cast(n_used as string) || ', fewer than five'
        when {{ is_ranked }} and metric_value is null then 'too much of it is unknown'
    end as unranked_reason
from result
{%- endmacro %}
