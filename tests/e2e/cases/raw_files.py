"""Bills, rates and meters of the sample company, read as their providers wrote them.

Nothing of the product is used: no connector, no model, no mart and no plan. What no
reader could use, such as an amount of "see invoice" or a currency EUX, is left out.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Accounts of business systems, which are no AI.
BUSINESS: Final = frozenset({"021000000021", "021000000022", "nordhafen-office"})
#: Tax and credits are no part of what AI cost.
_ASIDE: Final = frozenset({"Tax", "Credit"})
#: Slices of a whole GPU; a profile such as ``3g.40gb`` begins with its own.
_SLICES: Final = 7


def ai_cost(root: Path, month: str) -> Decimal:
    """Return what AI cost in a month [EUR]: amortised, before tax and credits."""
    usd = _euros_of_a_dollar(root, month)
    total = Decimal(0)
    for read in (_aws, _gcp, _tidewater, _railway, _openai, _anthropic):
        for currency, amount in read(root / "bills", month):
            total += amount if currency == "EUR" else amount * usd
    return total


def _euros_of_a_dollar(root: Path, month: str) -> Decimal:
    """Return the rate that finance typed in, else the inverse of the ECB's mean."""
    for row in _table(root / "meters" / "fx_rates.csv"):
        if row["from_currency"] == "USD" and row["rate_date"].startswith(month):
            return Decimal(row["rate"])
    days = [
        Decimal(row["USD"])
        for row in _table(root / "meters" / "ecb" / "eurofxref-hist.csv")
        if row["Date"].startswith(month)
    ]
    return len(days) / sum(days, Decimal(0))


def _aws(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    for row in aws_rows(bills, month):
        is_ai = row["SubAccountId"] not in BUSINESS
        if is_ai and row["ChargeCategory"] not in _ASIDE:
            yield row["BillingCurrency"], row["EffectiveCost"]


def aws_rows(bills: Path, month: str) -> Iterator[dict[str, Any]]:
    """Return lines of AWS in EUR and USD, of the files that its manifest names."""
    export = bills / "aws" / "exports" / "focus"
    period = f"BILLING_PERIOD={month}"
    manifest = export / "metadata" / period / "focus-Manifest.json"
    columns = ("SubAccountId", "ChargeCategory", "BillingCurrency", "EffectiveCost")
    for name in json.loads(manifest.read_text("utf-8"))["dataFiles"]:
        path = export / "data" / f"{period}{name.partition(period)[2]}"
        table = pq.read_table(path, columns=[*columns, "ChargePeriodStart", "Tags"])
        for row in table.to_pylist():
            if row["BillingCurrency"] in {"EUR", "USD"}:
                yield row


def _gcp(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    """Yield cost less discounts; a promotion is a credit."""
    for path in bills.glob(f"gcp/*/{month}.parquet"):
        for row in pq.read_table(path).to_pylist():
            project = row["project"] or {}
            if row["cost_type"] == "tax" or project.get("id") in BUSINESS:
                continue
            yield row["currency"], Decimal(str(row["cost"]))
            for credit in row["credits"] or ():
                if credit["type"] != "PROMOTION":
                    yield row["currency"], Decimal(str(credit["amount"]))


def _tidewater(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    path = bills / "hybrid" / f"{month}.csv.gz"
    for row in _table(path) if path.exists() else ():
        if row["ChargeCategory"] not in _ASIDE:
            yield row["BillingCurrency"], Decimal(row["EffectiveCost"])


def _railway(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    """Yield the items of the invoice of a month; usage on it is rounded to cents."""
    for answer in _lines(bills / "railway" / "account.jsonl.gz"):
        workspace = answer["answer"]["data"].get("workspace") or {}
        for invoice in workspace.get("customer", {}).get("invoices", ()):
            if invoice["periodStart"].startswith(month):
                for item in invoice["items"]:
                    price = Decimal(str(item["priceDollars"]))
                    yield "USD", price * item["quantity"]


def _openai(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    for page in _lines(bills / f"openai/v1/organization/costs/{month}.json.gz"):
        for day in page["data"]:
            at = datetime.fromtimestamp(day["start_time"], UTC)
            assert f"{at:%Y-%m}" == month
            for line in day["results"]:
                yield "USD", Decimal(str(line["amount"]["value"]))


def _anthropic(bills: Path, month: str) -> Iterator[tuple[str, Decimal]]:
    """Yield amounts, which are in cents."""
    pages = f"anthropic/v1/organizations/cost_report/{month}.json.gz"
    for page in _lines(bills / pages):
        for day in page["data"]:
            for line in day["results"]:
                yield "USD", Decimal(line["amount"]) / 100


def slice_hours(root: Path, month: str) -> dict[tuple[str, str], Decimal]:
    """Return model and hour → part of the sliced GPU that it held, use unmeasured.

    A record of minus one hour is none.
    """
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for answer in _lines(root / "meters" / "opencost" / f"{month}.json.gz"):
        for window in answer["data"]:
            for record in window.values():
                model = record["properties"].get("labels", {}).get("model")
                if model is None or record["gpuHours"] <= 0:
                    continue
                assert record["gpuAllocation"]["gpuUsageAverage"] is None
                slices = record["gpuAllocation"]["migProfile"].partition("g.")[0]
                part = Decimal(slices) / _SLICES * Decimal(str(record["gpuHours"]))
                held[model, record["window"]["start"]] += part
    return held


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _table(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)
