"""A month that ties, from the command line; one line less on either side turns it red.

March is invoiced as 100.00 for training, 40.00 for storage and 26.60 tax: 166.60. The
bill has 60.00 + 40.00 for training and 40.00 for storage, and no tax. Each month after
it is March again, less one line.
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
REGISTER = (
    "invoice_id,invoice_issuer_name,billing_period_start,currency,invoiced_amount,"
    "line_type,description,status"
)
CHARGES = (("Training", "60.00"), ("Training", "40.00"), ("Storage", "40.00"))
LINES = (
    ("charge", "Training", "100.00"),
    ("charge", "Storage", "40.00"),
    ("tax", "Sales tax", "26.60"),
)
#: Month → charges and invoice lines that it has.
MONTHS: dict[
    str, tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str, str], ...]]
] = {
    "2026-03": (CHARGES, LINES),
    "2026-04": (CHARGES, (LINES[0], LINES[2])),
    "2026-05": (CHARGES[:2], LINES),
    "2026-06": (CHARGES[1:], LINES),
    "2026-07": ((("Preview", "0"),), ()),
    "2026-08": ((), LINES),
}


def charge(month: str, service: str, amount: str) -> str:
    period = f"{month}-01,{month}-05,{month}-06"
    return f"{amount},{amount},USD,{period},Usage,{service},Acme,A-{month}"


def line(month: str, kind: str, description: str, amount: str) -> str:
    return f"A-{month},Acme,{month},USD,{amount},{kind},{description},paid"


def write_register(root: Path, months: dict[str, Any]) -> None:
    lines = [line(month, *of) for month, (_, given) in months.items() for of in given]
    text = "\n".join([REGISTER, *lines, ""])
    (root / "invoices.csv").write_text(text, encoding="utf-8")


def run(root: Path) -> None:
    finished = CliRunner().invoke(app, ["run", "-w", str(root)])
    assert finished.exit_code == 0, finished.output


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    (folder / "triptych.yml").write_text(SETTINGS, encoding="utf-8")
    (folder / "bills").mkdir()
    charges = [charge(m, *of) for m, (given, _) in MONTHS.items() for of in given]
    bill = "\n".join([BILL, *charges, ""])
    (folder / "bills" / "acme.csv").write_text(bill, encoding="utf-8")
    write_register(folder, MONTHS)
    run(folder)
    return folder


def reconcile(root: Path, *arguments: str) -> tuple[int, str, str]:
    finished = CliRunner().invoke(app, ["reconcile", "-w", str(root), *arguments])
    assert "Traceback" not in finished.output
    return finished.exit_code, finished.stdout, finished.stderr


def invoice_of(root: Path, month: str) -> tuple[int, dict[str, Any]]:
    code, told, _ = reconcile(root, "--period", month, "--json")
    [invoice] = json.loads(told)["invoices"]
    return code, invoice


def test_a_month_that_ties_ends_with_0_and_its_tax_is_explained(root: Path) -> None:
    code, invoice = invoice_of(root, "2026-03")
    assert code == 0
    assert invoice["invoiced_amount"] == "166.6000000000"
    assert invoice["ledger_billed_cost"] == "140.0000000000"
    assert invoice["explained_tax_amount"] == "26.6000000000"
    assert invoice["explained_amount"] == "26.6000000000"
    assert invoice["unexplained_amount"] == "0.0000000000"
    assert (invoice["state"], invoice["matched_by"]) == ("reconciled", "invoice_id")


def test_a_missing_invoice_line_is_named_and_ends_with_6(root: Path) -> None:
    code, invoice = invoice_of(root, "2026-04")
    assert code == 6
    assert invoice["state"] == "not_reconciled"
    assert invoice["explained_missing_line_amount"] == "-40.0000000000"
    assert invoice["missing_lines"] == "only in the bill: Storage 40.00 USD"


def test_a_missing_ledger_line_is_named_and_ends_with_6(root: Path) -> None:
    code, told, refused = reconcile(root, "--period", "2026-05")
    assert code == 6
    assert "only on the invoice: Storage 40.00 USD" in told
    assert "2026-05 is not reconciled" in refused


def test_a_ledger_line_missing_of_several_leaves_its_amount_unexplained(
    root: Path,
) -> None:
    code, invoice = invoice_of(root, "2026-06")
    assert code == 6
    assert invoice["unexplained_amount"] == "60.0000000000"
    assert invoice["missing_lines"] == (
        "differs: Training 100.00 invoiced and 40.00 billed USD"
    )


@pytest.mark.peer_defect("zero against zero is a match")
def test_zero_without_an_invoice_and_an_invoice_without_a_bill_are_no_match(
    root: Path,
) -> None:
    code, invoice = invoice_of(root, "2026-07")
    assert (code, invoice["state"]) == (6, "no_invoice")
    assert invoice["invoiced_amount"] is None
    assert invoice["ledger_billed_cost"] == "0.0000000000"
    code, invoice = invoice_of(root, "2026-08")
    assert (code, invoice["state"]) == (6, "no_ledger")
    assert invoice["ledger_billed_cost"] is None


@pytest.mark.parametrize("period", ["2031-01", "2026-13", "march"])
def test_a_period_without_data_or_that_is_none_ends_with_2(
    root: Path, period: str
) -> None:
    code, _, refused = reconcile(root, "--period", period)
    assert code == 2
    assert period in refused


def test_only_the_bills_of_a_source_are_looked_at(root: Path) -> None:
    assert reconcile(root, "--period", "2026-03", "--source", "acme")[0] == 0
    assert reconcile(root, "--period", "2026-03", "--source", "nobody")[0] == 2


@pytest.mark.full  # fast: test_close_a_month.py takes an invoice away, too
def test_a_line_removed_from_the_register_turns_a_reconciled_month_red(
    root: Path,
) -> None:
    charges, lines = MONTHS["2026-03"]
    write_register(root, {**MONTHS, "2026-03": (charges, lines[1:])})
    run(root)
    code, invoice = invoice_of(root, "2026-03")
    assert code == 6
    assert invoice["missing_lines"] == "only in the bill: Training 100.00 USD"
