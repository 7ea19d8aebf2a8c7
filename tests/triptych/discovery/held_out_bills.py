"""Seven bills that the knowledge base was not written from, with planted truth.

What is on them stands in ``held_out/``, a line for each meter; here they are written as
each provider writes a bill. They were made before the knowledge base, and a digest
keeps them as they were: a rule that is written to please them proves nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, str]

_METERS = Path(__file__).parent / "held_out"
_DAYS_OF_JUNE = 30
_DAYS_PER_METER = 9
_CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Meter:
    """What a provider charges for, and what a person who knows it would say of it."""

    service: str
    code: str
    meter: str
    description: str
    resource: str
    tags: dict[str, str]
    daily_cost: Decimal
    is_ai: bool
    model: str


@dataclass(frozen=True, slots=True)
class Line:
    """A charge of one day."""

    meter: Meter
    day: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class HeldOutBill:
    """A bill of June 2026 and which tag keys mean what on it."""

    name: str
    lines: tuple[Line, ...]
    keys: dict[str, str]
    write_row: Callable[[Line], Row]

    @property
    def file_name(self) -> str:
        """Return what the provider would call the file, roughly."""
        return f"{self.name}.csv"

    def owner_of(self, line: Line) -> str:
        """Return the team that the line's tag names; empty where it has none."""
        return line.meter.tags.get(self.keys["owner"], "")

    def text(self) -> str:
        """Return the file's content."""
        rows = [self.write_row(line) for line in self.lines]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        file = io.StringIO()
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()

    def write(self, folder: Path) -> Path:
        """Write the file into a folder and return its path."""
        path = folder / self.file_name
        path.write_text(self.text(), encoding="utf-8")
        return path


def held_out_bills() -> tuple[HeldOutBill, ...]:
    """Return all of them."""
    return tuple(_bill(name, write_row) for name, write_row in _WRITERS.items())


def digest() -> str:
    """Return a digest of every byte and all planted truth."""
    content = hashlib.sha256()
    for bill in held_out_bills():
        content.update(bill.text().encode())
        content.update((_METERS / f"{bill.name}.txt").read_bytes())
    return content.hexdigest()


def _bill(name: str, write_row: Callable[[Line], Row]) -> HeldOutBill:
    text = (_METERS / f"{name}.txt").read_text(encoding="utf-8")
    first, _, *rest = text.splitlines()
    keys = dict(pair.split("=", 1) for pair in first.removeprefix("# ").split())
    meters = [_meter(line) for line in rest]
    return HeldOutBill(name, tuple(_lines(meters, name)), keys, write_row)


def _meter(text: str) -> Meter:
    service, code, meter, description, resource, tags, cost, is_ai, model = text.split(
        "|"
    )
    pairs = [pair.split("=", 1) for pair in tags.split(";") if pair]
    return Meter(
        service,
        code,
        meter,
        description,
        resource,
        dict(pairs),
        Decimal(cost),
        is_ai == "1",
        model,
    )


def _lines(meters: list[Meter], seed: str) -> Iterator[Line]:
    chance = random.Random(f"held out: {seed}")
    for meter in meters:
        for day in sorted(chance.sample(range(1, _DAYS_OF_JUNE + 1), _DAYS_PER_METER)):
            factor = Decimal(chance.randint(60, 140)) / 100
            yield Line(meter, day, (meter.daily_cost * factor).quantize(_CENT))


def _days(line: Line) -> tuple[str, str]:
    following = (
        f"2026-06-{line.day + 1:02}" if line.day < _DAYS_OF_JUNE else "2026-07-01"
    )
    return f"2026-06-{line.day:02}", following


def _focus(line: Line, *, provider: str, publisher: str = "") -> Row:
    start, end = _days(line)
    cost = str(line.cost)
    return {
        "BilledCost": cost,
        "BillingAccountId": "210987654321",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-06-01T00:00:00Z",
        "BillingPeriodEnd": "2026-07-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": line.meter.description,
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{end}T00:00:00Z",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": provider,
        "ListCost": cost,
        "ProviderName": provider,
        "PublisherName": publisher or provider,
        "ResourceId": line.meter.resource,
        "ServiceName": line.meter.service,
        "Tags": json.dumps(line.meter.tags) if line.meter.tags else "",
    }


def _aws_focus(line: Line) -> Row:
    return {
        **_focus(line, provider="AWS"),
        "SkuMeter": line.meter.meter,
        "x_ServiceCode": line.meter.code,
        "x_UsageType": line.meter.meter,
    }


def _aws_cur_legacy(line: Line) -> Row:
    start, end = _days(line)
    tags = {f"resourceTags/{key}": value for key, value in line.meter.tags.items()}
    return {
        "identity/LineItemId": f"{line.meter.meter}-{line.day}",
        "bill/BillType": "Anniversary",
        "bill/BillingEntity": (
            "AWS Marketplace" if "MP:" in line.meter.meter else "AWS"
        ),
        "bill/BillingPeriodStartDate": "2026-06-01T00:00:00Z",
        "bill/BillingPeriodEndDate": "2026-07-01T00:00:00Z",
        "bill/PayerAccountId": "111122223333",
        "lineItem/UsageAccountId": "111122223333",
        "lineItem/LineItemType": "Usage",
        "lineItem/UsageStartDate": f"{start}T00:00:00Z",
        "lineItem/UsageEndDate": f"{end}T00:00:00Z",
        "lineItem/ProductCode": line.meter.code,
        "lineItem/UsageType": line.meter.meter,
        "lineItem/ResourceId": line.meter.resource,
        "lineItem/UsageAmount": "1",
        "lineItem/CurrencyCode": "USD",
        "lineItem/UnblendedCost": str(line.cost),
        "lineItem/LineItemDescription": line.meter.description,
        "lineItem/LegalEntity": "Amazon Web Services EMEA SARL",
        "product/ProductName": line.meter.service,
        "pricing/publicOnDemandCost": str(line.cost),
        **tags,
    }


