"""Map Microsoft's cost files to FOCUS, by the columns that a file has.

Two kinds of file: the FOCUS export, with known deviations that are mended here, and the
native cost details (*actual cost*), which have different columns. A file that has
neither kind's amounts is refused: names are mapped, never guessed.

Sources: *FOCUS conformance report* and *Convert to FOCUS* in the documentation of
Microsoft's FinOps toolkit; *Understand cost details fields* in that of Microsoft Cost
Management.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.connector import LandingOptions
from ingest.engine.projection import literal, quote
from ingest.notation import OF_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    #: From the columns present for a canonical column, and all columns present.
    _Transform = Callable[[Sequence[str], Mapping[str, str]], str]

#: Changing a mapping here makes every file new again.
MAPPING_VERSION = 1

#: A quantity of a price list: 0 there means "not known" when the charge cost something.
_ZERO_IS_UNKNOWN = (
    "ContractedCost",
    "ContractedUnitPrice",
    "ListCost",
    "ListUnitPrice",
)
#: Azure's ids are case-insensitive, and come in several cases.
_IDS_OF_ANY_CASE = ("CommitmentDiscountId", "ResourceId")
#: Microsoft's name for a FOCUS column that a version of its export does not have.
_SUBSTITUTES = {"InvoiceId": "x_InvoiceId", "SkuPriceDetails": "x_SkuDetails"}


def landing_of(columns: Sequence[str]) -> LandingOptions | None:
    """Return how a file with these columns is read; ``None`` if it is no cost file.

    Parameters
    ----------
    columns : sequence of str
        Its header, in any case.
    """
    delivered = {name.casefold(): name for name in columns}
    if "billedcost" in delivered:
        return LandingOptions(_focus_mapping(delivered), notation=OF_PROGRAMS)
    if any(name.casefold() in delivered for name in _NATIVE["BilledCost"]):
        return LandingOptions(_native_mapping(delivered), notation=OF_PROGRAMS)
    return None


def _focus_mapping(delivered: Mapping[str, str]) -> dict[str, str]:
    mapping = {}
    for name in _ZERO_IS_UNKNOWN:
        if name.casefold() in delivered:
            mapping[name] = _zero_as_unknown(name)
    for name in _IDS_OF_ANY_CASE:
        if name.casefold() in delivered:
            mapping[name] = f"lower({quote(name)})"
    mapping |= {
        name: substitute
        for name, substitute in _SUBSTITUTES.items()
        if name.casefold() not in delivered and substitute.casefold() in delivered
    }
    if "tags" in delivered:
        mapping["Tags"] = _as_object("Tags")
    return mapping


def _zero_as_unknown(name: str) -> str:
    amount = f"TRY_CAST({quote(name)} AS DECIMAL(38, 18))"
    cost = 'TRY_CAST("EffectiveCost" AS DECIMAL(38, 18))'
    return f"CASE WHEN {amount} = 0 AND {cost} <> 0 THEN NULL ELSE {quote(name)} END"


def _as_object(name: str) -> str:
    """Return a JSON object from text that may lack its braces."""
    text = f"trim(CAST({quote(name)} AS VARCHAR))"
    return (
        f"CASE WHEN left({text}, 1) = '{{' THEN {text} ELSE '{{' || {text} || '}}' END"
    )


# ---------------------------------------------------------------- native cost details

#: Canonical column → its names in agreements, most specific first.
_NATIVE: dict[str, tuple[str, ...]] = {
    "BilledCost": ("CostInBillingCurrency", "PreTaxCost", "Cost"),
    "EffectiveCost": ("CostInBillingCurrency", "PreTaxCost", "Cost"),
    "BillingCurrency": ("BillingCurrencyCode", "BillingCurrency", "Currency"),
    "BillingPeriodStart": ("BillingPeriodStartDate",),
    "BillingPeriodEnd": ("BillingPeriodEndDate",),
    "ChargePeriodStart": ("Date", "UsageDateTime", "UsageDate"),
    "ChargePeriodEnd": ("Date", "UsageDateTime", "UsageDate"),
    "ChargeCategory": ("ChargeType",),
    "ChargeClass": ("ChargeType",),
    "ChargeFrequency": ("Frequency",),
    "ChargeDescription": ("ProductName", "Product", "MeterName"),
    "PricingCategory": ("PricingModel",),
    "PricingUnit": ("UnitOfMeasure",),
    "ConsumedQuantity": ("Quantity", "UsageQuantity"),
    "ConsumedUnit": ("UnitOfMeasure",),
    "ListCost": ("PaygCostInBillingCurrency",),
    "BillingAccountId": ("BillingProfileId", "BillingAccountId"),
    "BillingAccountName": ("BillingProfileName", "BillingAccountName"),
    "SubAccountId": ("SubscriptionId", "SubscriptionGuid"),
    "SubAccountName": ("SubscriptionName",),
    "InvoiceId": ("InvoiceId",),
    "InvoiceIssuerName": ("PartnerName", "ResellerName"),
    "PublisherName": ("PublisherName",),
    "ServiceName": ("MeterCategory",),
    "SkuId": ("MeterId",),
    "SkuMeter": ("MeterName",),
    "ResourceId": ("ResourceId", "InstanceId"),
    "ResourceName": ("ResourceName",),
    "RegionId": ("ResourceLocation", "Location"),
    "RegionName": ("ResourceLocation", "Location"),
    "AvailabilityZone": ("AvailabilityZone",),
    "CommitmentDiscountId": ("BenefitId", "ReservationId"),
    "CommitmentDiscountName": ("BenefitName", "ReservationName"),
    "CommitmentDiscountStatus": ("ChargeType",),
    "Tags": ("Tags",),
}
_CATEGORIES = {
    "usage": "Usage",
    "unusedreservation": "Usage",
    "unusedsavingsplan": "Usage",
    "purchase": "Purchase",
    "refund": "Purchase",
    "credit": "Credit",
    "tax": "Tax",
}
_FREQUENCIES = {
    "onetime": "One-Time",
    "recurring": "Recurring",
    "usagebased": "Usage-Based",
}
_PRICING = {
    "ondemand": "Standard",
    "spot": "Dynamic",
    "reservation": "Committed",
    "savingsplan": "Committed",
}


def _native_mapping(delivered: Mapping[str, str]) -> dict[str, str]:
    mapping = dict.fromkeys(("ProviderName", "InvoiceIssuerName"), "'Microsoft'")
    for column, spellings in _NATIVE.items():
        present = [
            delivered[name.casefold()]
            for name in spellings
            if name.casefold() in delivered
        ]
        if present:
            transform = _TRANSFORMS.get(column, _first_filled)
            mapping[column] = transform(present, delivered)
    return mapping


def _first_filled(present: Sequence[str], _: Mapping[str, str]) -> str:
    """Return the column, or the first of several that has a value."""
    if len(present) == 1:
        return present[0]
    texts = ", ".join(f"nullif(CAST({quote(name)} AS VARCHAR), '')" for name in present)
    return f"coalesce({texts})"


def _first(present: Sequence[str], _: Mapping[str, str]) -> str:
    return present[0]


def _day_after(present: Sequence[str], _: Mapping[str, str]) -> str:
    """Return the day after an inclusive last day."""
    text = f"CAST({quote(present[0])} AS VARCHAR)"
    return (
        f"coalesce(TRY_CAST({text} AS TIMESTAMP), try_strptime({text},"
        " ['%m/%d/%Y', '%m/%d/%Y %H:%M:%S'])) + INTERVAL 1 DAY"
    )


def _translated(words: Mapping[str, str], otherwise: str) -> _Transform:
    def transform(present: Sequence[str], _: Mapping[str, str]) -> str:
        key = f"lower(replace({quote(present[0])}, ' ', ''))"
        branches = " ".join(
            f"WHEN {literal(word)} THEN {literal(meaning)}"
            for word, meaning in words.items()
        )
        return f"CASE {key} {branches} ELSE {otherwise} END"

    return transform


def _is_refund(present: Sequence[str], _: Mapping[str, str]) -> str:
    return f"CASE WHEN lower({quote(present[0])}) = 'refund' THEN 'Correction' END"


def _commitment_status(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    kind = f"lower({quote(present[0])})"
    unused = f"WHEN {kind} LIKE 'unused%' THEN 'Unused'"
    model = delivered.get("pricingmodel")
    used = (
        f" WHEN {kind} = 'usage' AND lower(replace({quote(model)}, ' ', ''))"
        " IN ('reservation', 'savingsplan') THEN 'Used'"
        if model
        else ""
    )
    return f"CASE {unused}{used} END"


def _only_of_usage(expression: str, delivered: Mapping[str, str]) -> str:
    kind = delivered.get("chargetype")
    if kind is None:
        return expression
    return f"CASE WHEN lower({quote(kind)}) = 'usage' THEN {expression} END"


def _consumed_quantity(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    return _only_of_usage(quote(present[0]), delivered)


def _consumed_unit(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    """Return the unit without the size of the block that a price is for.

    A quantity counts units; ``100 Hours`` is the block that a single price buys.
    """
    bare = (
        f"regexp_replace({quote(present[0])},"
        r" '^[0-9.,]+\s*([KMB](\s|/|$))?', '\2')"
    )
    unit = f"nullif(ltrim(trim({bare}), '/'), '')"
    return _only_of_usage(unit, delivered)


def _publisher(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    kind = delivered.get("publishertype")
    if kind is None:
        return present[0]
    own = f"lower({quote(kind)}) IN ('azure', 'microsoft')"
    return f"CASE WHEN {own} THEN 'Microsoft' ELSE {quote(present[0])} END"


def _issuer(present: Sequence[str], _: Mapping[str, str]) -> str:
    texts = [f"nullif({quote(name)}, '')" for name in present]
    return f"coalesce({', '.join(texts)}, 'Microsoft')"


def _lower(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    filled = _first_filled(present, delivered)
    return f"lower({quote(filled) if filled in present else filled})"


def _region_id(present: Sequence[str], delivered: Mapping[str, str]) -> str:
    return f"replace({_lower(present, delivered)}, ' ', '')"


def _tags(present: Sequence[str], _: Mapping[str, str]) -> str:
    return _as_object(present[0])


_TRANSFORMS: dict[str, _Transform] = {
    "BilledCost": _first,
    "EffectiveCost": _first,
    "BillingPeriodEnd": _day_after,
    "ChargePeriodStart": _first,
    "ChargePeriodEnd": _day_after,
    "ChargeCategory": _translated(_CATEGORIES, "'Adjustment'"),
    "ChargeClass": _is_refund,
    "ChargeFrequency": _translated(_FREQUENCIES, "NULL"),
    "PricingCategory": _translated(_PRICING, "NULL"),
    "ConsumedQuantity": _consumed_quantity,
    "ConsumedUnit": _consumed_unit,
    "InvoiceIssuerName": _issuer,
    "PublisherName": _publisher,
    "ResourceId": _lower,
    "CommitmentDiscountId": _lower,
    "CommitmentDiscountStatus": _commitment_status,
    "RegionId": _region_id,
    "Tags": _tags,
}
