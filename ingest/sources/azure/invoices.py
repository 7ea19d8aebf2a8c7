"""Azure Billing: invoices and credit notes of a billing account, by month.

A single request returns the invoices of all months.

Source: Azure REST API reference, *Invoices - List By Billing Account*.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import Finding, Window
from ingest.http.options import BaseUrl
from ingest.source_kinds.calendar import month_start, today
from ingest.source_kinds.invoices import InvoiceSource, InvoiceSourceConfig
from ingest.sources.azure.invoices_api import AzureInvoicesApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from ingest.reading.text_rows import Row
    from ingest.sources.azure.invoices_api import AzureInvoice

_ISSUER = "Microsoft"


class AzureInvoicesConfig(InvoiceSourceConfig):
    """Options of an ``azure_invoices`` source."""

    billing_account: str = Field(
        min_length=1,
        description="Id of the billing account, as Cost Management has it.",
    )
    base_url: BaseUrl = Field(
        default="https://management.azure.com",
        description="Address of Azure Resource Manager.",
    )


class AzureInvoices(InvoiceSource[AzureInvoicesConfig]):
    """Source of the invoices of a billing account."""

    type: ClassVar[str] = "azure_invoices"
    _label = "Azure Billing"

    def __init__(self, config: AzureInvoicesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._api = AzureInvoicesApi(
            base_url=config.base_url,
            source=config.name,
            billing_account=config.billing_account,
            timeout_seconds=config.timeout_seconds,
        )

    def probe(self) -> Iterator[Finding]:
        """Ask for last month, which proves credentials and permission."""
        last_month = month_start(today(), 1)
        count = len(self._api.invoices(last_month, today()))
        answer = f"Azure Billing answers with {count} invoices since last month."
        yield Finding(True, answer)

    @property
    def _account(self) -> str:
        return self._config.billing_account

    def _by_month(
        self,
        first: date,
        today: date,
        window: Window,  # noqa: ARG002
    ) -> Iterator[tuple[str, list[Row]]]:
        invoices = self._api.invoices(first, today)
        for month, issued in groupby(invoices, key=lambda invoice: invoice.month):
            # Of a month before the first, the answer has only late invoices.
            if month >= f"{first}":
                yield month[:7], [_row(invoice) for invoice in issued]


def _row(invoice: AzureInvoice) -> Row:
    return {
        "invoice_id": invoice.invoice_id,
        "invoice_issuer_name": _ISSUER,
        "billing_period_start": invoice.month,
        "currency": invoice.currency,
        "invoiced_amount": invoice.amount,
        "tax_amount": invoice.tax,
        "credit_amount": invoice.credit,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "description": invoice.description,
        "status": invoice.status,
        "corrected_invoice_id": invoice.corrected_invoice_id,
    }
