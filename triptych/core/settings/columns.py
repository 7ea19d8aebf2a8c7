"""Columns of the ledger that a rule may look at: FOCUS 1.4 in snake case.

Source: FOCUS specification 1.4, dataset Cost and Usage, columns of type String and
JSON; amounts and times are not matched on (dates have ``valid_from``/``valid_to``).
"""

from __future__ import annotations

MATCH_COLUMNS: tuple[str, ...] = (
    "allocated_method_details",
    "allocated_method_id",
    "allocated_resource_id",
    "allocated_resource_name",
    "availability_zone",
    "billing_account_id",
    "billing_account_name",
    "billing_account_type",
    "billing_currency",
    "capacity_reservation_id",
    "capacity_reservation_status",
    "charge_category",
    "charge_class",
    "charge_description",
    "charge_frequency",
    "commitment_discount_category",
    "commitment_discount_id",
    "commitment_discount_name",
    "commitment_discount_status",
    "commitment_discount_type",
    "commitment_discount_unit",
    "commitment_program_eligibility_details",
    "consumed_unit",
    "contract_applied",
    "host_provider_name",
    "invoice_detail_id",
    "invoice_id",
    "invoice_issuer_name",
    "pricing_category",
    "pricing_currency",
    "pricing_unit",
    "region_id",
    "region_name",
    "resource_id",
    "resource_name",
    "resource_type",
    "service_category",
    "service_name",
    "service_provider_name",
    "service_subcategory",
    "sku_id",
    "sku_meter",
    "sku_price_details",
    "sku_price_id",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
)

#: Names that FOCUS 1.4 no longer has, and where their content is now.
RENAMED_COLUMNS: dict[str, str] = {
    "provider_name": "service_provider_name",
    "provider": "service_provider_name",
    "publisher_name": "service_provider_name",
    "region": "region_id",
}

SOURCE_COLUMN = "source"
TAG_PREFIX = "tags."
#: Before the name of a column that a bill has and the ledger has not.
DELIVERED_PREFIX = "columns."
#: Prefixes that providers give their own columns in a FOCUS bill.
OWN_PREFIXES = ("x_", "oci_")


def is_known_column(name: str) -> bool:
    """Return True for a column, ``source``, ``tags.…`` or ``columns.…``."""
    for prefix in (TAG_PREFIX, DELIVERED_PREFIX):
        if name.startswith(prefix):
            return len(name) > len(prefix)
    return name == SOURCE_COLUMN or name in MATCH_COLUMNS


def is_own_column(name: str) -> bool:
    """Return True for a name of a provider's own column in a FOCUS bill.

    Examples
    --------
    >>> is_own_column("x_CostCenter"), is_own_column("service_name")
    (True, False)
    """
    return name.startswith(OWN_PREFIXES)
