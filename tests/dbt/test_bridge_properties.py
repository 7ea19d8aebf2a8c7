"""For any two months the bars of a bridge add up, and each is what its formula says.

The compiled SQL of the mart runs in memory over given lines. The reference is written
in fractions, from the formulas: price = (p1 - p0) q1, volume = p0 q0 (Q1 / Q0 - 1),
mix = p0 (q1 - q0 Q1 / Q0), over the models that have the unit in both months.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.layers import examples

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands

BARS = ("price", "volume", "mix", "new", "retired", "fx", "other", "not_invoiced")
#: An amount is rounded to a millionth before it grows with its quantity, and after it.
MILLIONTH = Fraction(1, 1_000_000)

#: What grew more than this was as good as absent before.
THOUSANDFOLD = 1000

MONEY = st.decimals(
    min_value="-1000000", max_value="100000000", places=10, allow_nan=False
)
QUANTITY = st.one_of(
    st.sampled_from((Decimal(0), Decimal(1), Decimal("0.0001"))),
    st.decimals(min_value="0", max_value="10000000000000", places=4, allow_nan=False),
)
UNITS = (
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "gpu_hours",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A model's usage cost in two months, and how much of one unit it was."""

    model: str
    cost: tuple[Decimal | None, Decimal | None]
    at_prior_rates: Decimal | None
    unit: str | None
    quantity: tuple[Decimal | None, Decimal | None]

    @property
    def has_unit_in_both(self) -> bool:
        first, second = self.quantity
        return (
            None not in self.cost
            and self.unit is not None
            and bool(first and first > 0)
            and bool(second and second > 0)
            and self.growth <= THOUSANDFOLD
        )

    @property
    def growth(self) -> Fraction:
        """How often the first quantity goes into the second; 0 where none does."""
        first, second = (Fraction(quantity or 0) for quantity in self.quantity)
        return second / first if first else Fraction()


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    drawn = []
    for position in range(draw(st.integers(1, 7))):
        first = draw(st.none() | MONEY)
        second = draw(MONEY) if first is None else draw(st.none() | MONEY)
        moved = draw(st.sampled_from(("1", "0.9", "1.25")))
        rates = None if second is None else second * Decimal(moved)
        unit = draw(st.none() | st.sampled_from(UNITS))
        pair = (draw(QUANTITY), draw(QUANTITY)) if unit else (None, None)
        drawn.append(
            Line(
                f"model-{position}",
                (first, second),
                None if rates is None else rates.quantize(Decimal("1e-10")),
                unit,
                pair,
            )
        )
    return drawn


class CompiledBridge:
    """The mart's SQL over lines that a test gives."""

    def __init__(self, dbt: DbtCommands) -> None:
        self._sql = dbt.compiled(["mart_cost_bridge"])["mart_cost_bridge"]
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("ATTACH ':memory:' AS build")
        self._connection.execute("CREATE SCHEMA build.intermediate")
        self._connection.execute(
            "CREATE TABLE build.intermediate.int_month_pairs_compared ("
            "prior_billing_month VARCHAR, billing_month VARCHAR, model_id VARCHAR,"
            " cost_line VARCHAR, basis VARCHAR, currency VARCHAR,"
            " prior_cost DECIMAL(38, 10), cost DECIMAL(38, 10),"
            " cost_at_prior_rates DECIMAL(38, 10), prior_not_invoiced DECIMAL(28, 10),"
            " not_invoiced DECIMAL(28, 10),"
            " not_invoiced_at_prior_rates DECIMAL(28, 10), unit VARCHAR,"
            " has_two_kinds_of_tokens BOOLEAN,"
            " prior_quantity DECIMAL(28, 10), quantity DECIMAL(28, 10))"
        )

    def bars(self, given_lines: list[Line]) -> dict[str, dict[str, Any]]:
        table = "build.intermediate.int_month_pairs_compared"
        self._connection.execute(f"DELETE FROM {table}")
        self._connection.executemany(
            f"INSERT INTO {table} VALUES ('2026-01', '2026-02', ?, 'usage',"
            " 'effective', 'EUR', ?, ?, ?, 0, 0, 0, ?, false, ?, ?)",
            [
                [line.model, *line.cost, line.at_prior_rates, line.unit, *line.quantity]
                for line in given_lines
            ],
        )
        answer = self._connection.execute(self._sql)
        names = [column[0] for column in answer.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        return {row["model_id"]: row for row in rows}


def expected(given_lines: list[Line]) -> dict[str, dict[str, Fraction]]:
    """Return every bar in fractions."""
    totals: dict[str | None, list[Fraction]] = defaultdict(
        lambda: [Fraction(), Fraction()]
    )
    for line in given_lines:
        if line.has_unit_in_both:
            for position in (0, 1):
                totals[line.unit][position] += Fraction(line.quantity[position] or 0)
    return {line.model: _bars(line, totals[line.unit]) for line in given_lines}


def _bars(line: Line, totals: list[Fraction]) -> dict[str, Fraction]:
    first, second = (Fraction(cost or 0) for cost in line.cost)
    at_prior = Fraction(line.at_prior_rates or 0)
    bars = dict.fromkeys(BARS, Fraction())
    bars["fx"] = second - at_prior
    if line.cost[0] is None:
        bars["new"] = at_prior
    elif line.cost[1] is None:
        bars["retired"] = -first
    elif line.has_unit_in_both:
        q0, q1 = (Fraction(quantity or 0) for quantity in line.quantity)
        growth = totals[1] / totals[0]
        bars["price"] = (at_prior / q1 - first / q0) * q1
        bars["volume"] = first * (growth - 1)
        bars["mix"] = first / q0 * (q1 - q0 * growth)
    elif line.unit and line.quantity[1]:
        bars["new"] = at_prior - first
    else:
        bars["other"] = at_prior - first
    return bars


@pytest.fixture(scope="module")
def bridge(dbt: DbtCommands) -> CompiledBridge:
    return CompiledBridge(dbt)


@settings(
    max_examples=examples(1000),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(given_lines=lines())
def test_the_bars_add_up_exactly_and_are_what_the_formulas_say(
    bridge: CompiledBridge, given_lines: list[Line]
) -> None:
    wanted = expected(given_lines)
    found = bridge.bars(given_lines)
    assert found.keys() == wanted.keys()
    growth = max([Fraction(1), *(x.growth for x in given_lines if x.has_unit_in_both)])
    tolerance = 2 * MILLIONTH * (1 + growth)
    for line in given_lines:
        row = found[line.model]
        change = (line.cost[1] or Decimal(0)) - (line.cost[0] or Decimal(0))
        assert sum(row[f"{bar}_amount"] for bar in BARS) == change
        assert row["change_amount"] == change
        for bar in BARS:
            expected_bar = wanted[line.model][bar]
            assert abs(Fraction(row[f"{bar}_amount"]) - expected_bar) <= tolerance, bar
