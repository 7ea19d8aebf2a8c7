{#-
  Figures of velocity over the three and the twelve months that end with a month: of each
  owner that has any item of delivery, every metric of windows that its kind can have,
  those without an item included. Medians come from the items, never from medians.
-#}
{%- set of = 'asked.scope_kind, asked.scope_id, asked.metric, asked.month, asked.window_months' -%}
with by_month as (
    select * from {{ ref('int_velocity_by_month') }}
),

owners as (
    select
        scope_kind,
        scope_id,
        min(month) as first_month
    from by_month
    group by scope_kind, scope_id
),

months as (
    select distinct month from by_month
),

{{ windows_ending_with('months') }},

asked as (
    {% for metric, unit, kinds, _, _ in velocity_windows() -%}
    select
        owners.scope_kind,
        owners.scope_id,
        '{{ metric }}' as metric,
        '{{ unit }}' as unit,
        windows.*
    from owners
    inner join windows on owners.first_month <= windows.month
    where owners.scope_kind in ({{ sql_texts(kinds) }})
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

pooled as (
    select
        {{ of }},
        cast(sum(case when items.state = 'used' then items.item_count end) as bigint) as n_used,
        cast(sum(case when items.state = 'excluded' then items.item_count end) as bigint) as n_excluded,
        cast(sum(items.missing_count) as bigint) as missing_count,
        {{ distinct_texts("replace(items.exclusion_reason, '_', ' ')") }} as excluded_reasons,
        cast(sum(items.measured_count) as bigint) as n,
        {{ merged_values('items.measurements') }} as measurements
    from asked
    inner join by_month as items
        on
            asked.scope_kind = items.scope_kind and asked.scope_id = items.scope_id and asked.metric = items.metric
            and asked.first_month <= items.month and asked.month >= items.month
    group by {{ of }}
),

opened as (
    select
        scope_kind,
        scope_id,
        metric,
        month,
        sum(item_count) as open_count
    from by_month
    where state = 'open'
    group by scope_kind, scope_id, metric, month
)

select
    asked.*,
    coalesce(pooled.n_used, 0) as n_used,
    coalesce(pooled.n_excluded, 0) as n_excluded,
    coalesce(pooled.missing_count, 0) as missing_count,
    pooled.excluded_reasons,
    cast(coalesce(sum(opened.open_count) over (
        partition by asked.scope_kind, asked.scope_id, asked.metric, asked.window_months
        order by asked.month rows between unbounded preceding and current row
    ), 0) as bigint) as n_open,
    -- Where a fifth of the recoveries is unknown, so is their median.
    pooled.n >= 5 and not (
        asked.metric = 'failed_deployment_recovery' and 5 * pooled.missing_count >= pooled.n + pooled.missing_count
    ) as is_known,
    {{ median_of_sorted('pooled.measurements', 'pooled.n') }} as p50,
    {{ ninth_decile_of_sorted('pooled.measurements', 'pooled.n') }} as p90,
    {{ value_at('pooled.measurements', median_bound_rank('pooled.n')) }} as median_low,
    {{ value_at('pooled.measurements', 'pooled.n + 1 - ' ~ median_bound_rank('pooled.n')) }} as median_high
from asked
left join pooled
    on
        asked.scope_kind = pooled.scope_kind and asked.scope_id = pooled.scope_id and asked.metric = pooled.metric
        and asked.month = pooled.month and asked.window_months = pooled.window_months
left join opened
    on
        asked.scope_kind = opened.scope_kind and asked.scope_id = opened.scope_id and asked.metric = opened.metric
        and asked.month = opened.month
