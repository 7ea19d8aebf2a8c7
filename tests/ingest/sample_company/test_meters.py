"""The written meters, and the splits of pools worked out again from the files."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

_GPU_HOURS = """
SELECT DISTINCT * FROM read_parquet('meters/accelerator_usage/*.parquet')
WHERE pool_id IS NOT NULL
"""
_DAILY = """
SELECT DISTINCT * FROM read_csv('meters/model_usage_daily.csv', all_varchar = true)
WHERE try_cast(date AS DATE) IS NOT NULL
"""


def in_phase(months: Iterable[str]) -> str:
    listed = ", ".join(f"'{month}'" for month in months)
    return f"strftime(period_start, '%Y-%m') IN ({listed})"


@pytest.mark.parametrize("phase", ["managed_kubernetes", "migration", "hybrid"])
def test_gpu_utilisation_is_as_planted(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any], phase: str
) -> None:
    planted = truth["phases"][phase]
    row = files.execute(
        "SELECT sum(used_gpu_hours) / sum(capacity_gpu_hours)"
        f" FROM ({_GPU_HOURS}) WHERE {in_phase(planted['months'])}"
    ).fetchone()
    assert row is not None
    assert row[0] == pytest.approx(planted["gpu_used_ratio"], abs=1e-6)


def test_gpus_are_poorly_used_before_the_move_and_well_after(
    truth: dict[str, Any],
) -> None:
    phases = truth["phases"]
    before = phases["managed_kubernetes"]["gpu_used_ratio"]
    assert before < 0.22
    assert phases["hybrid"]["gpu_used_ratio"] > 2 * before


def test_one_pool_has_capacity_and_no_work_at_all(
    files: duckdb.DuckDBPyConnection,
) -> None:
    rows = files.execute(
        f"SELECT model_id, sum(capacity_gpu_hours) > 0 FROM ({_GPU_HOURS})"
        " WHERE pool_id = 'gpu-batch' GROUP BY ALL"
    ).fetchall()
    assert rows == [(None, True)]


def test_meter_rows_come_twice_and_out_of_order(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    copies = 0
    for relation in (
        "read_parquet('meters/accelerator_usage/*.parquet')",
        "read_parquet('meters/model_usage/*.parquet')",
        "read_csv('meters/model_usage_daily.csv', all_varchar = true)",
    ):
        row = files.execute(
            f"SELECT (SELECT count(*) FROM {relation}),"
            f" (SELECT count(*) FROM (SELECT DISTINCT * FROM {relation}))"
        ).fetchone()
        assert row is not None
        copies += row[0] - row[1]
    assert copies == truth["row_counts"]["meter_rows_written_twice"] > 100
    days = files.execute(
        "SELECT date FROM read_csv('meters/model_usage_daily.csv', all_varchar = true)"
    ).fetchall()
    assert days != sorted(days)


def test_the_old_name_of_a_model_ends_with_the_renaming(
    files: duckdb.DuckDBPyConnection,
) -> None:
    rows = dict(
        files.execute(
            f"SELECT model_id, max(period_start)::DATE::VARCHAR FROM ({_GPU_HOURS})"
            " WHERE model_id IN ('pm_vision', 'maintenance-vision') GROUP BY ALL"
        ).fetchall()
    )
    assert rows == {"pm_vision": "2025-10-31", "maintenance-vision": "2026-10-31"}


def test_a_retired_model_stops_and_its_successor_has_begun(
    files: duckdb.DuckDBPyConnection,
) -> None:
    rows = files.execute(
        f"SELECT model_id, min(date), max(date) FROM ({_DAILY})"
        " WHERE model_id IN ('eta-v1', 'eta-v2') GROUP BY ALL ORDER BY 1"
    ).fetchall()
    assert rows == [
        ("eta-v1", "2025-05-01", "2026-01-31"),
        ("eta-v2", "2025-11-01", "2026-10-31"),
    ]


def test_hourly_shares_of_the_gpu_pool_follow_from_the_files(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    """Each hour's money × max(requested, used) ÷ capacity, written out in SQL."""
    rows = files.execute(
        f"""
        WITH held AS (
            SELECT period_start AS hour,
                if(model_id = 'pm_vision', 'maintenance-vision', model_id) AS model,
                sum(greatest(coalesce(requested_gpu_hours, 0),
                    coalesce(used_gpu_hours, 0))) AS weight,
                sum(coalesce(capacity_gpu_hours, 0)) AS capacity
            FROM ({_GPU_HOURS}) WHERE pool_id = 'gpu-cluster' GROUP BY ALL
        ),
        room AS (
            SELECT hour, greatest(sum(capacity), sum(weight)) AS whole
            FROM held GROUP BY ALL
        ),
        money AS (
            SELECT ChargePeriodStart AS hour, sum(BilledCost) AS billed,
                sum(EffectiveCost) AS effective
            FROM aws
            WHERE strftime(BillingPeriodStart, '%Y-%m') = '2025-10'
                AND (Tags['cluster'] = 'gpu-a' OR (ChargeCategory = 'Purchase'
                    AND CommitmentDiscountId IS NOT NULL))
            GROUP BY ALL
        )
        SELECT model, sum(CAST(billed AS DOUBLE) * weight / whole),
            sum(CAST(effective AS DOUBLE) * weight / whole)
        FROM money JOIN held USING (hour) JOIN room USING (hour)
        WHERE model IS NOT NULL GROUP BY ALL
        """
    ).fetchall()
    planted = truth["pools"]["gpu-cluster"]["months"]["2025-10"]
    assert {model for model, _, _ in rows} == set(planted["models"])
    for model, billed, effective in rows:
        expected = planted["models"][model]
        assert billed == pytest.approx(float(expected["billed_cost"]), abs=2e-6)
        assert effective == pytest.approx(float(expected["effective_cost"]), abs=2e-6)


