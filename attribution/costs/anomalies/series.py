"""Daily cost by model and by service, as anomalies are looked for in it.

AI spend before tax and credits, amortised, in each currency of the ledger. An addition
by a later bill to a month that was billed already is known to be late: it is left out,
as it carries no information on the day that it is booked on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.daily_costs import UNASSIGNED, every_day, last_complete_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    from numpy.typing import NDArray

_SERIES = """
WITH days AS (
    SELECT {series}, charge_date, CAST(sum(effective_cost) AS DOUBLE) AS cost
    FROM cost.{table}
    WHERE is_ai_cost AND component <> 'remainder' AND charge_date <= $last
        AND billing_month <= strftime(charge_date, '%Y-%m')
    GROUP BY ALL
)
SELECT currency, model_id, source, service_name, min(charge_date),
    list(charge_date - DATE '1970-01-01' ORDER BY charge_date),
    list(cost ORDER BY charge_date)
FROM days
GROUP BY ALL ORDER BY ALL
"""
_MODELS = _SERIES.format(
    table="fct_daily_model_costs",
    series="currency, coalesce(model_id, '') AS model_id, NULL AS source,"
    " NULL AS service_name",
)
_SERVICES = _SERIES.format(
    table="fct_daily_service_costs",
    series="currency, NULL AS model_id, source, coalesce(service_name, '')"
    " AS service_name",
)


@dataclass(frozen=True, slots=True)
class CostSeries:
    """Days of a model or of a service of a bill.

    Attributes
    ----------
    currency : str
        Of the amounts.
    model_id : str or None
        A model, or :data:`UNASSIGNED` for cost that belongs to none.
    source, service_name : str or None
        A service, instead.
    first_day : date
        Of ``values``.
    values : ndarray, shape (days,)
        Money per day, to the last complete day.
    """

    currency: str
    model_id: str | None
    source: str | None
    service_name: str | None
    first_day: date
    values: NDArray[np.float64]

    @property
    def kind(self) -> str:
        """Return model, unassigned or service."""
        if self.source is not None:
            return "service"
        return "unassigned" if self.model_id == UNASSIGNED else "model"

    @property
    def last_day(self) -> date:
        """Return the last complete day."""
        return self.day(len(self.values) - 1)

    def day(self, number: int) -> date:
        """Return the day of a number."""
        return self.first_day + timedelta(days=number)

    @property
    def digest(self) -> str:
        """A text that differs whenever a day's amount does."""
        named = (self.currency, self.model_id, self.source, self.service_name)
        found = hashlib.sha256(f"{named}|{self.first_day}".encode())
        found.update(np.ascontiguousarray(self.values).tobytes())
        return found.hexdigest()


def read_cost_series(connection: duckdb.DuckDBPyConnection) -> list[CostSeries]:
    """Read every model and every service; empty without a daily bill."""
    last_day = last_complete_day(connection)
    if last_day is None:
        return []
    rows = [
        row
        for question in (_MODELS, _SERVICES)
        for row in connection.execute(question, {"last": last_day}).fetchall()
    ]
    return [
        CostSeries(
            currency, model, source, service, first,
            every_day(first, days, costs, last_day),
        )
        for currency, model, source, service, first, days, costs in rows
    ]  # fmt: skip


def total_by_day(
    series: Sequence[CostSeries], currency: str
) -> tuple[date, NDArray[np.float64]]:
    """Return the first day and the whole spend of each day in a currency."""
    parts = [
        cost_series
        for cost_series in series
        if cost_series.currency == currency and cost_series.kind != "service"
    ]
    first = min(part.first_day for part in parts)
    total = np.zeros(max((part.last_day - first).days for part in parts) + 1)
    for part in parts:
        total[(part.first_day - first).days :][: len(part.values)] += part.values
    return first, total
