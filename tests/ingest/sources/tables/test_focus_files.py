"""FOCUS files on disk: the contract, and what is peculiar to files."""

from __future__ import annotations

import gzip
import os
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.testing import ConnectorCase, ConnectorContract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BillingAccountId,Tags\n"
)


def line(
    cost: str, *, month: str = "2026-03", currency: str = "EUR", day: str = "05"
) -> str:
    """One charge as CSV."""
    return (
        f"{cost},{cost},{currency},{month}-01T00:00:00Z,,{month}-{day}T00:00:00Z,"
        f'{month}-{day}T01:00:00Z,Usage,000123,"{{""model"": ""eta""}}"\n'
    )


@pytest.fixture
def case(tmp_path: Path) -> ConnectorCase:
    bills = tmp_path / "bills"
    (bills / "deep").mkdir(parents=True)
    first = bills / "march.csv"
    first.write_text(HEADER + line("1.10") + line("2.25"))
    packed = bills / "deep" / "april.csv.gz"
    packed.write_bytes(gzip.compress((HEADER + line("10", month="2026-04")).encode()))

    def deliver_again() -> None:
        for file in (first, packed):
            later = file.stat().st_mtime + 60
            os.utime(file, (later, later))

    def deliver_late() -> dict[str, Decimal]:
        first.write_text(HEADER + line("1.10") + line("2.25") + line("-0.35"))
        (bills / "may.csv").write_text(HEADER + line("4", month="2026-05"))
        return {"EUR": Decimal("17.00")}

    def deliver_hostile() -> int:
        (bills / "hostile.csv").write_text(
            HEADER
            + line("5")
            + line("5", day="06")
            + line("5", day="07")
            + line("5", day="08")
            + line("NaN")
            + line("twelve")
            + line("1", currency="XXQ")
            + "3,3,EUR\n"
        )
        return 4

    return ConnectorCase(
        connector_type="focus_files",
        options={"path": "bills"},
        root=tmp_path,
        expected_rows=3,
        expected_money={"EUR": Decimal("13.35")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestFocusFilesContract(ConnectorContract):
    """The shipped suite."""


def test_each_refused_row_says_why_and_where(case: ConnectorCase) -> None:
    case.deliver_hostile()
    case.ingest()
    rows = case.query(
        "SELECT reason, row_number FROM catalogue.quarantine ORDER BY row_number"
    )
    assert rows == [
        ("BilledCost_unreadable", 5),
        ("BilledCost_unreadable", 6),
        ("unknown_currency", 7),
        ("missing_columns", 9),
    ]


def test_account_ids_keep_their_leading_zeros(case: ConnectorCase) -> None:
    case.ingest()
    assert case.query('SELECT DISTINCT "BillingAccountId" FROM evidence.focus') == [
        ("000123",)
    ]


def test_parquet_is_kept_byte_for_byte(tmp_path: Path) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    _write_parquet(bills / "a.parquet", ["1.5", "2.5"], ["EUR", "EUR"])
    case = _parquet_case(tmp_path)
    case.ingest()
    [(landed,)] = case.query("SELECT unnest(files) FROM catalogue.loads")
    assert (tmp_path / str(landed)).read_bytes() == (bills / "a.parquet").read_bytes()


def test_a_bad_row_in_parquet_leaves_the_others_and_is_kept_whole(
    tmp_path: Path,
) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    _write_parquet(bills / "a.parquet", ["1.5", "2.5", "4.0"], ["EUR", "QQQ", "EUR"])
    case = _parquet_case(tmp_path)
    report = case.ingest()
    assert report.failures == []
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("5.5"),)
    ]
    [(reason, number, content)] = case.query(
        "SELECT reason, row_number, row_content FROM catalogue.quarantine"
    )
    assert (reason, number) == ("unknown_currency", 2)
    assert '"BillingCurrency":"QQQ"' in str(content)


def test_doubles_in_parquet_become_the_decimal_that_was_meant(tmp_path: Path) -> None:
    """0.1 + 0.2 as doubles is 0.30000000000000004; as money it is 0.3.

    The double nearest to 123456789.12 is 123456789.1200000047683716, of which twelve
    decimals kept six that nobody wrote; of 4e-13 they kept nothing.
    """
    bills = tmp_path / "bills"
    bills.mkdir()
    costs = [0.1, 0.2, 123456789.12, 4e-13]
    _write_parquet(bills / "a.parquet", costs, ["USD"] * 4, money=pa.float64())
    case = _parquet_case(tmp_path)
    case.ingest()
    total = [(Decimal("123456789.4200000000004"),)]
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == total
    assert case.query("SELECT sum(first_amount) FROM catalogue.load_totals") == total


