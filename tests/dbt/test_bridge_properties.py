"""For any two months the bars of a bridge add up, and each is what its formula says.

The compiled SQL of the models runs in memory over given rows. The reference is written
in fractions, from the formulas: volume = p0 q0 (Q1 / Q0 - 1) and mix =
p0 (q1 - q0 Q1 / Q0) over the models that have the unit in both months; efficiency is
what is left of the cost after them and after what the bill says. For SKUs: rate =
(p1 - p0) q1, quantity = C0 (Q1 / Q0 - 1), and mix is what is left.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
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

BARS = (
    *("rate", "volume", "efficiency", "purchase_mix", "mix", "new", "retired"),
    *("correction", "unused_commitment", "fx", "other", "not_invoiced"),
)
#: What the bill says of a line; what is new or retired on it counts without a meter.
EFFECTS = ("rate", "purchase_mix", "kind_mix", "quantity", "correction")
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
EFFECT = st.decimals(min_value="-1000", max_value="1000", places=10, allow_nan=False)
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
    correction: tuple[Decimal, Decimal]
    effects: tuple[Decimal, ...]

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
                (
                    Decimal(0) if first is None else draw(EFFECT),
                    Decimal(0) if second is None else draw(EFFECT),
                ),
                tuple(draw(EFFECT) for _ in EFFECTS),
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
        effects = ", ".join(f"{effect}_amount DECIMAL(28, 10)" for effect in EFFECTS)
        self._connection.execute(
            "CREATE TABLE build.intermediate.int_month_pairs_compared ("
            "prior_billing_month VARCHAR, billing_month VARCHAR, model_id VARCHAR,"
            " cost_line VARCHAR, basis VARCHAR, currency VARCHAR,"
            " prior_cost DECIMAL(38, 10), cost DECIMAL(38, 10),"
            " cost_at_prior_rates DECIMAL(38, 10), prior_not_invoiced DECIMAL(28, 10),"
            " not_invoiced DECIMAL(28, 10),"
            " not_invoiced_at_prior_rates DECIMAL(28, 10), unit VARCHAR,"
            " has_two_kinds_of_tokens BOOLEAN, prior_quantity DECIMAL(28, 10),"
            " quantity DECIMAL(28, 10), prior_correction DECIMAL(28, 10),"
            f" correction_at_prior_rates DECIMAL(28, 10), {effects},"
            " new_amount DECIMAL(28, 10), retired_amount DECIMAL(28, 10),"
            " unknown_rate_cost DECIMAL(28, 10))"
        )

    def bars(self, given_lines: list[Line]) -> dict[str, dict[str, Any]]:
        table = "build.intermediate.int_month_pairs_compared"
        self._connection.execute(f"DELETE FROM {table}")
        self._connection.executemany(
            f"INSERT INTO {table} VALUES ('2026-01', '2026-02', ?, 'usage',"
            " 'effective', 'EUR', ?, ?, ?, 0, 0, 0, ?, false, ?, ?, ?, ?,"
            f" {', '.join('?' for _ in EFFECTS)}, 0, 0, 0)",
            [
                [
                    *(line.model, *line.cost, line.at_prior_rates, line.unit),
                    *(*line.quantity, *line.correction, *line.effects),
                ]
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
    effects = dict(zip(EFFECTS, map(Fraction, line.effects), strict=True))
    bars = dict.fromkeys(BARS, Fraction())
    bars["fx"] = second - at_prior
    earlier, later = map(Fraction, line.correction)
    bars["correction"] = later - earlier + effects["correction"]
    rest = "other"
    if line.cost[0] is None:
        rest = "new"
    elif line.cost[1] is None:
        rest = "retired"
    elif line.has_unit_in_both:
        rest = "efficiency"
        q0, q1 = (Fraction(quantity or 0) for quantity in line.quantity)
        growth = totals[1] / totals[0]
        bars["volume"] = (first - earlier) * (growth - 1)
        bars["mix"] = (first - earlier) / q0 * (q1 - q0 * growth)
    elif line.unit and line.quantity[1]:
        rest = "new"
    else:
        bars["volume"] = effects["quantity"]
    if rest != "retired":
        bars["rate"], bars["purchase_mix"] = effects["rate"], effects["purchase_mix"]
        bars["mix"] += effects["kind_mix"]
    bars[rest] = second - first - sum(bars.values())
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


MONTHS = ("2026-01", "2026-02")


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU of one origin: quantity and price of each month; all pay the price."""

    name: str
    quantity: tuple[int, int]
    price: tuple[Decimal, Decimal]

    @property
    def cost(self) -> tuple[Decimal, Decimal]:
        """What it cost in each of the months."""
        earlier, later = self.quantity
        return earlier * self.price[0], later * self.price[1]


PRICE = st.decimals(min_value="0.01", max_value="100", places=2, allow_nan=False)
SKUS = st.lists(
    st.builds(
        Sku,
        st.uuids().map(str),
        st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)),
        st.tuples(PRICE, PRICE) | PRICE.map(lambda price: (price, price)),
    ),
    min_size=1,
    max_size=6,
)


