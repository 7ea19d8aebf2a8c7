"""Forecasts of cost, by day and to the end of month, quarter and year, as rows.

Fitted once for each state of the evidence and never on a page: the kept forecast of a
series is read again until a day's amount of it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.costs.daily_costs import UNASSIGNED
from attribution.costs.forecasting.calendar_fees import without_calendar_fees
from attribution.costs.forecasting.forecast import asked_of, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.costs.daily_costs import DailyCosts
    from attribution.costs.forecasting.calendar_fees import CalendarFees
    from attribution.costs.forecasting.forecast import Asked, SeriesForecast
    from attribution.costs.kept_forecasts import Key

    Forecasts = Mapping[Key, SeriesForecast]

_MONTHS_OF_QUARTER = 3
#: The last landing with daily rows, too; those of a year are only summed.
_FARTHEST_DAYS = "quarter"


@dataclass(frozen=True, slots=True)
class Landing:
    """A month, quarter or fiscal year that runs: from its start to before its end."""

    kind: str
    label: str
    start: date
    end: date


def forecast_rows(
    costs: Sequence[DailyCosts],
    forecasts_of: Callable[[Mapping[Key, Asked]], Forecasts],
) -> dict[str, list[dict[str, Any]]]:
    """Forecast the parts of each spend and their total.

    Parameters
    ----------
    costs : sequence of DailyCosts
        A list for each currency.
    forecasts_of : callable
        Forecasts the series of all currencies, each for itself, by currency and name;
        ``None`` is the total.

    Returns
    -------
    dict of lists of dict
        Days ahead, landings, and how good each method was, as rows of the tables of
        :mod:`attribution.estimates.store`. A spend without an active part has none.
    """
    spends = _spends(costs)
    forecasts = forecasts_of(_series_of(spends))
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


def series_of(costs: Sequence[DailyCosts]) -> dict[Key, Asked]:
    """Return the series that are forecast of each spend, and of its total."""
    return _series_of(_spends(costs))


def _spends(costs: Sequence[DailyCosts]) -> list[_Spend]:
    return [_Spend(of_currency) for of_currency in costs if of_currency.active_parts]


def _series_of(spends: Sequence[_Spend]) -> dict[Key, Asked]:
    return {key: series for spend in spends for key, series in spend.asked}


def landings_after(
    last_day: date, fiscal_year_start_month: int = 1
) -> tuple[Landing, Landing, Landing]:
    """Return month, quarter and fiscal year of the day after the last day.

    A fiscal year is named after the calendar year in which it ends.
    """
    first = last_day + timedelta(days=1)
    year = first.year - (first.month < fiscal_year_start_month)
    quarter = (first.month - 1) // _MONTHS_OF_QUARTER
    begins = quarter * _MONTHS_OF_QUARTER + 1
    return (
        Landing(
            "month",
            f"{first:%Y-%m}",
            _month_start(first.year, first.month),
            _month_start(first.year, first.month + 1),
        ),
        Landing(
            "quarter",
            f"{first.year}-Q{quarter + 1}",
            _month_start(first.year, begins),
            _month_start(first.year, begins + _MONTHS_OF_QUARTER),
        ),
        Landing(
            "year",
            f"FY{year + (fiscal_year_start_month > 1)}",
            _month_start(year, fiscal_year_start_month),
            _month_start(year + 1, fiscal_year_start_month),
        ),
    )


def _month_start(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


@dataclass(frozen=True, eq=False, slots=True)
class _Fees:
    """Fees on fixed days of a month, on the days ahead."""

    days: NDArray[np.float64]
    spread: float
    error: float

    @classmethod
    def of(cls, fees: CalendarFees, horizon: int) -> _Fees:
        """Return the fees of a part."""
        return cls(fees.ahead(horizon), fees.spread, fees.error)

    @classmethod
    def sum(cls, parts: Sequence[_Fees]) -> _Fees:
        """Return the fees of all parts; each varies for itself."""
        days = np.sum([part.days for part in parts], axis=0)
        spread = np.sqrt(sum(part.spread**2 for part in parts))
        error = np.sqrt(sum(part.error**2 for part in parts))
        return cls(days, float(spread), float(error))

    def on(self, forecast: SeriesForecast) -> SeriesForecast:
        """Return a forecast with the fees on top."""
        return replace(
            forecast, fees=self.days, fee_spread=self.spread, fee_error=self.error
        )


class _Spend:
    """Spend in a single currency, and its conversion to rows."""

    def __init__(self, costs: DailyCosts) -> None:
        self._costs = costs
        # A period that is over is not forecast, however late a bill is.
        self._landings = landings_after(
            max(costs.last_day, costs.newest_day or costs.last_day),
            costs.fiscal_year_start_month,
        )
        end = max(landing.end for landing in self._landings)
        horizon = (end - costs.last_day).days - 1
        fees = {
            name: without_calendar_fees(values, costs.last_day)
            for name, values in costs.active_parts.items()
        }
        self._fees = {name: _Fees.of(fee, horizon) for name, fee in fees.items()}
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

        Fees of the first of a month are on the firsts ahead again.
        """
        currency = self._costs.currency
        own = {name: forecasts[currency, name] for name in self._parts}
        parts, total = together(own, forecasts[currency, None])
        for name, part in sorted(parts.items()):
            yield self._series(name), self._fees[name].on(part)
        key = {"series": "total", "model_id": None, "currency": currency}
        yield key, _Fees.sum(list(self._fees.values())).on(total)

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
        """Yield the days ahead until the quarter ends."""
        [end] = [
            landing.end for landing in self._landings if landing.kind == _FARTHEST_DAYS
        ]
        reach = (end - self._costs.last_day).days - 1
        for ahead, cost in enumerate(forecast.whole_days[:reach], start=1):
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
        """Yield the remainder of the month, the quarter and the fiscal year."""
        last_day = self._costs.last_day
        for landing in self._landings:
            ahead = (landing.end - last_day).days - 1
            # A late bill may lack days before the period, too: they are not of it.
            before = max((landing.start - last_day).days - 1, 0)
            low, high = forecast.total_interval(ahead, before)
            past = forecast.past_landing(ahead)
            yield {
                **key,
                "landing": landing.kind,
                "period": landing.label,
                "period_start": landing.start,
                "period_end": landing.end,
                "last_complete_day": last_day,
                "remaining_day_count": ahead - before,
                "remaining_cost": forecast.total(ahead, before),
                "remaining_cost_low": low,
                "remaining_cost_high": high,
                "backtest_sum_count": past.count if past else 0,
                "backtest_error_ratio": past.error_ratio if past else None,
                "backtest_week_count": past.weeks if past else None,
                "backtest_coverage_ratio": past.coverage_ratio if past else None,
                "unwidened_coverage_ratio": past.unwidened_ratio if past else None,
                "interval_widening_ratio": past.widening if past else None,
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
