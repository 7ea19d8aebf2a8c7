"""Bills composed from the corpus of names, with owners in messy spellings.

The corpus lies in ``tests/acceptance/blind_names``; its README tells how its truth was
decided. A bill is written as its provider writes one. Cost, owner and spelling of a
name follow from its hash.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, str]

Half = Literal["develop", "blind"]
CORPUS: Final = Path(__file__).parents[2] / "tests" / "acceptance" / "blind_names"
TEAMS: Final = (
    *("Legal Ops", "Customer Success", "Data Platform", "Vision", "Search Ranking"),
    *("Fraud Detection", "Internal Tools", "Growth"),
)
#: The key that names the owner, by the format of a bill.
OWNER_KEYS: Final = {
    "aws": "user_team",
    "azure": "Owner",
    "gcp": "squad",
    "oracle": "team",
    "aws_focus": "user:Department",
    "vendors": "team",
}
#: Parts of the money that carry no owner and, of the rest, each kind of spelling.
_UNTAGGED, _CAMEL, _WITH_TEAM = 10, 12, 6
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge of one name, with the truth about it and about its owner."""

    name: str
    provider: str
    columns: dict[str, str]
    truth: dict[str, Any]
    cost: Decimal
    team: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bill:
    """The charges that one file of a provider has."""

    format: str
    charges: tuple[Charge, ...]

    def write(self, folder: Path) -> Path:
        """Write the file as its provider does and return its path."""
        rows = [_WRITERS[self.format](charge) for charge in self.charges]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        path = folder / f"{self.format}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path


def bills(half: Half) -> list[Bill]:
    """Return the bills of a half of the corpus, one for each format."""
    by_format: dict[str, list[Charge]] = {}
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            entry = json.loads(line)
            if entry["half"] == half:
                name = _format(entry)
                by_format.setdefault(name, []).append(_charge(entry, name))
    return [Bill(name, tuple(by_format[name])) for name in sorted(by_format)]


def _format(entry: dict[str, Any]) -> str:
    """Return the format of the bill that carries a name."""
    provider = entry["provider"]
    if provider == "aws":
        return "aws_focus" if entry["columns"].get("export") else "aws"
    if provider == "oci":
        return "oracle"
    return provider if provider in {"azure", "gcp"} else "vendors"


def _charge(entry: dict[str, Any], bill: str) -> Charge:
    """Return a charge whose cost [USD], owner and tags follow from its name."""
    digest = hashlib.sha256(f"charge {entry['name']}".encode()).digest()
    cost = Decimal(10 ** (1.3 + 2 * digest[0] / 255)).quantize(_CENT)
    team = TEAMS[digest[1] % len(TEAMS)]
    tags = {"env": ("prod", "dev", "staging")[digest[2] % 3]}
    tags["created-by"] = f"user{digest[3] % 40}@example.com"
    if digest[4] % 100 >= _UNTAGGED:
        tags[OWNER_KEYS[bill]] = _spelled(team, digest[5] % 100, digest[6])
    else:
        team = ""
    return Charge(
        entry["name"],
        entry["provider"],
        entry["columns"],
        entry["truth"],
        cost,
        team,
        tags,
    )


def _spelled(team: str, kind: int, variant: int) -> str:
    """Return a spelling of a team as people tag it."""
    if kind < _WITH_TEAM:
        return f"team-{team.casefold().replace(' ', '-')}"
    if kind < _WITH_TEAM + _CAMEL:
        return team.replace(" ", "")
    spellings = (
        *(team, team.casefold(), team.upper(), team.casefold().replace(" ", "-")),
        *(team.replace(" ", "_"), f"{team} ", team.casefold().replace(" ", "_")),
    )
    return spellings[variant % len(spellings)]


def _focus(charge: Charge, provider: str, service: str, **more: str) -> Row:
    cost = str(charge.cost)
    return {
        "BilledCost": cost,
        "BillingAccountId": "210987654321",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": "",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": "2026-10-07T00:00:00Z",
        "ChargePeriodEnd": "2026-10-08T00:00:00Z",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": provider,
        "ListCost": cost,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceName": service,
        "Tags": json.dumps(charge.tags),
        **more,
    }


def _aws(charge: Charge) -> Row:
    columns = charge.columns
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": columns.get("billing_entity", "AWS"),
        "bill_billing_period_start_date": "2026-10-01 00:00:00",
        "bill_billing_period_end_date": "2026-11-01 00:00:00",
        "bill_payer_account_id": "444455556666",
        "line_item_usage_account_id": "444455556666",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": "2026-10-07 00:00:00",
        "line_item_usage_end_date": "2026-10-08 00:00:00",
        "line_item_product_code": columns.get("service")
        or columns.get("product_code", "4hqnk3c8d0t6v2wz"),
        "line_item_usage_type": columns["usage_type"],
        "line_item_operation": columns.get("operation", ""),
        "line_item_usage_amount": "1",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": str(charge.cost),
        "line_item_line_item_description": columns.get("description", ""),
        "line_item_legal_entity": columns.get("seller", "Amazon Web Services, Inc."),
        "product_servicecode": columns.get("service", ""),
        "product": json.dumps({"product_name": columns.get("product", "")}),
        "resource_tags": json.dumps(charge.tags),
    }