def test_daily_shares_of_the_gateway_follow_from_the_files(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    rows = files.execute(
        """
        WITH counted AS (
            SELECT CAST(date AS DATE) AS day,
                if(team_id = 'care-ai', 'care-assistant', 'invoice-reader') AS model,
                CAST(prompt_tokens AS DOUBLE) AS input,
                CAST(completion_tokens AS DOUBLE) AS output
            FROM read_csv('meters/litellm/*.csv', all_varchar = true)
            WHERE custom_llm_provider = 'vertex_ai' AND prompt_tokens <> 'many'
        ),
        tokens AS (
            SELECT day, model, kind, sum(n) AS n
            FROM counted UNPIVOT (n FOR kind IN (input, output)) GROUP BY ALL
        ),
        money AS (
            SELECT CAST(usage_start_time AS DATE) AS day,
                if(sku.description LIKE '%input%', 'input', 'output') AS kind,
                CAST(sum(net) AS DOUBLE) AS cost
            FROM gcp
            WHERE month = '2025-09' AND service.description = 'Vertex AI'
                AND sku.description LIKE 'Text%' GROUP BY ALL
        )
        SELECT model, sum(cost * n / whole)
        FROM money JOIN tokens USING (day, kind)
        JOIN (SELECT day, kind, sum(n) AS whole FROM tokens GROUP BY ALL)
            USING (day, kind)
        GROUP BY ALL
        """
    ).fetchall()
    planted = truth["pools"]["llm-gateway"]["months"]["2025-09"]["models"]
    assert len(rows) == len(planted) == 2
    for model, cost in rows:
        expected = float(planted[model]["effective_cost"])
        assert cost == pytest.approx(expected, abs=2e-6)


def test_what_goes_into_a_pool_comes_out_of_it(truth: dict[str, Any]) -> None:
    for pool, content in truth["pools"].items():
        for month, part in content["months"].items():
            for basis in ("billed_cost", "effective_cost"):
                out = sum(Decimal(model[basis]) for model in part["models"].values())
                out += Decimal(part["idle"][basis])
                gap = abs(out - Decimal(part[basis]))
                assert gap <= Decimal("0.00001"), (pool, month, basis)