def test_infinite_and_missing_doubles_are_refused(tmp_path: Path) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    costs = [1.0, 2.0, 3.0, 4.0, float("inf"), float("nan"), None]
    _write_parquet(bills / "a.parquet", costs, ["USD"] * 7, money=pa.float64())
    case = _parquet_case(tmp_path)
    case.ingest()
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal(10),)
    ]
    assert case.query(
        "SELECT reason, count(*) FROM catalogue.quarantine GROUP BY ALL ORDER BY ALL"
    ) == [("BilledCost_missing", 1), ("BilledCost_unreadable", 2)]


def test_a_decimal_comma_is_refused_and_never_read_as_thousands(
    tmp_path: Path,
) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    good = line("1") + line("2", day="06") + line("3", day="07")
    (bills / "a.csv").write_text(HEADER + good + line('"1,50"') + line('"1,500.25"'))
    case = _parquet_case(tmp_path)
    case.ingest()
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("1506.25"),)
    ]
    [(count,)] = case.query("SELECT count(*) FROM catalogue.quarantine")
    assert count == 1


def test_an_offset_is_taken_to_utc(tmp_path: Path) -> None:
    """00:30 on 1 April at +02:00 is still March in UTC."""
    bills = tmp_path / "bills"
    bills.mkdir()
    row = (
        "1,1,EUR,2026-03-01T00:00:00Z,,2026-04-01T00:30:00+02:00,"
        "2026-04-01T01:30:00+02:00,Usage,1,\n"
    )
    (bills / "a.csv").write_text(HEADER + row)
    case = _parquet_case(tmp_path)
    case.ingest()
    rows = case.query(
        """SELECT CAST("ChargePeriodStart" AS VARCHAR) FROM evidence.focus"""
    )
    assert rows == [("2026-03-31 22:30:00",)]


def test_a_file_that_disappears_stays_loaded(case: ConnectorCase) -> None:
    case.ingest()
    (case.root / "bills" / "march.csv").unlink()
    case.ingest()
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("13.35"),)
    ]


def test_the_same_bytes_under_another_name_are_not_counted_twice(
    case: ConnectorCase,
) -> None:
    case.ingest()
    march = case.root / "bills" / "march.csv"
    (case.root / "bills" / "copy of march.csv").write_bytes(march.read_bytes())
    report = case.ingest()
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("13.35"),)
    ]
    [note] = report.notes
    assert "duplicate delivery" in note
    assert "march.csv" in note


def test_an_emptied_file_does_not_replace_what_was_loaded(case: ConnectorCase) -> None:
    case.ingest()
    (case.root / "bills" / "march.csv").write_text(HEADER)
    report = case.ingest()
    assert "holds no rows" in str(report.failures[0].error)
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("13.35"),)
    ]


def test_a_corrected_mapping_reads_an_unchanged_file_again(tmp_path: Path) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    (bills / "a.csv").write_text(HEADER + line("1.25"))
    case = _parquet_case(tmp_path)
    case.ingest()
    case.options["mapping"] = {"BilledCost": '"BilledCost"::DECIMAL(9, 2) * 2'}
    case.ingest()
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [
        (Decimal("2.50"),)
    ]


def _parquet_case(root: Path) -> ConnectorCase:
    return ConnectorCase(
        "focus_files", {"path": "bills"}, root, 0, {}, dict, dict, lambda: 0
    )


def _write_parquet(
    path: Path,
    costs: Sequence[object],
    currencies: list[str],
    money: pa.DataType | None = None,
) -> None:
    values = costs if money else [Decimal(str(cost)) for cost in costs]
    array = pa.array(values, money or pa.decimal128(28, 10))
    start = pa.array(["2026-03-01 00:00:00"] * len(costs)).cast(pa.timestamp("us"))
    pq.write_table(
        pa.table(
            {
                "BilledCost": array,
                "EffectiveCost": array,
                "BillingCurrency": currencies,
                "BillingPeriodStart": start,
                "ChargePeriodStart": start,
                "ChargePeriodEnd": start,
                "ChargeCategory": ["Usage"] * len(costs),
            }
        ),
        path,
    )
