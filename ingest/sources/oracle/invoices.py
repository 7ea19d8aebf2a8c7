"""Oracle Cloud: invoices of a tenancy, by the month in which they were issued.

A single request lists those of all months. Tax and the invoiced month are requested
when a delivery is read.

Source: Oracle Cloud Infrastructure API reference, *OSP Gateway API*, *ListInvoices*.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import Finding, Window
from ingest.http.options import BaseUrl
from ingest.source_kinds.calendar import month_start, today
from ingest.source_kinds.invoices import InvoiceSource, InvoiceSourceConfig
from ingest.sources.oracle.invoices_api import OciInvoicesApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from ingest.reading.text_rows import Row
    from ingest.sources.oracle.invoices_api import OciInvoice

_ISSUER = "Oracle"
_ONE_DAY = timedelta(days=1)


class OciInvoicesConfig(InvoiceSourceConfig):
    """Options of an ``oci_invoices`` source."""

    profile: str = Field(
        default="DEFAULT", min_length=1, description="Profile in ~/.oci/config."
    )
    compartment: str | None = Field(
        default=None,
        min_length=1,
        description="OCID of the compartment; the profile's tenancy if none.",
    )
    home_region: str | None = Field(
        default=None,
        pattern=r"^[a-z]+-[a-z]+-\d+$",
        description="Home region of the tenancy; the profile's region if none.",
    )
    base_url: BaseUrl = Field(
        default="https://ospap.oracle.com",
        description="Address of the OSP Gateway.",
    )


class OciInvoices(InvoiceSource[OciInvoicesConfig]):
    """Source of the invoices of a tenancy."""

    type: ClassVar[str] = "oci_invoices"
    _label = "Oracle Cloud invoices"

    def __init__(self, config: OciInvoicesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._api = OciInvoicesApi(
            base_url=config.base_url,
            source=config.name,
            profile=config.profile,
            compartment=config.compartment,
            home_region=config.home_region,
            timeout_seconds=config.timeout_seconds,
        )

    def probe(self) -> Iterator[Finding]:
        """Ask for the invoices since last month, and whole for the newest of them."""
        last_month = month_start(today(), 1)
        invoices = self._api.invoices(last_month, today() + _ONE_DAY)
        list(self._api.with_details(invoices[-1:]))
        count = len(invoices)
        answer = f"Oracle Cloud answers with {count} invoices since last month."
        yield Finding(True, answer)

    @property
    def _account(self) -> str:
        return self._config.compartment or "tenancy"

    def _by_month(
        self,
        first: date,
        today: date,
        window: Window,  # noqa: ARG002
    ) -> Iterator[tuple[str, list[OciInvoice]]]:
        invoices = self._api.invoices(first, today + _ONE_DAY)
        for period, issued in groupby(
            invoices, key=lambda invoice: invoice.issue_month
        ):
            yield period, list(issued)

    def _rows(self, invoices: list[OciInvoice]) -> Iterator[Row]:
        return (_row(invoice) for invoice in self._api.with_details(invoices))


def _row(invoice: OciInvoice) -> Row:
    return {
        "invoice_id": invoice.invoice_id,
        "invoice_issuer_name": _ISSUER,
        "billing_period_start": invoice.billing_month,
        "currency": invoice.currency,
        "invoiced_amount": invoice.amount,
        "tax_amount": invoice.tax,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "description": invoice.kind,
        "status": invoice.status,
    }
