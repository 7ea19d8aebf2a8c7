"""Any mart as a file: every digit, and what it says of itself."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import exports
from dashboard.exports import table_xlsx
from dashboard.shared.cells import to_csv
from dashboard.shared.selection_queries import Run
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader, Snapshot

GUIDE = Path(__file__).parents[3] / "docs" / "how_to" / "export_statements.md"
MART = "cost.mart_cost_waterfall"
#: The remainder of September, by hand.
TINY = Decimal("0.0000000001")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    publish(tmp_path, "partial", is_synthetic=True)
    return PublishedReader(tmp_path).snapshot()


def test_csv_and_parquet_keep_every_digit(snapshot: Snapshot, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        file = exports.table_file(snapshot, MART, form)
        path = tmp_path / file.name
        path.write_bytes(file.content)
        read = "read_csv(?, comment='#', skip=0, all_varchar=true)"
        source = read if form == "csv" else "read_parquet(?)"
        found = (
            duckdb.connect()
            .execute(
                f"select cast(effective_cost as decimal(28, 10)) from {source}"
                " where step = 'remainder' and billing_month = '2026-09'",
                [str(path)],
            )
            .fetchall()
        )
        assert found == [(TINY,)]


def test_duckdb_reads_every_row_of_csv_as_the_guide_says(tmp_path: Path) -> None:
    [options] = re.findall(
        r"DuckDB reads the rest with\s`([^`]+)`", GUIDE.read_text("utf-8")
    )
    facts = [(f"Fact {number}", "text") for number in range(9)]
    names = ["a", "b", "c, first", "d", "e", "f", "g", "h"]
    rows = [(f"model-{name[0]}", name) for name in names]
    file = tmp_path / "models.csv"
    file.write_bytes(to_csv(facts, ("model_id", "model_name"), rows))
    answer = duckdb.connect().execute(f"from read_csv(?, {options})", [str(file)])
    assert answer.fetchall() == rows


def test_every_format_says_mark_run_and_what_is_missing(snapshot: Snapshot) -> None:
    text = exports.table_file(snapshot, MART, "csv").content.decode()
    assert text.startswith("# Data: SYNTHETIC")
    assert "# Completeness: at least: 2026-09 of aws lacks exchange rate" in text
    metadata = pq.read_schema(
        io.BytesIO(exports.table_file(snapshot, MART, "parquet").content)
    ).metadata
    assert metadata[b"triptych:Run"] == b"run-0001"
    assert metadata[b"triptych:Data"].startswith(b"SYNTHETIC")
    content = exports.table_file(snapshot, MART, "xlsx").content
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert str(book["Table"]["A1"].value).startswith("SYNTHETIC")
    assert book["Table"].freeze_panes == "A3"
    about = {row[0].value: row[1].value for row in book["About"].rows}
    assert about["Mart"] == MART
    assert about["Completeness"].startswith("at least")


def test_a_number_that_a_workbook_cannot_hold_is_text(tmp_path: Path) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.mart_cost_waterfall set billed_cost = 1234567.0123456789"
            " where step = 'ledger'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    content = exports.table_file(snapshot, MART, "xlsx").content
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Table"]
    names = [cell.value for cell in sheet[1]]
    step, billed = names.index("step"), names.index("billed_cost")
    cells = {
        (row[step].value, row[billed].data_type) for row in sheet.iter_rows(min_row=2)
    }
    assert ("ledger", "s") in cells
    assert ("direct", "n") in cells
    values = {row[billed].value for row in sheet.iter_rows(min_row=2)}
    assert "1234567.0123456789" in values


def test_the_same_run_gives_the_same_bytes(snapshot: Snapshot) -> None:
    for form in exports.TABLE_FORMATS:
        first = exports.table_file(snapshot, MART, form)
        assert exports.table_file(snapshot, MART, form) == first


def test_an_unknown_mart_and_a_table_too_long_are_refused(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"There are: .*, core\.dim_dates, "):
        exports.table_file(snapshot, "nope", "csv")
    assert exports.table_file(snapshot, "mart_run", "csv").name == "core.mart_run.csv"
    monkeypatch.setattr(table_xlsx, "_MOST_ROWS", 3)
    with pytest.raises(UsageError, match="Export as csv or parquet"):
        exports.table_file(snapshot, MART, "xlsx")


def test_a_text_that_no_cell_holds_is_refused_and_one_about_the_file_cut() -> None:
    moment = datetime(2026, 9, 1)  # noqa: DTZ001  (UTC by convention)
    run = Run("r", "o", "EUR", False, moment, None, "1", 0.005)
    long = "x" * 32_768
    with pytest.raises(UsageError, match="32,768 characters"):
        table_xlsx.render_table_xlsx(pa.table({"a": [long]}), [("Mart", "m")], run)
    facts = [("Mart", "m"), ("Completeness", long)]
    content = table_xlsx.render_table_xlsx(pa.table({"a": [long[1:]]}), facts, run)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book["Table"]["A2"].value == long[1:]
    said = str(book["About"]["B2"].value)
    assert len(said) == 32_767
    assert said.endswith("x … (cut; CSV and Parquet have all of it)")


def test_dates_moments_truth_and_nothing_have_cells_of_their_kind() -> None:
    table = pa.table(
        {
            "day": pa.array([date(2026, 9, 1), None]),
            "moment": pa.array([datetime(2026, 9, 1, 5, 30, tzinfo=UTC), None]),
            "truth": pa.array([True, None]),
            "ratio": pa.array([0.25, float("nan")]),
            "word": pa.array(["=1+1", None]),
        }
    )
    moment = datetime(2026, 9, 1)  # noqa: DTZ001  (UTC by convention)
    run = Run("r", "o", "EUR", False, moment, None, "1", 0.005)
    content = table_xlsx.render_table_xlsx(table, [("Mart", "m")], run)
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Table"]
    first = [cell.value for cell in sheet[2]]
    assert first == [
        *(datetime(2026, 9, 1), datetime(2026, 9, 1, 5, 30)),  # noqa: DTZ001
        *(True, 0.25, "'=1+1"),
    ]
    assert [cell.value for cell in sheet[3]] == [None, None, None, "nan", None]
