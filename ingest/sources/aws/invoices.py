"""AWS Invoicing: invoices and credit memos of an account, by billing month.

They come as summaries, without lines. What was charged stands in the exports; an
invoice is what is payable, and both are reconciled. Each billing month is
a delivery, which is new when an invoice of it is.

Source: AWS Billing and Cost Management API reference, *ListInvoiceSummaries*.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cache
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
from ingest.sources.aws.invoices_api import WHERE, AmountKind, InvoicesApi
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.aws.invoices_api import AwsInvoice

_STREAM = "invoices"

_COLUMNS = (
    "invoice_id", "invoice_issuer_name", "billing_period_start", "currency",
    "invoiced_amount", "tax_amount", "issued_at", "due_at", "description", "status",
    "corrected_invoice_id",
)  # fmt: skip


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, all of them text."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in _COLUMNS])


class AwsInvoicesConfig(SourceConfig):
    """Options of an ``aws_invoices`` source."""

    model_config = ConfigDict(hide_input_in_errors=True)

    account: str = Field(
        pattern=r"^\d{12}$", description="Account that is invoiced, twelve digits."
    )
    amount: AmountKind = Field(
        default="base",
        description="Which amount counts: base is in the currency of products and"
        " services, as bills are; payment is in the one that you pay in.",
    )
    start_date: date | None = Field(
        default=None, description="First month to ask for; as months_back if none."
    )
    months_back: int = Field(
        default=12, ge=0, le=60, description="Months before this one to ask for."
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
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="How long to wait for an answer."
    )


class AwsInvoices:
    """Reads the invoices of one account."""

    type: ClassVar[str] = "aws_invoices"
    Config: ClassVar[builtins.type[SourceConfig]] = AwsInvoicesConfig

    def __init__(
        self,
        config: AwsInvoicesConfig,
        *,
        root: Path,  # noqa: ARG002
    ) -> None:
        self._config = config
        self._api = InvoicesApi(
            source=config.name,
            account=config.account,
            amount=config.amount,
            endpoint_url=config.endpoint_url,
            region=config.region,
            profile=config.profile,
            timeout_seconds=config.timeout_seconds,
        )

    @property
    def config(self) -> AwsInvoicesConfig:
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
        month = _months_before(_today(), 1)
        try:
            invoices = self._api.invoices(month)
        except TriptychError as error:
            return [Finding.of(error)]
        said = f"{WHERE} answers with {len(invoices)} invoices of {month:%Y-%m}"
        return [Finding(True, f"{said}.")]

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month with invoices inside the window, oldest first."""
        today = _today()
        first = self._config.start_date or _months_before(
            today, self._config.months_back
        )
        month = first.replace(day=1)
        while month <= today:
            period = f"{month:%Y-%m}"
            if window.overlaps_month(period) and (rows := self._rows(month)):
                yield Delivery(
                    stream=_STREAM,
                    scope=f"invoices/{self._config.account}/{period}",
                    period=period,
                    fingerprint=_digest(rows),
                    label=f"AWS Invoicing/{self._config.account}/{period}",
                    detail=rows,
                )
            month = _months_before(month, -1)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over the invoices of a month."""
        import pyarrow as pa

        batch = pa.RecordBatch.from_pylist(delivery.detail, schema=_schema())
        yield RowsPart([batch], _schema(), delivery.label)

    def _rows(self, month: date) -> list[dict[str, str | None]]:
        return [_row(invoice, month) for invoice in self._api.invoices(month)]


def _row(invoice: AwsInvoice, month: date) -> dict[str, str | None]:
    told = asdict(invoice)
    row = {name: told[name] for name in _COLUMNS if name in told}
    return row | {
        "invoice_id": invoice.invoice_id or None,
        "invoice_issuer_name": invoice.issuer,
        "billing_period_start": f"{month}",
        "invoiced_amount": invoice.amount,
        "tax_amount": invoice.tax,
        "issued_at": _written(invoice.issued_at),
        "due_at": _written(invoice.due_at),
    }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _digest(rows: list[dict[str, str | None]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:32]


def _today() -> date:
    return datetime.now(UTC).date()


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