def _aws_focus(charge: Charge) -> Row:
    columns = charge.columns
    return _focus(
        charge, "AWS", columns["service"], ChargeDescription=columns["description"]
    )


def _azure(charge: Charge) -> Row:
    columns = charge.columns
    meter = columns.get("meter") or columns.get("description", "")
    product = columns.get("product", columns["service"])
    bare = json.dumps(charge.tags).removeprefix("{").removesuffix("}")
    return {
        "SubscriptionId": "5d1f2c00-0000-4000-8000-000000000001",
        "SubscriptionName": "Production",
        "ResourceGroup": "rg",
        "ResourceLocation": "westeurope",
        "Date": "10/07/2026",
        "ProductName": f"{product} - {meter} - EU West",
        "MeterCategory": columns["service"],
        "MeterSubCategory": product,
        "MeterId": hashlib.sha256(charge.name.encode()).hexdigest()[:32],
        "MeterName": meter,
        "UnitOfMeasure": "1",
        "Quantity": "1",
        "EffectivePrice": str(charge.cost),
        "CostInBillingCurrency": str(charge.cost),
        "ConsumedService": "Microsoft",
        "ResourceId": "/subscriptions/5d1f2c00/resourceGroups/rg/providers/x/y/z",
        "Tags": bare,
        "BillingCurrencyCode": "USD",
        "BillingPeriodStartDate": "10/01/2026",
        "BillingPeriodEndDate": "10/31/2026",
        "BillingAccountId": "88776655",
        "ChargeType": "Usage",
        "Frequency": "UsageBased",
        "PublisherType": "Azure",
        "PublisherName": "Microsoft",
        "PricingModel": "OnDemand",
    }


def _gcp(charge: Charge) -> Row:
    columns = charge.columns
    labels = [{"key": key, "value": value} for key, value in charge.tags.items()]
    return {
        "billing_account_id": "0A1B2C-3D4E5F-6A7B8C",
        "service.id": hashlib.sha256(columns["service"].encode()).hexdigest()[:12],
        "service.description": columns["service"],
        "sku.id": hashlib.sha256(charge.name.encode()).hexdigest()[:12],
        "sku.description": columns["sku"],
        "usage_start_time": "2026-10-07T00:00:00",
        "usage_end_time": "2026-10-08T00:00:00",
        "project.id": "prod",
        "project.name": "prod",
        "labels": json.dumps(labels),
        "export_time": "2026-10-08T06:00:00",
        "cost": str(charge.cost),
        "currency": "USD",
        "currency_conversion_rate": "1",
        "usage.amount": "1",
        "usage.unit": "count",
        "credits": "[]",
        "invoice.month": "202610",
        "cost_type": "regular",
        "seller_name": columns.get("seller", "Google"),
    }


def _oracle(charge: Charge) -> Row:
    columns = charge.columns
    described = columns.get("product") or columns.get("description", "")
    more = {"ChargeDescription": described, "SkuId": columns.get("sku", "")}
    row = _focus(charge, "Oracle", columns["service"], **more)
    return {**row, "oci_ReferenceNumber": charge.name}


def _vendors(charge: Charge) -> Row:
    columns = charge.columns
    match charge.provider:
        case "openai":
            item = columns["line_item"]
            return _focus(charge, "OpenAI", "OpenAI API", SkuMeter=item, SkuId=item)
        case "anthropic":
            text = columns["description"]
            more = {"ChargeDescription": text, "SkuMeter": text}
            return _focus(charge, "Anthropic", "Claude API", **more)
        case "gateway":
            # As LiteLLM exports FOCUS.
            model, route = columns["model"], columns["provider_route"]
            more = {"ServiceCategory": "AI and Machine Learning", "SkuId": model}
            return _focus(charge, route, model, ResourceName=model, **more)
        case "databricks":
            sku = columns["sku"]
            return _focus(charge, "Databricks", "Databricks", SkuId=sku, SkuMeter=sku)
        case "snowflake":
            return _focus(charge, "Snowflake", columns["service"])
        case _:
            text = columns["description"]
            more = {"ChargeDescription": text}
            return _focus(charge, columns["seller"], columns["service"], **more)


_WRITERS: dict[str, Callable[[Charge], Row]] = {
    "aws": _aws,
    "aws_focus": _aws_focus,
    "azure": _azure,
    "gcp": _gcp,
    "oracle": _oracle,
    "vendors": _vendors,
}
