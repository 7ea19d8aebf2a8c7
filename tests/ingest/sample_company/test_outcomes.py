"""Planted effects, found again in the written outcomes by simple comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray


def panel(
    files: duckdb.DuckDBPyConnection, metric: str
) -> tuple[list[str], NDArray[np.float64], NDArray[np.bool_]]:
    """Return units, and value and treatment as unit × day."""
    rows = files.execute(
        "SELECT unit, list(value ORDER BY outcome_date),"
        " list(is_treated ORDER BY outcome_date)"
        " FROM read_parquet('meters/outcomes.parquet')"
        " WHERE metric = ? AND unit IS NOT NULL GROUP BY unit ORDER BY unit",
        [metric],
    ).fetchall()
    values = np.array([row[1] for row in rows], dtype=np.float64)
    return [row[0] for row in rows], values, np.array([row[2] for row in rows])


def staggered_difference(
    values: NDArray[np.float64], treated: NDArray[np.bool_]
) -> float:
    """Return the mean over treated units of (after - before) less the never treated's.

    Before and after are cut at each unit's own start; the comparison is made with
    units that never start, over the very same days.
    """
    never = values[~treated.any(axis=1)].mean(axis=0)
    gaps = [
        (row - never)[on].mean() - (row - never)[~on].mean()
        for row, on in zip(values, treated, strict=True)
        if on.any()
    ]
    return float(np.mean(gaps))


def test_eta_prediction_raises_revenue_by_4_2_percent(
    files: duckdb.DuckDBPyConnection,
) -> None:
    units, values, treated = panel(files, "revenue_per_depot_day")
    assert len(units) == 24
    effect = np.expm1(staggered_difference(np.log(values), treated))
    assert effect == pytest.approx(0.042, abs=0.006)


def test_predictive_maintenance_lowers_breakdown_cost_by_18_percent(
    files: duckdb.DuckDBPyConnection,
) -> None:
    units, values, treated = panel(files, "breakdown_cost_per_region_day")
    assert len(units) == 8
    assert treated.any(axis=1).sum() == 1
    effect = np.expm1(staggered_difference(np.log(values), treated))
    assert effect == pytest.approx(-0.18, abs=0.03)


def test_the_assistant_saves_22_percent_of_handling_time(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    rows = files.execute(
        """
        SELECT arm, count(*), avg(mean) FROM (
            SELECT arm, unit, avg(value) AS mean
            FROM read_parquet('meters/outcomes.parquet')
            WHERE metric = 'handling_minutes_per_case' AND unit IS NOT NULL
                AND outcome_date >= ?
            GROUP BY ALL
        ) GROUP BY ALL ORDER BY arm
        """,
        [truth["effects"]["support-assistant"]["starts"]["treatment arm"]],
    ).fetchall()
    assert [(arm, customers) for arm, customers, _ in rows] == [
        ("control", 300),
        ("treatment", 300),
    ]
    assert rows[1][2] / rows[0][2] - 1 == pytest.approx(-0.22, abs=0.04)


def test_customers_are_watched_for_six_months_before_the_experiment(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    """Half of them are of each arm already, and nobody has the assistant."""
    start = truth["effects"]["support-assistant"]["starts"]["treatment arm"]
    rows = files.execute(
        "SELECT outcome_date >= ? AS is_post, min(outcome_date)::DATE::VARCHAR,"
        " max(outcome_date)::DATE::VARCHAR,"
        " count(DISTINCT unit) FILTER (arm = 'treatment'),"
        " count(*) FILTER (is_treated AND arm = 'control'),"
        " count(DISTINCT unit) FILTER (is_treated)"
        " FROM read_parquet('meters/outcomes.parquet')"
        " WHERE metric = 'handling_minutes_per_case' AND unit IS NOT NULL"
        " GROUP BY ALL ORDER BY ALL",
        [start],
    ).fetchall()
    assert rows == [
        (False, "2025-10-01", "2026-03-31", 300, 0, 0),
        (True, "2026-04-01", "2026-06-30", 300, 0, 300),
    ]


def test_the_route_optimiser_seems_to_bring_6_percent_and_brings_nothing(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    """Before and after misleads; the earlier promotion shows what the price does."""
    _, [parcels], [launched] = panel(files, "parcels_per_day")
    _, [price], _ = panel(files, "price_index")
    _, [redesign], _ = panel(files, "app_redesign_share")
    start = int(np.argmax(launched))
    naive = parcels[start : start + 91].mean() / parcels[start - 98 : start - 7].mean()
    assert naive - 1 == pytest.approx(0.06, abs=0.015)
    week = np.arange(len(parcels)) % 7
    level = np.log(parcels)
    for day in range(7):
        level[week == day] -= level[week == day][: start // 8].mean()
    alone = (price < 1) & (redesign == 0) & ~launched
    neither = (price == 1) & (redesign == 0)
    promotion = level[alone].mean() - level[neither].mean()
    assert np.expm1(promotion) == pytest.approx(0.044, abs=0.015)
    after = level[launched & (redesign == 1)].mean() - level[neither].mean()
    planted = truth["effects"]["route-optimiser"]
    rest = after - promotion - np.log1p(planted["redesign_effect"])
    assert planted["relative_effect"] == 0
    assert rest == pytest.approx(0.0, abs=0.015)


def test_the_safety_camera_costs_1_5_points_of_punctuality(
    files: duckdb.DuckDBPyConnection,
) -> None:
    _, values, treated = panel(files, "on_time_rate")
    assert values.min() > 0
    assert values.max() <= 1
    effect = staggered_difference(values, treated)
    assert effect == pytest.approx(-0.015, abs=0.002)


def test_71_percent_of_invoices_are_read_alone_and_each_spares_6_5_minutes(
    files: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    start = truth["effects"]["invoice-reading"]["starts"]["company"]
    rows = files.execute(
        """
        SELECT volume_date >= ?, sum(CAST(volume AS BIGINT)),
            sum(CAST(automated_volume AS BIGINT)), sum(CAST(handling_minutes AS DOUBLE))
        FROM read_csv('meters/process_volumes.csv', all_varchar = true)
        WHERE try_cast(volume AS BIGINT) IS NOT NULL GROUP BY ALL ORDER BY 1
        """,
        [start],
    ).fetchall()
    (_, before, automated_before, _), (_, after, automated, minutes) = rows
    assert before > 0
    assert automated_before == 0
    assert automated / after == pytest.approx(0.71, abs=0.005)
    # Days differ by three per cent, so 190 of them by a fifth of one.
    assert minutes / (after - automated) == pytest.approx(6.5, rel=0.007)


def test_other_seeds_do_not_move_the_starts_of_what_is_not_staggered(
    truth: dict[str, Any],
) -> None:
    effects = truth["effects"]
    assert set(effects["predictive-maintenance"]["starts"]) == {"region-1"}
    assert len(effects["eta-prediction"]["starts"]) == 20
    assert len(effects["driver-safety"]["starts"]) == 16
