{#-
  Days on which a model or a service cost more than its past lets expect, and likely
  why. What they cost is added up here, exactly; what was expected is an estimate. What
  lacks a rate is charged in another currency: that is no fall to nothing.
-#}
with anomalies as (
    select * from {{ source('estimates', 'cost_anomalies') }}
),

days as (
    {{ days_of_anomaly_series() }}
),

actual as (
    select
        anomalies.series,
        anomalies.model_id,
        anomalies.source,
        anomalies.service_name,
        anomalies.currency,
        anomalies.first_day,
        {{ to_money('sum(case when days.currency = anomalies.currency then days.effective_cost else 0 end)') }}
            as actual_cost,
        count(days.currency) > 0
        and max(case when days.currency = anomalies.currency then 1 else 0 end) = 0 as is_charged_elsewhere
    from anomalies
    -- What has fallen to nothing has no days.
    left join days
        on
            anomalies.series = days.series
            and coalesce(anomalies.model_id, '') = coalesce(days.model_id, '')
            and coalesce(anomalies.source, '') = coalesce(days.source, '')
            and coalesce(anomalies.service_name, '') = coalesce(days.service_name, '')
            and anomalies.first_day <= days.charge_date
            and anomalies.last_day >= days.charge_date
            -- What a later bill adds to a month is known to be late, and was not judged.
            and days.billing_month <= {{ month_label('days.charge_date') }}
    group by
        anomalies.series, anomalies.model_id, anomalies.source, anomalies.service_name, anomalies.currency,
        anomalies.first_day
)

select
    anomalies.series,
    anomalies.model_id,
    anomalies.source,
    anomalies.service_name,
    anomalies.currency,
    anomalies.first_day,
    anomalies.last_day,
    anomalies.day_count,
    anomalies.expected_cost,
    anomalies.expected_cost_high,
    actual.actual_cost,
    cast(actual.actual_cost as double) - anomalies.expected_cost as excess_cost,
    anomalies.status,
    anomalies.driver,
    anomalies.driver_subject,
    anomalies.driver_pool_id,
    anomalies.price_excess_cost,
    anomalies.volume_excess_cost,
    anomalies.new_resource_excess_cost,
    anomalies.new_resource_count,
    anomalies.quantity_unit,
    anomalies.prior_unit_price,
    anomalies.unit_price,
    anomalies.prior_quantity,
    anomalies.quantity
from anomalies
inner join actual
    on
        anomalies.series = actual.series
        and anomalies.currency = actual.currency
        and coalesce(anomalies.model_id, '') = coalesce(actual.model_id, '')
        and coalesce(anomalies.source, '') = coalesce(actual.source, '')
        and coalesce(anomalies.service_name, '') = coalesce(actual.service_name, '')
        and anomalies.first_day = actual.first_day
where not actual.is_charged_elsewhere
