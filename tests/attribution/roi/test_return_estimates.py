"""Returns are worked out from a build database, once, and again when it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from attribution.roi.return_estimates import update_returns
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from pathlib import Path

MARTS = """
CREATE SCHEMA core; CREATE SCHEMA cost; CREATE SCHEMA delivery; CREATE SCHEMA estimates;
CREATE TABLE core.mart_run AS SELECT 'EUR' AS currency;
CREATE TABLE core.dim_features AS SELECT 'care' AS feature_id
    UNION ALL SELECT 'unasked';
CREATE TABLE core.mart_assumptions (
    assumption_id VARCHAR, assumption_version VARCHAR, kind VARCHAR, feature_id VARCHAR,
    metric VARCHAR, assumed DOUBLE, assumed_low DOUBLE, assumed_high DOUBLE,
    unit VARCHAR, better VARCHAR, takes_margin BOOLEAN, is_cash BOOLEAN,
    amortised_months INTEGER, owner VARCHAR, evidence VARCHAR, approved_by VARCHAR,
    is_approved BOOLEAN, valid_from DATE, valid_to DATE);
INSERT INTO core.mart_assumptions VALUES (
    'minute', 'v1', 'conversion', 'all', 'minutes', 0.5, NULL, NULL, 'EUR/minute',
    'less', false, true, NULL, 'Care', 'Plan', 'Controlling', true, '2020-01-01', NULL);
CREATE TABLE cost.fct_daily_model_costs (
    feature_id VARCHAR, model_id VARCHAR, billing_month VARCHAR, currency VARCHAR,
    effective_cost DECIMAL(28, 10));
INSERT INTO cost.fct_daily_model_costs VALUES
    ('care', 'assistant', '2026-01', 'EUR', 10.25),
    ('care', NULL, '2026-01', 'EUR', 4.75),
    (NULL, NULL, '2026-01', 'EUR', 1000);
CREATE TABLE delivery.mart_feature_hours (
    month VARCHAR, feature_id VARCHAR, booked_hours DOUBLE);
CREATE TABLE estimates.attribution_studies (
    study_id VARCHAR, feature_id VARCHAR, outcome VARCHAR, outcome_unit VARCHAR,
    status VARCHAR, grade VARCHAR, verdict VARCHAR, state VARCHAR, standing VARCHAR,
    refusal_code VARCHAR, refusal_message VARCHAR, launch_date DATE, window_end DATE,
    plan VARCHAR, plan_hash VARCHAR, data_hash VARCHAR);
INSERT INTO estimates.attribution_studies VALUES (
    'care-pilot', 'care', 'minutes', 'minutes', 'estimated', 'A', 'negative',
    'REGISTERED', 'registered', NULL, NULL, '2026-01-01', '2026-02-01',
    '{"treated": ["north"]}',
    'p1', 'd1');
CREATE TABLE estimates.attribution_monthly_draws (
    study_id VARCHAR, effect_month VARCHAR, draw INTEGER, effect DOUBLE);
INSERT INTO estimates.attribution_monthly_draws
    SELECT 'care-pilot', '2026-01', range, -100 + (range - 499.5) / 100
    FROM range(1000);
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    path = tmp_path / "build.duckdb"
    with database_in_spare_engine(path) as connection:
        connection.execute(MARTS)
    return path


def change(build: Path, sql: str) -> None:
    with database_in_spare_engine(build) as connection:
        connection.execute(sql)


def figures(build: Path, feature: str = "care") -> dict[str, object]:
    with database_in_spare_engine(build, read_only=True) as connection:
        found = connection.execute(
            "SELECT * FROM estimates.roi_features WHERE roi_window = 'to_date'"
            " AND feature_id = ?",
            [feature],
        )
        names = [column[0] for column in found.description]
        [row] = found.fetchall()
    return dict(zip(names, row, strict=True))


def test_marts_and_draws_become_returns(build: Path) -> None:
    """100 minutes less at 0.5 are 50; less 10.25 of the model and 4.75 besides, 35."""
    report = update_returns(build)
    assert (report.counted_feature_count, report.feature_count) == (1, 2)
    row = figures(build)
    assert row["benefit"] == pytest.approx(50.0)
    assert row["net_value"] == pytest.approx(35.0)
    # 90 % of equal steps from −105 to −95.
    expected = np.array([47.75, 52.25])
    found = (row["benefit_low_90"], row["benefit_high_90"])
    assert found == pytest.approx(expected, abs=0.01)
    assert (row["study_ids"], row["verdict"]) == ("care-pilot", "negative")


def test_a_feature_that_nobody_asks_about_is_listed(build: Path) -> None:
    update_returns(build)
    row = figures(build, "unasked")
    assert (row["grade"], row["reason_code"]) == ("X", "effect_unknown")
    assert (row["benefit"], row["counted"]) == (None, False)


def test_returns_are_not_worked_out_again_until_something_has_changed(
    build: Path,
) -> None:
    assert update_returns(build).is_unchanged is False
    first = figures(build)
    assert update_returns(build).is_unchanged is True
    assert figures(build) == first
    for statement in (
        "UPDATE core.mart_assumptions SET assumed = 0.6",
        "UPDATE cost.fct_daily_model_costs SET effective_cost = 11"
        " WHERE model_id = 'assistant'",
        "UPDATE estimates.attribution_monthly_draws SET effect = 0 WHERE draw = 0",
        "UPDATE estimates.attribution_studies SET grade = 'C'",
        "INSERT INTO delivery.mart_feature_hours VALUES ('2026-01', 'care', 2)",
    ):
        change(build, statement)
        assert update_returns(build).is_unchanged is False, statement
        assert figures(build) != first, statement
        first = figures(build)


def test_hours_of_too_few_people_are_left_out_of_a_return_and_it_says_so(
    build: Path,
) -> None:
    update_returns(build)
    before = figures(build)
    assert "people: no hours are booked on it" in str(before["left_out"])
    change(
        build,
        "INSERT INTO delivery.mart_feature_hours VALUES ('2026-01', 'care', NULL)",
    )
    update_returns(build)
    after = figures(build)
    assert "people: hours of too few people to be shown" in str(after["left_out"])
    assert "no hours are booked" not in str(after["left_out"])
    assert after["net_value"] == before["net_value"]


def test_a_return_has_another_basis_when_its_evidence_or_its_worth_has_changed(
    build: Path,
) -> None:
    update_returns(build)
    known = {figures(build)["basis"]}
    for statement in (
        "UPDATE core.mart_assumptions SET assumption_version = 'v2'",
        "UPDATE estimates.attribution_studies SET data_hash = 'd2'",
        "UPDATE estimates.attribution_studies SET plan_hash = 'p2'",
    ):
        change(build, statement)
        update_returns(build)
        known.add(figures(build)["basis"])
    assert len(known) == 4
    change(build, "UPDATE cost.fct_daily_model_costs SET effective_cost = 1")
    update_returns(build)
    assert figures(build)["basis"] in known


def test_a_charge_in_another_currency_makes_the_cost_unknown(build: Path) -> None:
    change(
        build,
        "INSERT INTO cost.fct_daily_model_costs"
        " VALUES ('care', 'assistant', '2026-01', 'USD', 1)",
    )
    update_returns(build)
    row = figures(build)
    assert (row["reason_code"], row["net_value"]) == ("cost_unknown", None)


def test_a_workspace_without_studies_has_features_without_returns(build: Path) -> None:
    for table in ("attribution_studies", "attribution_monthly_draws"):
        change(build, f"DROP TABLE estimates.{table}")
    update_returns(build)
    assert figures(build)["reason_code"] == "effect_unknown"
