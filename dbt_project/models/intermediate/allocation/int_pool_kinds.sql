{#-
  Which readings divide which lines of a pool, in a month: those of the kind that the line
  is the price of. What the bill does not tell apart counts with the nearest kind that it
  does: cached input is input where no line is for cached input. A reading that does not
  say its kind or its tier counts for each line that it may belong to, which makes their
  split an estimate; so does a pool whose bill and whose meter share no name of a model. A
  line that names no kind is divided among all readings. A table, because the amounts of
  bills change and the kinds that they name hardly ever.
-#}
{{ config(materialized='table') }}

with lines as (
    select distinct
        costs.pool_id,
        {{ month_label('costs.charge_date') }} as metered_month,
        costs.charged_kind,
        {{ kind_parts('costs.charged_kind', 'line') }}
    from {{ ref('int_pool_costs') }} as costs
),

meters as (
    select distinct
        weights.pool_id,
        {{ month_label('weights.interval_started_at') }} as metered_month,
        weights.metered_kind,
        {{ kind_parts('weights.metered_kind', 'meter') }}
    from {{ ref('int_pool_weights') }} as weights
    where weights.allocation_interval = 'month'
),

agreeing as (
    select distinct
        lines.pool_id,
        lines.metered_month
    from lines
    inner join meters
        on
            lines.pool_id = meters.pool_id
            and lines.metered_month = meters.metered_month
            and lines.line_model = meters.meter_model
    where lines.line_model <> ''
),

compared as (
    select
        lines.*,
        meters.metered_kind,
        meters.meter_model,
        meters.meter_date,
        {{ is_another_model() }} as is_another_model,
        agreeing.pool_id is not null as do_names_agree,
        case
            when lines.line_kind = '' and {{ counts_with_others('meters.meter_kind') }} then 0
            else {{ kind_distance('meters.meter_kind', 'lines.line_kind') }}
        end
        + case
            when lines.line_tier = meters.meter_tier or meters.meter_tier = '?' then 0
            when lines.line_tier = '' then 1
        end as distance
    from lines
    inner join meters
        on lines.pool_id = meters.pool_id and lines.metered_month = meters.metered_month
    left join agreeing
        on lines.pool_id = agreeing.pool_id and lines.metered_month = agreeing.metered_month
),

possible as (
    select
        *,
        min(case when line_kind <> '' then distance end) over (
            partition by pool_id, metered_month, metered_kind
        ) as least_distance,
        line_kind || ':' || line_tier || ':' || case
            when line_model = meter_model and line_date = meter_date then ''
            else line_model || ':' || line_date
        end as told_apart_by
    from compared
    where distance is not null and not (is_another_model and do_names_agree)
),

nearest as (
    select
        *,
        min(case when line_kind <> '' then told_apart_by end) over (
            partition by pool_id, metered_month, metered_kind
        ) as first_line,
        max(case when line_kind <> '' then told_apart_by end) over (
            partition by pool_id, metered_month, metered_kind
        ) as last_line
    from possible
    where line_kind = '' or distance = least_distance
)

select
    pool_id,
    metered_month,
    charged_kind,
    metered_kind,
    line_kind <> '' as is_kind_named,
    line_kind <> '' and (is_another_model or first_line <> last_line) as is_estimated
from nearest
