"""Forecasts of cost, by day and to the end of month and quarter, as rows.

Fitted once for each state of the evidence and never on a page: what is stored is read
again until a day's amount differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from attribution.daily_costs import UNASSIGNED
from attribution.forecasting.forecast import forecast_hierarchy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.daily_costs import DailyCosts
    from attribution.forecasting.forecast import SeriesForecast

#: Changes whenever the same days would be forecast in another way.
METHOD_VERSION = 3
_MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Landing:
    """A month or quarter that is not over."""

    kind: str
    label: str
    end: date


def forecast_rows(
    costs: DailyCosts,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Forecast the parts of a spend and their total.

    Returns
    -------
    tuple of lists of dict
        Days ahead, landings, and how good each method was, as rows of the tables of
        :mod:`attribution.estimate_store`. Empty where no part is active.
    """
    parts = costs.active_parts
    if not parts:
        return [], [], []
    landings = landings_after(costs.last_day)
    horizon = (max(landing.end for landing in landings) - costs.last_day).days - 1
    found, total = forecast_hierarchy(parts, horizon)
    series = [
        *((_key(costs, name), forecast) for name, forecast in sorted(found.items())),
        ({"series": "total", "model_id": None, "currency": costs.currency}, total),
    ]
    days, ends, quality = [], [], []
    for key, forecast in series:
        days += list(_day_rows(key, forecast, costs.last_day))
        ends += list(_landing_rows(key, forecast, costs.last_day, landings))
        quality.append(_quality_row(key, forecast, costs))
    return days, ends, quality


def landings_after(last_day: date) -> tuple[Landing, Landing]:
    """Return the month and the quarter in which the day after the last one lies."""
    first = last_day + timedelta(days=1)
    quarter = (first.month - 1) // _MONTHS_OF_QUARTER
    return (
        Landing("month", f"{first:%Y-%m}", _month_start(first.year, first.month + 1)),
        Landing(
            "quarter",
            f"{first.year}-Q{quarter + 1}",
            _month_start(first.year, (quarter + 1) * _MONTHS_OF_QUARTER + 1),
        ),
    )


def _month_start(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _key(costs: DailyCosts, name: str) -> dict[str, Any]:
    is_model = name != UNASSIGNED
    return {
        "series": "model" if is_model else "unassigned",
        "model_id": name if is_model else None,
        "currency": costs.currency,
    }


def _day_rows(
    key: dict[str, Any], forecast: SeriesForecast, last_day: date
) -> Iterator[dict[str, Any]]:
    for ahead, cost in enumerate(forecast.days, start=1):
        low, high = forecast.day_interval(ahead)
        yield {
            **key,
            "charge_date": last_day + timedelta(days=ahead),
            "forecast_cost": float(cost),
            "forecast_cost_low": low,
            "forecast_cost_high": high,
        }


def _landing_rows(
    key: dict[str, Any],
    forecast: SeriesForecast,
    last_day: date,
    landings: tuple[Landing, ...],
) -> Iterator[dict[str, Any]]:
    for landing in landings:
        count = (landing.end - last_day).days - 1
        low, high = forecast.total_interval(count)
        yield {
            **key,
            "landing": landing.kind,
            "period": landing.label,
            "period_end": landing.end,
            "last_complete_day": last_day,
            "remaining_day_count": count,
            "remaining_cost": forecast.total(count),
            "remaining_cost_low": low,
            "remaining_cost_high": high,
        }


def _quality_row(
    key: dict[str, Any], forecast: SeriesForecast, costs: DailyCosts
) -> dict[str, Any]:
    quality = forecast.quality
    return {
        **key,
        "method": forecast.method,
        "last_complete_day": costs.last_day,
        "backtest_origin_count": quality.origin_count,
        "backtest_error_ratio": quality.error_ratio,
        "naive_error_ratio": quality.naive_error_ratio,
        "coverage_ratio": quality.coverage_ratio,
    }


__all__ = ["METHOD_VERSION", "Landing", "forecast_rows", "landings_after"]
