"""Forecasts of cost, by day and to the end of month and quarter, as rows.

Fitted once for each state of the evidence and never on a page: what is kept of a series
is read again until a day's amount of it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.daily_costs import UNASSIGNED
from attribution.forecasting.forecast import asked_of, together
from attribution.forecasting.monthly_fees import without_monthly_fee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attribution.daily_costs import DailyCosts
    from attribution.forecasting.forecast import Asked, SeriesForecast
    from attribution.kept_forecasts import Key

    Forecasts = Mapping[Key, SeriesForecast]

_MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Landing:
    """A month or quarter that is not over."""

    kind: str
    label: str
    end: date


def forecast_rows(
    costs: Sequence[DailyCosts],
    forecasts_of: Callable[[Mapping[Key, Asked]], Forecasts],
) -> dict[str, list[dict[str, Any]]]:
    """Forecast the parts of each spend and their total.

    Parameters
    ----------
    costs : sequence of DailyCosts
        One of each currency.
    forecasts_of : callable
        Forecasts the series of all currencies, each for itself, by currency and name;
        ``None`` is the total.

    Returns
    -------
    dict of lists of dict
        Days ahead, landings, and how good each method was, as rows of the tables of
        :mod:`attribution.estimate_store`. A spend without an active part has none.
    """
    spends = [_Spend(of_currency) for of_currency in costs if of_currency.active_parts]
    forecasts = forecasts_of({key: one for each in spends for key, one in each.asked})
    rows: dict[str, list[dict[str, Any]]] = {
        "cost_forecasts": [],
        "cost_landings": [],
        "cost_forecast_quality": [],
    }
    for spend in spends:
        for key, forecast in spend.reconciled(forecasts):
            rows["cost_forecasts"] += spend.day_rows(key, forecast)
            rows["cost_landings"] += spend.landing_rows(key, forecast)
            rows["cost_forecast_quality"].append(spend.quality_row(key, forecast))
    return rows


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


class _Spend:
    """The spend in one currency, and how it is told as rows."""

    def __init__(self, costs: DailyCosts) -> None:
        self._costs = costs
        self._landings = landings_after(costs.last_day)
        end = max(landing.end for landing in self._landings)
        horizon = (end - costs.last_day).days - 1
        fees = {
            name: without_monthly_fee(values, costs.last_day)
            for name, values in costs.active_parts.items()
        }
        self._fees = {name: fee.ahead(horizon) for name, fee in fees.items()}
        self._parts, self._total = asked_of(
            {name: fee.rest for name, fee in fees.items()}, horizon
        )

    @property
    def asked(self) -> Iterator[tuple[Key, Asked]]:
        """Every series with its key."""
        for name, part in self._parts.items():
            yield (self._costs.currency, name), part
        yield (self._costs.currency, None), self._total

    def reconciled(
        self, forecasts: Forecasts
    ) -> Iterator[tuple[dict[str, Any], SeriesForecast]]:
        """Yield the parts and the total that they add up to, as rows begin.

        What comes on the first of a month stands on the firsts ahead again.
        """
        currency = self._costs.currency
        own = {name: forecasts[currency, name] for name in self._parts}
        parts, total = together(own, forecasts[currency, None])
        for name, forecast in sorted(parts.items()):
            days = forecast.days + self._fees[name]
            yield self._series(name), replace(forecast, days=days)
        days = total.days + np.sum(list(self._fees.values()), axis=0)
        key = {"series": "total", "model_id": None, "currency": currency}
        yield key, replace(total, days=days)

    def _series(self, name: str) -> dict[str, Any]:
        is_model = name != UNASSIGNED
        return {
            "series": "model" if is_model else "unassigned",
            "model_id": name if is_model else None,
            "currency": self._costs.currency,
        }

    def day_rows(
        self, key: dict[str, Any], forecast: SeriesForecast
    ) -> Iterator[dict[str, Any]]:
        """Yield the days ahead."""
        for ahead, cost in enumerate(forecast.days, start=1):
            low, high = forecast.day_interval(ahead)
            yield {
                **key,
                "charge_date": self._costs.last_day + timedelta(days=ahead),
                "forecast_cost": float(cost),
                "forecast_cost_low": low,
                "forecast_cost_high": high,
            }

    def landing_rows(
        self, key: dict[str, Any], forecast: SeriesForecast
    ) -> Iterator[dict[str, Any]]:
        """Yield what remains of the month and of the quarter."""
        last_day = self._costs.last_day
        for landing in self._landings:
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

    def quality_row(
        self, key: dict[str, Any], forecast: SeriesForecast
    ) -> dict[str, Any]:
        """Return how good the method was."""
        quality = forecast.quality
        return {
            **key,
            "method": forecast.method,
            "last_complete_day": self._costs.last_day,
            "backtest_origin_count": quality.origin_count,
            "backtest_error_ratio": quality.error_ratio,
            "naive_error_ratio": quality.naive_error_ratio,
            "coverage_ratio": quality.coverage_ratio,
        }


__all__ = ["Landing", "forecast_rows", "landings_after"]
