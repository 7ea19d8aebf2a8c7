"""A year of closes: invoices = statements + outside AI scope + explained + open.

Each month is billed as 100.00 to eta of search, 40.00 to vision, 3.00 to nobody and
7.00 of mail, which is outside AI scope: 150.00. March's invoice has 19.00 of tax that
no bill has. Documents are late, lost, corrected, voided, credited and accepted while
months are closed around them. All amounts are in euros; truth is the plan below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.engine.closed_months import ClosedMonth
from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.e2e.cases.closing_case import CATALOG, RULES, SETTINGS, ClosingCase, charge
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS
from triptych.core.warehouse.inspection import read_bill_loads
from triptych.core.warehouse.locks import CLOSED, record_acceptance
from triptych.run.recorded_run import Run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)

MONTHS = tuple(f"2026-{number:02d}" for number in range(1, 13))
MARTS = (
    *(f"cost.{mart.name}" for mart in FROZEN_MARTS),
    *("cost.mart_open_items", "cost.mart_period_states"),
)
REGISTER = (
    "invoice_id,invoice_issuer_name,billing_period_start,currency,invoiced_amount,"
    "line_type,status,corrected_invoice_id\n"
)


@dataclass
class Year:
    """The plan: charges and documents by month, and what of each is open."""

    root: Path
    charges: dict[str, list[str]] = field(default_factory=dict)
    documents: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    open_amounts: dict[str, Decimal] = field(default_factory=dict)

    def bill(self, *months: str) -> None:
        """Bill and invoice months as usual."""
        for month in months:
            self.charges[month] = [
                *(_charge(month, "100.00", "eta"), _charge(month, "40.00", "vision")),
                *(_charge(month, "3.00", ""), _charge(month, "7.00", "", "Mail")),
            ]
            self.invoice(f"E-{int(month[-2:])}", month, "150.00")

    def invoice(
        self, number: str, month: str, amount: str, status: str = "issued", of: str = ""
    ) -> None:
        """Enter a document, in place of the one with its number."""
        self.documents[number] = (month, amount, status, of)

    def add(self, month: str, amount: str, number: str, *, model: str = "eta") -> None:
        """Bill another amount of a month under a number."""
        self.charges[month].append(_charge(month, amount, model, number=number))

    def replace(self, month: str, old: str, new: str) -> None:
        """Deliver the bill of a month with another amount."""
        changed = [line.replace(old, new) for line in self.charges[month]]
        assert changed != self.charges[month]
        self.charges[month] = changed

    def delivered(self) -> ChosenMarts:
        """Write all files, load what is new, and build the marts."""
        case = ClosingCase(self.root)
        for month, lines in self.charges.items():
            case.bill(month, *lines)
        rows = [
            f"{number},Vendor,{month},EUR,{amount},charge,{status},{of}\n"
            for number, (month, amount, status, of) in self.documents.items()
        ]
        tax = "E-3,Vendor,2026-03,EUR,19.00,tax,issued,\n"
        case.write("invoices.csv", "".join([REGISTER, *rows, tax]))
        return ingest_and_build(self.root, *MARTS)

    def invoiced(self, month: str) -> Decimal:
        """Return what the documents of a month ask, tax apart."""
        return sum(
            (
                Decimal(amount)
                for of_month, amount, status, _ in self.documents.values()
                if of_month == month and status != "void"
            ),
            Decimal(0),
        )


def _charge(
    month: str, amount: str, model: str, service: str = "API", number: str = ""
) -> str:
    """Return a charge on the 5th, under the number of a document."""
    kind = "Credit" if amount.startswith("-") else "Usage"
    line = charge(
        amount, service, day=f"{month}-05", model=model, bill=month, kind=kind
    )
    usual = f"E-{int(month[-2:])}"
    return line.replace(f",{usual},", f",{number or usual},")


def lock(year: Year, marts: ChosenMarts, *months: str) -> None:
    """Close months with the rows that were built, as the command does."""
    workspace = ClosingCase(year.root).workspace
    for month in months:
        run = Run(workspace, load_settings(year.root), SilentProgress())
        figures = {
            mart.name: marts.query(
                f"SELECT {', '.join(mart.columns)} FROM cost.{mart.name}"
                f" WHERE {mart.month_column} = '{month}' ORDER BY ALL"
            )
            for mart in FROZEN_MARTS
        }
        lock_id = f"lock-of-{month}"
        detail = {
            "billing_month": month,
            "lock_id": lock_id,
            "content_hash": month,
            "actor": "Ana",
            "approver": "Ben",
            "reason": None,
            "published_run_id": "run",
            "files": {},
            "marts": list(figures),
            "load_ids": list(read_bill_loads(workspace.raw_database, month)),
        }
        closed = ClosedMonth(
            month, lock_id=lock_id, content_hash=month, figures=figures
        )
        run.runner().commit_together(closed, event=CLOSED, detail=detail)


def sums(marts: ChosenMarts, sql: str) -> dict[str, Decimal]:
    """Return amounts by month."""
    return {row["month"]: row["amount"] for row in marts.query(sql).to_pylist()}


def check(year: Year, marts: ChosenMarts) -> None:
    """Hold every month's documents against statements, what is outside and open."""
    statements = sums(
        marts,
        "SELECT about_month AS month, sum(billed_cost) AS amount"
        " FROM cost.mart_statement_lines GROUP BY ALL",
    )
    outside = sums(
        marts,
        "SELECT month, sum(amount) AS amount FROM ("
        " SELECT billing_month AS month, billed_cost AS amount"
        " FROM cost.mart_cost_waterfall WHERE step = 'out_of_scope'"
        " UNION ALL SELECT locked_month, billed_cost FROM cost.mart_period_adjustments"
        " WHERE component = 'out_of_scope') GROUP BY month",
    )
    is_open = sums(
        marts,
        "SELECT billing_month AS month, sum(open_amount) AS amount"
        " FROM cost.mart_open_items WHERE kind = 'document' GROUP BY ALL"
        " HAVING sum(open_amount) <> 0",
    )
    assert is_open == year.open_amounts
    for month in year.charges:
        parts = statements[month] + outside[month] + is_open.get(month, Decimal(0))
        assert year.invoiced(month) == parts, month


