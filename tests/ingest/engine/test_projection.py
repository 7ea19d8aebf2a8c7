"""Delivered text becomes canonical values: for any amount, moment and month."""

# ruff: noqa: DTZ001  (the engine answers UTC moments without a zone)

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.connector import LandingOptions, Window
from ingest.engine.projection import project, to_canonical
from ingest.engine.row_checks import bad_row_predicate, presence_flags
from ingest.streams import MONEY, STREAMS, TIMESTAMP
from tests.layers import examples

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=10, allow_nan=False)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2099, 12, 30)
).map(lambda moment: moment.replace(microsecond=0))
OFFSETS = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31))


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """Return an engine for every example: to begin one takes ten times as long."""
    begun = duckdb.connect(":memory:")
    begun.execute("SET TimeZone = 'UTC'")
    return begun


def read(text: str, canonical_type: str) -> object:
    """Read one delivered text as the evidence views would."""
    expression = to_canonical("delivered", "VARCHAR", canonical_type)
    row = (
        engine()
        .execute(f"SELECT {expression} FROM (SELECT ? AS delivered)", [text])
        .fetchone()
    )
    return row and row[0]


@given(AMOUNTS)
@settings(max_examples=examples(200), deadline=None)
def test_an_amount_keeps_every_digit_however_it_is_grouped(amount: Decimal) -> None:
    grouped = f"{amount:,.10f}"
    assert read(f"{amount:f}", MONEY) == amount
    assert read(grouped, MONEY) == amount
    if amount >= 0:
        assert read(f"${grouped} ", MONEY) == amount


def typed(values: list[float], physical: str) -> list[Decimal | None]:
    """Read numbers of a typed file as the evidence views would."""
    expression = to_canonical("delivered", physical, MONEY)
    rows = engine().execute(
        f"SELECT {expression} FROM (SELECT unnest(?::{physical}[]) AS delivered)",
        [values],
    )
    return [value for (value,) in rows.fetchall()]


@given(
    st.lists(
        st.floats(-1e15, 1e15)
        | st.decimals(-(10**9), 10**9, places=2).map(float)
        | st.decimals(-(10**8), 10**8, places=7).map(float)
        | st.decimals(-(10**4), 10**4, places=11).map(float),
        min_size=50,
        max_size=300,
    )
)
@settings(max_examples=20, deadline=None)
def test_a_double_is_the_shortest_decimal_that_rounds_to_it(
    values: list[float],
) -> None:
    """Python writes that decimal; cut off are only digits that no amount keeps."""
    assert typed(values, "DOUBLE") == [
        Decimal(repr(value)).quantize(Decimal("1e-18"), ROUND_HALF_UP, Context(prec=60))
        for value in values
    ]


def test_what_was_written_into_a_double_is_read_out_of_it() -> None:
    written = ["1.1", "123456789.12", "999999999.999999", "1000000000.07", "2.5E-7"]
    written += ["1E-13", "-0.07", "0.30000000000000004", "12345678901234.56", "1E+15"]
    assert typed([float(text) for text in written], "DOUBLE") == list(
        map(Decimal, written)
    )
    assert typed([1.1, 16777216.0, 0.07], "FLOAT") == [
        Decimal("1.1"),
        Decimal(16777216),
        Decimal("0.07"),
    ]
    for physical in ("DOUBLE", "FLOAT"):
        assert typed([float("nan"), float("inf"), 1e30], physical) == [None] * 3


@given(MOMENTS, OFFSETS)
@settings(max_examples=examples(200), deadline=None)
def test_a_moment_with_an_offset_is_taken_to_utc(
    moment: datetime, offset: timezone
) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(offset)
    assert read(local.isoformat(), TIMESTAMP) == moment
    assert read(f"{moment.isoformat()}Z", TIMESTAMP) == moment
    assert read(moment.isoformat(sep=" "), TIMESTAMP) == moment


@given(DAYS)
@settings(max_examples=examples(200), deadline=None)
def test_a_slashed_day_is_month_first_and_never_the_first_century(day: date) -> None:
    expected = datetime(day.year, day.month, day.day)
    assert read(f"{day.month}/{day.day}/{day.year % 100:02d}", TIMESTAMP) == expected
    assert read(f"{day.month}/{day.day}/{day.year}", TIMESTAMP) == expected


