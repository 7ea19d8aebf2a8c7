"""The price table, amounts to the last digit, and dividing what was invoiced."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sources.railway.prices import (
    DOCUMENTED_PRICES,
    Price,
    PriceTable,
    amount,
    exact_sum,
    scale,
)
from tests.layers import examples
from triptych.core.errors import FatalSourceError

AUGUST = date(2026, 8, 20)


def price(measurement: str, dollars: str, valid_from: str = "2026-09-01") -> Price:
    return Price.model_validate(
        {"measurement": measurement, "dollars": dollars, "valid_from": valid_from}
    )


@pytest.mark.parametrize(
    ("measurement", "quantity", "dollars"),
    [
        ("CPU_USAGE", "43200", "20"),
        ("MEMORY_USAGE_GB", "21600", "5"),
        ("DISK_USAGE_GB", "43200", "0.15"),
        ("BACKUP_USAGE_GB", "86400", "0.30"),
        ("NETWORK_TX_GB", "60", "3"),
        ("CPU_USAGE", "1", "0.000462962962962963"),
        ("NETWORK_TX_GB", "0.00000000000000001", "0.000000000000000000"),
    ],
)
def test_a_documented_price_is_for_a_month_of_43200_minutes_or_a_gigabyte(
    measurement: str, quantity: str, dollars: str
) -> None:
    valid = PriceTable().on(AUGUST, where="here")

    assert amount(Decimal(quantity), valid[measurement]) == Decimal(dollars)


def test_the_newest_price_that_is_valid_counts() -> None:
    table = PriceTable(
        [price("CPU_USAGE", "18"), price("CPU_USAGE", "16", "2026-11-01")]
    )

    def on(*day: int) -> int:
        return int(table.on(date(*day), where="here")["CPU_USAGE"].dollars)

    assert (on(2026, 8, 31), on(2026, 9, 1), on(2026, 11, 5)) == (20, 18, 16)


def test_a_price_of_the_same_day_replaces_the_documented_one() -> None:
    table = PriceTable([price("CPU_USAGE", "12.5", "2026-08-01")])

    assert table.on(AUGUST, where="here")["CPU_USAGE"].dollars == Decimal("12.5")


def test_a_price_is_the_decimal_that_was_typed() -> None:
    values = {"measurement": "CPU_USAGE", "valid_from": "2026-09-01", "dollars": 0.15}

    assert Price.model_validate(values).dollars == Decimal("0.15")


def test_who_prices_the_newer_measurement_of_cpu_does_not_price_both() -> None:
    table = PriceTable([price("CPU_USAGE_2", "20", "2026-08-01")])

    assert "CPU_USAGE_2" in table.measurements
    assert "CPU_USAGE" not in table.measurements
    assert set(table.on(AUGUST, where="here")) == {
        *("CPU_USAGE_2", "MEMORY_USAGE_GB", "DISK_USAGE_GB"),
        *("BACKUP_USAGE_GB", "NETWORK_TX_GB"),
    }


def test_both_measurements_of_cpu_are_refused() -> None:
    both = [price("CPU_USAGE", "20"), price("CPU_USAGE_2", "20")]

    with pytest.raises(ValueError, match="count the same twice"):
        PriceTable(both)


def test_two_prices_of_one_day_are_refused() -> None:
    with pytest.raises(ValueError, match="two prices of one measurement"):
        PriceTable([price("CPU_USAGE", "20"), price("CPU_USAGE", "21")])


def test_a_day_before_the_first_price_names_what_is_missing() -> None:
    with pytest.raises(
        FatalSourceError, match="no price of BACKUP_USAGE_GB, CPU_USAGE"
    ):
        PriceTable().on(date(2026, 7, 31), where="here")


def test_limits_and_received_traffic_have_no_price() -> None:
    assert {p.measurement for p in DOCUMENTED_PRICES} == {
        *("CPU_USAGE", "MEMORY_USAGE_GB", "DISK_USAGE_GB"),
        *("BACKUP_USAGE_GB", "NETWORK_TX_GB"),
    }


def test_another_price_is_another_digest() -> None:
    tables = [PriceTable(), PriceTable([price("CPU_USAGE", "18")])]

    assert len({table.digest_text() for table in tables}) == 2


_amounts = st.decimals("0", "1000000", places=18, allow_nan=False)


@settings(max_examples=examples(480), deadline=None)
@given(
    estimates=st.dictionaries(st.text(max_size=4), _amounts, min_size=1, max_size=40),
    invoiced=st.decimals("-1000", "1000000", places=2, allow_nan=False),
)
def test_what_is_divided_adds_up_to_the_invoice_and_keeps_the_proportions(
    estimates: dict[str, Decimal], invoiced: Decimal
) -> None:
    scaled = scale(estimates, invoiced)

    if not any(estimates.values()):
        assert scaled is None
        return
    assert scaled is not None
    assert exact_sum(scaled.amounts.values()) == invoiced
    factor = Fraction(invoiced) / sum(map(Fraction, estimates.values()))
    for key, part in scaled.amounts.items():
        exact = Fraction(estimates[key]) * factor
        assert abs(Fraction(part) - exact) <= Fraction(len(estimates), 10**18)


def test_what_is_left_of_rounding_goes_to_the_largest() -> None:
    scaled = scale({"b": Decimal(1), "a": Decimal(1), "c": Decimal(1)}, Decimal(1))

    assert scaled is not None
    assert scaled.amounts == {
        "a": Decimal("0.333333333333333334"),
        "b": Decimal("0.333333333333333333"),
        "c": Decimal("0.333333333333333333"),
    }
    assert scaled.factor == Decimal("0.333333333333333333")


def test_an_invoice_of_nothing_makes_usage_cost_nothing() -> None:
    scaled = scale({"a": Decimal(7)}, Decimal(0))

    assert scaled is not None
    assert (scaled.amounts["a"], scaled.factor) == (Decimal(0), Decimal(0))
