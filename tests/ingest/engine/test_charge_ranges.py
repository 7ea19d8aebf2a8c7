"""When charges began and whose they are is read from the footer of a file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from ingest.connector import LandingOptions
from ingest.engine.charge_ranges import UNKNOWN, outermost, ranges_of
from ingest.engine.projection import project
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.engine.charge_ranges import Ranges

FOCUS = STREAMS["focus"]
SECOND, FIFTH = (datetime(2026, 3, day) for day in (2, 5))  # noqa: DTZ001


def ranges(folder: Path, select: str, **mapping: str) -> Ranges:
    """Return the ranges of a file with what a query returns."""
    file = folder / "bill.parquet"
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"COPY ({select}) TO '{file}' (ROW_GROUP_SIZE 2048)")
        physical = dict(
            row[:2] for row in engine.execute(f"DESCRIBE FROM '{file}'").fetchall()
        )
    projection = project(FOCUS, physical, LandingOptions(mapping=mapping))
    values = {p.column.name: p.value for p in projection.columns}
    return ranges_of(str(file), values, FOCUS)


@pytest.mark.parametrize(
    "type_", ["TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_MS", "TIMESTAMP_NS"]
)
def test_a_moment_of_any_type_is_one_in_utc(tmp_path: Path, type_: str) -> None:
    """5,000 charges are in three groups of rows; the middle one has neither bound."""
    select = (
        "SELECT CAST(TIMESTAMP '2026-03-02' + INTERVAL (least(i, 1) * 3) DAY AS"
        f" {type_}) AS ChargePeriodStart, 'a' AS BillingAccountId FROM range(5000) r(i)"
    )
    assert ranges(tmp_path, select) == ((SECOND, FIFTH), ("a", "a"))


def test_a_column_is_found_under_the_name_it_is_mapped_from(tmp_path: Path) -> None:
    select = 'SELECT TIMESTAMP \'2026-03-02\' AS "Start, ""of"" it", \'a\' AS account'
    found = ranges(
        tmp_path,
        select,
        ChargePeriodStart='"Start, ""of"" it"',
        BillingAccountId="account",
    )
    assert found[1] == ("a", "a")


@pytest.mark.parametrize(
    "accounts", ["['a', NULL]", "['a', '']", "['a', ' ']", "[5000000001, 123456789012]"]
)
def test_of_accounts_that_are_not_named_or_have_another_order_nothing_is_known(
    tmp_path: Path, accounts: str
) -> None:
    """As texts 123… is before 5…, and files of two such numbers would be parted."""
    select = (
        "SELECT TIMESTAMP '2026-03-02' AS ChargePeriodStart,"
        f" unnest({accounts}) AS BillingAccountId"
    )
    assert ranges(tmp_path, select) == ((SECOND, SECOND), (None, None))


@pytest.mark.parametrize(
    "select",
    [
        "SELECT '02.03.2026' AS ChargePeriodStart",
        "SELECT TIMESTAMP '2026-03-02' AS ChargePeriodStart WHERE false",
        "SELECT 1 AS other",
    ],
)
def test_of_texts_and_of_what_is_not_there_nothing_is_known(
    tmp_path: Path, select: str
) -> None:
    assert ranges(tmp_path, select) == UNKNOWN


def test_of_a_file_that_is_none_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "bill.parquet").write_bytes(b"PAR1 and no more")
    assert ranges_of(str(tmp_path / "bill.parquet"), {}, FOCUS) == UNKNOWN
    assert ranges_of(str(tmp_path / "none.parquet"), {}, FOCUS) == UNKNOWN


def test_no_bucket_is_asked_for_a_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyarrow.parquet.read_metadata", pytest.fail)
    assert ranges_of("s3://bucket/bill.parquet", {}, FOCUS) == UNKNOWN


def test_files_of_one_load_are_bounded_together() -> None:
    early, late = ((SECOND, SECOND), ("a", "b")), ((FIFTH, FIFTH), ("b", "c"))
    assert outermost([late, early]) == ((SECOND, FIFTH), ("a", "c"))
    assert outermost([late, UNKNOWN]) == UNKNOWN
