{#-
  What changed between equal windows before and after a migration, metric by metric, with the
  grade that the evidence allows. Controls are models that the migration leaves where they
  are, whose requests stayed within a factor of two and that have a unit cost in every
  month: with two of them and all checks passed, a change of cost per inference is graded
  B. Without, it is a before and after: D, or C where nothing moved before.
-#}
{%- set of = 'subject_id, metric, basis' -%}
{%- set checks = [
    ('flat_beside_controls', 'is_flat_beside_controls'), ('leave_one_out', 'is_robust'),
    ('placebo_in_unit', 'is_beyond_units'), ('placebo_in_time', 'is_beyond_time'),
] -%}
with ratios as (
    {% for model, half_width in [
        ('int_scorecard_ratios', 'half_width'),
        ('int_scorecard_percentiles', quotient('interval_high - interval_low', '2')),
        ('int_scorecard_delivered', quotient('interval_high - interval_low', '2')),
    ] -%}
    select
        {{ of }},
        period,
        metric_value,
        {{ half_width }} as half_width,
        interval_low,
        interval_high,
        n_observed,
        {{ 'delivered_grain' if model == 'int_scorecard_delivered' else 'cast(null as string)' }} as delivered_grain
    from {{ ref(model) }}
    where subject_kind = 'migration'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

compared as (
    select
        {{ of }},
        {% for period in ['before', 'migration', 'after', 'since'] -%}
        max(case when period = '{{ period }}' then metric_value end) as {{ period }}_figure,
        max(case when period = '{{ period }}' then interval_low end) as {{ period }}_low,
        max(case when period = '{{ period }}' then interval_high end) as {{ period }}_high,
        max(case when period = '{{ period }}' then n_observed end) as {{ period }}_observed,
        {% endfor -%}
        max(delivered_grain) as delivered_grain,
        max(case when period = 'before' then half_width end) as before_half_width,
        max(case when period = 'after' then half_width end) as after_half_width
    from ratios
    group by {{ of }}
),

windows as (
    select
        migration_id,
        max(window_month_count) as window_month_count,
        max(case when is_long_enough then 1 else 0 end) = 1 as is_long_enough,
        min(case when period = 'before' then month end) as before_first_month,
        max(case when period = 'before' then month end) as before_last_month,
        min(case when period = 'after' then month end) as after_first_month,
        max(case when period = 'after' then month end) as after_last_month
    from {{ ref('int_migration_months') }}
    group by migration_id
),

judged as (
    select
        compared.*,
        compared.after_figure - compared.before_figure as change,
        sqrt(
            compared.before_half_width * compared.before_half_width
            + compared.after_half_width * compared.after_half_width
        ) as change_half_width,
        -- Of a quotient, whose denominator is uncertain too (the delta method).
        sqrt(
            {{ quotient(
                'compared.before_half_width * compared.before_half_width * compared.after_figure * compared.after_figure',
                'compared.before_figure * compared.before_figure'
            ) }}
            + compared.after_half_width * compared.after_half_width
        ) as scaled_half_width,
        migrations.migration_name,
        run.currency,
        windows.window_month_count,
        windows.before_first_month,
        windows.before_last_month,
        windows.after_first_month,
        windows.after_last_month,
        coalesce(controls.control_count, 0) as control_count,
        controls.control_models,
        controls.control_change_ratio,
        controls.excess_change_ratio,
        controls.excess_change_low,
        controls.excess_change_high,
        coalesce(controls.is_flat_before, false) as is_flat_beside_controls,
        coalesce(controls.is_robust, false) as is_robust,
        coalesce(controls.is_beyond_units, false) as is_beyond_units,
        coalesce(controls.is_beyond_time, false) as is_beyond_time,
        trends.is_flat as is_flat_before,
        case
            when
                compared.metric in ({{ sql_texts(portability_metrics()) }})
                and (compared.before_figure is null or compared.after_figure is null)
                then 'none of its services is classified on a side, or a charge lacks an exchange rate'
            when compared.before_figure is null and compared.after_figure is null
                then 'nothing is measured on either side'
            when compared.before_figure is null then 'nothing is measured before'
            when compared.after_figure is null then 'nothing is measured after'
            when not coalesce(windows.is_long_enough, false) then 'fewer than eight weeks on a side: not comparable'
        end as reason
    from compared
    inner join {{ source('control', 'migrations') }} as migrations on compared.subject_id = migrations.migration_id
    cross join {{ source('control', 'run') }} as run
    left join windows on compared.subject_id = windows.migration_id
    left join {{ ref('int_migration_controls') }} as controls
        on
            compared.subject_id = controls.migration_id
            and compared.metric = 'cost_per_thousand_inferences'
            and compared.basis = 'like_for_like'
    left join {{ ref('int_migration_trends') }} as trends
        on
            compared.subject_id = trends.migration_id
            and compared.metric = trends.metric
            and compared.basis = trends.basis
)

select
    subject_id as migration_id,
    migration_name,
    metric,
    basis,
    delivered_grain,
    currency,
    cast(window_month_count as bigint) as window_month_count,
    before_first_month,
    before_last_month,
    after_first_month,
    after_last_month,
    before_figure,
    before_low,
    before_high,
    migration_figure,
    migration_low,
    migration_high,
    after_figure,
    after_low,
    after_high,
    since_figure,
    {{ safe_ratio('since_figure - before_figure', 'before_figure') }} as since_change_ratio,
    case when reason is null then change end as change,
    case when reason is null then change - change_half_width end as change_low,
    case when reason is null then change + change_half_width end as change_high,
    case when reason is null then {{ safe_ratio('change', 'before_figure') }} end as change_ratio,
    -- No figure can fall by more than all of it.
    case
        when reason is not null then null
        when {{ safe_ratio('change - scaled_half_width', 'before_figure') }} < -1 then cast(-1 as double)
        else {{ safe_ratio('change - scaled_half_width', 'before_figure') }}
    end as change_ratio_low,
    case when reason is null then {{ safe_ratio('change + scaled_half_width', 'before_figure') }} end
        as change_ratio_high,
    cast(control_count as bigint) as control_count,
    control_models,
    control_change_ratio,
    excess_change_ratio,
    excess_change_low,
    excess_change_high,
    case
        when is_flat_before is null then 'NOT RUN'
        when is_flat_before then 'PASS'
        else 'FAIL'
    end as check_flat_before,
    {% for check, column in checks -%}
    case
        when control_count < 2 then 'NOT RUN'
        when {{ column }} then 'PASS'
        else 'FAIL'
    end as check_{{ check }},
    {% endfor -%}
    case
        when reason is not null then 'X'
        when
            control_count >= 2 and is_flat_beside_controls and is_robust and is_beyond_units and is_beyond_time
            and window_month_count >= 6
            then 'B'
        when is_flat_before and window_month_count >= 6 then 'C'
        else 'D'
    end as grade,
    reason
from judged
