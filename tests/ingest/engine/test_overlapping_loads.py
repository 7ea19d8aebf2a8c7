"""Which loads are compared charge by charge, and that others need not be."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations, product
from typing import TYPE_CHECKING

import pytest

from ingest.engine.overlapping_loads import (
    LEAST_COMMON,
    may_repeat,
    not_unlike,
    overlapping,
)
from triptych.core.lake.loads import SKETCH_SIZE, ChargedMonth, LoadTotal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIRST = datetime(2026, 3, 1)  # noqa: DTZ001  (the catalogue's moments have no zone)
_ANY = (None, None)


def month(
    name: str,
    days: tuple[int, int] | None = (1, 31),
    *,
    accounts: tuple[str | None, str | None] = ("a", "a"),
    row_count: int = 100,
    amount: int | None = None,
    currency: str = "USD",
    source: str = "bills",
) -> ChargedMonth:
    span: tuple[datetime | None, datetime | None] = (None, None)
    if days is not None:
        span = _FIRST + timedelta(days[0] - 1), _FIRST + timedelta(days[1] - 1)
    # Without an amount of its own no month has that of another.
    money = Decimal(amount if amount is not None else hash(name))
    total = LoadTotal("2026-03", currency, row_count, (money, None), (), span, accounts)
    return ChargedMonth(name, source, "focus", name, name, total)


def names(*months: ChargedMonth) -> set[str]:
    return {each.load_id for each in overlapping(months)}


def test_one_load_a_month_is_compared_with_nothing() -> None:
    assert names(month("march.csv"), month("march.csv")) == set()


def test_loads_of_two_accounts_or_two_times_are_not_compared() -> None:
    assert names(month("a"), month("b", accounts=("b", "b"))) == set()
    assert names(month("a", (1, 10)), month("b", (11, 20))) == set()
    assert (
        names(month("a", accounts=("a", "c")), month("d", accounts=("d", "e"))) == set()
    )
    assert names(month("a"), month("b", currency="EUR")) == set()
    assert names(month("a"), month("b", row_count=LEAST_COMMON - 1)) == set()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(month("b", (31, 31)), id="a moment in common"),
        pytest.param(month("b", accounts=_ANY), id="a charge without an account"),
        pytest.param(month("b", accounts=("Z", "b")), id="several accounts"),
        pytest.param(month("b", None), id="a load of an earlier version"),
    ],
)
def test_loads_that_may_have_a_charge_in_common_are_compared(
    other: ChargedMonth,
) -> None:
    assert names(month("a"), other) == {"a", "b"}


def test_two_sources_may_write_one_account_in_two_ways() -> None:
    other = month("b", accounts=("/accounts/a", "/accounts/a"), source="others")
    assert names(month("a"), other) == {"a", "b"}


def test_of_many_loads_those_are_found_that_comparing_each_pair_finds() -> None:
    draw = random.Random(18)
    for _ in range(200):
        months = []
        for number in range(draw.randint(2, 8)):
            start = draw.randint(1, 28)
            days = (start, min(start + draw.choice((0, 1, 5, 20)), 31))
            name = f"{draw.randint(0, 5)}.csv"
            account, source = draw.choice("ab"), draw.choice(("bills", "others"))
            months.append(
                month(
                    name,
                    days,
                    accounts=(account, account),
                    amount=number,
                    source=source,
                )
            )
        expected = {
            id(each)
            for one, two in pairs_of(months)
            if _meet(one, two)
            for each in (one, two)
        }
        assert {id(each) for each in overlapping(months)} == expected
        for one, two in pairs_of(months):
            assert may_repeat(one, two) == _meet(one, two)


def pairs_of(
    months: list[ChargedMonth],
) -> Iterator[tuple[ChargedMonth, ChargedMonth]]:
    yield from combinations(months, 2)


def _meet(one: ChargedMonth, two: ChargedMonth) -> bool:
    (start, end), (other_start, other_end) = one.total.span, two.total.span
    assert start is not None
    assert end is not None
    assert other_start is not None
    assert other_end is not None
    is_one_account = (
        one.source != two.source or one.total.accounts == two.total.accounts
    )
    is_at_one_time = start <= other_end and other_start <= end
    return one.key != two.key and is_one_account and is_at_one_time


def test_thousands_of_loads_are_told_apart_in_one_pass() -> None:
    """Each of 5,000 files of one day of its own account: no pair is looked at."""
    days = [month(f"{n}.csv", (5, 5), accounts=(f"{n}", f"{n}")) for n in range(5_000)]
    assert overlapping(days) == []


def outlined(
    name: str, outline: Iterable[int], *, charge_count: int | None = 100
) -> ChargedMonth:
    known = month(name, row_count=2 * (charge_count or 100))
    smallest = tuple(sorted(set(outline))[:SKETCH_SIZE])
    total = replace(known.total, outline=smallest, charge_count=charge_count)
    return replace(known, total=total)


def test_loads_are_told_apart_by_a_few_columns_of_their_charges() -> None:
    """Of 200 hashes, 19 are fewer than a tenth, 20 not; half the rows are free."""
    one = outlined("one", range(200))
    few = outlined("few", range(181, 381))
    more = outlined("more", range(180, 380))
    assert list(not_unlike([one, few])) == []
    assert list(not_unlike([one, more])) == [one, more]
    # Of a single charge, of none, or of nobody knows how many, too little is known.
    assert list(not_unlike([one, outlined("bare", ())])) != []
    assert len(list(not_unlike([one, outlined("single", [7_000])]))) == 2
    uncounted = outlined("uncounted", range(181, 381), charge_count=None)
    assert len(list(not_unlike([one, uncounted]))) == 2


@pytest.mark.parametrize(
    "repeated", [0.5, pytest.param(0.9, marks=pytest.mark.full), 1.0]
)
def test_a_load_that_repeats_half_of_another_is_never_told_apart(
    repeated: float,
) -> None:
    """Of two sizes, with from 5 amounts to one for each charge."""
    draw = random.Random(20_261_128)
    number: dict[tuple[int, int], int] = defaultdict(lambda: draw.getrandbits(63))
    for size, longer, amounts in product((60, 2_000), (1, 4), (5, 100, 10**9)):
        for _ in range(20):
            pairs = [
                (draw.randrange(31), draw.randrange(amounts))
                for _ in range(size * (longer + 1))
            ]
            first = int(size * (1 - repeated))
            one, other = (
                outlined(name, map(number.__getitem__, some), charge_count=len(some))
                for name, some in (
                    ("one", pairs[:size]),
                    ("other", pairs[first : first + size * longer]),
                )
            )
            assert len(list(not_unlike([one, other]))) == 2


@pytest.mark.parametrize("usage", [30, 200, 800, 1_100])
def test_a_load_that_repeats_seats_at_one_price_is_never_told_apart(usage: int) -> None:
    """1,200 seats without names are one hash; the usage beside them is all new."""
    draw = random.Random(20_261_129)
    for _ in range(50):
        seat = draw.getrandbits(63)
        one, other = (
            outlined(
                name,
                [seat, *(draw.getrandbits(63) for _ in range(usage))],
                charge_count=1_200 + usage,
            )
            for name in ("one", "other")
        )
        assert len(list(not_unlike([one, other]))) == 2


def test_loads_with_a_hash_for_most_charges_are_told_apart() -> None:
    """Of 20,000 charges each, 16,000 have a hash of their own."""
    draw = random.Random(20_261_130)
    one, other = (
        outlined(
            name, (draw.getrandbits(63) for _ in range(16_000)), charge_count=20_000
        )
        for name in ("one", "other")
    )
    assert list(not_unlike([one, other])) == []
