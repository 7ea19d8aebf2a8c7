"""What calls for an alert, whose it is, and what beside it stays silent."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.triptych.service.alerts.alert_case import Case, anomaly
from triptych.core.settings.notify import RuleSettings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.service.alerts.conditions import find_alerts

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 10, 31)


class Call(NamedTuple):
    """Rows of a run, of which one calls for an alert of a kind."""

    kind: str
    rows: str
    text: str
    team: str | None = None
    options: tuple[tuple[str, Any], ...] = ()


CALLS = (
    Call(
        "budget_forecast",
        """
        CREATE TABLE cost.mart_cost_outturns AS
        SELECT 'month' AS horizon, '2026-10' AS period, 'model' AS series,
          'EUR' AS currency, 100 AS budget_amount, *
        FROM (VALUES ('search', 110.5, 105, 115, 'will be over'),
          ('other', 101, 95, 107, 'cannot tell'), ('third', 180, 170, 190, 'over'))
          AS outturns(model_id, outturn_cost, outturn_cost_low, outturn_cost_high,
            budget_outlook)
        """,
        "search will end 2026-10 over its budget of 100 EUR: forecast 110.50, 90 %"
        " interval 105 to 115, all of it above (probability 95 % or more).",
        "vision",
    ),
    Call(
        "counted_twice",
        """
        CREATE TABLE core.mart_coverage_overlaps AS
        SELECT '2026-10' AS billing_month, 'EUR' AS currency, 'settle x' AS next_step, *
        FROM (VALUES ('x', 'OpenAI', 328.83, 'api', 'card', false),
          ('y', 'OpenAI', 5, 'api', 'card', true))
          AS found(overlap_id, vendor, repeated_amount, first_source, second_source,
            is_settled)
        """,
        "Maybe counted twice: 328.83 EUR of OpenAI in 2026-10, by api and by card."
        " Settle it: settle x.",
    ),
    Call(
        "source_stale",
        """
        CREATE TABLE core.mart_source_freshness AS
        FROM (VALUES ('aws', DATE '2026-10-02', true),
          ('azure', DATE '2026-10-30', false))
          AS sources(source, newest_evidence_at, is_stale)
        """,
        "Source aws is older than expected: its newest evidence is of 2026-10-02.",
    ),
    Call(
        "new_unallocated_service",
        """
        CREATE TABLE cost.fct_daily_service_costs AS
        SELECT 'aws' AS source, 'AWS' AS provider, 'Known' AS service_name,
          '2026-09' AS billing_month;
        CREATE TABLE cost.mart_unallocated_causes AS
        SELECT 'aws' AS source, 'AWS' AS provider, 'EUR' AS currency,
          NULL AS resource_type, 'a rule' AS suggested_rule, *
        FROM (VALUES ('New', '2026-10', 60.25), ('New', '2026-10', 40),
          ('Small', '2026-10', 99), ('Known', '2026-09', 5), ('Known', '2026-10', 500))
          AS causes(service_name, billing_month, effective_cost)
        """,
        "AWS New is new since 2026-10, and 100.25 EUR of it belong to no model."
        " Suggested rule: a rule",
        options=(("min_amount", 100),),
    ),
    Call(
        "commitment_lapsing",
        """
        CREATE TABLE cost.mart_commitment_burn_down AS
        SELECT commitment_name AS commitment_id, 'EUR' AS currency,
          20 AS at_risk_amount, CAST(NULL AS VARCHAR) AS reason, *
        FROM (VALUES ('Soon', DATE '2026-11-30', 50, true),
          ('Later', DATE '2026-12-01', 50, true), ('Past', DATE '2026-10-30', 50, true),
          ('Spent', DATE '2026-11-01', 0, true), ('Was', DATE '2026-11-01', 50, false))
          AS listed(commitment_name, ends_on, remaining_amount, is_newest)
        """,
        "Soon ends on 2026-11-30 with 50 EUR unused; 20 EUR of it will probably lapse.",
        options=(("within_days", 30),),
    ),
    Call(
        "study_concluded",
        """
        CREATE SCHEMA attribution;
        CREATE TABLE core.dim_features AS
        SELECT 'route' AS feature_id, 'vision' AS team_id;
        CREATE TABLE attribution.studies AS
        SELECT 'route' AS feature_id, 'estimated' AS status, 'B' AS grade, *
        FROM (VALUES ('ended', 'no_effect', DATE '2026-10-31'),
          ('running', 'interim', DATE '2026-10-31'),
          ('old', 'positive', DATE '2026-09-29'),
          ('ahead', 'positive', DATE '2026-11-01'))
          AS studies(study_id, verdict, window_end), (SELECT '{}' AS plan)
        """,
        "Study ended of route ended on 2026-10-30: no effect, grade B.",
        "vision",
    ),
    Call(
        "assumption_expiring",
        """
        CREATE TABLE core.mart_assumptions AS
        SELECT 1 AS assumption_version, 'Ana' AS owner, 'labour' AS kind,
          assumption_id AS feature_id, CAST(NULL AS VARCHAR) AS metric,
          true AS is_approved, DATE '2026-01-01' AS valid_from, *
        FROM (VALUES ('soon', DATE '2026-11-30'), ('later', DATE '2026-12-01'),
          ('expired', DATE '2026-10-30'), ('open', NULL))
          AS assumptions(assumption_id, valid_to)
        """,
        "Assumption soon of Ana is valid until 2026-11-30; what it values counts in no"
        " headline after that.",
        options=(("within_days", 30),),
    ),
)


@pytest.mark.parametrize("call", CALLS, ids=[call.kind for call in CALLS])
def test_what_a_kind_is_about_calls_and_nothing_beside_it(
    tmp_path: Path, call: Call
) -> None:
    Case(Workspace(tmp_path)).publish(call.rows)
    given = {"alert": call.kind, "channels": ["all"], **dict(call.options)}
    rule = RuleSettings.model_validate(given)
    [alert] = find_alerts(PublishedReader(tmp_path).snapshot(), rule, TODAY)
    assert (alert.text, alert.team) == (call.text, call.team)


@pytest.mark.parametrize(
    ("verdict", "better", "said"),
    [
        ("positive", "higher", "increase, a gain"),
        ("positive", "lower", "increase, a harm"),
        ("negative", "lower", "decrease, a gain"),
        ("negative", "higher", "decrease, a harm"),
        ("negative", None, "decrease"),
        ("inconclusive", "higher", "inconclusive"),
        ("refused", "higher", "cannot tell"),
    ],
)
def test_a_concluded_study_is_a_gain_or_harm_by_what_its_plan_calls_better(
    tmp_path: Path, verdict: str, better: str | None, said: str
) -> None:
    plan = json.dumps({"better": better})
    Case(Workspace(tmp_path)).publish(
        f"""
        CREATE SCHEMA attribution;
        CREATE TABLE core.dim_features AS
        SELECT 'route' AS feature_id, 'vision' AS team_id;
        CREATE TABLE attribution.studies AS
        SELECT 'route' AS feature_id, 'camera' AS study_id, 'B' AS grade,
          '{verdict}' AS verdict, DATE '2026-10-31' AS window_end, '{plan}' AS plan
        """
    )
    rule = RuleSettings.model_validate(
        {"alert": "study_concluded", "channels": ["all"]}
    )
    [alert] = find_alerts(PublishedReader(tmp_path).snapshot(), rule, TODAY)
    assert alert.text == (
        f"Study camera of route ended on 2026-10-30: {said}, grade B."
    )


def texts(root: Path, rows: str, **options: object) -> list[str]:
    """Return what a rule tells of a run with some rows."""
    Case(Workspace(root)).publish(rows)
    rule = RuleSettings.model_validate({"channels": ["all"], **options})
    alerts = find_alerts(PublishedReader(root).snapshot(), rule, TODAY)
    return sorted(alert.text for alert in alerts)


def test_a_budget_of_everything_is_one_of_all_ai(tmp_path: Path) -> None:
    rows = """
        INSERT INTO cost.mart_budget_variance VALUES
          ('2026-10', 'all', 'all', 'EUR', 90, 100),
          ('2026-10', 'cost_center', '4411', 'EUR', 80, 100)
        """
    assert texts(tmp_path, rows, alert="budget", thresholds=[0.8]) == [
        "Budget of all AI for 2026-10: 90 of 100 EUR is spent, 80 % or more.",
        "Budget of cost centre 4411 for 2026-10: 80 of 100 EUR is spent, 80 % or more.",
    ]


def test_a_forecast_over_the_whole_budget_is_one_of_all_ai(tmp_path: Path) -> None:
    rows = """
        CREATE TABLE cost.mart_cost_outturns AS
        SELECT 'month' AS horizon, '2026-10' AS period, 'total' AS series,
          CAST(NULL AS VARCHAR) AS model_id, 'EUR' AS currency, 100 AS budget_amount,
          110 AS outturn_cost, 105 AS outturn_cost_low, 115 AS outturn_cost_high,
          'will be over' AS budget_outlook
        """
    [text] = texts(tmp_path, rows, alert="budget_forecast")
    assert text.startswith("All AI will end 2026-10 over its budget of 100 EUR")


def test_a_new_service_is_named_once_and_not_for_less_than_a_cent(
    tmp_path: Path,
) -> None:
    rows = """
        CREATE TABLE cost.fct_daily_service_costs (source VARCHAR, provider VARCHAR,
          service_name VARCHAR, billing_month VARCHAR);
        CREATE TABLE cost.mart_unallocated_causes AS
        SELECT 'api' AS source, 'EUR' AS currency, '2026-10' AS billing_month,
          NULL AS resource_type, 'a rule' AS suggested_rule, *
        FROM (VALUES ('Railway', 'Railway Volume', 7), ('Railway', 'Railway', 0),
          ('AWS', 'Rounded', 0.004), ('AWS', NULL, 0.006))
          AS causes(provider, service_name, effective_cost)
        """
    told = "is new since 2026-10, and {} EUR of it belong to no model."
    assert texts(tmp_path, rows, alert="new_unallocated_service") == [
        f"AWS {told.format('0.01')} Suggested rule: a rule",
        f"Railway Volume {told.format('7')} Suggested rule: a rule",
    ]


def test_charges_without_a_service_are_new_in_their_first_month_alone(
    tmp_path: Path,
) -> None:
    rows = """
        CREATE TABLE cost.fct_daily_service_costs (source VARCHAR, provider VARCHAR,
          service_name VARCHAR, billing_month VARCHAR);
        CREATE TABLE cost.mart_unallocated_causes AS
        SELECT 'api' AS source, 'EUR' AS currency, NULL AS resource_type,
          'a rule' AS suggested_rule, NULL AS service_name, *
        FROM (VALUES ('AWS', '2026-09', 5), ('AWS', '2026-10', 6))
          AS causes(provider, billing_month, effective_cost)
        """
    assert texts(tmp_path, rows, alert="new_unallocated_service") == []


def test_a_service_that_was_billed_before_is_not_called_new(tmp_path: Path) -> None:
    rows = """
        CREATE TABLE cost.fct_daily_service_costs AS
        SELECT 'api' AS source, 'AWS' AS provider, *
        FROM (VALUES ('Old', '2026-09'), ('Old', '2026-10'), ('New', '2026-10'))
          AS billed(service_name, billing_month);
        CREATE TABLE cost.mart_unallocated_causes AS
        SELECT 'api' AS source, 'AWS' AS provider, 'EUR' AS currency,
          '2026-10' AS billing_month, NULL AS resource_type,
          'a rule' AS suggested_rule, *
        FROM (VALUES ('Old', 500), ('New', 7)) AS causes(service_name, effective_cost)
        """
    assert texts(tmp_path, rows, alert="new_unallocated_service") == [
        "AWS New is new since 2026-10, and 7 EUR of it belong to no model. Suggested"
        " rule: a rule",
        "AWS Old is not new, but since 2026-10 500 EUR of it belong to no model."
        " Suggested rule: a rule",
    ]


def test_what_is_spent_of_a_budget_of_nothing_is_an_alert_once(
    tmp_path: Path,
) -> None:
    """Of nothing there is no part: it is passed by the first cent, at no level."""
    rows = """
        INSERT INTO cost.mart_budget_variance VALUES
          ('2026-10', 'team', 'search', 'EUR', 640, 0),
          ('2026-10', 'team', 'vision', 'EUR', 0, 0),
          ('2026-10', 'team', 'fleet', 'EUR', 640, -5);
    """
    assert sorted(texts(tmp_path, rows, alert="budget", thresholds=[0.8, 1.0])) == [
        "Budget of team fleet for 2026-10 is exceeded: 640 of -5 EUR is spent.",
        "Budget of team search for 2026-10 is exceeded: 640 of 0 EUR is spent.",
    ]


def test_a_level_of_a_budget_is_written_as_it_was_set(tmp_path: Path) -> None:
    rows = """
        INSERT INTO cost.mart_budget_variance VALUES
          ('2026-10', 'all', 'all', 'EUR', 99.7, 100)
        """
    assert texts(tmp_path, rows, alert="budget", thresholds=[0.995, 1.0]) == [
        "Budget of all AI for 2026-10: 99.70 of 100 EUR is spent, 99.5 % or more."
    ]


def test_a_finer_level_leaves_the_other_levels_the_alerts_that_they_were(
    tmp_path: Path,
) -> None:
    Case(Workspace(tmp_path)).publish(
        "INSERT INTO cost.mart_budget_variance VALUES"
        " ('2026-10', 'all', 'all', 'EUR', 100, 100)"
    )
    snapshot = PublishedReader(tmp_path).snapshot()
    keys = []
    for levels in ([0.8, 1.0], [0.8, 0.95, 1.0]):
        rule = RuleSettings.model_validate(
            {"alert": "budget", "channels": ["all"], "thresholds": levels}
        )
        keys.append({alert.key for alert in find_alerts(snapshot, rule, TODAY)})
    coarse, fine = keys
    assert fine - coarse == {"budget/2026-10/all/all/EUR/0.95"}
    assert coarse < fine


def test_what_lapses_of_a_commitment_is_unknown_with_its_reason(
    tmp_path: Path,
) -> None:
    rows = """
        CREATE TABLE cost.mart_commitment_burn_down AS
        SELECT name AS commitment_id, name AS commitment_name, 'EUR' AS currency,
          DATE '2026-11-10' AS ends_on, true AS is_newest,
          CAST(NULL AS INTEGER) AS at_risk_amount, *
        FROM (VALUES ('Young', 50, 'Fewer than 28 days are known: no pace yet.'),
          ('Unread', NULL, 'The bill aws has no charges in EUR.'))
          AS commitments(name, remaining_amount, reason)
        """
    assert texts(tmp_path, rows, alert="commitment_lapsing") == [
        "Unread ends on 2026-11-10. How much of it will lapse is not known: The bill"
        " aws has no charges in EUR.",
        "Young ends on 2026-11-10. How much of it will lapse is not known: Fewer than"
        " 28 days are known: no pace yet.",
    ]


def test_an_assumption_that_another_follows_does_not_expire(tmp_path: Path) -> None:
    rows = """
        CREATE TABLE core.mart_assumptions AS
        SELECT assumption_id || valid_from AS assumption_version, 'Ana' AS owner,
          CAST(NULL AS VARCHAR) AS metric, *
        FROM (VALUES
          ('rate', 'labour', 'all', true, DATE '2026-01-01', DATE '2026-11-10'),
          ('rate', 'labour', 'all', true, DATE '2026-11-10', NULL),
          ('margin', 'margin', 'a', true, DATE '2026-01-01', DATE '2026-11-10'),
          ('new-margin', 'margin', 'a', true, DATE '2026-11-10', NULL),
          ('gap', 'labour', 'b', true, DATE '2026-01-01', DATE '2026-11-10'),
          ('gap', 'labour', 'b', true, DATE '2026-11-11', NULL),
          ('hoped', 'labour', 'c', true, DATE '2026-01-01', DATE '2026-11-10'),
          ('hoped', 'labour', 'c', false, DATE '2026-11-10', NULL),
          ('build', 'integration', 'd', true, DATE '2026-01-01', DATE '2026-11-10'),
          ('more', 'integration', 'd', true, DATE '2026-11-10', NULL),
          ('draft', 'labour', 'e', false, DATE '2026-01-01', DATE '2026-11-10'))
          AS assumptions(assumption_id, kind, feature_id, is_approved, valid_from,
            valid_to)
        """
    of = "Assumption {} of Ana is valid until 2026-11-10"
    counts = f"{of}; what it values counts in no headline after that."
    assert texts(tmp_path, rows, alert="assumption_expiring") == [
        counts.format("build"),
        f"{of.format('draft')}. It is not approved and counts in no headline.",
        counts.format("gap"),
        counts.format("hoped"),
    ]


def test_an_anomaly_goes_to_the_team_that_had_the_model_on_its_last_day(
    tmp_path: Path,
) -> None:
    Case(Workspace(tmp_path)).publish(
        """
        CREATE OR REPLACE TABLE core.dim_models AS FROM (VALUES
          ('moves', 'vision', NULL), ('moves', 'ranking', DATE '2026-11-01'),
          ('moved', 'vision', NULL), ('moved', 'ranking', DATE '2026-10-30'))
          AS models(model_id, team_id, valid_from)
        """,
        anomaly(date(2026, 10, 30), "moves"),
        anomaly(date(2026, 10, 30), "moved"),
    )
    snapshot = PublishedReader(tmp_path).snapshot()
    rule = RuleSettings.model_validate({"alert": "anomaly", "channels": ["all"]})
    teams = {a.text.split()[0]: a.team for a in find_alerts(snapshot, rule, TODAY)}
    assert teams == {"moves": "vision", "moved": "ranking"}
