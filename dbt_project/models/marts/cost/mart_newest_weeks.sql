{#-
  AI cost of the newest seven days and of the seven before, which digests compare. The weeks
  end with the daily bill that has come least far, so that a late bill is no fall of cost. One
  that is two weeks later than another holds nothing back, and is in neither week.
-#}
with costs as (
    select * from {{ ref('fct_daily_model_costs') }}
),

bills as (
    select * from {{ ref('int_daily_bills') }}
),

moment as (
    select
        coalesce(
            (select min(case when not bills.is_late then bills.last_day end) from bills),
            max(costs.charge_date)
        ) as last_day,
        min(costs.charge_date) as oldest_day
    from costs
),

weeks as (
    select
        *,
        greatest({{ days_later('last_day', -6) }}, oldest_day) as first_day,
        oldest_day <= {{ days_later('last_day', -13) }} as is_prior_known
    from moment
),

-- Which bills the weeks wait for, and which they lack; one that ended 45 days ago has ended.
left_out as (
    select
        {{ distinct_texts('case when bills.last_day = weeks.last_day and bills.last_day < bills.latest_day'
            ~ ' then bills.source end') }} as waited_for,
        {{ distinct_texts('case when bills.is_late and bills.last_day > ' ~ days_later('bills.latest_day', -45)
            ~ " then bills.source || ' (billed to ' || cast(bills.last_day as string) || ')' end") }} as excluded
    from bills
    cross join weeks
),

summed as (
    select
        costs.currency,
        costs.model_id,
        costs.team_id,
        costs.cost_center,
        sum(
            case when costs.charge_date > {{ days_later('weeks.last_day', -7) }} then costs.effective_cost else 0 end
        ) as effective_cost,
        sum(
            case when costs.charge_date <= {{ days_later('weeks.last_day', -7) }} then costs.effective_cost else 0 end
        ) as prior_effective_cost
    from costs
    cross join weeks
    left join bills on costs.source = bills.source and bills.is_late
    where
        costs.is_ai_cost
        and bills.source is null
        and costs.charge_date <= weeks.last_day
        and costs.charge_date > {{ days_later('weeks.last_day', -14) }}
    group by costs.currency, costs.model_id, costs.team_id, costs.cost_center
),

-- What is missing in another currency is not known in this one.
gaps as (
    select
        currencies.currency
        {%- for name, first, last in [('missing_amount', -6, 0), ('prior_missing_amount', -13, -7)] %}
        {%- set lacks_it = 'lacks.billing_month >= ' ~ month_label(days_later('weeks.last_day', first))
            ~ ' and lacks.billing_month <= ' ~ month_label(days_later('weeks.last_day', last)) %}
        {%- set known = 'case when ' ~ lacks_it
            ~ ' and lacks.currency = currencies.currency then lacks.missing_amount end' %},
        case
            when count({{ known }}) = count(case when {{ lacks_it }} then 1 end) then coalesce(sum({{ known }}), 0)
        end as {{ name }}
        {%- endfor %}
    from (select distinct summed.currency from summed) as currencies
    cross join weeks
    left join {{ ref('mart_month_completeness') }} as lacks on not lacks.is_complete
    group by currencies.currency
)

select
    summed.currency,
    summed.model_id,
    summed.team_id,
    summed.cost_center,
    weeks.first_day,
    weeks.last_day,
    {{ to_money('summed.effective_cost') }} as effective_cost,
    {{ to_money('case when weeks.is_prior_known then summed.prior_effective_cost end') }} as prior_effective_cost,
    {{ to_money('gaps.missing_amount') }} as missing_amount,
    {{ to_money('gaps.prior_missing_amount') }} as prior_missing_amount,
    left_out.waited_for as waited_for_sources,
    left_out.excluded as excluded_sources
from summed
cross join weeks
cross join left_out
inner join gaps on summed.currency = gaps.currency