def owed(marts: ChosenMarts, month: str) -> dict[tuple[str | None, str], Decimal]:
    """Return what each cost centre owes for a month, by the month it is about."""
    rows = marts.query(
        "SELECT cost_center, about_month, sum(billed_cost) AS amount"
        f" FROM cost.mart_statement_lines WHERE billing_month = '{month}' GROUP BY ALL"
    ).to_pylist()
    return {(row["cost_center"], row["about_month"]): row["amount"] for row in rows}


USUAL = {"cc-1": Decimal(100), "cc-2": Decimal(40), None: Decimal(3)}


def usual(month: str) -> dict[tuple[str | None, str], Decimal]:
    return {(center, month): amount for center, amount in USUAL.items()}


def new_year(root: Path) -> Year:
    """Write the settings of the company."""
    case = ClosingCase(root)
    case.write(
        "triptych.yml",
        SETTINGS.split("  - {name: usage")[0] + "  - {name: "
        "register, type: tables, stream: invoices, path: invoices.csv}\n",
    )
    case.write("allocation.yml", RULES)
    case.write("catalog.yml", CATALOG)
    return Year(root)


def test_invoices_are_statements_and_what_is_outside_and_open(tmp_path: Path) -> None:
    """Four deliveries and three rounds of closes; each month holds after each."""
    year = new_year(tmp_path)
    year.bill(*MONTHS[:4])
    marts = year.delivered()
    check(year, marts)
    lock(year, marts, *MONTHS[:3])

    # Late and whole, late and too high, lost, and an invoice for nothing.
    year.bill(*MONTHS[4:8])
    year.add("2026-01", "60.00", "E-1b")
    year.invoice("E-1b", "2026-01", "60.00")
    year.add("2026-02", "60.00", "E-2b")
    year.invoice("E-2b", "2026-02", "95.00")
    year.add("2026-03", "25.00", "E-3b", model="vision")
    year.invoice("E-1x", "2026-01", "500.00")
    year.open_amounts = {
        "2026-01": Decimal(500),
        "2026-02": Decimal(35),
        "2026-03": Decimal(-25),
    }
    marts = year.delivered()
    check(year, marts)
    april = {
        **usual("2026-04"),
        ("cc-1", "2026-01"): Decimal(60),
        ("cc-1", "2026-02"): Decimal(60),
        ("cc-2", "2026-03"): Decimal(25),
    }
    assert owed(marts, "2026-04") == april
    lock(year, marts, *MONTHS[3:7])

    # Voided, corrected, credited, more outside AI scope, and a difference accepted.
    year.bill(*MONTHS[8:12])
    year.invoice("E-1x", "2026-01", "500.00", "void")
    year.replace("2026-05", "100.00", "110.00")
    year.invoice("E-5", "2026-05", "160.00")
    year.add("2026-06", "-20.00", "C-6")
    year.invoice("C-6", "2026-06", "-20.00", of="E-6")
    year.replace("2026-04", "7.00", "9.00")
    year.invoice("E-4", "2026-04", "152.00")
    record_acceptance(ClosingCase(tmp_path).workspace, ACCEPTED)
    year.open_amounts = {"2026-02": Decimal(35), "2026-03": Decimal(-25)}
    marts = year.delivered()
    check(year, marts)
    august = {
        **usual("2026-08"),
        ("cc-1", "2026-05"): Decimal(10),
        ("cc-1", "2026-06"): Decimal(-20),
    }
    assert owed(marts, "2026-08") == august
    assert owed(marts, "2026-04") == april
    lock(year, marts, *MONTHS[7:11])

    # The lost invoice comes, January's charge is dearer, and December has a refund.
    year.invoice("E-3b", "2026-03", "25.00")
    year.replace("2026-01", "60.00", "65.00")
    year.add("2026-12", "-4.00", "E-12")
    year.invoice("E-12", "2026-12", "146.00")
    year.open_amounts = {"2026-01": Decimal(-5), "2026-02": Decimal(35)}
    marts = year.delivered()
    check(year, marts)
    assert owed(marts, "2026-04") == april
    assert owed(marts, "2026-08") == august
    assert owed(marts, "2026-12")["cc-1", "2026-01"] == 5
    unsettled = marts.query(
        "SELECT billing_month, state, open_item_count FROM cost.mart_period_states"
        " WHERE open_item_count > 0"
    ).to_pylist()
    assert [row["billing_month"] for row in unsettled] == ["2026-01"]


ACCEPTED = {
    "billing_month": "2026-02",
    "document": "Vendor E-2b (EUR)",
    "invoice_issuer_name": "Vendor",
    "invoice_id": "E-2b",
    "currency": "EUR",
    "open_amount": "35",
    "threshold_amount": "35",
    "reason": "Not worth a dispute.",
    "actor": "Ana",
    "approver": "Ben",
    "lock_id": None,
    "content_hash": None,
}
