"""Which streams are bills, and through which views their rows become the ledger.

The one list for the whole spine: what makes a month be built again, and what a
published file keeps so that a figure can be traced to its line items.
``dbt_project/macros/bill_streams.sql`` says the same to dbt; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BillStream:
    """A stream whose rows are charges.

    ``staging_views`` turn it into ledger charges, in the order in which each may
    refer to earlier ones.
    """

    name: str
    staging_views: tuple[str, ...]


BILL_STREAMS = (
    BillStream("focus", ("stg_focus__charges",)),
    BillStream("gcp_billing_export", ("stg_gcp_billing__charges",)),
    BillStream(
        "aws_cur2",
        (
            "stg_aws_data_exports__amortised_lines",
            "stg_aws_data_exports__charges",
        ),
    ),
    BillStream("aws_cost_explorer", ("stg_aws_cost_explorer__charges",)),
    BillStream("llm_provider_costs", ("stg_llm_providers__charges",)),
    BillStream("railway_usage", ("stg_railway__charges",)),
    BillStream("opencost_costs", ("stg_opencost__charges",)),
)

#: The views between staging and a line item with its owner.
LEDGER_VIEWS = ("int_charges_unioned", "int_charges_assigned", "int_line_items")

#: The tables that are summed over line items; nothing else that is kept reads them.
LINE_ITEM_TABLES = (
    "int_charges_summed",
    "int_charges_by_invoice",
    "stg_aws_data_exports__split_usage",
)

__all__ = ["BILL_STREAMS", "LEDGER_VIEWS", "LINE_ITEM_TABLES", "BillStream"]
