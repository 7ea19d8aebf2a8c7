"""The last complete day is one that a bill has come to, whatever is dated ahead."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from attribution.costs.daily_costs import last_complete_day, read_daily_costs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A Sunday; the first day of these bills, 118 days before, is a Monday.
LAST = date(2026, 6, 28)
EVERY_DAY = [LAST - timedelta(days=ago) for ago in range(118, -1, -1)]


def marts(
    bills: Mapping[str, Iterable[date]],
) -> duckdb.DuckDBPyConnection:
    """Return a mart in which each bill has 100 of a model on each of its days."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA cost; CREATE SCHEMA control;")
    connection.execute(
        "CREATE TABLE control.run AS SELECT 1 AS fiscal_year_start_month"
    )
    connection.execute(
        "CREATE TABLE cost.fct_daily_model_costs (source VARCHAR, charge_date DATE,"
        " model_id VARCHAR, is_ai_cost BOOLEAN, currency VARCHAR,"
        " effective_cost DECIMAL(28, 10))"
    )
    rows = [(bill, day, bill) for bill, days in bills.items() for day in days]
    connection.executemany(
        "INSERT INTO cost.fct_daily_model_costs VALUES (?, ?, ?, true, 'EUR', 100)",
        rows,
    )
    return connection


@pytest.mark.parametrize("ahead", [2, 3, 7, 12, 60])
def test_a_charge_that_is_dated_ahead_is_no_day_that_the_bill_has_come_to(
    ahead: int,
) -> None:
    """Days without cost before it would be forecast as the end of everything."""
    prepaid = [*EVERY_DAY, LAST + timedelta(days=ahead)]
    [costs] = read_daily_costs(marts({"aws": prepaid}))
    assert (costs.last_day, costs.newest_day) == (LAST, LAST)
    assert costs.parts["aws"].tolist() == [100.0] * 119


def test_what_one_bill_dates_ahead_makes_no_other_bill_late() -> None:
    """More than 45 days behind the newest a bill is not waited for."""
    prepaid = [*EVERY_DAY, LAST + timedelta(days=60)]
    before = EVERY_DAY[:-3]
    assert last_complete_day(marts({"aws": prepaid, "api": before})) == before[-1]


def test_a_bill_of_working_days_has_come_to_its_monday() -> None:
    working = [day for day in EVERY_DAY if day.weekday() < 5]
    monday = LAST + timedelta(days=1)
    assert last_complete_day(marts({"api": working})) == date(2026, 6, 26)
    assert last_complete_day(marts({"api": [*working, monday]})) == monday


def test_after_days_without_a_charge_a_bill_has_come_to_the_second_day() -> None:
    """How long a pause may be, the first one tells."""
    gone = EVERY_DAY[:-5]
    assert last_complete_day(marts({"aws": [*gone, EVERY_DAY[-2]]})) == gone[-1]
    assert last_complete_day(marts({"aws": [*gone, *EVERY_DAY[-2:]]})) == LAST
