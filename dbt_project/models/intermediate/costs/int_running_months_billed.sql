{#-
  The last day that is billed of a model in a month that is not over: that of the daily
  bill that most of its cost is on, for a meter is often days ahead of a bill. A model that
  was charged on one day only has a monthly fee, which says nothing of the days billed.
-#}
with days as (
    select distinct
        charges.source,
        charges.billing_month,
        charges.charge_date
    from {{ ref('int_daily_service_charges') }} as charges
    cross join {{ ref('int_reporting_moment') }} as moment
    where
        {{ is_ai_cost('charges.component') }}
        and {{ month_label('charges.charge_date') }} = charges.billing_month
        -- This month and the one before at the least.
        and charges.billing_month >= {{ month_label("moment.as_of - interval '32' day") }}
),

bills as (
    select
        source,
        billing_month,
        max(charge_date) as last_billed_date,
        count(*) as day_count
    from days
    group by source, billing_month
),

paced as (
    select
        *,
        greatest(
            day_count, coalesce(lag(day_count) over (partition by source order by billing_month asc), 0)
        ) >= {{ daily_bill_day_count() }} as is_daily
    from bills
),

model_bills as (
    select
        costs.billing_month,
        costs.model_id,
        costs.source,
        count(distinct costs.charge_date) as day_count,
        sum(costs.effective_cost) as effective_cost
    from {{ ref('int_daily_model_costs_live') }} as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    where
        costs.model_id is not null
        and {{ is_ai_cost('costs.component') }}
        and {{ month_end('costs.billing_month') }} > moment.as_of
    group by costs.billing_month, costs.model_id, costs.source
),

ranked as (
    select
        *,
        row_number() over (
            partition by billing_month, model_id order by effective_cost desc, source asc
        ) as place
    from model_bills
)

select
    ranked.billing_month,
    ranked.model_id,
    paced.last_billed_date
from ranked
inner join paced on ranked.source = paced.source and ranked.billing_month = paced.billing_month
where ranked.place = 1 and ranked.day_count > 1 and paced.is_daily
