"""For any charges and any rates: two currencies are never added, and each is traced.

The compiled SQL of the models is compared with a reference in fractions that was
written apart from it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from tests.dbt.exchange_case import Exchange, ExchangeCase, exchange_cases
from tests.layers import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.dbt.dbt_commands import DbtCommands
    from tests.dbt.exchange_case import Charge

#: What the models under test read, in place of what builds it.
INPUTS = (
    "intermediate.int_daily_charges_placed",
    "staging.stg_tables__fx_rates",
    "control.run",
)
#: The models under test, each after those it reads.
MODELS = {
    "int_market_quotes": "intermediate",
    "int_market_rates_by_month": "intermediate",
    "int_exchange_rates_by_month": "intermediate",
    "int_charge_amounts": "intermediate",
    "int_exchange_rates_live": "intermediate",
}

quickly = settings(
    max_examples=examples(60),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class CompiledExchange:
    """An engine in memory that holds the inputs and runs the models."""

    def __init__(self, dbt: DbtCommands) -> None:
        self._sql = dbt.compiled(MODELS)
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("ATTACH ':memory:' AS build")
        for schema in ("intermediate", "staging", "control", "cost"):
            self._connection.execute(f"CREATE SCHEMA build.{schema}")
        workspace = dbt.workspace
        for database, path in (
            ("raw", workspace.raw_database),
            ("built", workspace.build_database),
        ):
            self._connection.execute(f"ATTACH '{path}' AS {database} (READ_ONLY)")
        for table in INPUTS:
            columns = self._connection.execute(f"DESCRIBE built.{table}").fetchall()
            described = ", ".join(f'"{name}" {type_}' for name, type_, *_ in columns)
            self._connection.execute(f"CREATE TABLE build.{table} ({described})")
        self._connection.execute("DETACH built")

    def run(self, case: ExchangeCase) -> None:
        """Build every model over the rows of a case."""
        for table in INPUTS:
            self._connection.execute(f"DELETE FROM build.{table}")
        self._connection.execute(
            "INSERT INTO build.control.run (currency, market_rate_rule) VALUES (?, ?)",
            [case.reporting, case.rule],
        )
        for (month, source, currency), charges in _charges_by_row(case).items():
            self._connection.execute(
                "INSERT INTO build.intermediate.int_daily_charges_placed"
                " (billing_month, charge_date, source, component, billing_currency,"
                "  billed_cost, effective_cost, line_item_count)"
                " VALUES (?, CAST(? || '-01' AS DATE), ?, 'direct', ?, ?, ?, ?)",
                [
                    *(month, month, source, currency),
                    sum(charge.billed_cost for charge in charges),
                    sum(charge.effective_cost for charge in charges),
                    len(charges),
                ],
            )
        for rate in case.rates:
            self._connection.execute(
                "INSERT INTO build.staging.stg_tables__fx_rates (source, load_id,"
                " rate_origin, from_currency, to_currency, rate, rate_date)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    *(rate.source, rate.load, rate.origin),
                    *(rate.from_currency, rate.to_currency, rate.rate, rate.day),
                ],
            )
        for name, schema in MODELS.items():
            self._connection.execute(
                f"CREATE OR REPLACE TABLE build.{schema}.{name} AS {self._sql[name]}"
            )

    def query(self, sql: str) -> Sequence[tuple[object, ...]]:
        """Return the rows of a query over ``build``."""
        return self._connection.execute(sql).fetchall()


def _charges_by_row(
    case: ExchangeCase,
) -> dict[tuple[str, str, str], list[Charge]]:
    """Return the charges that the sums of line items hold as one row."""
    rows: dict[tuple[str, str, str], list[Charge]] = {}
    for charge in case.charges:
        key = (charge.month, charge.source, charge.currency)
        rows.setdefault(key, []).append(charge)
    return rows


@pytest.fixture(scope="module")
def exchange(dbt: DbtCommands) -> CompiledExchange:
    return CompiledExchange(dbt)


def exact(value: object) -> Fraction:
    assert isinstance(value, Decimal)
    return Fraction(value)


@quickly
@given(case=exchange_cases())
def test_every_amount_is_in_the_currency_that_a_reference_says(
    exchange: CompiledExchange, case: ExchangeCase
) -> None:
    exchange.run(case)
    rows = exchange.query(
        "SELECT billing_month, billing_currency, currency, sum(billed_cost),"
        " sum(effective_cost) FROM build.intermediate.int_charge_amounts GROUP BY ALL"
    )
    found = {(row[0], row[1], row[2]): (exact(row[3]), exact(row[4])) for row in rows}
    assert found == Exchange(case).ledger()


@quickly
@given(case=exchange_cases())
def test_two_currencies_are_never_added(
    exchange: CompiledExchange, case: ExchangeCase
) -> None:
    """What is in a currency is what was billed in it, or was converted into it."""
    exchange.run(case)
    strays = exchange.query(
        "SELECT * FROM build.intermediate.int_charge_amounts"
        f" WHERE currency NOT IN (billing_currency, '{case.reporting}')"
        " OR (currency = billing_currency AND (billed_cost <> unconverted_billed_cost"
        "  OR effective_cost <> unconverted_effective_cost))"
        f" OR is_missing_rate <> (currency <> '{case.reporting}')"
    )
    assert strays == []
    billed = exchange.query(
        "SELECT billing_currency, sum(unconverted_billed_cost)"
        " FROM build.intermediate.int_charge_amounts GROUP BY ALL"
    )
    delivered: dict[str, Decimal] = {}
    for charge in case.charges:
        before = delivered.get(charge.currency, Decimal(0))
        delivered[charge.currency] = before + charge.billed_cost
    assert {row[0]: row[1] for row in billed} == delivered


@quickly
@given(case=exchange_cases())
def test_every_converted_amount_is_traced_to_its_rate(
    exchange: CompiledExchange, case: ExchangeCase
) -> None:
    exchange.run(case)
    reference = Exchange(case)
    rows = exchange.query(
        "SELECT billing_month, from_currency, rate, unconverted_billed_cost,"
        " billed_cost, effective_cost, exchange_effect_billed_cost"
        " FROM build.intermediate.int_exchange_rates_live"
        f" WHERE charge_count > 0 AND currency = '{case.reporting}'"
    )
    ledger = reference.ledger()
    effects = reference.effects()
    assert {(row[0], row[1]) for row in rows} == set(effects)
    for month, currency, rate, _, billed, effective, effect in rows:
        key = (str(month), str(currency))
        expected = reference.rate(*key)
        if expected is None:
            assert (rate, billed, effective, effect) == (None, None, None, None)
            continue
        assert exact(rate) == expected
        amounts = ledger[*key, case.reporting]
        assert (exact(billed), exact(effective)) == amounts
        assert (None if effect is None else exact(effect)) == effects[key]


@quickly
@given(case=exchange_cases())
def test_there_is_one_rate_per_month_and_pair(
    exchange: CompiledExchange, case: ExchangeCase
) -> None:
    exchange.run(case)
    repeated = exchange.query(
        "SELECT billing_month, from_currency, to_currency"
        " FROM build.intermediate.int_exchange_rates_by_month"
        " GROUP BY ALL HAVING count(*) > 1"
    )
    assert repeated == []
