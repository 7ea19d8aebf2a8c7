"""Daily cost by model from the new marts, the input of forecasts.

AI spend before tax and credits, amortised, in each currency of the ledger. A model's
days are those from its first cost to the last complete day; a day without a row had no
cost. Cost that belongs to no model is a separate part, so that all parts are the spend.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb
    from numpy.typing import NDArray

#: Name of the part that belongs to no model. Ids of models are never empty.
UNASSIGNED = ""
#: A part without cost for this long has ended: nothing of it is to be expected.
ACTIVE_DAYS = 28
#: A bill counts as daily where so many of its last four weeks have charges.
_DAILY_BILL_DAYS = 20
#: And of the last week.
_DAYS_OF_A_WEEK = 5

#: Days that have come, of each bill: those that follow the day before them as soon as
#: days of the last four weeks did. A prepayment that is dated ahead has not come.
_COME = """
days as (
    select distinct source, charge_date from cost.fct_daily_model_costs
),
gaps as (
    select source, charge_date,
        charge_date - lag(charge_date) over (partition by source order by charge_date)
            as gap
    from days
),
usual as (
    select *, max(gap) over (
        partition by source order by charge_date
        range between interval 28 day preceding and interval 1 day preceding
    ) as longest_gap
    from gaps
),
come as (
    select source, charge_date from usual
    where gap is null or gap <= coalesce(longest_gap, 1)
)
"""
_LAST_COMPLETE_DAY = f"""
with {_COME},
newest as (
    select source, max(charge_date) as newest_day from come group by source
),
recent as (
    select days.source, newest.newest_day, count(*) as day_count
    from days
    inner join newest using (source)
    where days.charge_date > newest.newest_day - interval 28 day
        and days.charge_date <= newest.newest_day
    group by days.source, newest.newest_day
)
select min(newest_day) from recent
where day_count >= ?
  and newest_day >= (select max(newest_day) from newest) - interval 45 day
"""
#: A bill has come as far as its last day with charges on most of the week before it.
_NEWEST_DAY = f"""
with {_COME},
weeks as (
    select come.charge_date, count(*) as day_count
    from come
    inner join days as week
        on come.source = week.source
        and week.charge_date > come.charge_date - interval 7 day
        and week.charge_date <= come.charge_date
    group by come.source, come.charge_date
)
select max(charge_date) from weeks where day_count >= ?
"""
_FISCAL_YEAR = "select max(fiscal_year_start_month) from control.run"
_COSTS = """
with days as (
    select currency, coalesce(model_id, '') as model_id, charge_date,
        cast(sum(effective_cost) as double) as cost
    from cost.fct_daily_model_costs
    where is_ai_cost and charge_date <= ?
    group by 1, 2, 3
)
select currency, model_id, min(charge_date),
    list(charge_date - date '1970-01-01' order by charge_date),
    list(cost order by charge_date)
from days
group by 1, 2
order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class DailyCosts:
    """Parts of the AI spend in a single currency, all up to the same day.

    Attributes
    ----------
    currency : str
        Of every amount.
    last_day : date
        The last complete day.
    parts : dict of str to ndarray, shape (days,)
        Money per day by model id, :data:`UNASSIGNED` among them; of different length.
    newest_day : date or None
        Last day of the bill that has come farthest: a month before it is over, though
        another bill is late. ``None``: no farther than the last complete day.
    fiscal_year_start_month : int
        The month that fiscal years begin with, 1 to 12.
    """

    currency: str
    last_day: date
    parts: dict[str, NDArray[np.float64]]
    newest_day: date | None = None
    fiscal_year_start_month: int = 1

    @property
    def active_parts(self) -> dict[str, NDArray[np.float64]]:
        """The parts that have cost in the last four weeks, and at least a week."""
        return {
            name: values
            for name, values in self.parts.items()
            if len(values) >= 7 and np.any(values[-ACTIVE_DAYS:])  # noqa: PLR2004
        }

    @property
    def digest(self) -> str:
        """A text that differs whenever a day's amount does."""
        found = hashlib.sha256(
            f"{self.currency}|{self.last_day}|{self.newest_day}"
            f"|{self.fiscal_year_start_month}".encode()
        )
        for name in sorted(self.parts):
            found.update(name.encode() + b"\0")
            found.update(np.ascontiguousarray(self.parts[name]).tobytes())
        return found.hexdigest()


def last_complete_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the last day that every daily bill has reached, or ``None``."""
    row = connection.execute(_LAST_COMPLETE_DAY, [_DAILY_BILL_DAYS]).fetchone()
    return row[0] if row else None


def fiscal_year_start_month(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the month that fiscal years begin with, 1 to 12."""
    [(month,)] = connection.execute(_FISCAL_YEAR).fetchall()
    return int(month or 1)


def read_daily_costs(connection: duckdb.DuckDBPyConnection) -> list[DailyCosts]:
    """Read the daily cost of each part, by currency; empty without a daily bill.

    The last complete day is the oldest of the newest days of all bills that are
    delivered daily: data after it is known in part only.
    """
    last_day = last_complete_day(connection)
    if last_day is None:
        return []
    starts = fiscal_year_start_month(connection)
    [newest] = connection.execute(_NEWEST_DAY, [_DAYS_OF_A_WEEK]).fetchall()
    by_currency: dict[str, dict[str, NDArray[np.float64]]] = {}
    rows = connection.execute(_COSTS, [last_day]).fetchall()
    for currency, model, first, numbers, costs in rows:
        days = every_day(first, numbers, costs, last_day)
        by_currency.setdefault(currency, {})[model] = days
    return [
        DailyCosts(currency, last_day, parts, newest[0], starts)
        for currency, parts in by_currency.items()
    ]


def every_day(
    first: date, numbers: Sequence[int], costs: Sequence[float], last: date
) -> NDArray[np.float64]:
    """Return money per day from the first day to the last; 0 where there is none.

    Parameters
    ----------
    first, last : date
        The days that it begins and ends with.
    numbers : sequence of int
        The days that have a cost, in days since any other, the first day first.
    costs : sequence of float
        Their cost.
    """
    days = np.zeros((last - first).days + 1)
    days[np.asarray(numbers) - numbers[0]] = costs
    return days
