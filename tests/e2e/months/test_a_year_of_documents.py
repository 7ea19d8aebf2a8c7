"""A year of closes: invoices = statements + outside AI scope + explained + open.

Each month is billed as 100.00 to eta of search, 40.00 to vision, 3.00 to nobody and
7.00 of mail, which is outside AI scope: 150.00. March's invoice has 19.00 of tax that
no bill has. January's has 120.00 and 12.00 more, for a year of eta and of mail: 10.00
and 1.00 of them are used up each month. Documents are late, lost, corrected, voided,
credited and accepted while months are closed around them.

On the billed basis the sum holds as it is. On the effective one, what is paid ahead is
in no statement until it is used up: it holds less what was paid and not yet used, and
as it is over the year. All amounts are in euros; truth is the plan below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

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

    #: Cost centre and month that it is about → amount.
    Owed: TypeAlias = dict[tuple[str | None, str], Decimal]

pytestmark = pytest.mark.timeout(1800)

MONTHS = tuple(f"2026-{number:02d}" for number in range(1, 13))
BASES = ("billed", "effective")
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
        """Bill and invoice months as usual, January with what is paid for a year."""
        for month in months:
            self.charges[month] = [
                *(_charge(month, "100.00", "eta"), _charge(month, "40.00", "vision")),
                *(_charge(month, "3.00", ""), _charge(month, "7.00", "", "Mail")),
                _charge(month, "0.00", "eta", "Reserved", used_up="10.00"),
                _charge(month, "0.00", "", "Mail", used_up="1.00"),
            ]
            self.invoice(f"E-{int(month[-2:])}", month, "150.00")
            if month == MONTHS[0]:
                self.charges[month] += [
                    _charge(month, "120.00", "eta", "Reserved", used_up="0.00"),
                    _charge(month, "12.00", "", "Mail", used_up="0.00"),
                ]
                self.invoice("E-1", month, "282.00")

    def invoice(
        self, number: str, month: str, amount: str, status: str = "issued", of: str = ""
    ) -> None:
        """Enter a document, in place of the one with its number."""
        self.documents[number] = (month, amount, status, of)

    def add(
        self,
        month: str,
        amount: str,
        number: str,
        *,
        model: str = "eta",
        used_up: str = "",
    ) -> None:
        """Bill another amount of a month under a number."""
        line = _charge(month, amount, model, number=number, used_up=used_up)
        self.charges[month].append(line)

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

    def paid_ahead(self, month: str) -> Decimal:
        """Return what the bill of a month asks for beyond what was used up in it."""
        amounts = [line.split(",")[:2] for line in self.charges[month]]
        return sum((Decimal(paid) - Decimal(used) for paid, used in amounts), Decimal())


def _charge(
    month: str,
    amount: str,
    model: str,
    service: str = "API",
    number: str = "",
    used_up: str = "",
) -> str:
    """Return a charge on the 5th, under the number of a document."""
    kind = "Credit" if amount.startswith("-") else "Usage"
    if used_up == "0.00":
        kind = "Purchase"
    line = charge(
        amount, service, day=f"{month}-05", model=model, bill=month, kind=kind
    )
    if used_up:
        line = line.replace(f"{amount},{amount},", f"{amount},{used_up},", 1)
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
    is_open = sums(
        marts,
        "SELECT billing_month AS month, sum(open_amount) AS amount"
        " FROM cost.mart_open_items WHERE kind = 'document' GROUP BY ALL"
        " HAVING sum(open_amount) <> 0",
    )
    assert is_open == year.open_amounts
    billed, effective = (stated(marts, basis) for basis in BASES)
    for month in year.charges:
        asked = year.invoiced(month) - is_open.get(month, Decimal(0))
        assert asked == billed[month], month
        assert asked - year.paid_ahead(month) == effective[month], month


def stated(marts: ChosenMarts, basis: str) -> dict[str, Decimal]:
    """Return what statements and what is outside AI scope come to, by month."""
    return sums(
        marts,
        "SELECT month, sum(amount) AS amount FROM ("
        f" SELECT about_month AS month, {basis}_cost AS amount"
        " FROM cost.mart_statement_lines"
        f" UNION ALL SELECT billing_month, {basis}_cost"
        " FROM cost.mart_cost_waterfall WHERE step = 'out_of_scope'"
        f" UNION ALL SELECT locked_month, {basis}_cost"
        " FROM cost.mart_period_adjustments WHERE component = 'out_of_scope')"
        " GROUP BY month",
    )


def owed_on_both(marts: ChosenMarts, month: str) -> tuple[Owed, Owed]:
    """Return what each cost centre owes for a month, by the month it is about.

    Both as billed and as used up.
    """
    billed, effective = (
        {
            (row["cost_center"], row["about_month"]): row["amount"]
            for row in marts.query(
                f"SELECT cost_center, about_month, sum({basis}_cost) AS amount"
                f" FROM cost.mart_statement_lines WHERE billing_month = '{month}'"
                f" GROUP BY ALL HAVING sum({basis}_cost) <> 0"
            ).to_pylist()
        }
        for basis in BASES
    )
    return billed, effective


def usual(month: str, *, used_up: int = 0) -> Owed:
    """Return what each owes for a month, search with what it has used up."""
    return {
        ("cc-1", month): Decimal(100 + used_up),
        ("cc-2", month): Decimal(40),
        (None, month): Decimal(3),
    }


#: What statements of April and August say, as billed and as used up: late documents
#: and what eta had used up of vision's; then what was corrected, credited and refunded.
_LATE: Owed = {("cc-1", "2026-01"): Decimal(60), ("cc-2", "2026-03"): Decimal(25)}
APRIL = (
    {**usual("2026-04"), **_LATE, ("cc-1", "2026-02"): Decimal(60)},
    {
        **usual("2026-04", used_up=10),
        **_LATE,
        ("cc-1", "2026-02"): Decimal(60 - 2),
        ("cc-2", "2026-02"): Decimal(2),
    },
)
_CORRECTED: Owed = {
    ("cc-1", "2026-05"): Decimal(10),
    ("cc-1", "2026-06"): Decimal(-20),
}
AUGUST = (
    {**usual("2026-08"), **_CORRECTED, ("cc-1", "2026-01"): Decimal(-30)},
    {**usual("2026-08", used_up=10), **_CORRECTED},
)


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


def deliver_late(year: Year) -> None:
    """Late and whole, late and too high, lost, and an invoice for nothing.

    Two of what eta had used up in February was vision's: no document changes.
    """
    year.bill(*MONTHS[4:8])
    year.replace("2026-02", "0.00,10.00,", "0.00,8.00,")
    year.add("2026-02", "0.00", "E-2", model="vision", used_up="2.00")
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


def correct(year: Year) -> None:
    """Void, correct, credit, bill more outside AI scope, and accept a difference.

    A quarter of what was paid ahead comes back, and the last months use up less of it.
    Mail of April was half a euro dearer, and that of November is cheaper.
    """
    year.bill(*MONTHS[8:12])
    year.invoice("E-1x", "2026-01", "500.00", "void")
    year.replace("2026-05", "100.00", "110.00")
    year.invoice("E-5", "2026-05", "160.00")
    year.add("2026-06", "-20.00", "C-6")
    year.invoice("C-6", "2026-06", "-20.00", of="E-6")
    year.replace("2026-04", "7.00", "9.00")
    year.invoice("E-4", "2026-04", "152.00")
    year.add("2026-01", "-30.00", "C-1", used_up="0.00")
    year.invoice("C-1", "2026-01", "-30.00", of="E-1")
    for month in MONTHS[8:12]:
        year.replace(month, "0.00,10.00,", "0.00,2.50,")
    year.replace("2026-04", "0.00,1.00,", "0.00,1.50,")
    year.replace("2026-11", "0.00,1.00,", "0.00,0.50,")
    record_acceptance(ClosingCase(year.root).workspace, ACCEPTED)
    year.open_amounts = {"2026-02": Decimal(35), "2026-03": Decimal(-25)}


def end(year: Year) -> None:
    """Bring the lost invoice, a dearer charge of January and a refund of December.

    Of what was paid ahead, May used up one less and December one more.
    """
    year.invoice("E-3b", "2026-03", "25.00")
    year.replace("2026-01", "60.00", "65.00")
    year.add("2026-12", "-4.00", "E-12")
    year.invoice("E-12", "2026-12", "146.00")
    year.replace("2026-05", "0.00,10.00,", "0.00,9.00,")
    year.replace("2026-12", "0.00,2.50,", "0.00,3.50,")
    year.open_amounts = {"2026-01": Decimal(-5), "2026-02": Decimal(35)}


def test_invoices_are_statements_and_what_is_outside_and_open(tmp_path: Path) -> None:
    """Four deliveries and three rounds of closes; each month holds after each."""
    year = new_year(tmp_path)
    year.bill(*MONTHS[:4])
    marts = year.delivered()
    check(year, marts)
    lock(year, marts, *MONTHS[:3])

    deliver_late(year)
    marts = year.delivered()
    check(year, marts)
    assert owed_on_both(marts, "2026-04") == APRIL
    lock(year, marts, *MONTHS[3:7])

    correct(year)
    marts = year.delivered()
    check(year, marts)
    assert owed_on_both(marts, "2026-08") == AUGUST
    assert owed_on_both(marts, "2026-04") == APRIL
    lock(year, marts, *MONTHS[7:11])

    end(year)
    marts = year.delivered()
    check(year, marts)
    assert owed_on_both(marts, "2026-04") == APRIL
    assert owed_on_both(marts, "2026-08") == AUGUST
    for owed in owed_on_both(marts, "2026-12"):
        assert owed["cc-1", "2026-01"] == 5
    [may] = marts.query(
        "SELECT state, reason FROM cost.mart_open_items"
        " WHERE billing_month = '2026-05' AND booked_month = '2026-12'"
    ).to_pylist()
    assert (may["state"], may["reason"]) == (
        "booked",
        "To be booked with 2026-12, on its statements: -1.00 of amortised cost alone.",
    )
    # All that was paid ahead is used up by the end of the year.
    assert sum(map(year.paid_ahead, MONTHS)) == 0
    asked = sum(map(year.invoiced, MONTHS)) - sum(year.open_amounts.values())
    assert [sum(stated(marts, basis).values()) for basis in BASES] == [asked, asked]
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
