{#-
  Velocity over windows of three and twelve months: figures of what is too rare for a month.
  Where a window has fewer than five items, the row says why, and the way out: the narrowest
  scope that has enough in the same months or in twelve, and if none has, what to deliver.
-#}
with figures as (
    select
        *,
        case when is_known then p50 end as metric_value
    from {{ ref('int_velocity_windows') }}
),

offers as (
    select
        figures.scope_kind,
        figures.scope_id,
        figures.metric,
        figures.month,
        figures.window_months,
        wider.scope_kind as wider_scope_kind,
        wider.scope_id as wider_scope_id,
        wider.window_months as wider_window_months,
        wider.n_used as wider_n_used,
        wider.metric_value as wider_metric_value,
        row_number() over (
            partition by
                figures.scope_kind, figures.scope_id, figures.metric, figures.month, figures.window_months
            order by scopes.distance, wider.window_months
        ) as choice
    from figures
    inner join {{ ref('int_velocity_wider_scopes') }} as scopes
        on figures.scope_kind = scopes.scope_kind and figures.scope_id = scopes.scope_id
    inner join figures as wider
        on
            scopes.wider_scope_kind = wider.scope_kind and scopes.wider_scope_id = wider.scope_id
            and figures.metric = wider.metric and figures.month = wider.month
            and figures.window_months <= wider.window_months
    where figures.metric_value is null and wider.metric_value is not null
)

select
    figures.month,
    cast(figures.window_months as int) as window_months,
    figures.window_start,
    figures.window_end,
    cast(figures.window_end as timestamp) <= moment.as_of as is_over,
    figures.scope_kind,
    figures.scope_id,
    figures.metric,
    figures.unit,
    figures.metric_value,
    case when figures.is_known and figures.n_used >= 10 then figures.p90 end as p90,
    case when figures.is_known then figures.median_low end as interval_low,
    case when figures.is_known then figures.median_high end as interval_high,
    figures.n_used,
    figures.n_open,
    figures.n_excluded,
    {{ safe_ratio('figures.missing_count', '(figures.n_used + figures.missing_count)') }} as missing_ratio,
    case when figures.metric_value is null then {{ velocity_window_reason('figures') }} end as reason,
    case when figures.metric_value is null then {{ velocity_window_way_out('figures', 'offers') }} end as way_out,
    offers.wider_scope_kind,
    offers.wider_scope_id,
    cast(offers.wider_window_months as bigint) as wider_window_months,
    offers.wider_n_used,
    offers.wider_metric_value
from figures
cross join {{ ref('int_reporting_moment') }} as moment
left join offers
    on
        figures.scope_kind = offers.scope_kind and figures.scope_id = offers.scope_id
        and figures.metric = offers.metric and figures.month = offers.month
        and figures.window_months = offers.window_months and offers.choice = 1
