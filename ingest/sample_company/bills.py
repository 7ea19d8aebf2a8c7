"""Writes the bills of all three providers, month by month, and counts them.

Only a single month is in memory at a time, and of it a single charge, so the size is
bounded by the largest charge of a month at any scale.
"""

from __future__ import annotations

import zlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ingest.sample_company import organisation as company
from ingest.sample_company.charges import (
    BY_DAY,
    Charge,
    Lines,
    Placement,
    Source,
    draw_lines,
)
from ingest.sample_company.events import base_charge
from ingest.sample_company.formats.aws_focus import AwsFocusMonth, Delivery
from ingest.sample_company.formats.focus import Biller
from ingest.sample_company.formats.focus_csv import FocusCsvMonth
from ingest.sample_company.formats.gcp_export import ExportAccount, GcpExportMonth
from ingest.sample_company.formats.model_api_answers import ModelApiMonth
from ingest.sample_company.ledger import Ledger
from ingest.sample_company.money import MICRO
from ingest.sample_company.price_list import SKUS
from ingest.sample_company.railway_bill import RailwayMonth, railway_month
from ingest.sample_company.spending import VAT_RATE
from ingest.sample_company.timeline import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.sample_company.organisation import Account
    from ingest.sample_company.plan import Plan
    from ingest.sample_company.timeline import Month, Timeline

    Add = Callable[[Lines], None]

_LISTED: Final[tuple[Source, ...]] = ("aws", "gcp", "tidewater")
SOURCES: Final[tuple[Source, ...]] = (*_LISTED, *BY_DAY)
#: An invoice comes by the source's own API; the others are entered by hand.
HAS_INVOICE_API: Final = "railway"
_ACCOUNTS: Final = {
    account.id: account
    for account in (
        company.AWS_DOLLAR_PAYER,
        company.AWS_EURO_PAYER,
        company.AWS_PRODUCTION,
        company.AWS_RESEARCH,
        company.AWS_ERP,
        company.AWS_WEBSHOP,
    )
}
_ISSUERS: Final[dict[str, str]] = {
    "tidewater": company.HYBRID_ISSUER,
    "openai": company.OPENAI_ISSUER,
    "anthropic": company.ANTHROPIC_ISSUER,
}
_INVOICE_PREFIXES: Final[dict[str, str]] = {
    "aws": "AWSINV",
    "gcp": "GC",
    "tidewater": "TW",
    "openai": "OAI",
    "anthropic": "ANT",
}
_TAX_SKUS: Final = {"aws": "aws-support", "gcp": "gcp-tax", "tidewater": "hybrid-plan"}


class Recorders(Protocol):
    """Receiver of API recordings, month by month."""

    def add_railway(self, month: RailwayMonth) -> None:
        """Take a billing period of Railway."""

    def add_model_api(self, source: Source, month: ModelApiMonth) -> None:
        """Take a month of a vendor of a model API."""


class _Closable(Protocol):
    def close(self) -> None: ...


def write_bills(
    directory: Path, plan: Plan, recorders: Recorders, *, seed: int, scale: float
) -> Ledger:
    """Write every bill below ``directory`` and return a ledger of sums.

    Recordings of an API are passed to ``recorders``, which write them once meters are
    known.
    """
    ledger = Ledger(plan.timeline, plan.exchange)
    for month in plan.timeline.months:
        bills = _MonthOfBills(directory, plan, month, ledger, seed, scale)
        bills.write()
        bills.record(recorders)
    ledger.settle()
    return ledger


def issuer(source: Source, month: Month, timeline: Timeline) -> str:
    """Return who issues the invoice of a month."""
    if source == "gcp":
        return company.GCP_ISSUER
    if source in _ISSUERS:
        return _ISSUERS[source]
    is_dollar = month.index < timeline.euro_index
    return company.AWS_DOLLAR_ISSUER if is_dollar else company.AWS_EURO_ISSUER


def invoice_id(source: Source, month: Month) -> str:
    """Return the number of the invoice of a month."""
    prefix = _INVOICE_PREFIXES[source]
    return f"{prefix}-{month.label}-{4_100 + month.index * 37}"


