"""Where in a model's cost an excess lies: in a bill of its own, or in which pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import duckdb

_PARTS = """
WITH days AS (
    SELECT
        pool_id, coalesce(model_id, '') AS model_id,
        CASE WHEN charge_date >= $first THEN 1.0
            ELSE -1.0 * ($last - $first + 1) / 28 END AS counted,
        charge_date >= $first AS is_during,
        CAST(effective_cost AS DOUBLE) AS cost
    FROM cost.fct_daily_model_costs
    WHERE charge_date BETWEEN $first - 28 AND $last AND currency = $currency
        AND component NOT IN ('tax', 'credit', 'remainder')
        AND billing_month <= strftime(charge_date, '%Y-%m')
)
SELECT
    pool_id,
    coalesce(sum(-cost * counted) FILTER (NOT is_during AND model_id = $model), 0),
    coalesce(sum(cost) FILTER (is_during AND model_id = $model), 0),
    coalesce(sum(-cost * counted) FILTER (NOT is_during), 0),
    coalesce(sum(cost) FILTER (is_during), 0)
FROM days
GROUP BY pool_id
ORDER BY pool_id NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One part of a model's cost, before and during an anomaly.

    Attributes
    ----------
    pool_id : str or None
        The pool that it is a share of; ``None`` for what is the model's own.
    prior_cost, cost : float
        Of the model; before, of as many days.
    pool_prior_cost, pool_cost : float
        Of all models and of nobody.
    """

    pool_id: str | None
    prior_cost: float
    cost: float
    pool_prior_cost: float
    pool_cost: float

    @property
    def excess(self) -> float:
        """Return what the part cost more than before."""
        return self.cost - self.prior_cost

    @property
    def prior_share(self) -> float:
        """Return the model's share of the pool before."""
        return self.prior_cost / self.pool_prior_cost if self.pool_prior_cost else 0.0

    @property
    def share(self) -> float:
        """Return the model's share of the pool during the anomaly."""
        return self.cost / self.pool_cost if self.pool_cost else 0.0

    @property
    def is_of_the_pool(self) -> bool:
        """Tell whether the pool cost more, not that the model used more of it."""
        by_pool = (self.pool_cost - self.pool_prior_cost) * self.prior_share
        return by_pool >= self.excess / 2


def largest_part(
    connection: duckdb.DuckDBPyConnection,
    model_id: str,
    currency: str,
    first_day: date,
    last_day: date,
) -> ModelPart | None:
    """Return the part of a model's cost that rose most against four weeks before."""
    rows = connection.execute(
        _PARTS,
        {"model": model_id, "currency": currency, "first": first_day, "last": last_day},
    ).fetchall()
    parts = [ModelPart(*row) for row in rows]
    return max(parts, key=lambda part: part.excess, default=None)


__all__ = ["ModelPart", "largest_part"]
