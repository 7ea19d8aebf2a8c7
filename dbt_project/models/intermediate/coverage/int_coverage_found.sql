{#-
  Money that may count twice, by an id of the overlap. What two loads are known to repeat is
  not compared again by its totals.
-#}
with repeats as (
    select * from {{ ref('int_coverage_repeats') }}
),

repeated_sources as (
    select distinct
        usage_month,
        vendor_key,
        least(first_source, second_source) as one_source,
        greatest(first_source, second_source) as other_source
    from repeats
),

pairs as (
    select
        pairs.*,
        row_number() over (
            partition by
                pairs.usage_month, pairs.currency, pairs.vendor_key, pairs.first_source, pairs.first_grain,
                pairs.second_source, pairs.second_grain
            order by pairs.repeated_amount desc, pairs.scope asc
        ) as place
    from {{ ref('int_coverage_pairs') }} as pairs
    left join repeated_sources as known
        on
            pairs.usage_month = known.usage_month
            and pairs.vendor_key = known.vendor_key
            and least(pairs.first_source, pairs.second_source) = known.one_source
            and greatest(pairs.first_source, pairs.second_source) = known.other_source
            and pairs.first_source <> pairs.second_source
    where known.usage_month is null
),

found as (
    {% for kind, relation in [
        ("'same charges'", 'repeats'),
        ("case when first_source = second_source then 'two grains' else 'two sources' end", 'pairs'),
        ("'two accounts'", ref('int_coverage_accounts'))
    ] -%}
    {%- set last = '' if relation == 'repeats' else '_last' -%}
    select
        usage_month,
        vendor,
        vendor_key,
        currency,
        {{ kind }} as kind,
        {% for side in ['first', 'second'] -%}
        {{ side }}_source,
        {{ side }}_grain,
        {{ side }}_load_id,
        {{ side }}{{ last }}_load_id as {{ side }}_last_load_id,
        {{ side }}_cost,
        {{ side }}_repeated_cost,
        {% endfor -%}
        first_day,
        last_day,
        repeated_amount
    from {{ relation }}
    {{ 'where place = 1' if relation == 'pairs' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    *,
    substr(
        md5(
            concat_ws(
                ' ', usage_month, vendor_key, currency, kind, first_source, first_grain, second_source,
                second_grain,
                case when kind in ('same charges', 'two accounts') then first_load_id || ' ' || second_load_id end
            )
        ),
        1,
        10
    ) as overlap_id
from found
