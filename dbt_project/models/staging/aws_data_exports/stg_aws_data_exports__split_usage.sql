{#-
  What each pod and task reserved and used of its instance, from AWS's split cost rows: a
  meter, never money. What an instance had is told by AWS's own split of its cost: all of
  it is to the part that was held as the split and unused costs are to the split cost, and
  every pod stands for its part of that.
  A pod whose instance is in no bill of the source counts for a pool of that name, so that
  it takes no share of money in which its instance is not.
  Incremental by billing month, as the charges of the same export are.
-#}
{{ config(
    materialized='incremental',
    schema='intermediate',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}
{%- set kinds = {
    'cpu': ('cpu_core_hours', '%vCPU-Hours'),
    'memory': ('memory_gibibyte_hours', '%GB-Hours'),
    'gpu': ('gpu_hours', '%Accelerator-Hours'),
} %}

with split_lines as (
    select
        lines._source as source,
        lines.bill_billing_period_start_date as billing_period_start,
        lines.line_item_usage_start_date as period_start,
        lines.line_item_usage_end_date as period_end,
        lines.line_item_resource_id as resource_id,
        {{ instance_id('lines.split_line_item_parent_resource_id') }} as node_id,
        coalesce(lines.x_split_model_id, {{ tag_value('lines.resource_tags', 'user_model') }}) as model_id,
        lines.x_split_pool_id as pool_id,
        coalesce(
            {{ tag_value('lines.resource_tags', 'aws_eks_cluster_name') }},
            {{ tag_value('lines.resource_tags', 'aws_ecs_cluster_name') }},
            nullif(split_part(lines.line_item_resource_id, '/', 2), '')
        ) as cluster,
        case
            {% for kind, (quantity, usage_types) in kinds.items() -%}
            when lines.line_item_usage_type like {{ sql_text(usage_types) }} then '{{ kind }}'
            {% endfor -%}
        end as kind,
        lines.split_line_item_reserved_usage as reserved_usage,
        lines.split_line_item_actual_usage as actual_usage,
        lines.split_line_item_split_usage as split_usage,
        lines.split_line_item_split_cost as split_cost,
        lines.split_line_item_unused_cost as unused_cost
    from {{ source('evidence', 'aws_cur2') }} as lines
    where
        lines.line_item_operation in ('EKSPod-EC2', 'ECSTask-EC2')
        and {{ in_months_to_build('lines.bill_billing_period_start_date') }}
),

nodes as (
    select distinct
        split_lines.source,
        split_lines.billing_period_start,
        split_lines.node_id
    from split_lines
    where split_lines.node_id is not null
),

billed_nodes as (
    select distinct
        nodes.source,
        nodes.billing_period_start,
        nodes.node_id
    from nodes
    inner join {{ source('evidence', 'aws_cur2') }} as lines
        on
            nodes.source = lines._source
            and nodes.billing_period_start = lines.bill_billing_period_start_date
            and nodes.node_id = {{ instance_id('lines.line_item_resource_id') }}
    where coalesce(lines.line_item_operation, '') not in ('EKSPod-EC2', 'ECSTask-EC2')
),

-- What a node left unused of each kind, by what was held of it.
unused as (
    select
        split_lines.source,
        split_lines.node_id,
        split_lines.period_start,
        split_lines.kind,
        sum(split_lines.unused_cost) as unused_cost,
        sum(split_lines.split_cost) as split_cost
    from split_lines
    group by split_lines.source, split_lines.node_id, split_lines.period_start, split_lines.kind
),

measured as (
    select
        split_lines.*,
        case
            when billed_nodes.node_id is null then 'parent-not-found'
            else coalesce(split_lines.pool_id, split_lines.cluster, 'cluster-not-found')
        end as metered_pool_id,
        {{ held_and_unused('split_lines.split_usage', to_rate('unused.unused_cost', 'unused.split_cost')) }} as capacity
    from split_lines
    left join billed_nodes
        on
            split_lines.source = billed_nodes.source
            and split_lines.billing_period_start = billed_nodes.billing_period_start
            and split_lines.node_id = billed_nodes.node_id
    left join unused
        on
            split_lines.source = unused.source
            and split_lines.node_id = unused.node_id
            and split_lines.period_start = unused.period_start
            and split_lines.kind = unused.kind
)

select
    {{ month_label('measured.billing_period_start') }} as billing_month,
    measured.source,
    measured.cluster,
    measured.model_id,
    measured.metered_pool_id as pool_id,
    measured.resource_id,
    measured.node_id,
    {% for kind, (quantity, usage_types) in kinds.items() -%}
    sum(case when measured.kind = '{{ kind }}' then measured.reserved_usage end) as requested_{{ quantity }},
    sum(case when measured.kind = '{{ kind }}' then measured.actual_usage end) as used_{{ quantity }},
    sum(case when measured.kind = '{{ kind }}' then measured.split_usage end) as {{ quantity }},
    sum(case when measured.kind = '{{ kind }}' then measured.capacity end) as capacity_{{ quantity }},
    {% endfor -%}
    measured.period_start,
    measured.period_end
from measured
group by
    measured.billing_period_start,
    measured.source,
    measured.cluster,
    measured.model_id,
    measured.metered_pool_id,
    measured.resource_id,
    measured.node_id,
    measured.period_start,
    measured.period_end
