{#-
  What meters of Kubernetes and ECS clusters say about each node in a month, by meter. A
  node is named by the id under which it is billed; where its meter knows none, by its
  cluster and name.
-#}
with readings as (
    select * from {{ ref('int_node_usage') }}
),

named as (
    select
        readings.*,
        {{ month_label('readings.period_start') }} as billing_month,
        coalesce(readings.provider_id, coalesce(readings.cluster, '') || '/' || readings.node_name) as node_id
    from readings
)

select
    named.billing_month,
    named.node_id,
    named.source,
    min(named.provider_id) as provider_id,
    min(named.cluster) as cluster,
    min(named.node_name) as node_name,
    coalesce(min(case when named.is_idle then named.pool_id end), min(named.pool_id)) as pool_id,
    sum(named.capacity_gpu_hours) as capacity_gpu_hours,
    sum(named.requested_gpu_hours) as requested_gpu_hours,
    sum(named.used_gpu_hours) as used_gpu_hours,
    sum(named.capacity_cpu_core_hours) as capacity_cpu_core_hours,
    sum(named.requested_cpu_core_hours) as requested_cpu_core_hours,
    sum(named.used_cpu_core_hours) as used_cpu_core_hours,
    count(distinct named.period_start) as period_count,
    min(named.period_start) as first_metered_at,
    max(named.period_start) as last_metered_at
from named
group by named.billing_month, named.node_id, named.source
