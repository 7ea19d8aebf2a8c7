"""What cost more than its past lets expect, and the figures that tell why.

Amortised, before tax and credits, whatever the basis of the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.budget.forecast_queries import NO_MODEL
from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Days drawn before and after an anomaly.
_DAYS_AROUND = 28
_NAME = f"""
    case series when 'unassigned' then '{NO_MODEL}' when 'model' then model_id
        else coalesce(service_name, 'no service named') || ' (' || source || ')' end
"""


@per_run
def anomalies(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the anomalies that touch the period, the newest and largest first."""
    return table(
        snapshot,
        f"""
        select
            {_NAME} as name,
            {_NAME} || ', ' || strftime(first_day, '%Y-%m-%d') as label,
            series,
            first_day,
            last_day,
            day_count,
            expected_cost as expected,
            expected_cost_high as high,
            actual_cost as actual,
            excess_cost as excess,
            cast(actual_cost as double) / nullif(expected_cost, 0) as times_expected,
            status,
            driver,
            driver_subject as subject,
            driver_pool_id as pool_id,
            case driver when 'price' then price_excess_cost
                when 'volume' then volume_excess_cost
                when 'new_resource' then new_resource_excess_cost end as driver_excess,
            unit_price / nullif(prior_unit_price, 0) - 1 as price_change_ratio,
            quantity / nullif(prior_quantity, 0) as times_quantity,
            new_resource_count
        from cost.mart_cost_anomalies
        where currency = $currency
            and strftime(first_day, '%Y-%m') <= $last
            and strftime(last_day, '%Y-%m') >= $first
        order by first_day desc, excess_cost desc, name
        """,
        currency=selection.currency,
        first=min(selection.period.months),
        last=max(selection.period.months),
    )


@per_run
def anomaly_months(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the months in which an anomaly began, the newest first."""
    found = rows(
        snapshot,
        """
        select distinct strftime(first_day, '%Y-%m') as month
        from cost.mart_cost_anomalies where currency = $currency order by month desc
        """,
        currency=selection.currency,
    )
    return tuple(row["month"] for row in found)


#: What models, services and everything unassigned cost on each day.
_COST_DAYS = """
days as (
    select
        case when model_id is null then 'unassigned' else 'model' end as series,
        model_id, null as source, null as service_name, billing_month,
        charge_date, currency, effective_cost
    from cost.fct_daily_model_costs
    where is_ai_cost and component <> 'remainder'
    union all
    select
        'service', null, source, service_name, billing_month, charge_date,
        currency, effective_cost
    from cost.fct_daily_service_costs
    where is_ai_cost and component <> 'remainder'
)
"""
#: The part of an anomaly that falls on each of its days, as their weekdays cost before.
_PARTS = """
weekdays as (
    select weekday(charge_date) as weekday, median(actual) as usual
    from costs where charge_date < first_day group by 1
),
weighted as (
    select costs.*, case when charge_date between first_day and last_day
        then coalesce(cast(weekdays.usual as double), 1.0) end as weight
    from costs
    left join weekdays on weekday(costs.charge_date) = weekdays.weekday
),
parts as (
    select *, weight / nullif(sum(weight) over (), 0) as part from weighted
)
"""


@per_run
def anomaly_days(snapshot: Snapshot, selection: Selection, label: str) -> pa.Table:
    """Return the days around an anomaly, and on its own days what was expected.

    What was expected is known of the days together; it is divided among them as their
    weekdays cost before.
    """
    return table(
        snapshot,
        f"""
        with chosen as (
            select *, {_NAME} || ', ' || strftime(first_day, '%Y-%m-%d') as label
            from cost.mart_cost_anomalies
        ),
        {_COST_DAYS},
        costs as (
            select
                days.charge_date,
                any_value(first_day) as first_day,
                any_value(last_day) as last_day,
                any_value(expected_cost) as expected_cost,
                any_value(expected_cost_high) as expected_cost_high,
                sum(days.effective_cost) as actual
            from chosen
            inner join days
                on chosen.series = days.series
                and chosen.currency = days.currency
                and coalesce(chosen.model_id, '') = coalesce(days.model_id, '')
                and coalesce(chosen.source, '') = coalesce(days.source, '')
                and coalesce(chosen.service_name, '') = coalesce(days.service_name, '')
            where chosen.label = $label and chosen.currency = $currency
                and days.charge_date between first_day - {_DAYS_AROUND}
                    and last_day + {_DAYS_AROUND}
                and days.billing_month <= strftime(days.charge_date, '%Y-%m')
            group by days.charge_date
        ),
        {_PARTS}
        select
            charge_date,
            actual,
            expected_cost * part as expected,
            expected_cost * part as low,
            expected_cost_high * part as high
        from parts
        order by charge_date
        """,
        currency=selection.currency,
        label=label,
    )
