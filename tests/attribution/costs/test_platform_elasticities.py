"""The elasticity of a platform is the slope of its bill, or says why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from attribution.costs.elasticity import cost_elasticity
from attribution.costs.platform_elasticities import (
    elasticity_row,
    update_platform_elasticities,
)

if TYPE_CHECKING:
    from pathlib import Path

USAGE = tuple(100.0 * 1.05**month for month in range(18))
#: Half as much more for each more request: the slope is 0.5, exactly.
COSTS = tuple(30.0 * usage**0.5 for usage in USAGE)
UNKNOWN = float("nan")
MONTHS = [f"{2025 + month // 12}-{month % 12 + 1:02d}" for month in range(18)]


def test_the_slope_of_an_exact_power_is_its_exponent() -> None:
    row = elasticity_row("eks", COSTS, USAGE)
    assert row["elasticity"] == pytest.approx(0.5)
    assert row["elasticity_low_90"] == pytest.approx(0.5, abs=1e-6)
    assert (row["period_count"], row["scale"], row["reason"]) == (18, "economies", None)


def test_months_that_nobody_metered_are_counted_and_too_few_are_refused() -> None:
    row = elasticity_row("eks", COSTS, (UNKNOWN,) * 7 + USAGE[7:])
    assert row["elasticity"] is None
    assert row["reason_code"] == "too_few_periods"
    assert (row["period_count"], row["unknown_period_count"]) == (11, 7)


def build_with_platforms(folder: Path) -> Path:
    build = folder / "build.duckdb"
    with duckdb.connect(str(build)) as connection:
        connection.execute("CREATE SCHEMA roi")
        connection.execute(
            "CREATE TABLE roi.mart_platform_usage (platform_id VARCHAR,"
            " billing_month VARCHAR, effective_cost DECIMAL(28, 10),"
            " requests DECIMAL(28, 10), is_comparable_with_prior BOOLEAN)"
        )
        for month, (cost, usage) in enumerate(zip(COSTS, USAGE, strict=True)):
            connection.execute(
                "INSERT INTO roi.mart_platform_usage VALUES ('eks', ?, ?, ?, ?),"
                " ('api', ?, ?, NULL, FALSE)",
                [MONTHS[month], cost, usage, month > 0, MONTHS[month], cost],
            )
    return build


def test_each_platform_of_a_build_has_a_row_and_keeps_it(tmp_path: Path) -> None:
    build = build_with_platforms(tmp_path)
    update_platform_elasticities(build)
    update_platform_elasticities(build)
    with duckdb.connect(str(build)) as connection:
        found = connection.execute(
            "SELECT platform_id, round(elasticity, 6), period_count, reason_code"
            " FROM estimates.platform_elasticities ORDER BY 1"
        ).fetchall()
    assert found == [
        ("api", None, 0, "too_few_periods"),
        ("eks", 0.5, 18, None),
        # All platforms together: the pairs of eks, and none of api.
        (None, None, 17, "too_few_pairs"),
    ]


def test_usage_that_is_the_same_each_month_says_what_would_change_that(
    tmp_path: Path,
) -> None:
    build = build_with_platforms(tmp_path)
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "UPDATE roi.mart_platform_usage SET requests = 1000,"
            " is_comparable_with_prior = billing_month > '2025-01'"
        )
    update_platform_elasticities(build)
    with duckdb.connect(str(build)) as connection:
        found = connection.execute(
            "SELECT elasticity, period_count, reason_code, way_out"
            " FROM estimates.platform_elasticities WHERE platform_id IS NULL"
        ).fetchone()
    assert found is not None
    assert found[:3] == (None, 34, "usage_steady")
    assert found[3].startswith("a meter of the requests")


def test_a_changed_bill_is_judged_again_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = build_with_platforms(tmp_path)
    update_platform_elasticities(build)
    judged: list[float] = []

    def watched(cost: Any, usage: Any, *, grain: Any) -> Any:
        judged.append(len(cost))
        return cost_elasticity(cost, usage, grain=grain)

    monkeypatch.setattr(
        "attribution.costs.platform_elasticities.cost_elasticity", watched
    )
    update_platform_elasticities(build)
    assert judged == []
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "UPDATE roi.mart_platform_usage SET effective_cost = 1"
            " WHERE platform_id = 'eks' AND billing_month = '2025-08';"
            " DELETE FROM roi.mart_platform_usage WHERE platform_id = 'api'"
        )
    update_platform_elasticities(build)
    assert judged == [18]
    with duckdb.connect(str(build)) as connection:
        found = connection.execute(
            "SELECT platform_id, round(elasticity, 6) = 0.5"
            " FROM estimates.platform_elasticities WHERE platform_id IS NOT NULL"
        ).fetchall()
    assert found == [("eks", False)]