def _aws_cur2(line: Line) -> Row:
    start, end = _days(line)
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": "2026-06-01 00:00:00",
        "bill_billing_period_end_date": "2026-07-01 00:00:00",
        "bill_payer_account_id": "444455556666",
        "line_item_usage_account_id": "444455556666",
        "line_item_usage_account_name": "legal-prod",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": f"{start} 00:00:00",
        "line_item_usage_end_date": f"{end} 00:00:00",
        "line_item_product_code": line.meter.code,
        "line_item_usage_type": line.meter.meter,
        "line_item_resource_id": line.meter.resource,
        "line_item_usage_amount": "1",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": str(line.cost),
        "line_item_line_item_description": line.meter.description,
        "product_servicecode": line.meter.service,
        "resource_tags": json.dumps(line.meter.tags),
    }


def _azure_ea(line: Line) -> Row:
    start, _ = _days(line)
    year, month, day = start.split("-")
    bare = json.dumps(line.meter.tags).removeprefix("{").removesuffix("}")
    return {
        "InvoiceSectionName": "Insurance",
        "AccountName": "EA account",
        "SubscriptionId": "5d1f2c00-0000-4000-8000-000000000001",
        "SubscriptionName": "Production",
        "ResourceGroup": "rg",
        "ResourceLocation": "westeurope",
        "Date": f"{month}/{day}/{year}",
        "ProductName": line.meter.description,
        "MeterCategory": line.meter.service,
        "MeterSubCategory": line.meter.code,
        "MeterId": hashlib.sha256(line.meter.meter.encode()).hexdigest()[:32],
        "MeterName": line.meter.meter,
        "UnitOfMeasure": "1 Hour",
        "Quantity": "1",
        "EffectivePrice": str(line.cost),
        "CostInBillingCurrency": str(line.cost),
        "CostCenter": "",
        "ConsumedService": "Microsoft",
        "ResourceId": line.meter.resource,
        "Tags": bare,
        "BillingCurrencyCode": "EUR",
        "BillingPeriodStartDate": "06/01/2026",
        "BillingPeriodEndDate": "06/30/2026",
        "BillingAccountId": "88776655",
        "ChargeType": "Usage",
        "Frequency": "UsageBased",
        "PublisherType": "Azure",
        "PublisherName": "Microsoft",
        "PricingModel": "OnDemand",
    }


def _gcp_export(line: Line) -> Row:
    start, end = _days(line)
    labels = [{"key": k, "value": v} for k, v in line.meter.tags.items()]
    return {
        "billing_account_id": "0A1B2C-3D4E5F-6A7B8C",
        "service.id": line.meter.code,
        "service.description": line.meter.service,
        "sku.id": line.meter.meter,
        "sku.description": line.meter.description,
        "usage_start_time": f"{start}T00:00:00",
        "usage_end_time": f"{end}T00:00:00",
        "project.id": "rx-prod",
        "project.name": "rx-prod",
        "labels": json.dumps(labels),
        "location.region": "europe-west4",
        "resource.name": line.meter.resource.rsplit("/", 1)[-1],
        "resource.global_name": line.meter.resource,
        "export_time": f"{end}T06:00:00",
        "cost": str(line.cost),
        "currency": "EUR",
        "currency_conversion_rate": "1",
        "usage.amount": "1",
        "usage.unit": "count",
        "credits": "[]",
        "invoice.month": "202606",
        "cost_type": "regular",
    }


def _oracle_focus(line: Line) -> Row:
    row = _focus(line, provider="Oracle")
    names = {"ProviderName": "Provider", "PublisherName": "Publisher"}
    names |= {"InvoiceIssuerName": "InvoiceIssuer"}
    return {
        **{names.get(name, name): value for name, value in row.items()},
        "Region": "us-phoenix-1",
        "SkuId": line.meter.code,
        "SkuPriceId": "",
        "PricingUnit": line.meter.meter,
        "oci_CompartmentName": line.meter.tags.get("responsible", ""),
        "oci_ReferenceNumber": f"{line.meter.code}-{line.day}",
    }


def _ai_vendors(line: Line) -> Row:
    return {
        **_focus(line, provider=line.meter.code),
        "SkuId": line.meter.meter,
        "SkuMeter": line.meter.meter,
    }


_WRITERS: dict[str, Callable[[Line], Row]] = {
    "aws_focus": _aws_focus,
    "aws_cur_legacy": _aws_cur_legacy,
    "aws_cur2": _aws_cur2,
    "azure_ea": _azure_ea,
    "gcp_export": _gcp_export,
    "oracle_focus": _oracle_focus,
    "ai_vendors": _ai_vendors,
}
