"""A month that ties, from the command line; one line less on either side turns it red.

March is invoiced as 100.00 for training, 40.00 for storage and 26.60 tax: 166.60. The
bill has 60.00 + 40.00 for training and 40.00 for storage, and no tax.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from triptych.cli import app

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: acme, type: focus_files, path: bills}
  - {name: register, type: tables, stream: invoices, path: invoices.csv}
"""
BILL = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,InvoiceIssuerName,InvoiceId"
)
CHARGES = [
    "60.00,60.00,USD,2026-03-01,2026-03-05,2026-03-06,Usage,Training,Acme,A-3",
    "40.00,40.00,USD,2026-03-01,2026-03-06,2026-03-07,Usage,Training,Acme,A-3",
    "40.00,40.00,USD,2026-03-01,2026-03-06,2026-03-07,Usage,Storage,Acme,A-3",
]
REGISTER = (
    "invoice_id,invoice_issuer_name,billing_period_start,currency,invoiced_amount,"
    "line_type,description,status"
)
LINES = [
    "A-3,Acme,2026-03,USD,100.00,charge,Training,paid",
    "A-3,Acme,2026-03,USD,40.00,charge,Storage,paid",
    "A-3,Acme,2026-03,USD,26.60,tax,Sales tax,paid",
]
UNPRICED = "0,0,USD,2026-04-01,2026-04-05,2026-04-06,Usage,Preview,Acme,"


class Books:
    """A workspace whose bill and register can be written anew."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bills").mkdir()
        (root / "triptych.yml").write_text(SETTINGS, encoding="utf-8")

    def write(self, charges: list[str], lines: list[str]) -> None:
        bill = "\n".join([BILL, *charges, ""])
        (self.root / "bills" / "acme.csv").write_text(bill, encoding="utf-8")
        register = "\n".join([REGISTER, *lines, ""])
        (self.root / "invoices.csv").write_text(register, encoding="utf-8")
        finished = CliRunner().invoke(app, ["run", "-w", str(self.root)])
        assert finished.exit_code == 0, finished.output

    def reconcile(self, *arguments: str) -> tuple[int, str, str]:
        command = ["reconcile", "-w", str(self.root), *arguments]
        finished = CliRunner().invoke(app, command)
        return finished.exit_code, finished.stdout, finished.stderr

    def march(self) -> tuple[int, dict[str, Any]]:
        code, told, _ = self.reconcile("--period", "2026-03", "--json")
        [invoice] = json.loads(told)["invoices"]
        return code, invoice


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    return Books(tmp_path_factory.mktemp("books"))


def test_a_month_that_ties_and_then_lacks_a_line_on_either_side(books: Books) -> None:
    books.write([*CHARGES, UNPRICED], LINES)
    code, invoice = books.march()
    assert code == 0
    assert invoice["invoiced_amount"] == "166.6000000000"
    assert invoice["ledger_billed_cost"] == "140.0000000000"
    assert invoice["explained_tax_amount"] == "26.6000000000"
    assert invoice["unexplained_amount"] == "0.0000000000"
    assert (invoice["state"], invoice["matched_by"]) == ("reconciled", "invoice_id")

    # April has an unpriced charge and no invoice: 0 and 0 are no match.
    code, told, _ = books.reconcile("--period", "2026-04")
    assert code == 6
    assert "no_invoice" in told
    assert "Preview" in told or "No invoice of Acme for 2026-04" in told

    books.write(CHARGES, [LINES[0], LINES[2]])
    code, invoice = books.march()
    assert code == 6
    assert invoice["state"] == "not_reconciled"
    assert invoice["explained_missing_line_amount"] == "-40.0000000000"
    assert invoice["missing_lines"] == "only in the bill: Storage 40.00 USD"

    books.write(CHARGES[:2], LINES)
    code, told, refused = books.reconcile("--period", "2026-03")
    assert code == 6
    assert "only on the invoice: Storage 40.00 USD" in told
    assert "2026-03 is not reconciled" in refused
    assert "Traceback" not in told + refused

    books.write(CHARGES[1:], LINES)
    code, invoice = books.march()
    assert code == 6
    assert invoice["unexplained_amount"] == "60.0000000000"
    assert invoice["missing_lines"] == (
        "differs: Training 100.00 invoiced and 40.00 billed USD"
    )


@pytest.mark.parametrize("period", ["2031-01", "2026-13", "march"])
def test_a_period_without_data_or_that_is_none_ends_with_code_2(
    books: Books, period: str
) -> None:
    books.write(CHARGES, LINES)
    code, told, refused = books.reconcile("--period", period)
    assert code == 2
    assert period in refused
    assert "Traceback" not in told + refused
