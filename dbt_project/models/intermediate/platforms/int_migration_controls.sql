{#-
  The change of cost per inference of the moved models beyond that of unmoved ones, from the
  logarithms of their months: the difference in differences with an interval of 90 % whose
  degrees of freedom are those of the shorter window, and what could speak against it. The
  controls are flat beside the moved before, no control alone decides the sign, and no
  control against the others, nor half of the time before against the other, shows as much.
-#}
with unmoved as (
    select * from {{ ref('int_migration_unmoved_months') }}
),

controls as (
    select
        migration_id,
        model_id,
        {{ mean_in_order("case when period = 'after' then log_per_request end") }}
        - {{ mean_in_order("case when period = 'before' then log_per_request end") }} as change
    from unmoved
    group by migration_id, model_id
),

control_totals as (
    select
        migration_id,
        count(*) as control_count,
        {{ distinct_texts('model_id') }} as control_models,
        {{ sum_in_order('change') }} as sum_of_changes
    from controls
    group by migration_id
),

control_months as (
    select
        migration_id,
        month,
        {{ mean_in_order('log_per_request') }} as log_per_request
    from unmoved
    group by migration_id, month
),

moved as (
    select
        subject_id as migration_id,
        period,
        observed_in as month,
        ln({{ quotient(sum_in_order('numerator'), sum_in_order('denominator')) }}) as log_per_request
    from {{ ref('int_scorecard_costs') }}
    where
        subject_kind = 'migration' and metric = 'cost_per_thousand_inferences' and basis = 'like_for_like'
        and period in ('before', 'after') and numerator is not null and denominator is not null
    group by subject_id, period, observed_in
    having sum(numerator) > 0 and sum(denominator) > 0
),

differences as (
    select
        moved.migration_id,
        moved.period,
        moved.month,
        moved.log_per_request as moved_log,
        moved.log_per_request - control_months.log_per_request as difference,
        cast(row_number() over (partition by moved.migration_id, moved.period order by moved.month) as double) as place,
        cast(count(*) over (partition by moved.migration_id, moved.period) as double) as n
    from moved
    inner join control_months on moved.migration_id = control_months.migration_id and moved.month = control_months.month
),

means as (
    select
        migration_id,
        period,
        max(n) as n,
        {{ mean_in_order('place') }} as mean_place,
        {{ mean_in_order('difference') }} as mean_difference,
        {{ mean_in_order('moved_log') }} as mean_moved,
        {{ mean_in_order('case when place * 2 > n then difference end') }}
        - {{ mean_in_order('case when place * 2 <= n then difference end') }}
            as change_between_halves
    from differences
    group by migration_id, period
),

squares as (
    select
        differences.migration_id,
        differences.period,
        {{ sum_in_order(
            '(differences.difference - means.mean_difference) * (differences.difference - means.mean_difference)'
        ) }} as difference_squares,
        {{ sum_in_order('(differences.place - means.mean_place) * (differences.place - means.mean_place)') }}
            as place_squares,
        {{ sum_in_order(
            '(differences.place - means.mean_place) * (differences.difference - means.mean_difference)'
        ) }} as products
    from differences
    inner join means on differences.migration_id = means.migration_id and differences.period = means.period
    group by differences.migration_id, differences.period
),

effects as (
    select
        before.migration_id,
        after.mean_difference - before.mean_difference as effect,
        after.mean_moved - before.mean_moved as moved_change,
        before.change_between_halves,
        {{ half_width_of_difference(
            'before_squares.difference_squares', 'before.n', 'after_squares.difference_squares', 'after.n'
        ) }} as half_width,
        before.n >= 6
        and {{ slope_is_flat(
            'before_squares.products', 'before_squares.place_squares', 'before_squares.difference_squares', 'before.n'
        ) }} as is_flat_before
    from means as before
    inner join means as after on before.migration_id = after.migration_id and after.period = 'after'
    inner join squares as before_squares
        on before.migration_id = before_squares.migration_id and before_squares.period = 'before'
    inner join squares as after_squares
        on before.migration_id = after_squares.migration_id and after_squares.period = 'after'
    where before.period = 'before'
),

without_one as (
    select
        controls.migration_id,
        min(
            effects.moved_change
            - {{ quotient('control_totals.sum_of_changes - controls.change', 'control_totals.control_count - 1') }}
        ) as least_effect,
        max(
            effects.moved_change
            - {{ quotient('control_totals.sum_of_changes - controls.change', 'control_totals.control_count - 1') }}
        ) as largest_effect,
        max(
            abs(
                controls.change
                - {{ quotient('control_totals.sum_of_changes - controls.change', 'control_totals.control_count - 1') }}
            )
        ) as largest_placebo
    from controls
    inner join control_totals on controls.migration_id = control_totals.migration_id
    inner join effects on controls.migration_id = effects.migration_id
    where control_totals.control_count > 1
    group by controls.migration_id
)

select
    effects.migration_id,
    control_totals.control_count,
    control_totals.control_models,
    exp({{ quotient('control_totals.sum_of_changes', 'control_totals.control_count') }}) - 1 as control_change_ratio,
    exp(effects.effect) - 1 as excess_change_ratio,
    exp(effects.effect - effects.half_width) - 1 as excess_change_low,
    exp(effects.effect + effects.half_width) - 1 as excess_change_high,
    effects.is_flat_before,
    without_one.least_effect * without_one.largest_effect > 0 as is_robust,
    without_one.largest_placebo < abs(effects.effect) as is_beyond_units,
    abs(effects.change_between_halves) < abs(effects.effect) as is_beyond_time
from effects
inner join control_totals on effects.migration_id = control_totals.migration_id
left join without_one on effects.migration_id = without_one.migration_id
