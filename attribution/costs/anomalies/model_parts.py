"""Source of an excess in a model's cost: a direct bill, or a pool."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from triptych.core.lake.bulk_rows import with_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

#: Of all anomalies together: a single anomaly takes as long. Decimals are added up
#: before anything is divided, so that no order of rows shows in a sum.
_PARTS = """
WITH days AS (
    SELECT
        number, model_id, currency,
        CAST(unnest(generate_series(first_day - 28, last_day, INTERVAL 1 DAY)) AS DATE)
            AS charge_date,
        first_day, last_day
    FROM asked_parts
),
costs AS MATERIALIZED (
    SELECT
        currency, charge_date, coalesce(model_id, '') AS model_id, pool_id,
        sum(effective_cost) AS cost
    FROM cost.fct_daily_model_costs
    WHERE is_ai_cost AND component <> 'remainder'
        AND billing_month <= strftime(charge_date, '%Y-%m')
    GROUP BY ALL
),
pools AS (
    SELECT currency, charge_date, pool_id, sum(cost) AS cost FROM costs GROUP BY ALL
)
SELECT
    days.number, pools.pool_id,
    any_value(days.last_day - days.first_day + 1) / 28 AS weight,
    coalesce(sum(costs.cost) FILTER (days.charge_date < days.first_day), 0)::DOUBLE,
    coalesce(sum(costs.cost) FILTER (days.charge_date >= days.first_day), 0)::DOUBLE,
    coalesce(sum(pools.cost) FILTER (days.charge_date < days.first_day), 0)::DOUBLE,
    coalesce(sum(pools.cost) FILTER (days.charge_date >= days.first_day), 0)::DOUBLE
FROM days
INNER JOIN pools
    ON days.currency = pools.currency AND days.charge_date = pools.charge_date
LEFT JOIN costs
    ON days.currency = costs.currency AND days.charge_date = costs.charge_date
    AND days.model_id = costs.model_id
    AND pools.pool_id IS NOT DISTINCT FROM costs.pool_id
GROUP BY days.number, pools.pool_id
ORDER BY days.number, pools.pool_id NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class ModelDays:
    """Days of a model above expected cost; '' is cost without a model."""

    model_id: str
    currency: str
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class ModelPart:
    """Part of a model's cost, before and during an anomaly.

    Attributes
    ----------
    pool_id : str or None
        The pool that it is a share of; ``None`` for the model's direct cost.
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
        """Return the increase of the part's cost."""
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
        """Return True if the pool cost more, not the model's use of it."""
        by_pool = (self.pool_cost - self.pool_prior_cost) * self.prior_share
        return by_pool >= self.excess / 2


def largest_parts(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[ModelDays]
) -> list[ModelPart | None]:
    """Return the part of each model's cost that rose most against four weeks before.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after the first half of a build.
    asked : sequence of ModelDays
        Requested model days.

    Returns
    -------
    list of ModelPart or None
        In the order of the request; ``None`` where the days have no cost.
    """
    if not asked:
        return []
    content = [{"number": n, **asdict(one)} for n, one in enumerate(asked)]
    columns = {name: [row[name] for row in content] for name in content[0]}
    with_rows(connection, columns, "CREATE OR REPLACE TEMP TABLE asked_parts AS {rows}")
    rows = connection.execute(_PARTS).fetchall()
    connection.execute("DROP TABLE asked_parts")
    model_parts: dict[int, list[ModelPart]] = {}
    for number, pool, weight, prior, cost, pool_prior, pool_cost in rows:
        part = ModelPart(pool, prior * weight, cost, pool_prior * weight, pool_cost)
        model_parts.setdefault(number, []).append(part)
    return [
        max(model_parts.get(number, []), key=lambda part: part.excess, default=None)
        for number in range(len(asked))
    ]
