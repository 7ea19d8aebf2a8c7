"""Exchange rates, the register of invoices, and the budget."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

from ingest.sample_company.bills import HAS_INVOICE_API, SOURCES, invoice_id, issuer
from ingest.sample_company.formats.tables import write_csv
from ingest.sample_company.money import UNITS, to_decimal
from ingest.sample_company.timeline import PHASES, last_day

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.ledger import Ledger
    from ingest.sample_company.plan import Plan
    from ingest.sample_company.timeline import Month, Phase, Timeline

BUDGET_SCOPE: Final = ("all", "ai")
ACTUAL_TO_BUDGET: Final = 3.80
_CENT: Final = Decimal("0.01")
#: Budgets after phase 1, as multiples of the budget of phase 1.
_LATER_BUDGETS: Final = {"migration": 4.0, "hybrid": 2.4}
#: Parts of a month's budget that teams and models are given from the hybrid on.
BUDGET_PARTS: Final = {
    ("team", "fleet-ai"): Decimal("0.29"),
    ("team", "network-ai"): Decimal("0.20"),
    ("team", "care-ai"): Decimal("0.15"),
    ("team", "finance-automation"): Decimal("0.08"),
    ("team", "ml-platform"): Decimal("0.025"),
    ("model", "maintenance-vision"): Decimal("0.15"),
    ("model", "eta-v2"): Decimal("0.10"),
}
_NOT_AI_SPEND: Final = ("out_of_scope", "tax", "credit")


@dataclass(frozen=True, slots=True)
class Spending:
    """AI spend and budget by month in EUR: in scope, before tax and credits.

    ``ahead`` is the budget of each month to come.
    """

    actual: tuple[int, ...]
    budget: tuple[int, ...]
    ahead: int

    def total(self, months: tuple[Month, ...]) -> tuple[Decimal, Decimal]:
        """Return actual and budget of some months."""
        actual = sum(self.actual[month.index] for month in months)
        return to_decimal(actual), to_decimal(
            sum(self.budget[month.index] for month in months)
        )


def measure_spending(ledger: Ledger, timeline: Timeline) -> Spending:
    """Return effective AI spend, and the budget that phase 1 exceeds 3.8 times."""
    actual = [0] * len(timeline.months)
    index = {month.label: month.index for month in timeline.months}
    for source, label, currency, component in list(ledger.components):
        if component not in _NOT_AI_SPEND:
            _, effective = ledger.component_euros(source, label, currency, component)
            actual[index[label]] += effective
    managed = timeline.of("managed_kubernetes")
    mean = sum(actual[month.index] for month in managed) / len(managed)
    monthly = round(mean / ACTUAL_TO_BUDGET / UNITS)
    budget = tuple(monthly_budget(month.phase, monthly) for month in timeline.months)
    return Spending(tuple(actual), budget, monthly_budget("hybrid", monthly))


def monthly_budget(phase: Phase, managed: int) -> int:
    """Return a month's budget in units, given phase 1's in whole euros."""
    return round(managed * _LATER_BUDGETS.get(phase, 1.0)) * UNITS


def budgets(
    spending: Spending, timeline: Timeline
) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Return the budget of each scope by month, up to the end of the last year [EUR].

    A year that has just ended is followed by the next.
    """
    labels = [month.label for month in timeline.months]
    whole = dict(zip(labels, map(to_decimal, spending.budget), strict=True))
    year, last = timeline.months[-1].end.year, timeline.months[-1].end.month
    ahead = {f"{year}-{month:02d}": spending.ahead for month in range(last, 13)}
    whole |= {month: to_decimal(amount) for month, amount in ahead.items()}
    divided = [month.label for month in timeline.of("hybrid")] + list(ahead)
    return {BUDGET_SCOPE: whole} | {
        scope: {month: (whole[month] * part).quantize(_CENT) for month in divided}
        for scope, part in BUDGET_PARTS.items()
    }


def write_budgets(path: Path, spending: Spending, timeline: Timeline) -> int:
    """Write ``budgets.csv``; returns rows."""
    header = ("budget_month", "scope_type", "scope_id", "budget_amount", "currency")
    rows = [
        [month, *scope, amount.quantize(_CENT), "EUR"]
        for scope, amounts in budgets(spending, timeline).items()
        for month, amount in amounts.items()
    ]
    write_csv(path, header, rows)
    return len(rows)


def write_rates(path: Path, plan: Plan) -> None:
    """Write the dollar rates typed in by finance, including a zero rate."""
    exchange = plan.exchange
    rows = [
        [last_day(month), "USD", "EUR", f"0.{exchange.typed[month.index]:04d}"]
        for month in plan.timeline.months[: exchange.typed_count]
    ]
    hostile = [last_day(plan.timeline.months[0]), "GBP", "EUR", "0"]
    header = ("rate_date", "from_currency", "to_currency", "rate")
    write_csv(path, header, [*rows, hostile])


def missing_invoice_month(timeline: Timeline) -> Month:
    """Return the month with a Google invoice that was never entered."""
    return timeline.months[-4]


def write_invoices(path: Path, ledger: Ledger, timeline: Timeline) -> int:
    """Write a line per issuer and month, less the missing; return rows."""
    header = (
        "invoice_id", "invoice_issuer_name", "billing_period_start", "currency",
        "invoiced_amount", "tax_amount", "credit_amount", "issued_at", "status",
    )  # fmt: skip
    rows = [
        _invoice(source, month, currency, ledger, timeline)
        for month in timeline.months
        for source in SOURCES
        if source != HAS_INVOICE_API
        for currency in ("EUR", "USD")
        if (source, month.label, currency) in ledger.totals
        and not (source == "gcp" and month == missing_invoice_month(timeline))
    ]
    hostile = [*rows[0][:4], "see attachment", *rows[0][5:]]
    write_csv(path, header, [*rows, hostile])
    return len(rows)


def _invoice(
    source: str, month: Month, currency: str, ledger: Ledger, timeline: Timeline
) -> list[object]:
    of = next(known for known in SOURCES if known == source)
    tax = ledger.components.get((source, month.label, currency, "tax"))
    credit = ledger.components.get((source, month.label, currency, "credit"))
    total = ledger.totals[source, month.label, currency].billed
    return [
        invoice_id(of, month),
        issuer(of, month, timeline),
        month.first_day,
        currency,
        _cents(total),
        _cents(tax.billed if tax else 0),
        _cents(credit.billed if credit else 0),
        month.end.replace(day=3),
        "issued",
    ]


def _cents(units: int) -> Decimal:
    return to_decimal(units).quantize(_CENT, rounding=ROUND_HALF_EVEN)


def phase_totals(
    spending: Spending, timeline: Timeline
) -> dict[Phase, tuple[Decimal, Decimal]]:
    """Return actual and budget of each phase."""
    return {phase: spending.total(timeline.of(phase)) for phase in PHASES}
