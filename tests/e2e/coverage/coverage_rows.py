"""Charges of invented vendors as five channels deliver them, in FOCUS columns."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HEADER = (
    *("BilledCost", "EffectiveCost", "BillingCurrency", "BillingPeriodStart"),
    *("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass"),
    *("ServiceProviderName", "ProviderName", "PublisherName", "InvoiceIssuerName"),
    *("BillingAccountId", "SubAccountId", "ServiceName", "SkuId", "ResourceId"),
    *("RegionId", "InvoiceId", "ChargeDescription", "Tags"),
)
CHANNELS = ("api", "card", "marketplace", "invoice")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEPTEMBER = datetime(2026, 9, 1)  # noqa: DTZ001  (FOCUS files have UTC without a zone)
#: Twelve charges a vendor has no two of: the amounts of cases never meet by chance.
_PRIME, _STEP = 9_973, 7_919


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge: from ``start`` for ``length``, in the words of no channel."""

    start: datetime
    length: timedelta
    amount: Decimal
    item: str = "tokens"
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Files of one vendor, by channel and name, and what they cost in truth."""

    name: str
    is_repeat: bool
    vendor: str
    true_total: Decimal
    files: Mapping[tuple[str, str], Sequence[Mapping[str, str]]]

    @property
    def counted_total(self) -> Decimal:
        """Return what all files charge, each counted once."""
        rows = (row for rows in self.files.values() for row in rows)
        return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


def rows_of(
    channel: str, vendor: str, charges: Iterable[Charge], *, currency: str = "USD"
) -> list[dict[str, str]]:
    """Return charges as a channel delivers them."""
    return [_row(channel, vendor, charge, currency) for charge in charges]


def _row(channel: str, vendor: str, charge: Charge, currency: str) -> dict[str, str]:
    month = charge.start.replace(day=1, hour=0, minute=0)
    row = dict.fromkeys(HEADER, "")
    row |= {
        "BilledCost": f"{charge.amount:f}",
        "EffectiveCost": f"{charge.amount:f}",
        "BillingCurrency": currency,
        "BillingPeriodStart": f"{month:%Y-%m-%d}",
        "ChargePeriodStart": f"{charge.start:%Y-%m-%d %H:%M:%S}",
        "ChargePeriodEnd": f"{charge.start + charge.length:%Y-%m-%d %H:%M:%S}",
        "ChargeCategory": "Usage",
    }
    row |= _of_channel(channel, vendor, charge.item)
    return row | dict(charge.others)


def _of_channel(channel: str, vendor: str, item: str) -> dict[str, str]:
    """Return the columns in which channels differ."""
    if channel == "api":
        return {"ServiceProviderName": vendor, "ServiceName": f"{vendor} API"} | {
            "SubAccountId": f"proj-{vendor.lower()}",
            "SkuId": item,
        }
    if channel == "card":
        return {"ServiceProviderName": f"{vendor.upper()} INC"} | {
            "BillingAccountId": "card 4711",
            "ChargeDescription": f"{vendor.upper()} *{item.upper()}",
        }
    if channel == "marketplace":
        return {"ProviderName": "AWS", "PublisherName": vendor} | {
            "InvoiceIssuerName": "AWS",
            "BillingAccountId": "111122223333",
            "ServiceName": f"{vendor} (Marketplace)",
            "SkuId": f"mp-{item}",
        }
    if channel == "invoice":
        return {"ServiceProviderName": f"{vendor}, Inc."} | {
            "BillingAccountId": f"customer of {vendor}",
            "InvoiceId": f"INV-{vendor}",
            "ServiceName": f"{vendor} usage",
            "ChargeDescription": item,
        }
    return {"ServiceProviderName": "LiteLLM", "ServiceName": vendor, "SkuId": item}


def text_of(rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as a file of comma-separated values."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def amounts(seed: int, count: int, *, around: int = 2_000) -> list[Decimal]:
    """Return amounts that differ between charges and between seeds."""
    numbers = ((seed * _STEP + n * n * 131 + n * 17) % _PRIME for n in range(count))
    return [Decimal(around + number).scaleb(-2) for number in numbers]


def total(charges: Iterable[Charge]) -> Decimal:
    """Return what charges cost."""
    return sum((charge.amount for charge in charges), Decimal(0))


def scaled(charges: Iterable[Charge], factor: str) -> list[Charge]:
    """Return charges at another rate."""
    return [
        Charge(c.start, c.length, c.amount * Decimal(factor), c.item, c.others)
        for c in charges
    ]


def daily(
    values: Sequence[Decimal],
    *,
    first: int = 1,
    item: str = "tokens",
    **others: str,
) -> list[Charge]:
    """Return a charge a day of September, from a day on."""
    return [
        Charge(SEPTEMBER + (first - 1 + n) * DAY, DAY, value, item, others)
        for n, value in enumerate(values)
    ]


def monthly(
    value: Decimal | str, *, month: int = 9, item: str = "month", **others: str
) -> Charge:
    """Return a charge for a whole month."""
    start = SEPTEMBER.replace(month=month)
    end = (start + 31 * DAY).replace(day=1)
    return Charge(start, end - start, Decimal(value), item, others)


def at_grain(grain: str, seed: int) -> list[Charge]:
    """Return the charges of a vendor at a grain, in their order."""
    if grain == "hourly":
        return [
            Charge(SEPTEMBER + n * HOUR, HOUR, amount)
            for n, amount in enumerate(amounts(seed, 240, around=100))
        ]
    if grain == "daily":
        both = amounts(seed, 30), amounts(seed + 500, 30)
        made = daily(both[0], item="input") + daily(both[1], item="output")
        return sorted(made, key=lambda charge: charge.start)
    if grain == "monthly":
        return [
            monthly(amount, month=7 + n // 4, item=f"plan {n % 4}")
            for n, amount in enumerate(amounts(seed, 12, around=40_000))
        ]
    return [
        Charge(
            SEPTEMBER + (n // 6) * DAY + (n % 6) * timedelta(hours=3, minutes=20),
            timedelta(minutes=20),
            amount,
            f"run {n % 2}",
            {"ResourceId": f"job-{seed}-{n % 3}"},
        )
        for n, amount in enumerate(amounts(seed, 60))
    ]
