"""What was consumed before and during a finding, read from line items in one pass."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from attribution.costs.anomalies.drivers import Item, likely_driver
from attribution.costs.anomalies.line_items import Evidence, Scope, read_items
from tests.attribution.marts_of_costs import write_cost_marts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 10)
MODEL = Scope(FIRST, LAST, "EUR", model_id="care")
#: Overlaps the other: its days before are days of the finding of the model.
SERVICE = Scope(date(2026, 3, 9), LAST, "EUR", "aws", "compute")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    database = write_cost_marts(tmp_path)
    with duckdb.connect(str(database)) as opened:
        yield opened


def add(  # noqa: PLR0913  (a line item: each of its columns by its name)
    connection: duckdb.DuckDBPyConnection,
    day: date,
    description: str = "hours",
    *,
    sku: str = "h-1",
    cost: float = 10.0,
    component: str = "direct",
    month: str | None = None,
    resource: str = "i-1",
    currency: str = "EUR",
) -> None:
    connection.execute(
        "INSERT INTO intermediate.int_line_items BY NAME SELECT 'aws' AS source,"
        " 'compute' AS service_name, 'care' AS model_id, $day::DATE AS charge_date,"
        " $moment AS charge_period_start, $month AS billing_month, $sku AS sku_id,"
        " $description AS charge_description, $resource AS resource_id,"
        " 'h' AS consumed_unit, $currency AS billing_currency, $component AS component,"
        " $cost AS effective_cost, $hours AS consumed_quantity",
        {
            "day": day,
            "moment": datetime(day.year, day.month, day.day, 23, 30),  # noqa: DTZ001
            "month": month or f"{day:%Y-%m}",
            "sku": sku,
            "description": description,
            "component": component,
            "resource": resource,
            "currency": currency,
            "cost": cost,
            "hours": 5.0 if cost else 0.0,
        },
    )


def items(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, *scopes: Scope
) -> dict[Scope, list[Item]]:
    found = read_items(connection, Evidence(tmp_path / "raw.duckdb", tmp_path), scopes)
    assert found is not None
    return found


def test_days_before_count_as_often_as_their_weekday_is_in_each_finding(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number in range(40):
        add(connection, LAST - timedelta(days=number), cost=2.0**number / 1024)
    found = items(connection, tmp_path, MODEL, SERVICE)
    # Of the nine days two are Mondays and two are Tuesdays; four weeks lie before.
    before = sum(
        2.0**number / 1024 * (2 if number % 7 in {0, 1} else 1) / 4
        for number in range(9, 37)
    )
    during = sum(2.0**number / 1024 for number in range(9))
    assert found[MODEL] == [
        Item("hours", "h", "i-1", before, during, 28 * 5.0 * 9 / 28, 9 * 5.0)
    ]
    # Of Monday and Tuesday: the four of each before, some in the other finding.
    mondays = sum(2.0**number / 1024 for number in range(2, 30) if number % 7 in {0, 1})
    assert found[SERVICE] == [
        Item("hours", "h", "i-1", mondays / 4, (1 + 2) / 1024, 10.0, 10.0)
    ]


def test_a_sku_whose_description_names_its_price_is_dearer_and_not_new(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number in range(1, 29):
        add(connection, FIRST - timedelta(days=number), "$2 per hour")
    for number in range(9):
        add(connection, FIRST + timedelta(days=number), "$3 per hour", cost=15.0)
        # A fee of nothing, on the same days and of the same SKU.
        add(connection, FIRST + timedelta(days=number), "$1 fee", cost=0.0)
    assert items(connection, tmp_path, MODEL)[MODEL] == [
        Item("$2 per hour", "h", "i-1", 90.0, 135.0, 45.0, 45.0)
    ]


def test_a_sku_has_one_name_though_its_resources_come_and_go(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number in range(28):
        day = FIRST - timedelta(days=number + 1)
        add(connection, day, "$2 per hour", resource=f"of week {number // 7}")
    for number in range(9):
        day = FIRST + timedelta(days=number)
        add(connection, day, "$3 per hour", cost=15.0, resource="new")
    [new, *gone] = sku_items = items(connection, tmp_path, MODEL)[MODEL]
    # 280 of four machines before, 135 of another now.
    assert {item.sku for item in sku_items} == {"$2 per hour"}
    assert (new.resource, new.prior_cost, new.cost) == ("new", 0.0, 135.0)
    assert [(item.prior_cost, item.cost) for item in gone] == [(22.5, 0.0)] * 4
    # 45 hours of some machines became 45 of another, each dearer by 1.
    driver = likely_driver(sku_items, 45.0)
    assert (driver.name, driver.price_excess) == ("price", 45.0)
    assert (driver.volume_excess, driver.new_resource_excess) == (0.0, 0.0)


def test_a_pool_that_two_models_ask_for_is_counted_once(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    add(connection, FIRST)
    assert items(connection, tmp_path, MODEL, SERVICE, MODEL)[MODEL] == [
        Item("hours", "h", "i-1", 0.0, 10.0, None, 5.0)
    ]


def test_another_currency_counts_at_its_rate_and_without_one_not_at_all(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    add(connection, FIRST)
    add(connection, FIRST, currency="USD", resource="in dollars")
    euros = Item("hours", "h", "i-1", 0.0, 10.0, None, 5.0)
    assert items(connection, tmp_path, MODEL)[MODEL] == [euros]
    connection.execute(
        "INSERT INTO cost.mart_exchange_rates VALUES ('2026-03', 'USD', 'EUR', 0.5)"
    )
    dollars = Item("hours", "h", "in dollars", 0.0, 5.0, None, 5.0)
    assert items(connection, tmp_path, MODEL)[MODEL] == [euros, dollars]


def test_what_is_no_consumption_of_the_days_is_left_out(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    add(connection, FIRST)
    for component in ("tax", "credit", "out_of_scope"):
        add(connection, FIRST, component, sku=component, component=component)
    add(connection, FIRST, "late", sku="l-1", month="2026-04")
    add(connection, FIRST, "years ago", sku="y-1", month="2024-01")
    add(connection, LAST + timedelta(days=1))
    add(connection, FIRST - timedelta(days=29))
    assert items(connection, tmp_path, MODEL) == {
        MODEL: [Item("hours", "h", "i-1", 0.0, 10.0, None, 5.0)]
    }


def test_the_engine_takes_no_more_memory_than_it_has_left_to_itself(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for before, given, after in (("1GiB", "2GiB", 1), ("4GiB", "2GiB", 2)):
        connection.execute(f"SET GLOBAL memory_limit = '{before}'")
        evidence = Evidence(tmp_path / "raw.duckdb", tmp_path, given)
        read_items(connection, evidence, [MODEL])
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchone()
        assert limit == (f"{after}.0 GiB",)
