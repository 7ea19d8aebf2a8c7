{#-
  Market rates of each month into the reporting currency, all from one publication:
  units of the reporting currency for one base, by units of the other currency for one
  base, over the days on which both are quoted. Into the base that is an inverse, and
  between two quoted currencies a cross (decision 0015).
-#}
with quotes as (
    select * from {{ ref('int_market_quotes') }}
),

run as (
    select
        run.currency as reporting_currency,
        coalesce(run.market_rate_rule, 'month_average') as rate_rule
    from {{ source('control', 'run') }} as run
),

pairs as (
    select
        {{ month_label('charged.quote_date') }} as billing_month,
        charged.source,
        charged.base_currency,
        charged.quoted_currency as from_currency,
        reported.quoted_currency as to_currency,
        run.rate_rule,
        charged.quote_date,
        charged.units_per_base as from_units,
        reported.units_per_base as to_units,
        row_number() over (
            partition by
                {{ month_label('charged.quote_date') }},
                charged.source,
                charged.base_currency,
                charged.quoted_currency
            order by charged.quote_date desc
        ) as days_before_last
    from quotes as charged
    inner join quotes as reported
        on
            charged.source = reported.source
            and charged.base_currency = reported.base_currency
            and charged.quote_date = reported.quote_date
    inner join run on reported.quoted_currency = run.reporting_currency
    where charged.quoted_currency <> reported.quoted_currency
),

counted as (
    select * from pairs
    where rate_rule = 'month_average' or days_before_last = 1
),

summed as (
    select
        billing_month,
        source,
        base_currency,
        from_currency,
        to_currency,
        rate_rule,
        sum(from_units) as from_units,
        sum(to_units) as to_units,
        count(*) as day_count,
        max(quote_date) as last_rate_date
    from counted
    group by billing_month, source, base_currency, from_currency, to_currency, rate_rule
)

select
    billing_month,
    source,
    base_currency,
    from_currency,
    to_currency,
    {{ to_rate('to_units', 'from_units') }} as rate,
    rate_rule,
    case
        when from_currency = base_currency then 'direct'
        when to_currency = base_currency then 'inverse'
        else 'cross'
    end as rate_derivation,
    day_count,
    last_rate_date
from summed
