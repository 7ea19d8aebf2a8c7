{#-
  What a migration changed as each month since it knew it: all months since to that month
  against as many before, twelve at most. A month knows nothing of later ones.
-#}
with observed as (
    {% for model in ['int_scorecard_costs', 'int_scorecard_operations'] -%}
    select
        subject_id as migration_id,
        period,
        metric,
        observed_in as month,
        numerator,
        denominator
    from {{ ref(model) }}
    where
        subject_kind = 'migration' and basis = 'all' and period in ('before', 'since')
        and numerator is not null and denominator is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    select
        views.migration_id,
        views.view_month,
        observed.metric,
        {% for period in ['before', 'since'] -%}
        min(case when views.period = '{{ period }}' then views.month end) as {{ period }}_first_month,
        max(case when views.period = '{{ period }}' then views.month end) as {{ period }}_last_month,
        {{ sum_in_order("case when views.period = '" ~ period ~ "' then observed.numerator end") }}
            as {{ period }}_numerator,
        {{ sum_in_order("case when views.period = '" ~ period ~ "' then observed.denominator end") }}
            as {{ period }}_denominator,
        {% endfor -%}
        count(distinct case when views.period = 'since' then views.month end) as since_month_count
    from {{ ref('int_migration_views') }} as views
    inner join observed
        on
            views.migration_id = observed.migration_id
            and views.period = observed.period
            and views.month = observed.month
    group by views.migration_id, views.view_month, observed.metric
),

figures as (
    select
        *,
        {{ safe_ratio('before_numerator', 'before_denominator') }} as before_figure,
        {{ safe_ratio('since_numerator', 'since_denominator') }} as since_figure
    from sums
)

select
    figures.migration_id,
    migrations.migration_name,
    migrations.migration_to,
    figures.view_month as billing_month,
    figures.metric,
    run.currency,
    figures.before_first_month,
    figures.before_last_month,
    figures.since_first_month,
    figures.since_last_month,
    cast(figures.since_month_count as bigint) as since_month_count,
    figures.before_figure,
    figures.since_figure,
    {{ safe_ratio('figures.since_figure - figures.before_figure', 'figures.before_figure') }} as since_change_ratio
from figures
inner join {{ source('control', 'migrations') }} as migrations on figures.migration_id = migrations.migration_id
cross join {{ source('control', 'run') }} as run
