{#-
  What each model's tokens cost on a day, by what the bill says they are: from pools that
  tokens divide, and from lines that are a model's own. What is reasoned is output; a line
  of a pool that names no kind is unnamed. A pool whose tokens are not what a model served
  has none of it.
-#}
{%- set groups = dict(token_groups(), unnamed=['']) %}
with charges as (
    select
        allocated.billing_month,
        allocated.charge_date,
        allocated.source,
        allocated.pool_id,
        allocated.participant_id as model_id,
        allocated.currency,
        split_part(allocated.charged_kind, ':', 1) as kind,
        allocated.metered_interval = 'month' as is_fee,
        allocated.effective_cost
    from {{ ref('int_pool_costs_allocated') }} as allocated
    left join {{ source('control', 'pools') }} as pools on allocated.pool_id = pools.pool_id
    where
        allocated.driver = 'tokens'
        and allocated.participant_id not in ('__idle__', '__unallocated__')
        and not coalesce(pools.allocates_only, false)
    union all
    select
        owned.billing_month,
        owned.charge_date,
        owned.source,
        cast(null as string) as pool_id,
        owned.model_id,
        owned.currency,
        split_part(owned.charged_kind, ':', 1) as kind,
        owned.allocation_interval = 'month' as is_fee,
        owned.effective_cost
    from {{ ref('int_charges_owned') }} as owned
    where owned.component = 'direct' and owned.model_id is not null and owned.charged_kind is not null
),

named as (
    select
        *,
        case
            {%- for group, kinds in groups.items() %}
            when kind in ({{ sql_texts(kinds) }}) then '{{ group }}_token'
            {%- endfor %}
            else 'no_token'
        end as cost_kind
    from charges
)

select
    billing_month,
    charge_date,
    source,
    pool_id,
    model_id,
    currency,
    cost_kind,
    is_fee,
    {{ to_money('sum(effective_cost)') }} as effective_cost
from named
group by billing_month, charge_date, source, pool_id, model_id, currency, cost_kind, is_fee
