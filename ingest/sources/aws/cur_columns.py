"""Map columns of a legacy AWS Cost and Usage Report to CUR 2.0.

Its text files have headers such as ``lineItem/UnblendedCost``, its Parquet files
``line_item_unblended_cost``, as CUR 2.0. Tags and cost categories, which CUR 2.0 has in
a map each, are separate columns here: ``resourceTags/user:team`` becomes the entry
``user_team`` of ``resource_tags``, so that the same rule fits both reports.

Source: AWS Cost and Usage Report user guide, *Column attributes* and *Column names*
(for Athena); AWS Data Exports user guide, *CUR 2.0 table dictionary*.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.connector import LandingOptions
from ingest.engine.projection import literal, quote
from ingest.sources.aws.split_usage import split_mapping
from ingest.storage.files import distinct_names
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.reading.label_mapping import MappingRule

#: Changing a mapping here makes every file new again.
MAPPING_VERSION = 2

_MAPS = {"resource_tags": "resource_tags_", "cost_category": "cost_category_"}
_SELLER, _NAME_OF_PRODUCT = "bill_billing_entity", "product_product_name"
#: Canonical column → other names for it in a report, or columns filled instead.
_OTHER_NAMES = {
    "product_region_code": ("product_region",),
    "product_servicecode": ("product_service_code",),
    "savings_plan_savings_plan_a_r_n": ("savings_plan_savings_plan_arn",),
    "reservation_reservation_a_r_n": ("reservation_reservation_arn",),
}


def landing_of(
    columns: Sequence[str], *, split_usage: Sequence[MappingRule] = ()
) -> LandingOptions | None:
    """Return how a file with these columns is read; ``None`` if it is no report.

    Parameters
    ----------
    columns : sequence of str
        Its header.
    split_usage : sequence of MappingRule
        Model and pool that its split cost rows count for.

    Examples
    --------
    >>> options = landing_of(["lineItem/UnblendedCost", "resourceTags/user:team"])
    >>> options.mapping["line_item_unblended_cost"]
    'lineItem/UnblendedCost'
    >>> landing_of(["BilledCost"]) is None
    True
    """
    named = _by_canonical_name(columns)
    if "line_item_unblended_cost" not in named:
        return None
    mapping = {}
    for wanted in STREAMS["aws_cur2"].columns:
        if wanted.name in _MAPS:
            mapping[wanted.name] = _as_map(_entries(named, _MAPS[wanted.name]))
        elif wanted.name == "product" and {_SELLER, _NAME_OF_PRODUCT} <= named.keys():
            mapping[wanted.name] = _product_of_marketplace(named)
        elif present := _present(wanted.name, named):
            mapping[wanted.name] = _first_filled(present)
    entries = _entries(named, _MAPS["resource_tags"])

    def column(name: str) -> str:
        present = _present(name, named)
        return _filled(present) if present else "CAST(NULL AS VARCHAR)"

    def tag(key: str) -> str:
        return _filled(entries[key]) if key in entries else "CAST(NULL AS VARCHAR)"

    mapping |= split_mapping(split_usage, column=column, tag=tag)
    return LandingOptions(mapping)


def canonical_name(header: str) -> str:
    """Return the CUR 2.0 name of a column, or the key of a tag.

    Examples
    --------
    >>> canonical_name("reservation/ReservationARN")
    'reservation_reservation_a_r_n'
    >>> canonical_name("resourceTags/user:CostCenter")
    'resource_tags_user_cost_center'
    >>> canonical_name("resourceTags/aws:eks:cluster-name")
    'resource_tags_aws_eks_cluster_name'
    """
    if "/" not in header:
        return header.casefold()
    spaced = re.sub(r"([A-Z])", r"_\1", header)
    return re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")


def _by_canonical_name(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return canonical name → the columns of that name, as the engine calls them."""
    named: dict[str, list[str]] = {}
    for header, column in zip(columns, distinct_names(columns), strict=True):
        named.setdefault(canonical_name(header), []).append(column)
    return named


def _present(name: str, named: Mapping[str, Sequence[str]]) -> list[str]:
    spellings = (name, *_OTHER_NAMES.get(name, ()))
    return [header for spelling in spellings for header in named.get(spelling, ())]


def _entries(
    named: Mapping[str, Sequence[str]], prefix: str
) -> dict[str, Sequence[str]]:
    """Return key → its columns; several where keys differ only in case."""
    return {
        name.removeprefix(prefix): headers
        for name, headers in named.items()
        if name.startswith(prefix)
    }


def _first_filled(headers: Sequence[str]) -> str:
    if len(headers) == 1:
        return headers[0]
    texts = (f"nullif(CAST({quote(header)} AS VARCHAR), '')" for header in headers)
    return f"coalesce({', '.join(texts)})"


def _as_map(entries: Mapping[str, Sequence[str]]) -> str:
    """Return a JSON object of the entries that have a value."""
    pairs = ", ".join(
        f"{literal(key)}, {_filled(headers)}" for key, headers in entries.items()
    )
    return f"json_merge_patch('{{}}', json_object({pairs}))"


def _product_of_marketplace(named: Mapping[str, Sequence[str]]) -> str:
    """Return a marketplace product's name, as its code means nothing."""
    entry = _as_map({"product_name": named[_NAME_OF_PRODUCT]})
    seller = _filled(named[_SELLER])
    return f"CASE WHEN {seller} = 'AWS Marketplace' THEN {entry} END"


def _filled(headers: Sequence[str]) -> str:
    """Return the first value that is not empty, as SQL."""
    texts = ", ".join(f"nullif({quote(header)}, '')" for header in headers)
    return f"coalesce({texts})" if len(headers) > 1 else texts