class CompiledRates:
    """What the bill says of one origin, of the SKUs that a test gives."""

    def __init__(self, dbt: DbtCommands) -> None:
        names = ("int_month_pairs_skus", "int_month_pairs_effects")
        compiled = dbt.compiled(names)
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute(
            "ATTACH ':memory:' AS build; CREATE SCHEMA build.intermediate;"
            " CREATE SCHEMA build.control;"
            " CREATE TABLE build.control.run AS SELECT 'EUR' AS currency;"
            " CREATE TABLE build.control.catalog_model_aliases"
            " (alias VARCHAR, model_id VARCHAR);"
            " CREATE TABLE build.intermediate.int_exchange_rates_by_month"
            " (billing_month VARCHAR, from_currency VARCHAR, to_currency VARCHAR,"
            " rate DECIMAL(38, 18));"
            " CREATE TABLE build.intermediate.int_charges_by_sku"
            " (billing_month VARCHAR, source VARCHAR, provider VARCHAR,"
            " billing_currency VARCHAR, component VARCHAR, target_kind VARCHAR,"
            " target VARCHAR, sku VARCHAR, unit VARCHAR, purchase VARCHAR,"
            " billed_cost DECIMAL(38, 18), effective_cost DECIMAL(38, 18),"
            " cost_at_price DECIMAL(38, 18), quantity DECIMAL(38, 18),"
            " lowest_unit_price DECIMAL(38, 18), highest_unit_price DECIMAL(38, 18))"
        )
        for name in names:
            self._connection.execute(
                f"CREATE VIEW build.intermediate.{name} AS {compiled[name]}"
            )

    def bars(self, skus: list[Sku]) -> dict[str, Decimal]:
        """Return the bars of the effective basis."""
        table = "build.intermediate.int_charges_by_sku"
        self._connection.execute(f"DELETE FROM {table}")
        rows = [
            [month, sku.name, "hours", *[sku.cost[side]] * 3, sku.quantity[side]]
            + [sku.price[side]] * 2
            for sku in skus
            for side, month in enumerate(MONTHS)
            if sku.quantity[side]
        ]
        # Both months are there, whatever is used of the SKUs.
        rows += [[month, "fee", "days", *[1] * 4, 1, 1] for month in MONTHS]
        self._connection.executemany(
            f"INSERT INTO {table} VALUES (?, 's', 'V', 'EUR', 'shared', 'pool', 'gpu',"
            " ?, ?, 'on_demand', ?, ?, ?, ?, ?, ?)",
            rows,
        )
        answer = self._connection.execute(
            "FROM build.intermediate.int_month_pairs_effects WHERE basis = 'effective'"
        )
        names = [column[0] for column in answer.description or ()]
        [row] = answer.fetchall()
        found = dict(zip(names, row, strict=True))
        return {name: found[name] for name in names if name.endswith("_amount")}


def expected_of_skus(skus: list[Sku]) -> dict[str, Fraction]:
    """Return every bar of an origin in fractions."""
    bars = dict.fromkeys(
        (f"{bar}_amount" for bar in (*EFFECTS, "new", "retired")), Fraction()
    )
    earlier, later = (sum(sku.quantity[side] for sku in skus) for side in (0, 1))
    before = sum((Fraction(sku.cost[0]) for sku in skus), Fraction())
    after = sum((Fraction(sku.cost[1]) for sku in skus), Fraction())
    if not earlier or not later:
        bars["new_amount"], bars["retired_amount"] = after, -before
        return bars
    bars["rate_amount"] = sum(
        (
            Fraction(sku.price[1] - sku.price[0]) * sku.quantity[1]
            for sku in skus
            if sku.quantity[0]
        ),
        Fraction(),
    )
    bars["quantity_amount"] = before * Fraction(later, earlier) - before
    bars["kind_mix_amount"] = (
        after - before - bars["rate_amount"] - bars["quantity_amount"]
    )
    return bars


@pytest.fixture(scope="module")
def rates(dbt: DbtCommands) -> CompiledRates:
    return CompiledRates(dbt)


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(skus=SKUS)
def test_what_a_bill_says_adds_up_and_is_what_the_formulas_say(
    rates: CompiledRates, skus: list[Sku]
) -> None:
    found, wanted = rates.bars(skus), expected_of_skus(skus)
    growth = max([1.0, *(x.quantity[1] / x.quantity[0] for x in skus if x.quantity[0])])
    for bar, amount in wanted.items():
        assert abs(Fraction(found[bar]) - amount) <= 2 * len(skus) * MILLIONTH * (
            1 + Fraction(growth)
        ), bar
    change = sum((sku.cost[1] - sku.cost[0] for sku in skus), Decimal(0))
    assert sum(found.values()) == change


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(skus=SKUS)
def test_prices_that_did_not_move_leave_a_rate_of_exactly_nothing(
    rates: CompiledRates, skus: list[Sku]
) -> None:
    still = [replace(sku, price=(sku.price[0], sku.price[0])) for sku in skus]
    assert rates.bars(still)["rate_amount"] == 0


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(skus=SKUS, cut=st.integers(1, 99))
def test_a_price_that_is_cut_is_in_the_rate_and_in_no_other_bar(
    rates: CompiledRates, skus: list[Sku], cut: int
) -> None:
    still = [replace(sku, price=(sku.price[0], sku.price[0])) for sku in skus]
    first = still[0]
    cheaper = (first.price[0] * (100 - cut) / 100).quantize(Decimal("0.000001"))
    planted = [replace(first, price=(first.price[0], cheaper)), *still[1:]]
    before, after = rates.bars(still), rates.bars(planted)
    moved = {bar: after[bar] - before[bar] for bar in before}
    saved = (cheaper - first.price[0]) * first.quantity[1]
    if first.quantity[0]:
        assert abs(moved.pop("rate_amount") - saved) <= Decimal("0.000002")
        assert all(abs(rest) <= Decimal("0.000002") for rest in moved.values())
    else:
        # What was not there before has no rate that could move.
        assert moved["rate_amount"] == 0
