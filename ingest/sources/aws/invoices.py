"""AWS Invoicing: invoices and credit memos of an account, by billing month.

They come as summaries, without lines; each billing month is asked for by itself.

Source: AWS Billing and Cost Management API reference, *ListInvoiceSummaries*.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import Finding, Window
from ingest.http.options import BaseUrl
from ingest.source_kinds.calendar import first_days, month_start, today
from ingest.source_kinds.invoices import InvoiceSource, InvoiceSourceConfig
from ingest.sources.aws.invoices_api import WHERE, AmountKind, InvoicesApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.reading.text_rows import Row
    from ingest.sources.aws.invoices_api import AwsInvoice


class AwsInvoicesConfig(InvoiceSourceConfig):
    """Options of an ``aws_invoices`` source."""

    account: str = Field(
        pattern=r"^\d{12}$", description="Account that is invoiced, twelve digits."
    )
    amount: AmountKind = Field(
        default="base",
        description="Which amount counts: base is in the currency of products and"
        " services, as bills are; payment is in the one that you pay in.",
    )
    region: str = Field(
        default="us-east-1", description="Region that requests are signed for."
    )
    profile: str | None = Field(
        default=None, description="Named profile of the AWS credential chain."
    )
    endpoint_url: BaseUrl | None = Field(
        default=None, description="Address, where it is not AWS's own."
    )


class AwsInvoices(InvoiceSource[AwsInvoicesConfig]):
    """Source of the invoices of an account."""

    type: ClassVar[str] = "aws_invoices"

    def __init__(self, config: AwsInvoicesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._label = f"AWS Invoicing/{config.account}"
        self._api = InvoicesApi(
            source=config.name,
            account=config.account,
            amount=config.amount,
            endpoint_url=config.endpoint_url,
            region=config.region,
            profile=config.profile,
            timeout_seconds=config.timeout_seconds,
        )

    def probe(self) -> Iterator[Finding]:
        """Ask for last month, which proves credentials and permission."""
        month = month_start(today(), 1)
        count = len(self._api.invoices(month))
        yield Finding(True, f"{WHERE} answers with {count} invoices of {month:%Y-%m}.")

    @property
    def _account(self) -> str:
        return self._config.account

    def _by_month(
        self, first: date, today: date, window: Window
    ) -> Iterator[tuple[str, list[Row]]]:
        for month in first_days(first, today):
            period = f"{month:%Y-%m}"
            if window.overlaps_month(period):
                invoices = self._api.invoices(month)
                yield period, [_row(invoice, month) for invoice in invoices]


def _row(invoice: AwsInvoice, month: date) -> Row:
    # The order is part of the fingerprint: another order makes every month new.
    return {
        "invoice_id": invoice.invoice_id or None,
        "currency": invoice.currency,
        "issued_at": _written(invoice.issued_at),
        "due_at": _written(invoice.due_at),
        "description": invoice.description,
        "status": invoice.status,
        "corrected_invoice_id": invoice.corrected_invoice_id,
        "invoice_issuer_name": invoice.issuer,
        "billing_period_start": f"{month}",
        "invoiced_amount": invoice.amount,
        "tax_amount": invoice.tax,
    }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