class _MonthOfBills:
    def __init__(
        self,
        directory: Path,
        plan: Plan,
        month: Month,
        ledger: Ledger,
        seed: int,
        scale: float,
    ) -> None:
        self._directory = directory / "bills"
        self._timeline = plan.timeline
        self._charges = plan.charges[month.index]
        self._month = month
        self._ledger = ledger
        self._seed = seed
        self._scale = scale
        self._end = epoch_seconds(plan.timeline.end)

    def write(self) -> None:
        openers = {
            "aws": self._open_aws,
            "gcp": self._open_gcp,
            "tidewater": self._open_tidewater,
        }
        for source in _LISTED:
            charges = [c for c in self._charges if c.source == source]
            if charges:
                with ExitStack() as stack:
                    self._write_source(source, charges, openers[source](stack))

    def record(self, recorders: Recorders) -> None:
        """Draw the recordings of APIs."""
        for source in BY_DAY:
            charges = [c for c in self._charges if c.source == source]
            if not charges:
                continue
            if source == "railway":
                recorders.add_railway(self._railway(charges))
                continue
            month = ModelApiMonth(self._month)
            for charge in charges:
                self._write_charge(charge, month.add)
            recorders.add_model_api(source, month)

    def _railway(self, charges: list[Charge]) -> RailwayMonth:
        hybrid = self._timeline.first_of("hybrid")
        bill = railway_month(
            self._month,
            charges,
            self._draw,
            is_invoiced=self._month.end != self._timeline.end,
            has_credit=self._month.index == hybrid.index + 1,
        )
        for lines in (*bill.settled, *bill.fees):
            self._ledger.add(lines)
        return bill

    def _write_source(self, source: Source, charges: list[Charge], add: Add) -> None:
        for charge in charges:
            self._write_charge(charge, add)
        for tax in self._taxes(source):
            self._write_charge(tax, add)

    def _write_charge(self, charge: Charge, add: Add) -> None:
        lines = self._draw(charge)
        self._ledger.add(lines)
        add(lines)

    def _draw(self, charge: Charge) -> Lines:
        key = zlib.crc32(f"{charge.source}/{charge.name}/{charge.kind}".encode())
        sequence = np.random.SeedSequence(
            self._seed, spawn_key=(0, self._month.index, key)
        )
        rng = np.random.default_rng(sequence)
        return draw_lines(charge, rng, scale=self._scale, end=self._end)

    def _open_aws(self, stack: ExitStack) -> Add:
        count = sum(c.line_count for c in self._charges if c.source == "aws")
        writer = AwsFocusMonth(
            self._directory / "aws",
            self._month,
            delivery=self._delivery(),
            expected_rows=int(count * self._scale),
        )
        _close_after(stack, writer)
        biller = self._aws_biller()
        return lambda lines: writer.add(lines, biller)

    def _delivery(self) -> Delivery:
        """Return how AWS delivers: it kept executions until the migration."""
        index, migration = self._month.index, self._timeline.migration_index
        return Delivery(
            keeps_executions=index < migration,
            is_superseded=index in {1, migration - 1},
            has_blanked_chunk=index == self._timeline.first_of("hybrid").index,
            has_hostile_row=index == len(self._timeline.months) // 2,
        )

    def _aws_biller(self) -> Biller:
        is_dollar = self._month.index < self._timeline.euro_index
        payer = company.AWS_DOLLAR_PAYER if is_dollar else company.AWS_EURO_PAYER
        return Biller(
            provider="AWS",
            issuer=issuer("aws", self._month, self._timeline),
            invoice_id=invoice_id("aws", self._month),
            account_id=payer.id,
            account_name=payer.name,
            region_id="eu-central-1",
            region_name="Europe (Frankfurt)",
            resource_prefix="arn:aws:sample:eu-central-1:",
        )

    def _open_gcp(self, stack: ExitStack) -> Add:
        is_last = self._month.end == self._timeline.end
        writer = GcpExportMonth(
            self._directory / "gcp",
            ExportAccount(company.GCP_BILLING_ACCOUNT),
            name=self._month.label,
            is_json=is_last,
        )
        _close_after(stack, writer)
        return writer.add

    def _open_tidewater(self, stack: ExitStack) -> Add:
        is_last = self._month.end == self._timeline.end
        path = self._directory / "hybrid" / f"{self._month.label}.csv.gz"
        writer = FocusCsvMonth(path, has_hostile_row=is_last)
        _close_after(stack, writer)
        biller = Biller(
            provider=company.HYBRID_VENDOR,
            issuer=company.HYBRID_ISSUER,
            invoice_id=invoice_id("tidewater", self._month),
            account_id="tw-000417",
            account_name=company.NAME,
            region_id="eu-north",
            region_name="Northern Europe",
            resource_prefix="tw:eu-north:",
            sub_account_type="Workspace",
        )
        return lambda lines: writer.add(lines, biller)

    def _taxes(self, source: Source) -> list[Charge]:
        """Return the tax of each AWS account; elsewhere of the whole invoice."""
        billed = {
            account: amount
            for (of, label, account), amount in self._ledger.accounts.items()
            if of == source and label == self._month.label
        }
        if source == "aws":
            parts = [(_ACCOUNTS[id_], amount) for id_, amount in sorted(billed.items())]
        else:
            account = {
                "gcp": company.GCP_NO_PROJECT,
                "tidewater": company.HYBRID_WORKSPACE,
            }[source]
            parts = [(account, sum(billed.values()))]
        return [self._tax(source, account, amount) for account, amount in parts]

    def _tax(self, source: Source, account: Account, billed: int) -> Charge:
        sku = SKUS[_TAX_SKUS[source]]
        base = base_charge("tax", source, sku, account, self._month, self._timeline)
        component = Placement("tax" if account.is_ai else "out_of_scope")
        return replace(
            base,
            kind="tax",
            grain="month",
            amount=round(billed * VAT_RATE / MICRO) * MICRO,
            placement=component,
            description="VAT 19 %",
            name=f"tax-{account.id}",
        )


def _close_after(stack: ExitStack, writer: _Closable) -> None:
    """Finish a file only if nothing failed: a half file has no manifest."""
    stack.push(lambda kind, _error, _trace: None if kind else writer.close())
