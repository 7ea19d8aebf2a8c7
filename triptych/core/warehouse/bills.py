"""Streams that are bills, and the views that turn them into the ledger.

Each source of bills declares them, in ``bill.toml`` of its folder in
``dbt_project/models/staging/``. The declarations are the only list for the whole spine:
they decide the months to be built again, and the data a published file keeps so that a
figure can be traced to its line items. ``make reference`` writes it for dbt, as
``dbt_project/macros/bill_streams.sql``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BillStream:
    """A stream with charges as rows.

    ``staging_views`` turn it into ledger charges, in the order in which each may refer
    to earlier charges. ``billed`` and ``effective`` are SQL over ``first_amount`` and
    ``second_amount`` of a load that the ledger must equal; NULL where staging computes
    the amount. A stream that ``is_never_invoiced`` is an estimate of somebody's cost;
    usage that ``is_settled_by_invoice`` is billed nothing until the invoice comes.
    ``line_item_tables`` are the further tables that its folder sums over line items.
    """

    stream: str
    staging_views: tuple[str, ...]
    line_item_tables: tuple[str, ...] = ()
    billed: str = "null"
    effective: str = "null"
    is_never_invoiced: bool = False
    is_settled_by_invoice: bool = False

    @property
    def name(self) -> str:
        """Return the name of the stream."""
        return self.stream


def read_bill_streams(staging: Path) -> tuple[BillStream, ...]:
    """Return the bills that the folders of sources declare, by folder.

    Parameters
    ----------
    staging : Path
        Folder with a subfolder for each source.
    """
    files = sorted(staging.glob("*/bill.toml"))
    declared = [tomllib.loads(file.read_text("utf-8")) for file in files]
    return tuple(BillStream(**_as_fields(each)) for each in declared)


def _as_fields(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declarations of a file with their lists as tuples."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in declared.items()
    }


BILL_STREAMS = read_bill_streams(dbt_project_dir() / "models" / "staging")

#: The views between staging and a line item with its owner.
LEDGER_VIEWS = (
    "int_charges_delivered",
    "int_charges_unioned",
    "int_charges_matched",
    "int_charges_assigned",
    "int_line_items",
)

#: The tables that are summed over line items; nothing else that is kept reads them.
LINE_ITEM_TABLES = (
    "int_charges_summed",
    "int_charges_by_invoice",
    "int_charges_by_sku",
    "int_coverage_days",
    *(table for bill in BILL_STREAMS for table in bill.line_item_tables),
)
