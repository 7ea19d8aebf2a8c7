"""Railway workspace as a listing found it: its bills and invoices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.sources.railway.api import RailwayApi, understood
from ingest.sources.railway.charges import Bill, SettledInvoice
from ingest.sources.railway.invoice import Invoice, parse_invoice
from ingest.sources.railway.invoices import lines_of, why_unusable
from ingest.sources.railway.periods import Period, billing_periods, midnight, to_moment
from ingest.sources.railway.places import Names
from ingest.sources.railway.units import Convention, derive_convention
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.sources.railway.settings import RailwayConfig


@dataclass(frozen=True, slots=True)
class Account:
    """Result of a single listing.

    ``units`` are those of its invoices, or the reason that they are unknown.
    """

    config: RailwayConfig
    name: str
    current: Period
    reported_usage: Decimal
    invoices: tuple[Invoice, ...]
    units: Convention | MalformedDeliveryError
    names: Names
    project_ids: tuple[str, ...]

    def unusable_invoices(self) -> list[tuple[Invoice, str]]:
        """Return the invoices that settle nothing although they are there, and why."""
        declared = self.config.invoice_items
        reasons = [(i, why_unusable(i, declared)) for i in self.invoices]
        return [(invoice, reason) for invoice, reason in reasons if reason]

    def bills(self, now: datetime, *, since: datetime | None = None) -> list[Bill]:
        """Return the billing periods of which Railway still knows the usage.

        Parameters
        ----------
        now : datetime
            Present.
        since : datetime, optional
            First moment of a recording, which forgets nothing.
        """
        usable = self._settled_invoices()
        periods = billing_periods(
            self.current,
            [invoice.period for invoice in self.invoices],
            since=self._first_start(now, since),
        )
        return [
            Bill(
                period=period,
                invoices=tuple(
                    i for i in usable if _home_of(i.invoice, periods) == period
                ),
                workspace_id=self.config.workspace_id,
                workspace_name=self.name,
                names=self.names,
                reported_usage=self.reported_usage if period == self.current else None,
            )
            for period in periods
        ]

    def _first_start(self, now: datetime, since: datetime | None) -> datetime:
        kept_since = since or now - timedelta(days=self.config.history_days)
        first = self.config.start_date
        return kept_since if first is None else max(kept_since, midnight(first))

    def _settled_invoices(self) -> list[SettledInvoice]:
        if not isinstance(self.units, Convention):
            return []
        declared = self.config.invoice_items
        return [
            SettledInvoice(invoice, tuple(lines_of(invoice, self.units, declared)))
            for invoice in self.invoices
            if invoice.is_final and not why_unusable(invoice, declared)
        ]


def _home_of(invoice: Invoice, periods: Sequence[Period]) -> Period | None:
    """Return the billing period that an invoice is about, or begins in."""
    mine = invoice.period
    about = (period for period in periods if mine.is_about(period))
    holding = (period for period in periods if period.includes_the_day(mine.start))
    return next(about, None) or next(holding, None)


def read_account(
    api: RailwayApi, config: RailwayConfig, *, with_projects: bool
) -> Account:
    """Ask for the workspace and, with them, for the names of all of its projects."""
    where = f"{config.name} (Workspace)"
    workspace = api.workspace()
    projects = api.projects() if with_projects else []
    with understood(where):
        customer = workspace["customer"]
        period = customer["billingPeriod"]
        invoices = tuple(parse_invoice(i, where=where) for i in customer["invoices"])
        return Account(
            config=config,
            name=str(workspace["name"]),
            current=Period(
                to_moment(period["start"], where=where),
                to_moment(period["end"], where=where),
            ),
            reported_usage=Decimal(str(customer["currentUsage"])),
            invoices=invoices,
            units=_units(invoices, config),
            names=Names.of(projects),
            project_ids=tuple(sorted(project["id"] for project in projects)),
        )


def _units(
    invoices: tuple[Invoice, ...], config: RailwayConfig
) -> Convention | MalformedDeliveryError:
    where = f"{config.name} (invoices)"
    try:
        return derive_convention(invoices, config.invoice_units, where=where)
    except MalformedDeliveryError as error:
        # Reported where invoices are delivered: usage is read regardless of them.
        return error
