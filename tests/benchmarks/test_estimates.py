"""What the benchmark says of forecasts and anomalies, by hand and on real companies."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.estimates import (
    EstimateFigures,
    anomaly_figures,
    bench_estimates,
    estimate_lines,
    forecast_figures,
)

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = {
    "organisation": {"months": ["2026-01", "2026-02", "2026-03"]},
    "phases": {
        "one": {"months": ["2026-01"]},
        "two": {"months": ["2026-02", "2026-03"]},
    },
    "anomalies": {
        "of a service": {
            "source": "aws", "service_name": "EC2", "model_id": None, "pool_id": "gpu",
            "first_day": "2026-01-10", "last_day": "2026-01-12", "driver": "volume",
        },
        "of a model": {
            "source": "gcp", "service_name": "Vertex", "model_id": "eta",
            "pool_id": None, "first_day": "2026-02-10", "last_day": "2026-02-10",
            "driver": "price",
        },
        "of nobody": {
            "source": "aws", "service_name": "S3", "model_id": None, "pool_id": None,
            "first_day": "2026-03-10", "last_day": "2026-03-20", "driver": "price",
        },
    },
}  # fmt: skip


def alarm(
    series: str, name: str | None, first: str, last: str, driver: str = "volume",
    pool: str | None = None, source: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "series": series,
        "model_id": name if series == "model" else None,
        "service_name": name if series == "service" else None,
        "source": source,
        "first_day": date.fromisoformat(first),
        "last_day": date.fromisoformat(last),
        "driver": driver,
        "driver_pool_id": pool,
        "excess_cost": 10.0,
    }


def test_an_alarm_is_true_by_the_days_and_the_place_that_were_planted() -> None:
    found = [
        alarm("service", "EC2", "2026-01-12", "2026-01-15", source="aws"),
        # Through the pool that the service is in, in the wrong pool, and a day late.
        alarm("model", "eta", "2026-01-10", "2026-01-10", "unknown", pool="gpu"),
        alarm("model", "eta", "2026-01-10", "2026-01-10", pool="other"),
        alarm("service", "EC2", "2026-01-13", "2026-01-13", source="aws"),
        # The same service of another bill; what was meant to change.
        alarm("service", "EC2", "2026-01-11", "2026-01-11", source="other"),
        alarm("service", "GPUs", "2026-02-01", "2026-02-14", source="tw"),
        alarm("unassigned", None, "2026-03-20", "2026-03-20", "volume"),
        # A fall to nothing is neither planted nor false.
        alarm("model", "old", "2026-03-05", "2026-03-18") | {"excess_cost": -10.0},
    ]
    figures = anomaly_figures(found, TRUTH, model_count=2)
    assert figures.missed == ("of a model",)
    assert figures.recall == pytest.approx(2 / 3)
    assert figures.false_alarms == (
        "eta 2026-01-10 to 2026-01-10",
        "EC2 2026-01-13 to 2026-01-13",
        "EC2 2026-01-11 to 2026-01-11",
        "GPUs 2026-02-01 to 2026-02-14",
    )
    assert figures.planned_count == 1
    # Four in one quarter of two models.
    assert figures.false_alarms_per_model_quarter == pytest.approx(2.0)
    assert (figures.right_driver_count, figures.known_driver_count) == (1, 2)


def test_forecasts_are_counted_where_they_are_no_worse_than_last_week() -> None:
    quality = [
        {
            "method": method,
            "backtest_error_ratio": error,
            "naive_error_ratio": 0.2,
            "coverage_ratio": held,
        }
        for method, error, held in (
            ("log_trend", 0.1, 0.9),
            ("weekday_median", 0.2, 0.94),
            ("log_trend", 0.3, 0.8),
            # What repeats last week is as good as repeating last week.
            ("seasonal_naive", 0.2, 0.88),
        )
    ]
    forecasts = forecast_figures(quality)
    assert (forecasts.series_count, forecasts.good_count) == (3, 2)
    assert forecasts.coverage_ratio == pytest.approx(0.88)
    text = estimate_lines(EstimateFigures(7, forecasts, anomaly_figures([], TRUTH, 1)))
    assert "2 of 3 series (67 %) at or below seasonal naive" in text
    assert "held 88.0 % of held-out days" in text
    assert "0 of 3 planted found (0 %, 90 % wanted); 0.00 false alarms" in text


@pytest.fixture(scope="module", params=[7, 23, 104])
def figures(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    repository: Path,
) -> EstimateFigures:
    """Return figures of the default company, and of two that nothing was tuned on."""
    build = tmp_path_factory.mktemp("estimates")
    return bench_estimates(request.param, build=build, root=repository, say=print)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_forecasts_beat_last_week_on_companies_that_nothing_was_tuned_on(
    figures: EstimateFigures, request: pytest.FixtureRequest
) -> None:
    if figures.seed == 104:
        # The bar is older than this figure, and stays; docs/concepts/forecasts.md.
        missed = pytest.mark.xfail(strict=True, reason="5 of 9 series, 6 are wanted")
        request.applymarker(missed)
    forecasts = figures.forecasts
    # Of a company whose levels jump and then stand still, last week is hard to beat.
    assert forecasts.good_count >= 0.6 * forecasts.series_count


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_intervals_and_findings_hold_on_companies_that_nothing_was_tuned_on(
    figures: EstimateFigures,
) -> None:
    anomalies = figures.anomalies
    assert 0.85 <= figures.forecasts.coverage_ratio <= 0.95
    assert len(anomalies.planted) >= 12
    assert anomalies.recall >= 0.9, anomalies.missed
    assert anomalies.false_alarms_per_model_quarter <= 1.0, anomalies.false_alarms
    # Apart from the migration, hardly anything: one in four quarters of all models.
    unplanned = len(anomalies.false_alarms) - anomalies.planned_count
    assert unplanned <= anomalies.model_quarter_count / 4, anomalies.false_alarms
    assert anomalies.right_driver_count >= 0.9 * anomalies.known_driver_count
    assert anomalies.known_driver_count >= 0.8 * (
        anomalies.alarm_count - len(anomalies.false_alarms)
    )
