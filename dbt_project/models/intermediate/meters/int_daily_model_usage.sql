{#-
  What each model served on each day, under its canonical id: summed once, since what
  meters say is read from evidence, and made distinct, whenever it is asked for.
  Tokens that the model's own charges count are a meter of it in months without another.
-#}
{%- set groups = token_groups() -%}
{%- set input = groups['input'] + groups['cached_input'] + groups['cache_write'] -%}
{%- set quantities = {
    'input_tokens': input,
    'cached_input_tokens': groups['cached_input'],
    'cache_write_tokens': groups['cache_write'],
    'output_tokens': groups['output'],
} -%}
with readings as (
    select * from {{ ref('int_model_readings') }}
),

charges as (
    select
        model_id,
        charge_date,
        split_part(charged_kind, ':', 1) as kind,
        charged_tokens
    from {{ ref('int_charges_owned') }}
    where
        component = 'direct' and model_id is not null and charge_date is not null
        and split_part(charged_kind, ':', 1) in ({{ sql_texts(input + groups['output']) }})
),

-- Tokens of some lines are no tokens of the month.
counted_months as (
    select
        charges.model_id,
        {{ month_label('charges.charge_date') }} as billing_month
    from charges
    left join readings
        on
            charges.model_id = readings.model_id
            and coalesce(readings.input_tokens, readings.output_tokens) is not null
            and {{ month_label('charges.charge_date') }} = {{ month_label('readings.metered_date') }}
    group by charges.model_id, {{ month_label('charges.charge_date') }}
    having count(readings.model_id) = 0 and count(charges.charged_tokens) = count(*)
),

counted as (
    select
        charges.model_id,
        charges.charge_date as metered_date,
        {% for quantity, kinds in quantities.items() -%}
        sum(case when charges.kind in ({{ sql_texts(kinds) }}) then charges.charged_tokens end) as {{ quantity }},
        {% endfor -%}
        charges.charge_date as last_metered_date
    from charges
    inner join counted_months
        on
            charges.model_id = counted_months.model_id
            and {{ month_label('charges.charge_date') }} = counted_months.billing_month
    group by charges.model_id, charges.charge_date
),

meters as (
    select
        model_id,
        metered_date,
        source,
        is_counted_by_vendor as is_vendor,
        count(requests) > 0 as counts_requests
    from readings
    where model_id is not null
    group by model_id, metered_date, source, is_counted_by_vendor
    having count(requests) > 0 or count(coalesce(input_tokens, output_tokens)) > 0
),

-- One vendor counts its requests, another its tokens alone, and no gateway counts those of both.
partly_counted as (
    select
        model_id,
        metered_date
    from meters
    group by model_id, metered_date
    having
        max(case when is_vendor and not counts_requests then 1 else 0 end) = 1
        and max(case when is_vendor and counts_requests then 1 else 0 end) = 1
        and max(case when not is_vendor and counts_requests then 1 else 0 end) = 0
),

known as (
    select * from readings
    union all
    select
        cast(null as string) as source,
        true as is_counted_by_vendor,
        model_id,
        metered_date,
        last_metered_date,
        cast(null as decimal(38, 18)) as requests,
        cast(null as decimal(38, 18)) as successful_requests,
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        output_tokens
    from counted
)

select
    known.model_id,
    known.metered_date,
    max(known.last_metered_date) as last_metered_date,
    sum(known.requests) as requests,
    sum(known.successful_requests) as successful_requests,
    sum(known.input_tokens) as input_tokens,
    sum(known.cached_input_tokens) as cached_input_tokens,
    sum(known.cache_write_tokens) as cache_write_tokens,
    sum(known.output_tokens) as output_tokens,
    sum(case when known.input_tokens > 0 and known.cached_input_tokens is null then 1 else 0 end)
        as reading_count_without_cached,
    count(partly_counted.model_id) > 0 as has_uncounted_requests
from known
left join partly_counted
    on known.model_id = partly_counted.model_id and known.metered_date = partly_counted.metered_date
group by known.model_id, known.metered_date
