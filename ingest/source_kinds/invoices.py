"""Base for sources of vendor invoices, with a delivery per month.

Invoices come whole, without lines. The charges are in the exports; an invoice is the
payable amount, and both are reconciled. A month is new when an invoice of it is.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ConfigDict, Field

from ingest.connector import Delivery, Source, SourceConfig, Window
from ingest.reading.text_rows import text_rows
from ingest.source_kinds.calendar import month_start, today

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.connector import Part
    from ingest.reading.text_rows import Row


class InvoiceSourceConfig(SourceConfig):
    """Months of invoices to request, and the limits of retrying."""

    model_config = ConfigDict(hide_input_in_errors=True)

    start_date: date | None = Field(
        default=None, description="First month to ask for; as months_back if none."
    )
    months_back: int = Field(
        default=12, ge=0, le=60, description="Months before this one to ask for."
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Time to wait for an answer."
    )


InvoiceConfigT = TypeVar("InvoiceConfigT", bound=InvoiceSourceConfig)


class InvoiceSource(Source[InvoiceConfigT]):
    """Source of invoices; a subclass for each vendor."""

    #: Name in messages of the place where they come from.
    _label: str

    def streams(self) -> Sequence[str]:
        """Return ``("invoices",)``."""
        return ("invoices",)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month with invoices inside the window, oldest first."""
        now = today()
        months_back = self._config.months_back
        first = self._config.start_date or month_start(now, months_back)
        for period, invoices in self._by_month(month_start(first), now, window):
            if invoices and window.overlaps_month(period):
                digest = hashlib.sha256(repr(invoices).encode()).hexdigest()
                yield Delivery(
                    stream="invoices",
                    scope=f"invoices/{self._account}/{period}",
                    period=period,
                    fingerprint=digest[:32],
                    label=f"{self._label}/{period}",
                    detail=invoices,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Hand over the invoices of a month."""
        invoices: Any = delivery.detail
        yield text_rows("invoices", self._rows(invoices), delivery.label)

    def _rows(self, invoices: list[Any]) -> Iterable[Row]:
        """Return the rows of a month's invoices; most have been rows since listed."""
        return invoices

    @property
    @abstractmethod
    def _account(self) -> str:
        """Return the account of the invoices, as scopes name it."""

    @abstractmethod
    def _by_month(
        self, first: date, today: date, window: Window
    ) -> Iterator[tuple[str, list[Any]]]:
        """Yield each month from the first on with its invoices, oldest first."""
