"""Names rates, quantities, pools, budgets and outcomes that are probably not meant."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from ingest.streams import STREAMS
from triptych.core.project_folder import dbt_project_dir
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS
from triptych.discovery.doubtful_sql import doubtful_sql
from triptych.discovery.ledger_sample import BILL_STREAMS
from triptych.discovery.observation import Observation, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    import duckdb

    from ingest.connector import Connector
    from triptych.core.settings import Settings
    from triptych.discovery.file_report import FileReport
    from triptych.discovery.table_rows import OpenedTable

#: From this many times what is usual on, or one divided by it, a rate is doubtful.
_TIMES_USUAL: Final = 4
_QUANTITIES: Final = ("requests", "input_tokens", "output_tokens", "gpu_hours")
#: Driver of a pool → what columns of its meters are called.
_METERED: Final = {
    "gpu_hours": "gpu",
    "cpu_memory_hours": "cpu",
    "requests": "requests",
    "tokens": "tokens",
}


def doubtful_tables(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[OpenedTable],
    bills: Sequence[FileReport],
    settings: Settings,
) -> Iterator[Observation]:
    """Name what is doubtful in the tables that were opened."""
    yield from _rates(connection, tables, bills, settings)
    for table in tables:
        columns = {column.name for column in STREAMS[table.stream].columns}
        for quantity in _QUANTITIES:
            if {quantity, "model_id", "period_start"} <= columns:
                yield from _quantity(connection, table, quantity)
        if "pool_id" in columns:
            yield from _pools(connection, table, settings)
        if table.stream == "budgets":
            yield from _budgets(connection, table, settings)


def _rates(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[OpenedTable],
    bills: Sequence[FileReport],
    settings: Settings,
) -> Iterator[Observation]:
    """Name rates of another magnitude, and months of a bill without a rate."""
    typed = [table for table in tables if table.stream == "fx_rates"]
    magnitudes = currency_magnitudes()
    months: dict[str, set[str]] = {}
    for table in typed:
        rows = connection.execute(
            "SELECT upper(from_currency), upper(to_currency), rate,"
            f" strftime(rate_date, '%Y-%m') FROM {table.table} ORDER BY rate_date"
        ).fetchall()
        for from_, to, rate, month in rows:
            # A rate that is typed in is never turned round.
            if to == settings.currency:
                months.setdefault(from_, set()).add(month)
            if not {from_, to} <= magnitudes.keys():
                continue
            usual = magnitudes[to] / magnitudes[from_]
            if not usual / _TIMES_USUAL < float(rate) < usual * _TIMES_USUAL:
                yield Observation(
                    "note",
                    f"{table.source}: the rate from {from_} to {to} of {month} is"
                    f" {rate:f}, and about {usual:.2g} is usual."
                    f"{_billed_in(from_, to, month, connection, bills)}",
                    "Correct it where it was typed in.",
                )
    has_market = any(source.type == "ecb_rates" for source in settings.sources)
    if typed and not has_market:
        yield from _months_without_rate(connection, bills, settings.currency, months)


def _billed_in(
    from_: str,
    to: str,
    month: str,
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[FileReport],
) -> str:
    """Return what bills of a month have in either currency, as a sentence."""
    money = _foreign(connection, bills).get((from_, month)) or _foreign(
        connection, bills
    ).get((to, month))
    return f" Bills have {from_} {money:,.2f} of that month." if money else ""


def _months_without_rate(
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[FileReport],
    currency: str,
    months: Mapping[str, set[str]],
) -> Iterator[Observation]:
    for (code, month), money in sorted(_foreign(connection, bills).items()):
        known = months.get(code, set())
        if code == currency or month in known:
            continue
        rates = ", ".join(sorted(known)) or "no month"
        yield Observation(
            "note",
            f"{code} {money:,.2f} of {month} have no rate to {currency}, so they are"
            f" in no total: rates are of {rates}.",
            f"Add a rate of {month}, or a source of type ecb_rates.",
        )


def _foreign(
    connection: duckdb.DuckDBPyConnection, bills: Sequence[FileReport]
) -> dict[tuple[str, str], Decimal]:
    """Return what bills cost by currency and billing month."""
    billed: dict[tuple[str, str], Decimal] = {}
    for bill in bills:
        rows = connection.execute(
            "SELECT billing_currency, strftime(billing_period_start, '%Y-%m'),"
            f" sum(billed_cost) FROM {bill.table} GROUP BY ALL"
        ).fetchall()
        for code, month, money in rows:
            billed[code, month] = billed.get((code, month), 0) + money
    return billed


def _quantity(
    connection: duckdb.DuckDBPyConnection, table: OpenedTable, quantity: str
) -> Iterator[Observation]:
    """Name models whose meter jumps by a power of ten, or counts up."""
    meters = doubtful_sql("doubtful_meters('daily')")
    rows = connection.execute(
        f"WITH daily AS (SELECT '' AS source, model_id, '{quantity}' AS measured,"
        " strftime(period_start, '%Y-%m') AS billing_month,"
        " CAST(period_start AS DATE) AS metered_date,"
        f" sum(CAST({quantity} AS DOUBLE)) AS quantity FROM {table.table}"
        f" WHERE model_id IS NOT NULL AND {quantity} IS NOT NULL GROUP BY ALL)"
        " SELECT model_id, min(changed_on), bool_or(counts_up), min(least),"
        f" max(greatest) FROM ({meters}) GROUP BY model_id ORDER BY model_id"
    ).fetchall()
    for model, jump, counts_up, least, most in rows:
        if counts_up:
            yield Observation(
                "note",
                f"{table.source}: {quantity} of {model} only grow, from {least:,.0f} to"
                f" {most:,.0f} a day: a counter that counts up?",
                f"Deliver {quantity} of each day: the difference of two readings.",
            )
        elif jump is not None:
            yield Observation(
                "note",
                f"{table.source}: {quantity} of {model} are another power of ten from"
                f" {jump} on, between {least:,.0f} and {most:,.0f} a day.",
                "Check whether a unit changed, such as thousands of tokens.",
            )


def _pools(
    connection: duckdb.DuckDBPyConnection, table: OpenedTable, settings: Settings
) -> Iterator[Observation]:
    known = {pool.name for pool in settings.allocation.pools}
    rows = connection.execute(
        f"SELECT DISTINCT pool_id FROM {table.table} WHERE pool_id <> '' ORDER BY 1"
    ).fetchall()
    for pool in (str(name) for (name,) in rows if name not in known):
        yield Observation(
            "note",
            f"{table.source} meters the pool {pool!r}, which is not declared: it"
            f" divides nothing{nearest(pool, known)}.",
            "Declare it under pools in allocation.yml, or correct its name.",
        )


def _budgets(
    connection: duckdb.DuckDBPyConnection, table: OpenedTable, settings: Settings
) -> Iterator[Observation]:
    catalog = settings.catalog
    declared = {
        "team": {each.id for each in catalog.teams},
        "feature": {each.id for each in catalog.features},
        "cost_center": {each.id for each in catalog.cost_centers},
    }
    rows = connection.execute(
        "SELECT scope_type, scope_id, currency, sum(budget_amount)"
        f" FROM {table.table} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for kind, scope, currency, money in rows:
        if kind in declared and scope not in declared[kind]:
            yield Observation(
                "note",
                f"{table.source} has a budget of {currency} {money:,.2f} for the {kind}"
                f" {scope!r}, which catalog.yml does not have"
                f"{nearest(scope, declared[kind])}.",
                f"Add it under {kind}s in catalog.yml, or correct its name.",
            )


def pools_without_meter(
    connectors: Sequence[Connector], settings: Settings
) -> Iterator[Observation]:
    """Name pools whose driver no source of the workspace can deliver."""
    streams = {name for connector in connectors for name in connector.streams()}
    meters = [
        STREAMS[name]
        for name in streams - set(BILL_STREAMS)
        if not name.startswith(LOCKED_STREAMS)
    ]
    names = {column.name for stream in meters for column in stream.columns}
    for pool in settings.allocation.pools:
        word = _METERED.get(pool.driver)
        if word and not any(word in name for name in names):
            yield Observation(
                "note",
                f"Pool {pool.name!r} is divided by {pool.driver}, and no source is a"
                " meter of them: its cost stays unallocated.",
                "Add a meter, such as a source of type prometheus or tables with"
                " stream: model_usage.",
            )


@cache
def currency_magnitudes() -> dict[str, float]:
    """Return units of each currency for a US dollar, as the models compare rates."""
    text = (dbt_project_dir() / "macros" / "currency_magnitudes.sql").read_text("utf-8")
    listed = re.search(r"return\((\{.*?\})\)", text, re.DOTALL)
    if listed is None:
        raise AssertionError("currency_magnitudes.sql has a list of currencies")
    return {code: float(units) for code, units in ast.literal_eval(listed[1]).items()}
