"""Oracle Cloud: invoices of a tenancy, by the month in which they were issued.

They come whole, without lines. What was charged stands in the cost reports; an invoice
is what is payable, and both are reconciled. One question tells those of
all months; each month is a delivery, which is new when an invoice of it is. Tax and the
month that is invoiced are asked for when a delivery is read.

Source: Oracle Cloud Infrastructure API reference, *OSP Gateway API*, *ListInvoices*.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, cast

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
from ingest.sources.oracle.invoices_api import OciInvoicesApi
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.oracle.invoices_api import OciInvoice

_STREAM = "invoices"
_ISSUER = "Oracle"

_COLUMNS = (
    "invoice_id", "invoice_issuer_name", "billing_period_start", "currency",
    "invoiced_amount", "tax_amount", "issued_at", "due_at", "description", "status",
)  # fmt: skip


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, all of them text."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in _COLUMNS])


class OciInvoicesConfig(SourceConfig):
    """Options of an ``oci_invoices`` source."""

    model_config = ConfigDict(hide_input_in_errors=True)

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
    start_date: date | None = Field(
        default=None, description="First month to ask for; as months_back if none."
    )
    months_back: int = Field(
        default=12, ge=0, le=60, description="Months before this one to ask for."
    )
    base_url: BaseUrl = Field(
        default="https://ospap.oracle.com",
        description="Address of the OSP Gateway.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="How long to wait for an answer."
    )


class OciInvoices:
    """Reads the invoices of one tenancy."""

    type: ClassVar[str] = "oci_invoices"
    Config: ClassVar[builtins.type[SourceConfig]] = OciInvoicesConfig

    def __init__(
        self,
        config: OciInvoicesConfig,
        *,
        root: Path,  # noqa: ARG002
    ) -> None:
        self._config = config
        self._api = OciInvoicesApi(
            base_url=config.base_url,
            source=config.name,
            profile=config.profile,
            compartment=config.compartment,
            home_region=config.home_region,
            timeout_seconds=config.timeout_seconds,
        )

    @property
    def config(self) -> OciInvoicesConfig:
        """Return the configuration."""
        return self._config

    def streams(self) -> Sequence[str]:
        """Return ``("invoices",)``."""
        return (_STREAM,)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return nothing to map: rows are handed over under canonical names."""
        return LandingOptions()

    def check(self) -> list[Finding]:
        """Ask for the invoices since last month, and whole for the newest of them."""
        today = datetime.now(UTC).date()
        try:
            invoices = self._api.invoices(_months_before(today, 1), _after(today))
            list(self._api.with_details(invoices[-1:]))
        except TriptychError as error:
            return [Finding.of(error)]
        said = f"Oracle Cloud answers with {len(invoices)} invoices since last month."
        return [Finding(True, said)]

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month in which invoices were issued, oldest first."""
        today = datetime.now(UTC).date()
        first = self._config.start_date or _months_before(
            today, self._config.months_back
        )
        invoices = self._api.invoices(first.replace(day=1), _after(today))
        for period, group in groupby(invoices, key=lambda i: i.issue_month):
            found = list(group)
            if window.overlaps_month(period):
                yield Delivery(
                    stream=_STREAM,
                    scope=f"invoices/{self._config.compartment or 'tenancy'}/{period}",
                    period=period,
                    fingerprint=hashlib.sha256(repr(found).encode()).hexdigest()[:32],
                    label=f"Oracle Cloud invoices/{period}",
                    detail=found,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over the invoices of a month."""
        import pyarrow as pa

        listed = cast("list[OciInvoice]", delivery.detail)
        rows = [_row(invoice) for invoice in self._api.with_details(listed)]
        batch = pa.RecordBatch.from_pylist(rows, schema=_schema())
        yield RowsPart([batch], _schema(), delivery.label)


def _row(invoice: OciInvoice) -> dict[str, str | None]:
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


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
