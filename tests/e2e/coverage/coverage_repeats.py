"""Repeats: money that is delivered twice, with what it is in truth.

Four grains, four channels and five manners in one channel, then the same money in two
channels, then those that were found first. Each true total is the sum of the charges
that were planned, before any of them was written twice.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING

from tests.e2e.coverage.coverage_rows import (
    CHANNELS,
    DAY,
    SEPTEMBER,
    Case,
    Charge,
    amounts,
    at_grain,
    daily,
    monthly,
    rows_of,
    scaled,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GRAINS = ("hourly", "daily", "monthly", "line items")
MANNERS = ("growing", "sliding", "re-rated", "renamed", "restated")
_HEADS = ("Bal", "Cor", "Dun", "Fen", "Gil", "Har", "Jas", "Kel", "Lor", "Mar", "Nor")
_TAILS = ("ado", "bex", "cyon", "dora", "exis", "fyn", "gant", "hale", "ivo", "juno")


def vendor_name(number: int) -> str:
    """Return a name that no other number has."""
    return _HEADS[number // len(_TAILS)] + _TAILS[number % len(_TAILS)]


def repeats() -> Iterator[Case]:
    """Yield all of them."""
    combinations = product(GRAINS, CHANNELS, MANNERS)
    for number, (grain, channel, manner) in enumerate(combinations):
        yield _in_one_channel(vendor_name(number), number, grain, channel, manner)
    for number, case in enumerate(_in_two_channels()):
        yield replace(case, name=f"{number + 81}. {case.name}")
    yield from _found_first()


def _in_one_channel(
    vendor: str, number: int, grain: str, channel: str, manner: str
) -> Case:
    charges = at_grain(grain, number)
    deliveries, truth = _deliveries(charges, manner)
    files = {
        (channel, f"{vendor}-{n}.csv"): rows_of(channel, vendor, each)
        for n, each in enumerate(deliveries)
    }
    if manner == "renamed":
        # The bytes differ, too, or landing would know the file.
        for row in files[channel, f"{vendor}-1.csv"]:
            row["InvoiceId"] = f"INV-{vendor}-B"
            if CHANNELS.index(channel) % 2 == 0:
                row["ServiceName"] = f"{vendor} platform"
    name = f"{number + 1}. {grain}, {channel}, {manner}"
    return Case(name, True, vendor, truth, files)


def _deliveries(
    charges: Sequence[Charge], manner: str
) -> tuple[list[Sequence[Charge]], Decimal]:
    """Return the charges of each file, and what they cost in truth."""
    truth = total(charges)
    if manner == "growing":
        begun = charges[len(charges) * 2 // 3 - 1].start
        return [[c for c in charges if c.start <= begun], charges], truth
    if manner == "sliding":
        return _windows(charges), truth
    if manner == "renamed":
        return [charges, charges[::-1]], truth
    changed = scaled(charges, "1.001" if manner == "re-rated" else "1.05")
    return [charges, changed], total(changed)


def _windows(charges: Sequence[Charge]) -> list[Sequence[Charge]]:
    """Return windows of seven days every four, of months two every one."""
    is_monthly = charges[0].length > 2 * DAY
    if is_monthly:
        return [[c for c in charges if c.start.month in {m, m + 1}] for m in (7, 8)]
    first, last = charges[0].start, charges[-1].start
    starts = [first + n * 4 * DAY for n in range(8) if first + n * 4 * DAY <= last]
    windows = [[c for c in charges if s <= c.start < s + 7 * DAY] for s in starts]
    return [window for window in windows if window]


def _both(
    name: str,
    number: int,
    one: tuple[str, Sequence[Charge]],
    other: tuple[str, Sequence[Charge]],
    truth: Decimal,
    *,
    currency: str = "USD",
) -> Case:
    vendor = vendor_name(number)
    rows = (
        rows_of(one[0], vendor, one[1]),
        rows_of(other[0], vendor, other[1], currency=currency),
    )
    files = {
        (one[0], f"{vendor}-a.csv"): rows[0],
        (other[0], f"{vendor}-b.csv"): rows[1],
    }
    return Case(name, True, vendor, truth, files)


def _in_two_channels() -> Iterator[Case]:
    for n, (one, other) in enumerate(
        [
            *(("api", "card"), ("api", "marketplace"), ("api", "invoice")),
            *(("marketplace", "card"), ("marketplace", "invoice")),
            *(("invoice", "card"), ("api", "gateway"), ("marketplace", "gateway")),
        ]
    ):
        days = daily(amounts(200 + n, 30))
        month = [monthly(total(days))]
        name = f"{one} by day beside {other}"
        yield _both(
            f"{name} by month", 80 + n, (one, days), (other, month), total(days)
        )
        days = daily(amounts(220 + n, 30))
        yield _both(f"{name} by day", 88 + n, (one, days), (other, days), total(days))
    days = daily(amounts(240, 30))
    taxed = monthly(total(days) * Decimal("1.19"))
    yield _both(
        "API beside a card with tax", 96, ("api", days), ("card", [taxed]), taxed.amount
    )
    days = daily(amounts(241, 30))
    late = days[12:]
    whole = [monthly(total(days))]
    yield _both(
        "API of some days beside an invoice by day",
        97,
        ("invoice", days),
        ("api", late),
        total(days),
    )
    days = daily(amounts(242, 30))
    whole = [monthly(total(days) * Decimal("1.05"))]
    yield _both(
        "API beside an invoice that is 5 % higher",
        98,
        ("api", days),
        ("invoice", whole),
        whole[0].amount,
    )
    days = daily(amounts(243, 30))
    halves = [
        Charge(SEPTEMBER, 15 * DAY, total(days[:15]), "first half"),
        Charge(SEPTEMBER + 15 * DAY, 15 * DAY, total(days[15:]), "second half"),
    ]
    yield _both(
        "API beside two card statements",
        99,
        ("api", days),
        ("card", halves),
        total(days),
    )
    hours = at_grain("hourly", 244)
    days = [
        Charge(SEPTEMBER + n * DAY, DAY, total(hours[n * 24 : n * 24 + 24]))
        for n in range(10)
    ]
    yield _both(
        "hourly API beside a daily invoice",
        100,
        ("api", hours),
        ("invoice", days),
        total(days),
    )
    lines = at_grain("line items", 245)
    whole = [monthly(total(lines))]
    yield _both(
        "line items beside their invoice",
        101,
        ("marketplace", lines),
        ("invoice", whole),
        total(lines),
    )
    days = daily(amounts(246, 30))
    euros = monthly(total(days) * Decimal("0.9"))
    # The file in euros is worth as many dollars at the rate of 1.1111.
    yield _both(
        "API in dollars beside a card in euros",
        102,
        ("api", days),
        ("card", [euros]),
        total(days),
        currency="EUR",
    )


def _found_first() -> Iterator[Case]:
    """Yield the cases of which the amounts were known before, to the cent."""
    yield from _found_in_one_channel()
    days = daily([Decimal("94.30")] * 30)
    files = {
        ("api", "daily.csv"): rows_of("api", "Oxlade", days),
        ("api", "roll-up.csv"): rows_of("api", "Oxlade", [monthly("2829.00")]),
    }
    name = "a daily file beside a monthly roll-up: 5,658 for 2,829"
    yield Case(name, True, "Oxlade", Decimal(2829), files)
    days = daily([Decimal("1094.29")] * 29 + [Decimal("1094.42")])
    month = monthly("32828.83")
    files = {
        ("api", "Penrith.csv"): rows_of("api", "Penrith", days),
        ("card", "Penrith.csv"): rows_of("card", "Penrith", [month]),
    }
    name = "an API beside a card bill: 65,657.66 for 32,828.83"
    yield Case(name, True, "Penrith", Decimal("32828.83"), files)
    days = daily([Decimal("10.00")] * 30)
    files = {
        ("api", "month.csv"): rows_of("api", "Quillon", days),
        ("api", "month-final.csv"): rows_of("api", "Quillon", scaled(days, "1.05")),
    }
    name = "a month restated under another name: 615 for 315"
    yield Case(name, True, "Quillon", Decimal(315), files)

    yield _focus_beside_cur()


def _focus_beside_cur() -> Case:
    """Return an account of AWS, of which both exports are read."""
    account = {
        "ServiceProviderName": "AWS",
        "BillingAccountId": "999900001111",
        "SubAccountId": "999900002222",
        "ServiceName": "Amazon Elastic Compute Cloud",
        "SkuId": "",
    }
    days = [
        replace(charge, others=account | {"ResourceId": f"i-{n % 3}"})
        for n, charge in enumerate(at_grain("hourly", 260))
    ]
    rows = rows_of("api", "AWS", days)
    files = {("focus", "aws.csv"): rows, ("cur", "2026-09"): rows}
    name = "FOCUS beside CUR of one account"
    return Case(name, True, "Amazon Web Services", total(days), files)


def _found_in_one_channel() -> Iterator[Case]:
    days = daily([Decimal("14.61")] * 10 + [Decimal("22.11")] * 5)
    files = {
        ("invoice", "to-10.csv"): rows_of("invoice", "Orrin", days[:10]),
        ("invoice", "to-15.csv"): rows_of("invoice", "Orrin", days),
    }
    name = "a cumulative export of 15 lines: 402.75 for 256.65"
    yield Case(name, True, "Orrin", Decimal("256.65"), files)
    twice = {day for start in range(5, 26, 4) for day in range(start, start + 3)}
    values = [
        Decimal("149.86" if day == 5 else "149.88" if day in twice else "169.68")
        for day in range(1, 31)
    ]
    days = daily(values)
    files = {
        ("api", f"window-{start}.csv"): rows_of(
            "api", "Osterley", days[start - 1 : 30 if start == 25 else start + 6]
        )
        for start in range(1, 26, 4)
    }
    name = "windows of seven days every four: 7,431.80 for 4,733.98"
    yield Case(name, True, "Osterley", Decimal("4733.98"), files)
    before = daily([Decimal("94.044")] * 15)
    after = daily([Decimal("94.138")] * 15 + [Decimal("88.936")] * 15)
    files = {
        ("api", "first.csv"): rows_of("api", "Ottery", before),
        ("api", "second.csv"): rows_of("api", "Ottery", after),
    }
    name = "a cumulative export re-rated by 0.1 %: 4,156.77 for 2,746.11"
    yield Case(name, True, "Ottery", Decimal("2746.11"), files)
