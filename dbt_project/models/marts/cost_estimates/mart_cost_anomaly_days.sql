{#-
  Costs of the 28 days before an anomaly, of its own and of the 28 after. What was
  expected is known of its days together. It is divided among them by the median cost
  of their weekdays before, which the chart of an anomaly shows.
-#}
with anomalies as (
    select
        *,
        row_number() over (order by series, model_id, source, service_name, currency, first_day) as anomaly_number
    from {{ ref('mart_cost_anomalies') }}
),

days as (
    {{ days_of_anomaly_series() }}
),

costs as (
    select
        anomalies.anomaly_number,
        anomalies.first_day,
        days.charge_date,
        {{ to_money('sum(days.effective_cost)') }} as actual_cost
    from anomalies
    inner join days
        on
            anomalies.series = days.series
            and anomalies.currency = days.currency
            and coalesce(anomalies.model_id, '') = coalesce(days.model_id, '')
            and coalesce(anomalies.source, '') = coalesce(days.source, '')
            and coalesce(anomalies.service_name, '') = coalesce(days.service_name, '')
            and {{ days_later('anomalies.first_day', -28) }} <= days.charge_date
            and {{ days_later('anomalies.last_day', 28) }} >= days.charge_date
            -- What a later bill adds to a month is known to be late, and was not judged.
            and days.billing_month <= {{ month_label('days.charge_date') }}
    group by anomalies.anomaly_number, anomalies.first_day, days.charge_date
),

weekdays as (
    select
        anomaly_number,
        {{ iso_weekday('charge_date') }} as weekday,
        {{ sorted_values('actual_cost') }} as prior_costs,
        count(actual_cost) as day_count
    from costs
    where charge_date < first_day
    group by anomaly_number, {{ iso_weekday('charge_date') }}
),

weighted as (
    select
        costs.anomaly_number,
        costs.charge_date,
        costs.actual_cost,
        case
            when costs.charge_date between anomalies.first_day and anomalies.last_day
                then coalesce({{ median_of_sorted('weekdays.prior_costs', 'weekdays.day_count') }}, cast(1 as double))
        end as weight
    from costs
    inner join anomalies on costs.anomaly_number = anomalies.anomaly_number
    left join weekdays
        on
            costs.anomaly_number = weekdays.anomaly_number
            and {{ iso_weekday('costs.charge_date') }} = weekdays.weekday
),

totals as (
    select
        anomaly_number,
        sum(weight) as weight
    from weighted
    group by anomaly_number
)

select
    anomalies.series,
    anomalies.model_id,
    anomalies.source,
    anomalies.service_name,
    anomalies.currency,
    anomalies.first_day,
    weighted.charge_date,
    weighted.actual_cost,
    {{ safe_ratio('weighted.weight', 'totals.weight') }} * anomalies.expected_cost as expected_cost,
    {{ safe_ratio('weighted.weight', 'totals.weight') }} * anomalies.expected_cost_high as expected_cost_high
from weighted
inner join totals on weighted.anomaly_number = totals.anomaly_number
inner join anomalies on weighted.anomaly_number = anomalies.anomaly_number
