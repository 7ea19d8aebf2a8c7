{#-
  Shares of a model's day that attempts, and requests without a task, have. What another meter, or
  the bill itself, counts beyond the spans is not metered. Without tokens, requests are compared.
-#}
{%- set day = ['model_id', 'metered_date', 'currency'] -%}
{%- set groups = token_groups() -%}
{%- set input_kinds = groups['input'] + groups['cached_input'] + groups['cache_write'] -%}
{%- set in_and_out = {'input_tokens': 'input_price', 'output_tokens': 'output_price'} -%}
with weights as (
    select * from {{ ref('int_task_weights') }}
),

totals as (
    select
        {{ day | join(', ') }},
        are_known,
        input_price,
        output_price,
        {{ to_weight('sum(weight)') }} as weight,
        {{ to_weight('sum(requests)') }} as requests,
        {{ to_weight('sum(input_tokens)') }} as input_tokens,
        {{ to_weight('sum(output_tokens)') }} as output_tokens
    from weights
    group by {{ day | join(', ') }}, are_known, input_price, output_price
),

charges as (
    select
        model_id,
        charge_date,
        split_part(charged_kind, ':', 1) as kind,
        charged_tokens
    from {{ ref('int_charges_owned') }}
    where component = 'direct' and model_id is not null and charged_tokens is not null
),

-- Vendors add up; a gateway, a table and the bill's own count are each a meter of everything.
meters as (
    select
        model_id,
        metered_date,
        case when is_counted_by_vendor then '' else source end as meter,
        sum(requests) as requests,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('int_model_readings') }}
    where model_id is not null and metered_date = last_metered_date
    group by model_id, metered_date, case when is_counted_by_vendor then '' else source end
    union all
    select
        model_id,
        charge_date as metered_date,
        'bill' as meter,
        cast(null as decimal(38, 18)) as requests,
        sum(case when kind in ({{ sql_texts(input_kinds) }}) then charged_tokens end) as input_tokens,
        sum(case when kind in ({{ sql_texts(groups['output']) }}) then charged_tokens end) as output_tokens
    from charges
    group by model_id, charge_date
),

compared as (
    select
        totals.*,
        {{ weight_of_tokens(in_and_out, 'totals', 'totals') }} as seen_weight,
        {{ weight_of_tokens(in_and_out, 'meters', 'totals') }} as counted_weight,
        {{ to_weight('coalesce(meters.requests, 0)') }} as counted_requests
    from totals
    left join meters on totals.model_id = meters.model_id and totals.metered_date = meters.metered_date
),

covered as (
    select
        {{ day | join(', ') }},
        weight,
        requests,
        case
            when weight > 0 then {{ to_share('seen_weight', 'greatest(seen_weight, max(counted_weight))') }}
            else {{ to_share('requests', 'greatest(requests, max(counted_requests))') }}
        end as share
    from compared
    group by {{ day | join(', ') }}, weight, requests, seen_weight
)

select
    {% for column in day -%}
    weights.{{ column }},
    {% endfor -%}
    weights.agent,
    weights.task_id,
    weights.attempt_id,
    weights.task_step,
    true as is_metered,
    case
        when covered.weight > 0
            then {{ share_within(to_share('weights.weight', 'covered.weight'), 'covered.share') }}
        else {{ share_within(to_share('weights.requests', 'covered.requests'), 'covered.share') }}
    end as share
from weights
inner join covered
    on
        weights.model_id = covered.model_id
        and weights.metered_date = covered.metered_date
        and weights.currency = covered.currency
union all
select
    {{ day | join(',
    ') }},
    cast(null as string) as agent,
    cast(null as string) as task_id,
    cast(null as string) as attempt_id,
    cast(null as string) as task_step,
    false as is_metered,
    cast(1 - share as decimal(15, 14)) as share
from covered
where share < 1
