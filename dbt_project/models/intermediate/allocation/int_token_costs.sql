{#-
  What each model's tokens cost in a month, by what the bill says they are: from pools that
  tokens divide, and from lines that are a model's own. What is written to a cache is input,
  what is reasoned is output. A pool whose tokens are not what a model served has none of it.
-#}
{%- set groups = {
    'input': ['input', 'cache_write', 'cache_write_1h', 'audio_input', 'image_input'],
    'cached_input': ['cached_input'],
    'output': ['output', 'reasoning', 'audio_output', 'image_output'],
} %}
with charges as (
    select
        allocated.billing_month,
        allocated.participant_id as model_id,
        allocated.currency,
        split_part(allocated.charged_kind, ':', 1) as kind,
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
        owned.model_id,
        owned.currency,
        split_part(owned.charged_kind, ':', 1) as kind,
        owned.effective_cost
    from {{ ref('int_charges_owned') }} as owned
    where owned.component = 'direct' and owned.model_id is not null and owned.charged_kind is not null
)

select
    billing_month,
    model_id,
    currency,
    {% for group, kinds in groups.items() -%}
    {{ to_money('sum(case when kind in (' ~ sql_texts(kinds) ~ ') then effective_cost end)') }}
        as {{ group }}_token_cost,
    {% endfor -%}
    {{ to_money(
        'sum(case when kind not in (' ~ sql_texts(groups.values() | sum(start=[])) ~ ') then effective_cost end)'
    ) }} as other_token_cost
from charges
group by billing_month, model_id, currency
