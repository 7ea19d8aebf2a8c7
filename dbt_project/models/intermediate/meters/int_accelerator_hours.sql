{#-
  GPU hours of each pool by the moment of the reading: what was there, requested and used,
  and, of what workloads held, how much was idle or not measured. NULL is not read.
-#}
with readings as (
    select
        readings.*,
        {{ most_of('readings.requested_gpu_hours', 'readings.used_gpu_hours') }} as held_gpu_hours,
        readings.requested_gpu_hours is not null or readings.used_gpu_hours is not null as is_of_workload
    from {{ ref('int_accelerator_readings') }} as readings
)

select
    readings.pool_id,
    {{ interval_start('hour', 'readings.period_start') }} as metered_hour,
    {{ to_money('sum(readings.capacity_gpu_hours)') }} as capacity_gpu_hours,
    {{ to_money('sum(readings.requested_gpu_hours)') }} as requested_gpu_hours,
    {{ to_money('sum(case when readings.is_of_workload then readings.held_gpu_hours end)') }}
        as allocated_gpu_hours,
    {{ to_money('sum(readings.used_gpu_hours)') }} as active_gpu_hours,
    {{ to_money(
        'sum(case when readings.used_gpu_hours is not null then '
        ~ unused_of('readings.requested_gpu_hours', 'readings.used_gpu_hours') ~ ' end)'
    ) }} as requested_idle_gpu_hours,
    {{ to_money(
        'sum(case when readings.is_of_workload then '
        ~ unmeasured_of('readings.requested_gpu_hours', 'readings.used_gpu_hours') ~ ' end)'
    ) }} as unmeasured_gpu_hours
from readings
group by readings.pool_id, {{ interval_start('hour', 'readings.period_start') }}
