{#-
  GPU hours of each model and day, each hour once. In a pool whose accelerators are read
  that day, they are what was used where that is measured, else what was requested;
  anywhere else they are what usage says.
-#}
with accelerators as (
    select
        readings.pool_id,
        readings.model_id,
        cast(readings.period_start as date) as metered_date,
        cast(readings.period_start as date) as last_metered_date,
        coalesce(readings.used_gpu_hours, readings.requested_gpu_hours) as gpu_hours
    from {{ ref('int_accelerator_readings') }} as readings
),

pools_read as (
    select distinct
        accelerators.pool_id,
        accelerators.metered_date
    from accelerators
),

models_read as (
    select distinct
        accelerators.model_id,
        accelerators.metered_date
    from accelerators
    where accelerators.gpu_hours is not null
),

usage as (
    select
        usage_rows.pool_id,
        coalesce(aliases.model_id, usage_rows.model_id) as model_id,
        cast(usage_rows.period_start as date) as metered_date,
        {{ last_day_of_reading('usage_rows.period_start', 'usage_rows.period_end') }} as last_metered_date,
        usage_rows.gpu_hours
    from {{ ref('int_model_usage') }} as usage_rows
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on usage_rows.model_id = aliases.alias
    where usage_rows.gpu_hours is not null
),

counted as (
    select
        accelerators.model_id,
        accelerators.metered_date,
        accelerators.last_metered_date,
        accelerators.gpu_hours
    from accelerators
    union all
    select
        usage.model_id,
        usage.metered_date,
        usage.last_metered_date,
        usage.gpu_hours
    from usage
    left join pools_read
        on usage.pool_id = pools_read.pool_id and usage.metered_date = pools_read.metered_date
    -- Usage that names no pool may be that of any.
    left join models_read
        on
            usage.pool_id is null
            and usage.model_id = models_read.model_id
            and usage.metered_date = models_read.metered_date
    where pools_read.pool_id is null and models_read.model_id is null
)

select
    counted.model_id,
    counted.metered_date,
    max(counted.last_metered_date) as last_metered_date,
    sum(counted.gpu_hours) as gpu_hours
from counted
where counted.model_id is not null and counted.gpu_hours is not null
group by counted.model_id, counted.metered_date
