{#-
  What a GPU hour that was there cost in a month, by pool, type and way of purchase: money from
  the bill on days whose capacity of that kind was read, by those hours. A month's fee goes with
  all hours that were read in the month. Charges for days of earlier months are no part of it.
-#}
{%- set kind = ['pool_id', 'charged_kind', 'currency'] %}
with charges as (
    select
        costs.billing_month,
        costs.pool_id,
        costs.charged_kind,
        costs.currency,
        case when costs.allocation_interval <> 'month' then costs.charge_date end as charge_date,
        sum(costs.effective_cost) as effective_cost
    from {{ ref('int_pool_costs') }} as costs
    inner join {{ source('control', 'pools') }} as pools on costs.pool_id = pools.pool_id
    where
        pools.driver = 'gpu_hours' and costs.charged_kind <> ''
        and {{ month_label('costs.charge_date') }} = costs.billing_month
    group by
        costs.billing_month, costs.pool_id, costs.charged_kind, costs.currency,
        case when costs.allocation_interval <> 'month' then costs.charge_date end
),

months as (
    select
        billing_month,
        {{ kind | join(', ') }},
        sum(effective_cost) as effective_cost,
        sum(case when charge_date is null then effective_cost end) as fee
    from charges
    group by billing_month, {{ kind | join(', ') }}
),

capacity as (
    select
        pool_id,
        charged_kind,
        cast(interval_started_at as date) as metered_date,
        sum(capacity) as capacity,
        max(case when split_basis = 'quantity' then 0 else 1 end) as is_ambiguous
    from {{ ref('int_pool_weights_by_kind') }}
    where allocation_interval = 'day'
    group by pool_id, charged_kind, cast(interval_started_at as date)
    having sum(capacity) > 0
),

read as (
    select
        months.billing_month,
        months.pool_id,
        months.charged_kind,
        months.currency,
        max(capacity.is_ambiguous) as is_ambiguous,
        sum(charges.effective_cost) as effective_cost,
        sum(case when months.fee is not null or charges.charge_date is not null then capacity.capacity end)
            as gpu_hours
    from months
    inner join capacity
        on
            months.pool_id = capacity.pool_id
            and months.charged_kind = capacity.charged_kind
            and months.billing_month = {{ month_label('capacity.metered_date') }}
    left join charges
        on
            months.billing_month = charges.billing_month
            and months.pool_id = charges.pool_id
            and months.charged_kind = charges.charged_kind
            and months.currency = charges.currency
            and capacity.metered_date = charges.charge_date
    group by months.billing_month, months.pool_id, months.charged_kind, months.currency
),

priced as (
    select
        months.billing_month,
        months.pool_id,
        nullif(split_part(months.charged_kind, ':', 2), '') as accelerator_type,
        case split_part(months.charged_kind, ':', 4) when 'spot' then 'spot' else 'usual' end as purchase_kind,
        months.currency,
        {{ to_money('months.effective_cost') }} as effective_cost,
        case
            when read.gpu_hours > 0 and read.is_ambiguous = 0
                then {{ to_money('coalesce(read.effective_cost, 0) + coalesce(months.fee, 0)') }}
        end as priced_effective_cost,
        case when read.gpu_hours > 0 and read.is_ambiguous = 0 then {{ to_money('read.gpu_hours') }} end
            as priced_gpu_hours,
        case
            when read.is_ambiguous = 1
                then 'The meter does not tell GPUs apart by type or purchase. Deliver purchase_option.'
            when read.gpu_hours is null
                then 'No reading says how many GPUs of this kind were there. Deliver capacity_gpu_hours.'
        end as reason
    from months
    left join read
        on
            months.billing_month = read.billing_month
            and months.pool_id = read.pool_id
            and months.charged_kind = read.charged_kind
            and months.currency = read.currency
)

select
    *,
    {{ safe_ratio('priced_effective_cost', 'priced_gpu_hours') }} as cost_per_gpu_hour
from priced