@given(st.text(max_size=30))
@settings(max_examples=examples(200), deadline=None)
def test_no_text_makes_the_engine_fail(text: str) -> None:
    text = text.replace("\0", "")
    assert isinstance(read(text, MONEY), Decimal | None)
    assert isinstance(read(text, TIMESTAMP), datetime | None)


@given(DAYS, DAYS, DAYS)
def test_a_window_holds_exactly_the_months_of_its_days(
    one: date, other: date, inside: date
) -> None:
    start, end = min(one, other), max(one, other) + timedelta(days=1)
    month = f"{inside:%Y-%m}"
    days_of_month = {
        date(inside.year, inside.month, 1) + timedelta(days=n) for n in range(31)
    }
    has_a_day = any(
        start <= day < end for day in days_of_month if day.month == inside.month
    )
    assert Window(start, end).overlaps_month(month) is has_a_day
    assert Window().overlaps_month(month)


@pytest.mark.parametrize(
    ("observed_at", "is_bad"),
    [("", False), (" ", False), (None, False), ("yesterday", True)],
)
def test_an_empty_text_is_nothing_and_any_other_has_to_be_read(
    observed_at: str | None, is_bad: bool
) -> None:
    """Of an event in a file nobody says when it arrived."""
    stream = STREAMS["deployments"]
    delivered = {
        "source_system": "ci",
        "deployment_id": "1",
        "status": "success",
        "event_time": "2026-03-01",
        "observed_at": observed_at,
    }
    projection = project(stream, dict.fromkeys(delivered, "VARCHAR"), LandingOptions())
    values = ", ".join(f"?::VARCHAR AS {name}" for name in delivered)
    rows = engine().execute(
        f"SELECT {bad_row_predicate(stream, projection)} FROM (SELECT"
        f" {projection.select_list()}, {presence_flags(projection)}"
        f" FROM (SELECT {values}))",
        list(delivered.values()),
    )
    assert [bool(bad) for (bad,) in rows.fetchall()] == [is_bad]


@pytest.mark.parametrize(
    ("physical", "is_judged"),
    [
        ("DECIMAL(28,10)", False),
        ("DECIMAL(38,18)", False),
        ("BIGINT", False),
        ("DECIMAL(38,17)", True),  # 21 digits before the point, for 20
        ("DECIMAL(38,20)", True),
        ("HUGEINT", True),
        ("DOUBLE", True),
        ("VARCHAR", True),
    ],
)
def test_a_number_that_always_fits_is_not_judged_and_any_other_is(
    physical: str, *, is_judged: bool
) -> None:
    """The largest value of the type, as the canonical 38 digits with 18 hold it."""
    columns = {"ListUnitPrice": physical}
    projection = project(STREAMS["focus"], columns, LandingOptions())
    [price] = [c for c in projection.columns if c.column.name == "ListUnitPrice"]
    assert price.can_be_unreadable is is_judged
    if is_judged or not physical.startswith("DEC"):
        return
    precision, scale = (int(part) for part in physical[8:-1].split(","))
    largest = f"{'9' * (precision - scale)}.{'9' * scale}"
    row = (
        engine()
        .execute(
            f"SELECT {price.value} FROM"
            f" (SELECT CAST('{largest}' AS {physical}) AS \"ListUnitPrice\")"
        )
        .fetchone()
    )
    assert row == (Decimal(largest),)


@pytest.mark.parametrize(
    ("physical", "largest", "is_judged"),
    [
        ("INTEGER", 2**31 - 1, False),
        ("DECIMAL(18,0)", 10**18 - 1, False),
        ("DECIMAL(19,0)", 10**19 - 1, True),
    ],
)
def test_a_number_of_as_many_digits_as_a_whole_number_is_judged_too(
    physical: str, largest: int, *, is_judged: bool
) -> None:
    """The largest BIGINT begins with 9.2: not all nineteen digits are one."""
    assert (largest > 2**63 - 1) is is_judged
    columns = {"invited_count": physical}
    projection = project(STREAMS["survey_responses"], columns, LandingOptions())
    [count] = [c for c in projection.columns if c.column.name == "invited_count"]
    assert count.can_be_unreadable is is_judged
