"""Test that bills in Excel workbooks are read cell by cell as typed."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from openpyxl import Workbook

from ingest.storage.workbooks import find_sheet
from tests.chosen_marts import ingest_and_build
from triptych.core.errors import UsageError
from triptych.discovery.first_workspace import workspace_from

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Rows = Sequence[Sequence[Any]]

HEADER = ("Date", "Product", "SKU", "Quantity", "Unit", "Cost (USD)", "Team")
#: Cents, seven decimals, and thirteen thousand.
ROWS: Rows = [
    (date(2026, 9, 1), "GPU", "H100", 3, "hours", 0.3, "search"),
    (datetime(2026, 9, 2, 10, 30), "GPU", "H100", 2.5, "hours", 1.1, "vision"),  # noqa: DTZ001
    (date(2026, 9, 3), "Storage", "SSD", 10, "GB", 0.0000123, "search"),
    (date(2026, 9, 4), "GPU", "A100", 1, "hours", 13000, "vision"),
]
TOTAL = Decimal("0.3") + Decimal("1.1") + Decimal("13000.0000123")
FOCUS = (
    *("BilledCost", "EffectiveCost", "BillingCurrency", "BillingPeriodStart"),
    *("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ServiceName"),
)


def focus_row(cost: object, day: int = 1) -> tuple[object, ...]:
    """Return a charge of a day of September as a sheet has it."""
    days = (date(2026, 9, 1), date(2026, 9, day), date(2026, 9, day + 1))
    return (cost, cost, "USD", *days, "Usage", "OpenAI API")


def book(path: Path, sheets: dict[str, Rows]) -> Path:
    """Write a workbook."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    workbook.save(path)
    return path


def test_a_vendors_workbook_is_mapped_and_adds_up_to_the_last_digit(
    tmp_path: Path,
) -> None:
    path = book(tmp_path / "acme.xlsx", {"Usage": [HEADER, *ROWS]})
    first = workspace_from(tmp_path / "ws", [path])
    [report] = first.taken
    assert report.costs == {"USD": TOTAL}
    assert (report.row_count, report.months) == (4, ("2026-09",))
    assert "Sheet 'Usage'." in report.line


def test_titles_above_the_header_are_skipped_and_said(tmp_path: Path) -> None:
    path = book(tmp_path / "acme.xlsx", {"Cover": [("Acme",)], "Usage": []})
    from openpyxl import load_workbook

    workbook = load_workbook(path)
    sheet = workbook["Usage"]
    sheet["A1"] = "Invoice 2026-09"
    sheet.merge_cells("A1:G2")
    sheet["A4"], sheet["B4"] = "Account", "ACME-1"
    for row in [HEADER, *ROWS]:
        sheet.append(list(row))
    workbook.save(path)
    [report] = workspace_from(tmp_path / "ws", [path]).taken
    assert report.costs == {"USD": TOTAL}
    assert "Sheet 'Usage', below 4 rows of titles; not read: Cover." in report.line


def test_several_tables_are_refused_with_their_names(tmp_path: Path) -> None:
    path = book(
        tmp_path / "acme.xlsx", {"August": [HEADER, ROWS[0]], "May": [HEADER, ROWS[1]]}
    )
    with pytest.raises(UsageError, match=r"Several sheets have a table: August, May\."):
        workspace_from(tmp_path / "ws", [path])
    assert not (tmp_path / "ws").exists()


def test_a_sheet_without_days_and_money_is_no_second_table(tmp_path: Path) -> None:
    sheets: dict[str, Rows] = {
        "Usage": [HEADER, *ROWS],
        "Teams": [("Team", "Lead"), ("search", "x")],
    }
    assert find_sheet(book(tmp_path / "acme.xlsx", sheets)).other_sheets == ("Teams",)


def test_bad_cells_are_quarantined_with_sheet_and_row(tmp_path: Path) -> None:
    """Row 3 is titled, 4 blank; the error of Excel is in row 5, the words in row 6."""
    (tmp_path / "bills").mkdir()
    rows = [("September",), FOCUS, focus_row(1.25), (), focus_row("#REF!")]
    rows += [focus_row("n/a", 3), focus_row(2.5, 4)]
    book(tmp_path / "bills" / "openai.xlsx", {"Charges": rows})
    (tmp_path / "triptych.yml").write_text(
        "organisation: Example GmbH\ncurrency: USD\n"
        "sources: [{name: bills, type: focus_files, path: bills, decimal: comma}]\n",
        "utf-8",
    )
    (tmp_path / "allocation.yml").write_text(
        "scope: [{name: all, match: {}}]\nassignments: []\n", "utf-8"
    )
    built = ingest_and_build(tmp_path, "cost.mart_cost_waterfall")
    ledger = built.query(
        "SELECT sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
        " WHERE step = 'ledger'"
    )
    assert ledger.to_pylist() == [{"cost": Decimal("3.75")}]
    with duckdb.connect(str(tmp_path / "raw.duckdb"), read_only=True) as raw:
        refused = raw.execute(
            "SELECT origin, row_number FROM catalogue.quarantine ORDER BY row_number"
        ).fetchall()
    assert refused == [
        ("bills/openai.xlsx, sheet Charges", 5),
        ("bills/openai.xlsx, sheet Charges", 6),
    ]


def test_a_formula_counts_with_the_value_that_excel_kept(tmp_path: Path) -> None:
    """The file is written as Excel writes it: formula and value in one cell."""
    path = book(tmp_path / "acme.xlsx", {"Usage": [HEADER, *ROWS]})
    kept = tmp_path / "kept.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(kept, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                content = content.replace(
                    b"<v>0.3</v>", b"<f>0.1+0.2</f><v>0.30000000000000004</v>"
                )
            new.writestr(member, content)
    [report] = workspace_from(tmp_path / "ws", [kept]).taken
    assert report.costs == {"USD": TOTAL}


@pytest.mark.parametrize("form", ["zip", "gz", "ndjson"])
def test_the_same_bill_adds_up_in_every_other_form(tmp_path: Path, form: str) -> None:
    text = "\n".join(
        [",".join(FOCUS), *(",".join(map(str, focus_row(c))) for c in ("1.25", "2.5"))]
    )
    path = tmp_path / f"bill.{'csv.gz' if form == 'gz' else form}"
    match form:
        case "zip":
            book(tmp_path / "a.xlsx", {"Charges": [FOCUS, focus_row(10)]})
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("bill.csv", text)
                archive.write(tmp_path / "a.xlsx", "a.xlsx")
        case "gz":
            path.write_bytes(gzip.compress(text.encode()))
        case _:
            header, *rows = (line.split(",") for line in text.splitlines())
            records = (json.dumps(dict(zip(header, row, strict=True))) for row in rows)
            path.write_text("\n".join(records), "utf-8")
    taken = workspace_from(tmp_path / "ws", [path]).taken
    added = sum(report.costs["USD"] for report in taken)
    assert added == (Decimal("13.75") if form == "zip" else Decimal("3.75"))
