"""The shape of the FOCUS export: its columns, what they say, and the same bytes."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dashboard.exports.focus import (
    FOCUS_FORMATS,
    FOCUS_VERSIONS,
    FocusVersion,
    render_focus,
)
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader, Snapshot

MONTH = "2026-09"
COLUMNS = Path(__file__).parents[4] / "shared" / "reference" / "focus_columns.csv"


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    publish(tmp_path, is_synthetic=True)
    return PublishedReader(tmp_path).snapshot()


@pytest.mark.skipif(not COLUMNS.exists(), reason="the list of columns is not here")
@pytest.mark.parametrize("version", FOCUS_VERSIONS)
def test_every_mandatory_column_of_the_version_is_there_and_no_other(
    snapshot: Snapshot, version: FocusVersion
) -> None:
    with COLUMNS.open(encoding="utf-8") as file:
        known = [
            row
            for row in csv.DictReader(file)
            if row["dataset"] == "CostAndUsage"
            and float(row["introduced_version"]) <= float(version)
            and float(row["removed_version"] or "9") > float(version)
        ]
    mandatory = {row["column"] for row in known if row["feature_level"] == "Mandatory"}
    content = render_focus(snapshot, MONTH, version, "parquet")
    exported = set(pq.read_schema(io.BytesIO(content)).names)
    assert mandatory - exported == set()
    own = {name for name in exported if name.startswith("x_")}
    assert exported - own - {row["column"] for row in known} == set()
    not_null = {row["column"] for row in known if row["nullable"] == "no"}
    table = pq.read_table(io.BytesIO(content))
    assert not [
        name for name in not_null & exported if table.column(name).null_count > 0
    ]


def test_both_formats_have_the_month_in_scope_exactly(snapshot: Snapshot) -> None:
    for version in FOCUS_VERSIONS:
        parquet = pq.read_table(
            io.BytesIO(render_focus(snapshot, MONTH, version, "parquet"))
        ).to_pylist()
        text = render_focus(snapshot, MONTH, version, "csv").decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        expected = Decimal("2899.0000000001")
        assert sum(row["EffectiveCost"] for row in parquet) == expected
        assert sum(Decimal(row["EffectiveCost"]) for row in rows) == expected
        assert {row["BillingPeriodEnd"] for row in parquet} == {datetime(2026, 10, 1)}  # noqa: DTZ001
        assert {row["BillingPeriodEnd"] for row in rows} == {"2026-10-01T00:00:00Z"}
        assert {row["x_Mark"] for row in rows} == {"SYNTHETIC"}
        assert {row["x_Completeness"] for row in rows} == {"complete"}


def test_the_same_run_gives_the_same_bytes(snapshot: Snapshot) -> None:
    for version in FOCUS_VERSIONS:
        for form in FOCUS_FORMATS:
            first = render_focus(snapshot, MONTH, version, form)
            assert render_focus(snapshot, MONTH, version, form) == first
