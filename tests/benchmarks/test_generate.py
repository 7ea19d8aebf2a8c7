from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from benchmarks.generate import generate, plan_months, restate_month

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 24_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generate(folder, rows=ROWS, seed=7)
    return folder


def _one(query: str) -> Any:
    row = duckdb.connect().execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def _bills(folder: Path) -> str:
    return f"read_parquet('{folder}/bills/*.parquet')"


def test_months_add_up_to_the_rows_asked_for() -> None:
    months = plan_months(1_000_003)
    assert sum(month.row_count for month in months) == 1_000_003
    assert months[0].name == "2025-10"
    assert months[-1].next_first_day == date(2026, 10, 1)
    for earlier, later in pairwise(months):
        assert earlier.first_row + earlier.row_count == later.first_row


def test_each_month_is_a_file_that_holds_only_its_own_charges(data: Path) -> None:
    files = sorted(file.stem for file in (data / "bills").iterdir())
    assert len(files) == 12
    strays = _one(
        "SELECT count(*) FROM read_parquet("
        f"'{data}/bills/*.parquet', filename = true) WHERE"
        " strftime(ChargePeriodStart, '%Y-%m') <> parse_filename(filename, true)"
        " OR strftime(BillingPeriodStart, '%Y-%m') <> parse_filename(filename, true)"
    )
    assert strays == 0


def test_tags_come_in_the_promised_proportions(data: Path) -> None:
    rows, tagged, pooled = _one(
        "SELECT count(*), count(Tags['model']),"
        " count(*) FILTER (Tags['model'] IS NULL AND Tags['cluster'] = 'gpu')"
        f" FROM {_bills(data)}"
    )
    assert rows == ROWS
    assert tagged / rows == pytest.approx(0.90, abs=0.02)
    assert pooled / rows == pytest.approx(0.08, abs=0.01)


def test_costs_are_decimal_and_tags_are_a_map(data: Path) -> None:
    types = {
        row[0]: row[1]
        for row in duckdb.connect()
        .execute(f"DESCRIBE SELECT * FROM {_bills(data)}")
        .fetchall()
    }
    assert types["BilledCost"] == types["EffectiveCost"] == "DECIMAL(28,10)"
    assert types["Tags"] == "MAP(VARCHAR, VARCHAR)"
    assert types["ChargePeriodStart"] == "TIMESTAMP"
    assert 36 <= len(types) <= 48


def test_list_cost_is_quantity_times_list_price(data: Path) -> None:
    wrong = _one(
        f"SELECT count(*) FROM {_bills(data)} WHERE ChargeCategory = 'Usage'"
        " AND ListCost <> CAST(PricingQuantity AS DECIMAL(12, 3))"
        " * CAST(ListUnitPrice AS DECIMAL(12, 4))"
    )
    assert wrong == 0


def test_the_same_seed_gives_the_same_rows_and_another_does_not(
    data: Path, tmp_path: Path
) -> None:
    fingerprint = "SELECT bit_xor(hash(t)) FROM {} AS t"
    generate(tmp_path / "same", rows=ROWS, seed=7)
    generate(tmp_path / "other", rows=ROWS, seed=8)
    same, other = (
        _one(fingerprint.format(_bills(tmp_path / n))) for n in ("same", "other")
    )
    assert same == _one(fingerprint.format(_bills(data)))
    assert same != other


def test_about_states_the_totals_of_the_files(data: Path) -> None:
    about = json.loads((data / "about.json").read_text("utf-8"))
    billed = _one(f"SELECT sum(BilledCost) FROM {_bills(data)}")
    assert Decimal(about["billed_cost"]) == billed
    assert about["rows"] == ROWS


def test_usage_covers_every_day_and_model_once(data: Path) -> None:
    rows, pairs, least = _one(
        "SELECT count(*), count(DISTINCT (usage_date, model_id)), min(gpu_seconds)"
        f" FROM read_csv('{data}/usage.csv')"
    )
    assert rows == pairs == 365 * 200
    assert least > 0


def test_a_restated_month_has_the_same_rows_and_another_total(
    data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "restated.parquet"
    restate_month(data, month="2026-03", target=target)
    original = data / "bills" / "2026-03.parquet"
    count, cost = _one(f"SELECT count(*), sum(BilledCost) FROM '{original}'")
    new_count, new_cost = _one(f"SELECT count(*), sum(BilledCost) FROM '{target}'")
    assert new_count == count
    assert 0 < new_cost - cost < cost / 1000
