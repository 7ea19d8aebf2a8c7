"""Money, ratios and the unknown, as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.shared import format as fmt
from triptych.core.project_folder import dbt_project_dir

_AMOUNTS = st.decimals(
    min_value=-(10**17), max_value=10**17, places=10, allow_nan=False
)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def _number(text: str) -> Decimal:
    """Read an amount back from its text."""
    digits = _plain(text).replace("EUR ", "").replace(",", "")
    return Decimal(digits)


def test_marts_round_to_the_minor_unit_that_money_is_written_with() -> None:
    macro = dbt_project_dir() / "macros" / "statements.sql"
    of_marts = {*re.findall(r"'([A-Z]{3})'", macro.read_text("utf-8"))}
    of_pages = {
        "".join(letters)
        for letters in product(ascii_uppercase, repeat=3)
        if fmt.minor_unit_digits("".join(letters)) != 2
    }
    assert of_marts == of_pages


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0", "EUR", "EUR 0.00"),
        ("1234.5", "EUR", "EUR 1,234.50"),
        ("-1234.5", "USD", "-USD 1,234.50"),
        ("0.005", "EUR", "EUR 0.01"),
        ("1234.5", "JPY", "JPY 1,235"),
        ("1.23456", "KWD", "KWD 1.235"),
        ("99999999999999999.99", "EUR", "EUR 99,999,999,999,999,999.99"),
    ],
)
def test_money_has_its_currency_and_its_minor_unit(
    amount: str, currency: str, text: str
) -> None:
    assert _plain(fmt.money(Decimal(amount), currency)) == text


def test_a_small_amount_never_reads_as_zero() -> None:
    assert _plain(fmt.money(Decimal("0.0000000001"), "EUR")) == "under EUR 0.01"
    assert _plain(fmt.money(Decimal("-0.004"), "EUR")) == "above -EUR 0.01"
    assert _plain(fmt.money(Decimal("0.4"), "JPY")) == "under JPY 1"
    assert fmt.compact(Decimal("0.0000000001")) == "under 0.01"
    assert fmt.rounds_to_zero(Decimal("-0.0000000002"), "USD")
    # Half a cent is a cent, and half a yen a yen.
    assert not fmt.rounds_to_zero(Decimal("0.005"), "USD")
    assert fmt.rounds_to_zero(Decimal("0.49"), "JPY")


@given(_AMOUNTS)
def test_exact_money_reads_back_to_the_last_digit(amount: Decimal) -> None:
    assert _number(fmt.money_exact(amount, "EUR")) == amount


@given(_AMOUNTS)
def test_rounded_money_is_within_half_a_cent(amount: Decimal) -> None:
    text = fmt.money(amount, "EUR")
    if text.startswith(("under", "above")):
        assert 0 < abs(amount) < Decimal("0.005")
    else:
        assert abs(_number(text) - amount) <= Decimal("0.005")


@given(_AMOUNTS)
def test_money_of_opposite_sign_differs_only_in_the_sign(amount: Decimal) -> None:
    if abs(amount) >= Decimal("0.01"):
        positive = _plain(fmt.money(abs(amount), "EUR"))
        assert _plain(fmt.money(-abs(amount), "EUR")) == f"-{positive}"


@given(st.decimals(min_value=1, max_value=10**13, places=4))
def test_compact_money_is_right_to_three_digits(amount: Decimal) -> None:
    text = fmt.compact(amount)
    size = {"k": 10**3, "M": 10**6}
    factor = 10**9 if text.endswith("bn") else size.get(text[-1], 1)
    written = Decimal(text.rstrip("bnkM").replace(",", "")) * factor
    assert abs(written - amount) <= amount * Decimal("0.005")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("999", "999"),
        ("999.6", "1k"),
        ("999499", "999k"),
        ("999500", "1M"),
        ("1234567", "1.23M"),
        ("-4200000000", "-4.2bn"),
        ("12.345", "12.3"),
    ],
)
def test_compact_amounts_change_their_suffix_when_they_round_up(
    amount: str, text: str
) -> None:
    assert _plain(fmt.compact(Decimal(amount))) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (2.0, "EUR 2.00"),
        (2.2278481012658227, "EUR 2.228"),
        (0.0000123456, "EUR 0.00001235"),
        (12345.678, "EUR 12,345.68"),
        (0.0, "EUR 0.00"),
    ],
)
def test_unit_costs_keep_four_digits_and_no_misleading_zeros(
    cost: float, text: str
) -> None:
    assert _plain(fmt.unit_cost(cost, "EUR")) == text


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    assert fmt.percent(None) == fmt.coverage(None) == fmt.signed_percent(None) == "—"
    assert fmt.count(None) == fmt.amount(None) == "—"
    assert fmt.money(None, "EUR") == fmt.unit_cost(None, "EUR") == "—"
    assert fmt.money_exact(None, "EUR") == fmt.compact(None) == "—"
    assert fmt.moment(None) == fmt.day(None) == "—"
    assert fmt.unknown("not metered") == "— (not metered)"


def test_a_coverage_that_is_not_whole_never_reads_as_whole() -> None:
    assert _plain(fmt.coverage(0.99999)) == "over 99.9 %"
    assert _plain(fmt.coverage(1.0)) == "100.0 %"
    assert _plain(fmt.coverage(0.0001)) == "under 0.1 %"
    assert _plain(fmt.coverage(0.0)) == "0.0 %"
    assert _plain(fmt.coverage(0.964)) == "96.4 %"


def test_changes_carry_their_sign() -> None:
    assert _plain(fmt.signed_money(Decimal(12), "EUR")) == "+EUR 12.00"
    assert _plain(fmt.signed_money(Decimal(-12), "EUR")) == "-EUR 12.00"
    assert _plain(fmt.signed_money(Decimal(0), "EUR")) == "EUR 0.00"
    assert _plain(fmt.signed_percent(0.125)) == "+12.5 %"
    assert _plain(fmt.signed_percent(-0.125)) == "-12.5 %"
    assert _plain(fmt.percent(-0.00001)) == "0.0 %"


def test_counts_dates_and_months_are_written_out() -> None:
    assert fmt.count(Decimal("730000.0000000000")) == "730,000"
    assert _plain(fmt.count(Decimal("-12.50"))) == "-12.5"
    assert fmt.amount(Decimal("1234.5")) == "1,234.50"
    assert fmt.month("2026-09") == "Sep 2026"
    assert fmt.month("2026-Q3") == "2026-Q3"
    assert fmt.moment(datetime(2026, 9, 30, 5, 12, tzinfo=UTC)) == (
        "2026-09-30 05:12 UTC"
    )
    assert fmt.plural(1, "row") == "1 row"
    assert fmt.plural(1200, "entry", "entries") == "1,200 entries"


def test_markdown_in_data_is_shown_as_it_is() -> None:
    assert fmt.markdown("a*b_c") == "a\\*b\\_c"
    assert fmt.markdown("[x](y) :red[z]").startswith("\\[x\\]")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0.00"),
        (-0.01417, "-0.0142"),
        (0.05, "0.05"),
        (0.0000123, "0.0000123"),
        (0.1, "0.10"),
        (3.456, "3.46"),
        (-12.34, "-12.3"),
        (None, "—"),
    ],
)
def test_a_small_number_keeps_three_digits(number: float | None, expected: str) -> None:
    assert _plain(fmt.decimal(number)) == expected


def test_a_price_in_a_currency_without_cents_keeps_its_two_decimals() -> None:
    assert fmt.short_unit_cost(0.35, "JPY").replace("\u00a0", " ") == "JPY 0.35"


@pytest.mark.parametrize(
    ("cost", "written"),
    [(2.2278, "EUR 2.23"), (0.1, "EUR 0.10"), (0.0123456, "EUR 0.01235")],
)
def test_a_price_outside_of_tables_has_two_decimals_unless_they_would_say_nothing(
    cost: float, written: str
) -> None:
    assert fmt.short_unit_cost(cost, "EUR").replace("\u00a0", " ") == written
