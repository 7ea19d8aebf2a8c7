"""Recognise a bill by its header, in any place, and choose its reading.

A provider's export comes with manifests and folders, and a connector for them. The same
file also comes alone, by mail or from a console. Its header identifies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.connector import FilePart, LandingOptions
from ingest.sources.aws.cur_columns import landing_of as cur_landing
from ingest.sources.azure.columns import landing_of as azure_landing
from ingest.sources.google.export_files import flatten_file
from ingest.storage.files import column_names, format_of_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    #: Landing options for a file with these columns; ``None``: as it is.
    _Landing = Callable[[Sequence[str]], LandingOptions | None]


#: Changing how a native bill is recognised or read makes each of them new again.
READING_VERSION = 1
_NATIVE = frozenset(
    {"azure_cost_details", "aws_cur_legacy", "aws_cur2", "google_usage_cost"}
)


@dataclass(frozen=True, slots=True)
class BillFormat:
    """A way in which a provider writes a bill.

    Attributes
    ----------
    name, title : str
        Its id, and its common name.
    stream : str
        Stream of its rows.
    connector : str
        The type of source that also takes the provider's folders and manifests.
    """

    name: str
    title: str
    stream: str
    connector: str
    landing: _Landing

    @property
    def is_native(self) -> bool:
        """True if it has the provider's own columns and not those of FOCUS."""
        return self.name in _NATIVE

    def part(
        self,
        path: Path,
        *,
        label: str,
        workdir: Path,
        delimiter: str = ",",
        encoding: str = "utf-8",
    ) -> FilePart:
        """Return the file as the runner lands it.

        Google's is laid flat with the ``delimiter`` and ``encoding`` in which it is
        written.

        Raises
        ------
        MalformedDeliveryError
            It is recognised by its header, and is damaged below it.
        """
        file_format = format_of_name(path.name)
        if self.stream == "gcp_billing_export":
            return flatten_file(
                path,
                format_=file_format,
                workdir=workdir,
                label=label,
                delimiter=delimiter,
                encoding=encoding,
            )
        return FilePart(
            path,
            file_format,
            label,
            is_owned=False,
            landing=self.landing(column_names(path)),
        )


def _as_it_is(_: Sequence[str]) -> LandingOptions | None:
    return None


def _of_oracle(_: Sequence[str]) -> LandingOptions:
    names = ("ProviderName", "InvoiceIssuerName")
    return LandingOptions(defaults=dict.fromkeys(names, "Oracle"))


FOCUS_FORMAT = BillFormat("focus", "FOCUS", "focus", "focus_files", _as_it_is)
_AZURE_FOCUS = BillFormat(
    "azure_focus", "FOCUS of Microsoft Azure", "focus", "azure_focus", azure_landing
)
_ORACLE_FOCUS = BillFormat(
    "oracle_focus", "FOCUS of Oracle Cloud", "focus", "oci_focus", _of_oracle
)
_AZURE_NATIVE = BillFormat(
    "azure_cost_details",
    "Azure cost details (native)",
    "focus",
    "azure_focus",
    azure_landing,
)
_CUR = BillFormat(
    "aws_cur_legacy",
    "AWS Cost and Usage Report (legacy)",
    "aws_cur2",
    "aws_cur_legacy",
    cur_landing,
)
_CUR2 = BillFormat("aws_cur2", "AWS CUR 2.0", "aws_cur2", "aws_data_exports", _as_it_is)
_GOOGLE = BillFormat(
    "google_usage_cost",
    "Google Cloud usage cost export",
    "gcp_billing_export",
    "gcp_billing",
    _as_it_is,
)


def format_of_header(columns: Sequence[str]) -> BillFormat | None:
    """Return the format of a header's file; ``None`` for an unknown bill.

    Examples
    --------
    >>> format_of_header(["lineItem/UnblendedCost", "resourceTags/user:team"]).name
    'aws_cur_legacy'
    >>> format_of_header(["day", "revenue"]) is None
    True
    """
    folded = {name.strip().casefold() for name in columns}
    if {"billedcost", "chargecategory"} <= folded or {
        "billedcost",
        "chargeperiodstart",
    } <= folded:
        return _focus_dialect(folded)
    if "lineitem/unblendedcost" in folded:
        return _CUR
    if "line_item_unblended_cost" in folded:
        is_second = bool(folded & {"resource_tags", "product", "cost_category"})
        return _CUR2 if is_second else _CUR
    is_dotted = bool({"service.description", "sku.description"} & folded)
    is_nested = {"service", "sku", "usage_start_time"} <= folded
    if "cost" in folded and (is_dotted or is_nested):
        return _GOOGLE
    # An amount alone decides nothing: many a table has a column called cost.
    if {"metercategory", "meterid"} & folded and azure_landing(columns) is not None:
        return _AZURE_NATIVE
    return None


def _focus_dialect(folded: set[str]) -> BillFormat:
    if any(name.startswith("oci_") for name in folded):
        return _ORACLE_FOCUS
    if folded & {"x_skumetercategory", "x_resourcegroupname", "x_billingprofileid"}:
        return _AZURE_FOCUS
    return FOCUS_FORMAT


#: A column of each further FOCUS data set that Cost and Usage does not have.
_OTHER_DATASETS = {
    "contractcommitmentid": "Contract Commitment",
    "invoicedetailgrain": "Invoice Detail",
    "billingperiodstatus": "Billing Period",
}


def other_dataset(columns: Sequence[str]) -> str:
    """Return which further FOCUS data set a file is; empty for Cost and Usage."""
    folded = {name.strip().casefold() for name in columns}
    if {"billedcost", "chargecategory"} <= folded:
        return ""
    return next((_OTHER_DATASETS[key] for key in _OTHER_DATASETS if key in folded), "")
