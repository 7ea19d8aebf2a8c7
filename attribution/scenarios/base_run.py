"""Base of a scenario, read from a published run.

Cost line by line as the mart has it, at the mean of the last complete months; effects
as the studies drew them; data of pools, tokens and the whole bill. Nothing is changed
here, and nothing of it is written anywhere.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.costs.elasticity import cost_elasticity
from attribution.roi.inputs import digest_of, read_inputs
from attribution.roi.register import month_end
from attribution.scenarios.run_rate import read_run_rate
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb

    from attribution.costs.elasticity import CostElasticity, NotEstimable
    from attribution.roi.inputs import Inputs
    from attribution.roi.worlds import Worlds
    from attribution.scenarios.run_rate import PublishedRunRate

    Rows = list[tuple[Any, ...]]

#: Components of a pool's cost that nobody held.
IDLE: Final = frozenset({"idle", "unused_commitment"})
#: Months that every source has delivered whole, newest first.
_MONTHS: Final = """
select billing_month from core.mart_month_completeness
where billing_month in (select billing_month from cost.fct_daily_model_costs)
group by billing_month having bool_and(is_complete) order by billing_month desc
"""
_LINES: Final = """
select feature_id, model_id, platform_id, pool_id, component,
    cast(sum(effective_cost) as double) / ?, max(charge_date)
from cost.fct_daily_model_costs
where list_contains(?, billing_month) and currency = ?
group by feature_id, model_id, platform_id, pool_id, component
having sum(effective_cost) <> 0 order by all
"""
_UNCONVERTED: Final = """
select distinct feature_id from cost.fct_daily_model_costs
where list_contains(?, billing_month) and currency <> ?
"""
#: Hours that were measured and hours that there were; NULL where any is not known.
_POOLS: Final = """
select pool_id,
    case when count(*) = count(active_gpu_hours)
        then cast(sum(active_gpu_hours) as double) end
    / nullif(cast(sum(capacity_gpu_hours) as double), 0)
from delivery.mart_accelerator_efficiency
where list_contains(?, billing_month) group by pool_id order by all
"""
_TOKENS: Final = """
select model_id, cast(sum(input_tokens + output_tokens) as double) / ?
from cost.mart_model_unit_costs
where list_contains(?, billing_month) and currency = ? and model_id is not null
group by model_id
having count(*) = count(input_tokens + output_tokens) order by all
"""
#: The bill of each complete month, whole, beside the total served by all models.
_BILLS: Final = """
with bills as (
    select billing_month, cast(sum(effective_cost) as double) as cost
    from cost.fct_daily_model_costs
    where list_contains(?, billing_month) and currency = ? group by billing_month
),

usage as (
    select billing_month, cast(sum(successful_requests) as double) as requests
    from cost.mart_model_unit_costs
    where list_contains(?, billing_month) group by billing_month
)

select billing_month, cost, requests
from bills left join usage using (billing_month) order by billing_month
"""
_RUN: Final = "select run_id, currency, is_synthetic from core.mart_run"


@dataclass(frozen=True, slots=True)
class CostLine:
    """Monthly cost of a part of the bill.

    Attributes
    ----------
    cost : float
        Mean of the months that are carried forward, in the reporting currency.
    last_day : date or None
        The last day with a charge of it in these months.
    """

    feature_id: str | None
    model_id: str | None
    platform_id: str | None
    pool_id: str | None
    component: str
    cost: float
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class MonthOfBills:
    """The whole bill of a month, and successful requests; ``None``: not known."""

    month: str
    cost: float
    requests: float | None


@dataclass(frozen=True, eq=False, slots=True)
class BaseRun:
    """A published run, as scenarios start from it.

    Attributes
    ----------
    months : tuple of str
        Complete months with a mean that is carried forward, oldest first.
    inputs : Inputs
        Inputs of the returns of the run.
    unconverted : frozenset of str or None
        Features with cost that has no amount in the reporting currency; ``None`` among
        them: cost of no feature.
    utilisations : mapping of str to float or None
        Active by available hours of each pool of accelerators.
    tokens : mapping of str to float
        A month, by model, where all are counted.
    version : str
        Differs whenever any of this does.
    run_rate : PublishedRunRate or None
        Value of counted features in a month now; ``None`` where that is not known.
    """

    run_id: str
    currency: str
    is_synthetic: bool
    months: tuple[str, ...]
    lines: tuple[CostLine, ...]
    inputs: Inputs
    unconverted: frozenset[str | None]
    utilisations: Mapping[str, float | None]
    tokens: Mapping[str, float]
    bills: tuple[MonthOfBills, ...]
    version: str
    run_rate: PublishedRunRate | None = None

    @property
    def first_month(self) -> str:
        """Month after the last complete month: the first of every horizon."""
        return month_end(self.months[-1]).strftime("%Y-%m")

    @property
    def elasticity(self) -> CostElasticity | NotEstimable:
        """Return the growth of the whole bill with use, over complete months."""
        unknown = float("nan")
        return cost_elasticity(
            np.array([bill.cost for bill in self.bills]),
            [
                unknown if bill.requests is None else bill.requests
                for bill in self.bills
            ],
            grain="month",
        )


def read_base(
    connection: duckdb.DuckDBPyConnection, worlds: Worlds, *, run_rate_months: int
) -> BaseRun:
    """Read the base of a scenario.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Finds the public marts and the schema ``estimates`` by their names.
    worlds : Worlds
        Decide which draw of a study falls into which world.
    run_rate_months : int
        Number of the last complete months carried forward.

    Raises
    ------
    UsageError
        No month is complete, so that nothing can be carried forward.
    """

    def rows(sql: str, *given: object) -> Rows:
        return connection.execute(sql, list(given)).fetchall()

    run_id, currency, is_synthetic = rows(_RUN)[0]
    complete = [month for (month,) in rows(_MONTHS)]
    if not complete:
        raise UsageError(
            f"Run {run_id} has no month that all sources have delivered whole.",
            next_step='"triptych status" says what is missing.',
        )
    months = sorted(complete[:run_rate_months])
    parts = {
        "lines": rows(_LINES, len(months), months, currency),
        "unconverted": rows(_UNCONVERTED, months, currency),
        "pools": rows(_POOLS, months),
        "tokens": rows(_TOKENS, len(months), months, currency),
        "bills": rows(_BILLS, complete, currency, complete),
    }
    returns = digest_of(connection, version="scenario")
    run_rate = read_run_rate(connection)
    return BaseRun(
        run_id,
        currency,
        is_synthetic=bool(is_synthetic),
        months=tuple(months),
        lines=tuple(CostLine(*row) for row in parts["lines"]),
        inputs=read_inputs(connection, worlds),
        unconverted=frozenset(name for (name,) in parts["unconverted"]),
        utilisations=dict(parts["pools"]),
        tokens=dict(parts["tokens"]),
        bills=tuple(MonthOfBills(*row) for row in parts["bills"]),
        version=_version(returns, parts | {"run_rate": [(repr(run_rate),)]}),
        run_rate=run_rate,
    )


def _version(returns: str, parts: Mapping[str, Rows]) -> str:
    content = {name: sorted(map(repr, rows)) for name, rows in parts.items()}
    text = json.dumps([returns, content])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
