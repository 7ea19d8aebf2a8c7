"""FOCUS 1.2 and 1.3 rows from lines: names, prices and the money rules.

Cost is as drawn. The quantity follows from it and the price, at twelve decimals, so
that cost = price × quantity holds to a billionth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from ingest.sample_company.formats.columns import (
    chosen,
    constant,
    constant_map,
    decimals,
    times,
)
from ingest.sample_company.money import DECIMALS, UNITS
from ingest.sample_company.timeline import epoch_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.sample_company.charges import Lines

_QUANTITY_DECIMALS: Final = 12
_CONSUMED_DECIMALS: Final = 6
#: Source with a commitment → the name of the commitment, and its type there.
_COMMITMENTS: Final = {
    "aws": ("gpu-nodes-one-year", "Compute Savings Plan"),
    "tidewater": ("gpu-hours-paid-ahead", "Prepayment"),
}
_CATEGORY: Final = {
    "purchase": "Purchase",
    "subscription": "Purchase",
    "tax": "Tax",
    "credit": "Credit",
}
_FREQUENCY: Final = {
    "purchase": "Recurring",
    "subscription": "Recurring",
    "tax": "One-Time",
    "credit": "One-Time",
}
_UNPRICED: Final = ("unused", "tax", "credit")
_METERED: Final = ("usage", "covered", "correction")
_COMMITTED: Final = ("covered", "unused")

COLUMNS_1_2: Final = (
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "InvoiceId",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "BillingCurrency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ServiceName",
    "ServiceCategory",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SkuPriceDetails",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "RegionId",
    "RegionName",
    "AvailabilityZone",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountCategory",
    "CommitmentDiscountType",
    "CommitmentDiscountStatus",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "Tags",
)
COLUMNS_1_3: Final = (
    *COLUMNS_1_2[:2],
    "ServiceProviderName",
    "HostProviderName",
    *COLUMNS_1_2[2:54],
    "ContractApplied",
    *COLUMNS_1_2[54:56],
    "AllocatedMethodId",
    "AllocatedMethodDetails",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "Tags",
)


@dataclass(frozen=True, slots=True)
class Biller:
    """Properties shared by all lines of an invoice.

    ``resource_prefix`` comes before a resource's name to make its id.
    """

    provider: str
    issuer: str
    invoice_id: str
    account_id: str
    account_name: str
    region_id: str
    region_name: str
    resource_prefix: str
    sub_account_type: str = "Linked Account"


def focus_rows(lines: Lines, biller: Biller) -> dict[str, pa.Array]:
    """Return every FOCUS column that has a value somewhere, by name."""
    return {
        **_money_columns(lines),
        **_time_columns(lines),
        **_kind_columns(lines),
        **_who_columns(lines, biller),
        **_what_columns(lines, biller),
        "Tags": constant_map(lines.charge.tags, len(lines)),
    }


def _money_columns(lines: Lines) -> dict[str, pa.Array]:
    charge = lines.charge
    count = len(lines)
    is_priced = charge.kind not in _UNPRICED
    list_price = round(charge.sku.price * UNITS)
    contract_price = round(charge.sku.price * (1.0 - charge.discount) * UNITS)
    quantity = _quantities(lines, contract_price)
    contracted = lines.amount
    if charge.kind == "covered":
        contracted = _cost(quantity, contract_price)
    elif charge.kind in {"unused", "credit"}:
        contracted = np.zeros_like(lines.amount)
    listed = _cost(quantity, list_price) if is_priced else contracted
    nothing = pa.nulls(count, pa.decimal128(28, DECIMALS))
    prices = {
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": contract_price,
        "PricingCurrencyListUnitPrice": list_price,
        "PricingCurrencyContractedUnitPrice": contract_price,
    }
    return {
        "BilledCost": decimals(lines.billed, scale=DECIMALS),
        "EffectiveCost": decimals(lines.effective, scale=DECIMALS),
        "ListCost": decimals(listed, scale=DECIMALS),
        "ContractedCost": decimals(contracted, scale=DECIMALS),
        "PricingCurrencyEffectiveCost": decimals(lines.effective, scale=DECIMALS),
        **{
            name: decimals(np.full(count, price, dtype=np.int64), scale=DECIMALS)
            if is_priced
            else nothing
            for name, price in prices.items()
        },
        **_quantity_columns(lines, quantity, is_priced=is_priced),
    }


def _quantities(lines: Lines, contract_price: int) -> NDArray[np.int64]:
    """Return pricing quantities in units of 1e-12."""
    charge = lines.charge
    paid_price = contract_price * _paid_part(lines)
    exact = lines.amount / max(paid_price, 1.0) * 10**_QUANTITY_DECIMALS
    is_priced = charge.kind not in _UNPRICED
    return np.rint(exact if is_priced else exact * 0.0).astype(np.int64)


def _paid_part(lines: Lines) -> float:
    return 1.0 - lines.charge.commitment_discount


def _cost(quantity: NDArray[np.int64], price: int) -> NDArray[np.int64]:
    exact = np.rint(quantity * (price / 10**_QUANTITY_DECIMALS))
    return np.asarray(exact, dtype=np.int64)


def _quantity_columns(
    lines: Lines, quantity: NDArray[np.int64], *, is_priced: bool
) -> dict[str, pa.Array]:
    charge = lines.charge
    count = len(lines)
    per_unit = charge.sku.consumed_per_unit
    factor = per_unit / 10 ** (_QUANTITY_DECIMALS - _CONSUMED_DECIMALS)
    consumed = np.rint(quantity * factor).astype(np.int64)
    is_metered = charge.kind in _METERED
    is_commitment = bool(charge.commitment_id)
    return {
        "PricingQuantity": decimals(quantity, scale=_QUANTITY_DECIMALS)
        if is_priced
        else pa.nulls(count, pa.decimal128(28, _QUANTITY_DECIMALS)),
        "ConsumedQuantity": decimals(consumed, scale=_CONSUMED_DECIMALS)
        if is_metered
        else pa.nulls(count, pa.decimal128(28, _CONSUMED_DECIMALS)),
        "CommitmentDiscountQuantity": decimals(lines.amount, scale=DECIMALS)
        if is_commitment
        else pa.nulls(count, pa.decimal128(28, DECIMALS)),
        **_constants(
            count,
            PricingUnit=charge.sku.unit if is_priced else None,
            ConsumedUnit=charge.sku.consumed_unit if is_metered else None,
            CommitmentDiscountUnit=charge.currency if is_commitment else None,
        ),
    }


def _time_columns(lines: Lines) -> dict[str, pa.Array]:
    month = lines.charge.month
    count = len(lines)
    start, end = epoch_seconds(month.first_day), epoch_seconds(month.end)
    return {
        "BillingPeriodStart": times(np.full(count, start)),
        "BillingPeriodEnd": times(np.full(count, end)),
        "ChargePeriodStart": times(lines.started_at),
        "ChargePeriodEnd": times(lines.ended_at),
    }


def _kind_columns(lines: Lines) -> dict[str, pa.Array]:
    charge = lines.charge
    kind = charge.kind
    is_commitment = bool(charge.commitment_id)
    is_committed = kind in _COMMITTED
    pricing = "Committed" if is_committed else "Standard"
    status = {"covered": "Used", "unused": "Unused"}.get(kind)
    name, type_ = _COMMITMENTS[charge.source] if is_commitment else (None, None)
    described = charge.description or charge.sku.description
    return _constants(
        len(lines),
        ChargeCategory=_CATEGORY.get(kind, "Usage"),
        ChargeClass="Correction" if kind == "correction" else None,
        ChargeDescription=f"Unused: {described}" if kind == "unused" else described,
        ChargeFrequency=_FREQUENCY.get(kind, "Usage-Based"),
        PricingCategory=None if kind in {"tax", "credit"} else pricing,
        PricingCurrency=charge.currency,
        BillingCurrency=charge.currency,
        CommitmentDiscountId=charge.commitment_id or None,
        CommitmentDiscountName=name,
        CommitmentDiscountCategory="Spend" if is_commitment else None,
        CommitmentDiscountType=type_,
        CommitmentDiscountStatus=status,
        CapacityReservationId=None,
        CapacityReservationStatus=None,
    )


def _who_columns(lines: Lines, biller: Biller) -> dict[str, pa.Array]:
    account = lines.charge.account
    return _constants(
        len(lines),
        ProviderName=biller.provider,
        PublisherName=biller.provider,
        ServiceProviderName=biller.provider,
        HostProviderName=biller.provider,
        InvoiceIssuerName=biller.issuer,
        InvoiceId=biller.invoice_id,
        BillingAccountId=biller.account_id,
        BillingAccountName=biller.account_name,
        BillingAccountType="Payer Account",
        SubAccountId=account.id,
        SubAccountName=account.name,
        SubAccountType=biller.sub_account_type,
    )


def _what_columns(lines: Lines, biller: Biller) -> dict[str, pa.Array]:
    charge = lines.charge
    sku, count = charge.sku, len(lines)
    is_priced = charge.kind not in _UNPRICED
    has_resource = bool(sku.resource_type) and charge.kind in _METERED
    names = [f"{charge.name}-{n:02d}" for n in range(1, charge.resource_count + 1)]
    ids = [f"{biller.resource_prefix}{charge.account.id}:{name}" for name in names]
    return {
        **_constants(
            count,
            ServiceName=sku.service,
            ServiceCategory=sku.category,
            ServiceSubcategory=sku.subcategory,
            SkuId=sku.sku_id if is_priced else None,
            SkuMeter=sku.meter if is_priced else None,
            SkuPriceId=f"{sku.sku_id}.OD" if is_priced else None,
            SkuPriceDetails=None,
            ResourceType=sku.resource_type if has_resource else None,
            RegionId=biller.region_id if is_priced else None,
            RegionName=biller.region_name if is_priced else None,
            AvailabilityZone=None,
        ),
        "ResourceId": chosen(ids, lines.resource)
        if has_resource
        else constant(None, count),
        "ResourceName": chosen(names, lines.resource)
        if has_resource
        else constant(None, count),
    }


def _constants(count: int, **values: str | None) -> dict[str, pa.Array]:
    return {name: constant(value, count) for name, value in values.items()}
