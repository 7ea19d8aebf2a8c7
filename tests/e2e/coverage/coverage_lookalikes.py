"""Look-alikes: charges that resemble each other, and all of which are true."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from tests.e2e.coverage.coverage_rows import (
    DAY,
    HOUR,
    SEPTEMBER,
    Case,
    Charge,
    amounts,
    at_grain,
    daily,
    monthly,
    rows_of,
    scaled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAMES = (
    *("Tarn", "Ulver", "Veld", "Wexcombe", "Yarrow", "Zennor", "Aske", "Brinkley"),
    *("Clun", "Deben", "Esk", "Frome", "Glaven", "Hodder", "Itchen", "Kennet"),
    *("Lune", "Medway", "Nidd", "Otter", "Parrett", "Roding", "Severn", "Test"),
    *("Ure", "Vyrnwy", "Wharfe", "Yealm", "Avon", "Bure", "Calder", "Derwent"),
    *("Eden", "Foyle", "Greta", "Humber", "Irwell", "Kelvin", "Leven", "Mole"),
    *("Nene", "Orwell", "Piddle", "Rother", "Stour", "Tamar", "Usk", "Waveney"),
)
_Delivery = tuple[str, "Sequence[Charge]"]
_SEAT = Decimal("30.00")


def lookalikes() -> Iterator[Case]:
    """Yield all of them; what is true is what all of their charges cost."""
    numbers = count()
    for name, deliveries in (
        *_seats(),
        *_machines(),
        *_consecutive(),
        *_accounts(),
        *_corrections(),
        *_fees(),
        *_two_channels(),
    ):
        number = next(numbers)
        vendor = _NAMES[number]
        files = {
            (channel, f"{vendor}-{n}.csv"): rows_of(channel, vendor, charges)
            for n, (channel, charges) in enumerate(deliveries)
        }
        truth = sum((c.amount for _, each in deliveries for c in each), Decimal(0))
        yield Case(f"{number + 1}. {name}", False, vendor, truth, files)
    yield _two_currencies()
    yield from _two_vendors()


def _seat_rows(people: range) -> list[Charge]:
    """Return a monthly seat for each of several people."""
    return [monthly(_SEAT, item="seat", ResourceId=f"person-{n}") for n in people]


def _seats() -> Iterator[tuple[str, list[_Delivery]]]:
    yield (
        "seats at one price, a file for each team",
        [("invoice", _seat_rows(range(30))), ("invoice", _seat_rows(range(30, 60)))],
    )
    yield (
        "seats without names, told apart by the tag of the team",
        [
            ("invoice", [monthly(_SEAT, item="seat", Tags=tag)] * 30)
            for tag in ('{"team": "a"}', '{"team": "b"}')
        ],
    )
    yield (
        "seats of two projects in two files",
        [
            ("api", [monthly(_SEAT, item="seat", SubAccountId=project)] * 20)
            for project in ("sales", "support")
        ],
    )
    yield "equal seats in one file", [("card", [monthly(_SEAT, item="seat")] * 25)]
    yield (
        "seats bought later in the month",
        [("api", _seat_rows(range(20))), ("api", _seat_rows(range(20, 23)))],
    )


def _nodes(names: Sequence[str], **others: str) -> list[Charge]:
    return [
        Charge(
            SEPTEMBER + n * HOUR,
            HOUR,
            Decimal("2.48"),
            "gpu node",
            {"ResourceId": name, **others},
        )
        for n in range(48)
        for name in names
    ]


def _machines() -> Iterator[tuple[str, list[_Delivery]]]:
    yield "hourly nodes of one price in one file", [("api", _nodes("abcd"))]
    yield (
        "hourly nodes of one price, a file for each pool",
        [("api", _nodes(["a1", "a2"])), ("api", _nodes(["b1", "b2"]))],
    )
    yield (
        "regions with equal amounts in one file",
        [("api", _nodes("a", RegionId="eu") + _nodes("b", RegionId="us"))],
    )
    yield (
        "regions with equal amounts, a file for each",
        [
            ("marketplace", daily([Decimal("41.20")] * 30, RegionId=region))
            for region in ("eu-1", "us-1")
        ],
    )
    yield (
        "regions with equal loads, a file for each",
        [("api", daily(amounts(310, 30), RegionId=r)) for r in ("eu-1", "us-1")],
    )
    yield (
        "input and output at one amount, a file for each",
        [("api", daily([Decimal("12.60")] * 30, item=i)) for i in ("input", "output")],
    )
    yield (
        "a file for each service",
        [
            ("marketplace", daily(amounts(s, 30), item=f"svc {s}", ServiceName=f"s{s}"))
            for s in (311, 312, 313)
        ],
    )
    yield (
        "two keys of one project in two files",
        [
            ("api", daily(amounts(s, 30), ResourceId=key))
            for s, key in ((314, "key-1"), (315, "key-2"))
        ],
    )


def _consecutive() -> Iterator[tuple[str, list[_Delivery]]]:
    hours = at_grain("hourly", 320)
    yield "a file for each hour", [("api", [hour]) for hour in hours[:48]]
    same = daily([Decimal("25.00")] * 30)
    yield "a file for each day, all alike", [("api", [day]) for day in same]
    yield (
        "monthly fees that are equal each month, a file for each",
        [("invoice", [monthly("499.00", month=m)]) for m in (7, 8, 9)],
    )
    days = daily(amounts(321, 30))
    yield "two halves of a month", [("api", days[:15]), ("api", days[15:])]
    yield (
        "a source that another follows",
        [("card", days[:10]), ("invoice", days[10:])],
    )
    weeks = [
        Charge(SEPTEMBER + n * 7 * DAY, 7 * DAY, Decimal("700.00"), "week")
        for n in range(4)
    ]
    yield "equal weekly invoices", [("invoice", [week]) for week in weeks]
    statements = [
        Charge(SEPTEMBER, 15 * DAY, Decimal("812.40"), "statement"),
        Charge(SEPTEMBER + 15 * DAY, 15 * DAY, Decimal("812.40"), "statement"),
    ]
    yield (
        "two statements of half a month, equal",
        [("card", [each]) for each in statements],
    )
    yield (
        "late hours of a day in the next file",
        [("api", hours[48:68]), ("api", hours[68:96])],
    )
    late = daily(amounts(322, 3), first=10, item="batch", ResourceId="late")
    yield (
        "late charges of days that were delivered",
        [("api", daily(amounts(323, 30))), ("api", late)],
    )
    jobs = at_grain("line items", 324)
    yield "jobs in files of ten", [("api", jobs[n : n + 10]) for n in range(0, 60, 10)]


def _accounts() -> Iterator[tuple[str, list[_Delivery]]]:
    for name, channel, values in (
        ("equal amounts", "invoice", [Decimal("150.00")] * 30),
        ("other amounts", "invoice", amounts(330, 30)),
        ("equal amounts on the marketplace", "marketplace", [Decimal("88.10")] * 30),
    ):
        second = amounts(331, 30) if name == "other amounts" else values
        yield (
            f"two accounts of one vendor, {name}",
            [
                (channel, daily(values, BillingAccountId="acct-1")),
                (channel, daily(second, BillingAccountId="acct-2")),
            ],
        )
    yield (
        "two accounts of one vendor by two sources",
        [
            ("marketplace", daily(amounts(332, 30), BillingAccountId="555500001111")),
            ("invoice", daily(amounts(333, 30), BillingAccountId="555500002222")),
        ],
    )
    yield (
        "two subscriptions of equal price in one file",
        [
            (
                "invoice",
                [monthly("240.00", item=f"plan {n}", ResourceId=n) for n in ("x", "y")],
            )
        ],
    )
    yield (
        "two subscriptions of equal price, a file for each",
        [
            ("invoice", [monthly("240.00", item="plan", ResourceId=f"sub-{n}")])
            for n in ("x", "y")
        ],
    )


def _corrections() -> Iterator[tuple[str, list[_Delivery]]]:
    days = daily(amounts(340, 30))
    back = scaled(days[:5], "-1")
    yield "a refund of five days", [("api", days), ("api", back)]
    again = scaled(days[:5], "1.05")
    yield "a refund and a new bill", [("invoice", days), ("invoice", [*back, *again])]
    more = daily(amounts(341, 4, around=10), first=3, ChargeClass="Correction")
    yield "corrections of four days", [("api", days), ("api", more)]
    credit = monthly("-500.00", item="credit", ChargeCategory="Credit")
    yield "a monthly credit in a file", [("api", days), ("api", [credit])]
    tax = monthly("178.60", item="VAT", ChargeCategory="Tax")
    yield "tax in a file", [("invoice", days), ("invoice", [tax])]
    nothing = daily([Decimal("0.00")] * 30)
    yield "charges of nothing, twice", [("api", nothing), ("api", nothing[::-1])]


def _fees() -> Iterator[tuple[str, list[_Delivery]]]:
    days = daily(amounts(350, 30))
    fee = monthly("120.00", item="support", ServiceName="Support")
    yield "a monthly fee beside usage", [("api", days), ("api", [fee])]
    yield "a monthly fee on a card beside usage", [("api", days), ("card", [fee])]
    quarter = Charge(SEPTEMBER.replace(month=7), 92 * DAY, Decimal(900), "quarter")
    months = [monthly("300.00", month=m, item="plan") for m in (7, 8, 9)]
    yield (
        "a quarterly fee beside monthly ones of another service",
        [("invoice", [quarter]), ("invoice", scaled(months, "1.4"))],
    )


def _two_channels() -> Iterator[tuple[str, list[_Delivery]]]:
    yield (
        "usage by API, seats on a card",
        [("api", daily(amounts(360, 30))), ("card", [monthly(_SEAT * 14)])],
    )
    yield (
        "one model on the marketplace, one from the vendor",
        [
            ("marketplace", daily(amounts(361, 30), item="large")),
            ("api", daily(amounts(362, 30, around=500), item="small")),
        ],
    )
    yield (
        "two licences of one price by card and invoice",
        [
            ("card", [monthly("250.00", item="team plan")]),
            ("invoice", [monthly("250.00", item="enterprise support")]),
        ],
    )


def _two_currencies() -> Case:
    fees = [monthly("410.00", item="plan")]
    files = {
        ("invoice", "Lowther-eu.csv"): rows_of(
            "invoice",
            "Lowther",
            [monthly("410.00", item="plan", BillingAccountId="eu")],
            currency="EUR",
        ),
        ("invoice", "Lowther-us.csv"): rows_of("invoice", "Lowther", fees),
    }
    name = "equal fees in two currencies"
    return Case(name, False, "Lowther", Decimal(820), files)


def _two_vendors() -> Iterator[Case]:
    """Yield vendors that ask the same price as another one."""
    for price in ("1000.00", "49.90"):
        for vendor in ("Ribble", "Swale"):
            named = f"{vendor}{price[:2]}"
            files = {
                ("invoice" if vendor == "Ribble" else "card", f"{named}.csv"): rows_of(
                    "invoice" if vendor == "Ribble" else "card",
                    named,
                    [monthly(price, item="plan")],
                )
            }
            name = f"two vendors at {price}: {vendor}"
            yield Case(name, False, named, Decimal(price), files)
