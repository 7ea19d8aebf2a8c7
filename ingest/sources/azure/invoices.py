"""Azure Billing: invoices and credit notes of a billing account, by month.

They come whole, without lines. What was charged stands in the exports; an invoice is
what is payable, and both are reconciled. One question tells the invoices
of all months; each month is a delivery, which is new when an invoice of it is.

Source: Azure REST API reference, *Invoices - List By Billing Account*.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, Field

from ingest.connector import (
    Delivery,
    Finding,
    LandingOptions,
    RowsPart,
    SourceConfig,
    Window,
)
from ingest.http.options import BaseUrl
from ingest.sources.azure.invoices_api import AzureInvoicesApi
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.azure.invoices_api import AzureInvoice

_STREAM = "invoices"
_ISSUER = "Microsoft"

_COLUMNS = (
    "invoice_id", "invoice_issuer_name", "billing_period_start", "currency",
    "invoiced_amount", "tax_amount", "credit_amount", "issued_at", "due_at",
    "description", "status", "corrected_invoice_id",
)  # fmt: skip


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, all of them text."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in _COLUMNS])


class AzureInvoicesConfig(SourceConfig):
    """Options of an ``azure_invoices`` source."""

    model_config = ConfigDict(hide_input_in_errors=True)

    billing_account: str = Field(
        min_length=1,
        description="Id of the billing account, as Cost Management has it.",
    )
    start_date: date | None = Field(
        default=None, description="First month to ask for; as months_back if none."
    )
    months_back: int = Field(
        default=12, ge=0, le=60, description="Months before this one to ask for."
    )
    base_url: BaseUrl = Field(
        default="https://management.azure.com",
        description="Address of Azure Resource Manager.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="How long to wait for an answer."
    )


class AzureInvoices:
    """Reads the invoices of one billing account."""

    type: ClassVar[str] = "azure_invoices"
    Config: ClassVar[builtins.type[SourceConfig]] = AzureInvoicesConfig

    def __init__(
        self,
        config: AzureInvoicesConfig,
        *,
        root: Path,  # noqa: ARG002
    ) -> None:
        self._config = config
        self._api = AzureInvoicesApi(
            base_url=config.base_url,
            source=config.name,
            billing_account=config.billing_account,
            timeout_seconds=config.timeout_seconds,
        )

    @property
    def config(self) -> AzureInvoicesConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return ``("invoices",)``."""
        return (_STREAM,)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return nothing to map: rows are handed over under canonical names."""
        return LandingOptions()

    def check(self) -> list[Finding]:
        """Ask for last month, which proves credentials and permission."""
        today = datetime.now(UTC).date()
        try:
            invoices = self._api.invoices(_months_before(today, 1), today)
        except TriptychError as error:
            return [Finding.of(error)]
        said = f"Azure Billing answers with {len(invoices)} invoices since last month."
        return [Finding(True, said)]

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month with invoices inside the window, oldest first."""
        today = datetime.now(UTC).date()
        first = self._config.start_date or _months_before(
            today, self._config.months_back
        )
        invoices = self._api.invoices(first.replace(day=1), today)
        for month, found in groupby(invoices, key=lambda invoice: invoice.month):
            rows = [_row(invoice) for invoice in found]
            period = month[:7]
            if window.overlaps_month(period):
                scope = f"invoices/{self._config.billing_account}/{period}"
                yield Delivery(
                    stream=_STREAM,
                    scope=scope,
                    period=period,
                    fingerprint=hashlib.sha256(repr(rows).encode()).hexdigest()[:32],
                    label=f"Azure Billing/{period}",
                    detail=rows,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over the invoices of a month."""
        import pyarrow as pa

        batch = pa.RecordBatch.from_pylist(delivery.detail, schema=_schema())
        yield RowsPart([batch], _schema(), delivery.label)


def _row(invoice: AzureInvoice) -> dict[str, str | None]:
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


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
