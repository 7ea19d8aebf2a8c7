"""Cost anomalies, and the figures that explain them.

Amortised, before tax and credits, on any basis of the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.budget.forecast_queries import NO_MODEL
from dashboard.shared.published import per_run, rows, table, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_NAME = f"""
    case series when 'unassigned' then '{NO_MODEL}' when 'model' then model_id
        else coalesce(service_name, 'no service named') || ' (' || source || ')' end
"""
_LABEL = f"{_NAME} || ', ' || strftime(first_day, '%Y-%m-%d')"


@per_run
def anomalies(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the anomalies that touch the period, the newest and largest first."""
    return table(
        snapshot,
        f"""
        select
            {_NAME} as name,
            {_LABEL} as label,
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


@per_run
def anomaly_days(snapshot: Snapshot, selection: Selection, label: str) -> pa.Table:
    """Return the days around an anomaly, and what its own were expected to cost."""
    return table_of(
        snapshot,
        "cost.mart_cost_anomaly_days",
        f"""
        select
            charge_date,
            actual_cost as actual,
            expected_cost as expected,
            expected_cost as low,
            expected_cost_high as high
        from cost.mart_cost_anomaly_days
        where {_LABEL} = $label and currency = $currency
        order by charge_date
        """,
        currency=selection.currency,
        label=label,
    )
