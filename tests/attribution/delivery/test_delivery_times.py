"""Times of delivery from the mart that a build leaves, as rows of the estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from attribution.delivery.times import update_delivery_times

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
COLUMNS = """
    metric VARCHAR, event_kind VARCHAR, item_key VARCHAR, deployed_unit VARCHAR,
    model_id VARCHAR, feature_id VARCHAR, team_id VARCHAR, state VARCHAR,
    event_value DOUBLE, open_seconds DOUBLE, started_month VARCHAR,
    started_quarter VARCHAR, started_at TIMESTAMP
"""
#: Versions of eta: of January two served after 5 and 20 days, and three never, 100 days
#: on; of March one served after 2 days and one has waited for 10.
VERSIONS = (
    ("v1", "used", 5, None, "2026-01"), ("v2", "used", 20, None, "2026-01"),
    ("v3", "open", None, 100, "2026-01"), ("v4", "open", None, 100, "2026-01"),
    ("v5", "open", None, 100, "2026-01"), ("v6", "used", 2, None, "2026-03"),
    ("v7", "open", None, 10, "2026-03"), ("v8", "excluded", None, None, "2026-03"),
    # Began after the moment as of which the run looks.
    ("v9", "open", None, -1, "2026-03"),
)  # fmt: skip
#: A deployment of two services of one team: one recovered, one did not.
RECOVERIES = (
    ("k1", "svc-a", "used", 3600.0, None), ("k1", "svc-b", "open", None, 9000.0),
    ("k2", "svc-a", "open", None, 1800.0),
)  # fmt: skip


@pytest.fixture
def build_database(tmp_path: Path) -> Path:
    path = tmp_path / "build.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA delivery")
        connection.execute(f"CREATE TABLE delivery.mart_velocity_events ({COLUMNS})")
        for key, state, value, age, month in VERSIONS:
            connection.execute(
                "INSERT INTO delivery.mart_velocity_events VALUES"
                " ('registration_to_production', 'model_version', ?, NULL, 'eta',"
                " NULL, NULL, ?, ?, ?, ?, '2026-Q1', ?)",
                [
                    *(key, state, value and value * DAY, age and age * DAY),
                    *(month, f"{month}-{key[1:].zfill(2)}"),
                ],
            )
        for key, service, state, seconds, waited in RECOVERIES:
            connection.execute(
                "INSERT INTO delivery.mart_velocity_events VALUES"
                " ('failed_deployment_recovery', 'deployment', ?, ?, NULL, NULL,"
                " 'crew', ?, ?, ?, '2026-01', '2026-Q1', '2026-01-01')",
                [key, service, state, seconds, waited],
            )
    return path


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_open_versions_count_for_as_long_as_they_have_waited(
    build_database: Path,
) -> None:
    """More than half is left, so the median is later than the 100 days that were seen.

    Of all seven 6/7 after 2 days, 5/7 after 5, and 5/7 x 3/4 = 15/28 after 20.
    """
    update_delivery_times(build_database)
    assert rows(
        build_database,
        "SELECT cohort, item_count, event_count, median_seconds, longest_seconds"
        " FROM estimates.delivery_times_to_event WHERE scope_kind = 'model'"
        " ORDER BY cohort_kind DESC, cohort",
    ) == [
        ("2026-Q1", 7, 3, None, 100 * DAY),
        ("2026-01", 5, 2, None, 100 * DAY),
        ("2026-03", 2, 1, None, 10 * DAY),
        ("all", 7, 3, None, 100 * DAY),
    ]


def test_a_share_of_versions_is_told_by_the_days_since_each_began(
    build_database: Path,
) -> None:
    """January was followed for 90 days: 1 of 5 within 14, 2 of 5 within 30.

    Of March one of two served within 7; for 30 nothing was seen.
    """
    update_delivery_times(build_database)
    found = rows(
        build_database,
        "SELECT cohort, horizon_days, event_count, followed_count, share"
        " FROM estimates.delivery_conversions"
        " WHERE cohort_kind = 'month' AND horizon_days IN (7, 14, 30, 180)"
        " ORDER BY cohort, horizon_days",
    )
    assert found == [
        ("2026-01", 7, 1, 5, 0.2),
        ("2026-01", 14, 1, 5, 0.2),
        ("2026-01", 30, 2, 5, 0.4),
        ("2026-01", 180, 2, 2, None),
        ("2026-03", 7, 1, 2, 0.5),
        ("2026-03", 14, 1, 1, None),
        ("2026-03", 30, 1, 1, None),
        ("2026-03", 180, 1, 1, None),
    ]


def test_a_cohort_is_observed_since_its_youngest_item_began(
    build_database: Path,
) -> None:
    """Of January v5 is the youngest, of March v7: excluded items and v9 are none."""
    update_delivery_times(build_database)
    assert rows(
        build_database,
        "SELECT DISTINCT cohort, last_started_at::varchar"
        " FROM estimates.delivery_conversions WHERE cohort_kind = 'month'"
        " ORDER BY cohort",
    ) == [("2026-01", "2026-01-05 00:00:00"), ("2026-03", "2026-03-07 00:00:00")]


def test_a_deployment_to_two_services_of_one_team_is_one_for_the_team(
    build_database: Path,
) -> None:
    update_delivery_times(build_database)
    assert rows(
        build_database,
        "SELECT scope_kind, scope_id, item_count, event_count, longest_seconds"
        " FROM estimates.delivery_times_to_event"
        " WHERE metric = 'failed_deployment_recovery' AND cohort_kind = 'all'"
        " ORDER BY scope_kind, scope_id",
    ) == [
        ("service", "svc-a", 2, 1, 3600.0),
        ("service", "svc-b", 1, 0, 9000.0),
        ("team", "crew", 2, 1, 3600.0),
    ]


def test_nothing_is_estimated_again_until_an_item_changes(build_database: Path) -> None:
    assert update_delivery_times(build_database).is_unchanged is False
    again = update_delivery_times(build_database)
    assert again.is_unchanged
    assert again.group_count > 0
    with duckdb.connect(str(build_database)) as connection:
        connection.execute(
            "UPDATE delivery.mart_velocity_events SET open_seconds = open_seconds + 60"
        )
    assert update_delivery_times(build_database).is_unchanged is False


def test_without_any_item_there_are_no_estimates(build_database: Path) -> None:
    with duckdb.connect(str(build_database)) as connection:
        connection.execute("DELETE FROM delivery.mart_velocity_events")
    assert update_delivery_times(build_database).group_count == 0
