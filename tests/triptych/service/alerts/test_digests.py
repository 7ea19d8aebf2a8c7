"""One digest a week for each audience, as a message and a PDF."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("apprise", reason="the extra notify is not installed")

from tests.triptych.service.alerts.alert_case import Case, Endpoint, Inbox, anomaly
from triptych.core.errors import SettingsError
from triptych.core.settings.notify import DigestSettings
from triptych.core.warehouse.reader import PublishedReader
from triptych.service.alerts.digest_parts import read_sections
from triptych.service.alerts.digests import last_due
from triptych.service.alerts.notifying import notify

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)
#: search, of team vision: 30.5 after 7; other: 5 after 5, so its cost has not changed.
COSTS = """
CREATE OR REPLACE TABLE cost.fct_daily_model_costs AS
SELECT DATE '2026-10-31' AS charge_date, '2026-10' AS billing_month;
CREATE TABLE cost.mart_newest_weeks AS
SELECT 'EUR' AS currency, *, 'cc' AS cost_center, DATE '2026-10-25' AS first_day,
  DATE '2026-10-31' AS last_day, CAST({missing} AS DECIMAL(28, 10)) AS missing_amount,
  CAST({missing} AS DECIMAL(28, 10)) AS prior_missing_amount,
  CAST(NULL AS VARCHAR) AS waited_for_sources, CAST(NULL AS VARCHAR) AS excluded_sources
FROM (VALUES ('search', 'vision', 30.5::DECIMAL(28, 10), 7::DECIMAL(28, 10)),
  ('other', 'ranking', 5, 5))
  AS costs(model_id, team_id, effective_cost, prior_effective_cost);
ALTER TABLE cost.mart_budget_variance ADD COLUMN state VARCHAR;
CREATE TABLE core.mart_run AS SELECT 'run-1' AS run_id, 'Example' AS organisation,
  'EUR' AS currency, 1 AS fiscal_year_start_month, 0.005 AS materiality_ratio,
  false AS is_synthetic, '0.1.0' AS triptych_version,
  TIMESTAMP '2026-10-31 06:00' AS started_at,
  TIMESTAMP '2026-10-31 05:00' AS evidence_as_of;
"""
SLOW_FIGURES = """
CREATE SCHEMA IF NOT EXISTS roi;
CREATE SCHEMA IF NOT EXISTS delivery;
CREATE OR REPLACE TABLE cost.mart_cost_outturns AS SELECT * FROM (VALUES
  ('month', '2026-11', 'total', 'EUR', 50.0, 40.0, 60.0, 55.0, 'cannot tell'),
  ('year', 'FY2026', 'total', 'EUR', 590.0, 580.0, 600.0, 614.0, 'will be within'))
  AS ends(horizon, period, series, currency, outturn_cost, outturn_cost_low,
    outturn_cost_high, budget_amount, budget_outlook),
  (SELECT NULL::VARCHAR AS model_id, NULL::VARCHAR AS reason);
CREATE TABLE roi.mart_return_ladder AS SELECT * FROM (VALUES
  ('portfolio', 'to_date', 2, 'net_value', true, '2026-06', 115.0, 60.0, 159.0),
  ('portfolio', 'to_date', 1, 'benefit', false, '2026-06', 125.0, 70.0, 170.0),
  ('portfolio', 'until_2026-06', 2, 'net_value', true, '2026-06', 1.0, 0.0, 2.0),
  ('feature', 'to_date', 2, 'net_value', true, '2026-06', 7.0, 6.0, 8.0))
  AS lines(scope_type, "window", line_order, line, is_sum, until_month, amount,
    amount_low_90, amount_high_90), (SELECT 'EUR' AS currency);
CREATE TABLE delivery.mart_velocity_quarters AS SELECT * FROM (VALUES
  ('2026-Q3', 'slow', 7200.0, 1), ('2026-Q3', 'quick', 3600.0, 2),
  ('2026-Q2', 'quick', 9000.0, 1)) AS ranks(quarter, scope_id, metric_value,
    slowness_rank), (SELECT 'team' AS scope_kind, 'change_lead_time' AS metric,
    'seconds' AS unit, 8 AS n_used, 1.0 AS interval_low, 9.0 AS interval_high,
    '2026-07' AS first_month, NULL::VARCHAR AS unranked_reason);
"""
DIGESTS = """\
  digests:
    - {audience: finance, channels: [all], weekday: friday}
    - {audience: team, team: vision, channels: [vision], weekday: friday}
"""
#: A Friday.
FRIDAY = datetime(2026, 10, 30, 8, tzinfo=UTC)


def publish(case: Case, *more: str, missing: str = "0") -> None:
    case.publish(
        COSTS.format(missing=missing),
        *more,
        anomaly(date(2026, 10, 30)),
        anomaly(date(2026, 10, 30), "orphan"),
    )


def sections(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return heading → sentences of a message."""
    parts = (part.splitlines() for part in body["message"].split("\n\n"))
    return {heading: [line[2:] for line in lines] for heading, *lines in parts}


def test_each_audience_gets_its_week_once_with_figures_of_its_own(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings(rules=DIGESTS)
    publish(case)
    for hours in (0, 1, 24, 6 * 24):
        notify(case.workspace, settings, now=FRIDAY + timedelta(hours=hours))

    assert len(endpoint.bodies) == 2
    finance, team = endpoint.bodies
    assert finance["title"] == "triptych, Example: Weekly digest of 2026-10-30, finance"
    assert sections(finance)["Seven days"] == [
        "2026-10-25 to 2026-10-31: 35.50 EUR, amortised, before tax and credits; the"
        " seven days before: 12 EUR."
    ]
    assert sections(finance)["Largest changes"] == ["search: 30.50 EUR after 7 EUR."]
    assert sections(team)["Seven days"] == [
        "2026-10-25 to 2026-10-31: 30.50 EUR, amortised, before tax and credits; the"
        " seven days before: 7 EUR."
    ]
    assert "Months that do not reconcile" not in sections(team)


def test_the_first_digest_of_a_month_has_what_changes_slowly(case: Case) -> None:
    publish(case, SLOW_FIGURES)
    snapshot = PublishedReader(case.workspace.root).snapshot()
    headings = {
        audience: [
            (section.heading, section.lines)
            for section in read_sections(snapshot, audience, None, is_first=True)
            if section not in read_sections(snapshot, audience, None)
        ]
        for audience in ("finance", "engineering")
    }
    year = (
        "FY2026: 590 of 614 EUR, 90 % interval 580 to 600; budget: will be within.",
    )
    assert headings == {
        "finance": [
            ("Where the fiscal year ends", year),
            (
                "What AI returned",
                ("To 2026-06, net value: 115 EUR, 90 % interval 60 to 159.",),
            ),
        ],
        "engineering": [
            ("Where the fiscal year ends", year),
            (
                "Slowest to production",
                ("2026-Q3, from commit: slow, 2 h in the median (n = 8).",),
            ),
        ],
    }


def test_teams_of_other_letters_get_files_of_their_own(
    case: Case, endpoint: Endpoint
) -> None:
    of_teams = "".join(
        f"    - {{audience: team, team: {team}, channels: [all], weekday: friday}}\n"
        for team in ("配送", "営業", "a b", "a_b")
    )
    publish(case)
    settings = case.settings(rules=f"  digests:\n{of_teams}")
    notify(case.workspace, settings, now=FRIDAY)
    assert len(endpoint.bodies) == 4
    assert len(list((case.workspace.runs_dir / "digests").iterdir())) == 4


def test_the_next_week_has_its_own_digest(case: Case, endpoint: Endpoint) -> None:
    settings = case.settings(rules=DIGESTS)
    publish(case)
    for day in (30, 31):
        notify(case.workspace, settings, now=FRIDAY.replace(day=day))
    notify(case.workspace, settings, now=datetime(2026, 11, 6, tzinfo=UTC))
    weeks = [body["title"].partition("digest of ")[2][:10] for body in endpoint.bodies]
    assert sorted(weeks) == ["2026-10-30"] * 2 + ["2026-11-06"] * 2


def test_a_digest_waits_for_its_channel_and_arrives_with_its_pdf(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings(rules=DIGESTS)
    publish(case)
    endpoint.is_up = False
    assert len(notify(case.workspace, settings, now=FRIDAY).failures) == 2
    endpoint.is_up = True
    notify(case.workspace, settings, now=FRIDAY)

    [attached] = endpoint.bodies[0]["attachments"]
    content = base64.b64decode(attached["base64"])
    assert content.startswith(b"%PDF")
    assert attached["filename"] == "2026-10-30_finance.pdf"
    kept = case.workspace.runs_dir / "digests" / "2026-10-30_finance.pdf"
    assert kept.read_bytes() == content


def test_a_digest_arrives_by_mail_with_its_figures_and_its_pdf(
    case: Case, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", inbox.url)
    settings = case.settings(rules=DIGESTS)
    publish(case)
    for hours in (0, 1):
        notify(case.workspace, settings, now=FRIDAY + timedelta(hours=hours))

    [mail] = inbox.mails
    assert mail["Subject"] == "triptych, Example: Weekly digest of 2026-10-30, finance"
    body = mail.get_body()
    assert body is not None
    assert "35.50 EUR" in body.get_content()
    [attached] = mail.iter_attachments()
    assert attached.get_filename() == "2026-10-30_finance.pdf"
    kept = case.workspace.runs_dir / "digests" / "2026-10-30_finance.pdf"
    assert attached.get_content() == kept.read_bytes()


@pytest.mark.parametrize(
    ("missing", "week", "before"),
    [
        ("NULL", "at least 35.50 EUR", "at least 12 EUR"),
        # 0.5 % of 35.50 is 0.1775, of 12 it is 0.06.
        ("0.18", "at least 35.50 EUR", "at least 12 EUR"),
        ("0.10", "35.50 EUR", "at least 12 EUR"),
        ("0.05", "35.50 EUR", "12 EUR"),
    ],
)
def test_a_week_that_lacks_a_material_amount_is_a_lower_bound(
    case: Case, endpoint: Endpoint, missing: str, week: str, before: str
) -> None:
    settings = case.settings(rules=DIGESTS)
    publish(case, missing=missing)
    notify(case.workspace, settings, now=FRIDAY)
    [line] = sections(endpoint.bodies[0])["Seven days"]
    assert line == (
        f"2026-10-25 to 2026-10-31: {week}, amortised, before tax and credits; the"
        f" seven days before: {before}."
    )


def test_the_first_week_is_compared_with_none(case: Case, endpoint: Endpoint) -> None:
    settings = case.settings(rules=DIGESTS)
    case.publish(
        COSTS.format(missing="0"),
        "UPDATE cost.mart_newest_weeks SET prior_effective_cost = NULL,"
        " first_day = last_day",
    )
    notify(case.workspace, settings, now=FRIDAY)
    finance = sections(endpoint.bodies[0])
    assert finance["Seven days"] == [
        "2026-10-31 to 2026-10-31: 35.50 EUR, amortised, before tax and credits; the"
        " seven days before: not known."
    ]
    assert finance["Largest changes"] == [
        "No model costs more or less than in a week before that is known."
    ]


def test_a_digest_names_who_has_an_alert_and_a_team_sees_only_its_own(
    case: Case, endpoint: Endpoint
) -> None:
    rules = "  rules:\n    - {alert: anomaly, channels: [all]}\n" + DIGESTS
    settings = case.settings(rules=rules)
    publish(case)
    notify(case.workspace, settings, now=FRIDAY)
    messages = {body["title"].rpartition(", ")[2]: body for body in endpoint.bodies}
    finance = sections(messages["finance"])["Alerts"]
    team = sections(messages["team vision"])["Alerts"]
    assert [line.split()[0] for line in finance] == ["orphan", "search"]
    assert [line.split()[0] for line in team] == ["search"]
    assert team[0].endswith("Owner: vision. (open)")


def test_a_digest_names_the_bills_that_its_weeks_wait_for_and_lack(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings(rules=DIGESTS)
    case.publish(
        COSTS.format(missing="0"),
        "UPDATE cost.mart_newest_weeks SET waited_for_sources = 'gcp',"
        " excluded_sources = 'oci (billed to 2026-10-13)'",
    )
    notify(case.workspace, settings, now=FRIDAY)
    [line] = sections(endpoint.bodies[0])["Seven days"]
    assert line.endswith(
        "before: 12 EUR. Later days are left out; billed to 2026-10-31 only: gcp."
        " Not included: oci (billed to 2026-10-13)."
    )


@pytest.mark.parametrize(
    ("today", "weekday", "due"),
    [
        (date(2026, 11, 6), "friday", date(2026, 11, 6)),
        (date(2026, 11, 5), "friday", date(2026, 10, 30)),
        (date(2026, 11, 1), "monday", date(2026, 10, 26)),
    ],
)
def test_a_digest_is_due_on_its_day_of_the_week(
    today: date, weekday: Any, due: date
) -> None:
    digest = DigestSettings(audience="finance", channels=("finance",), weekday=weekday)
    assert last_due(digest, today) == due


@pytest.mark.parametrize(
    ("digest", "complaint"),
    [
        ("{audience: team, channels: [all]}", "a digest of a team names it"),
        ("{audience: finance, team: a, channels: [all]}", "team means nothing to"),
        ("{audience: finance, channels: [none]}", "there is no channel 'none'"),
    ],
)
def test_a_digest_that_does_not_fit_is_named_with_its_line(
    case: Case, digest: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=f"triptych.yml:8: {complaint}"):
        case.settings(rules=f"  digests:\n    - {digest}\n")


def said(case: Case, audience: str, team: str | None = None) -> dict[str, list[str]]:
    """Return heading → sentences of the published run."""
    snapshot = PublishedReader(case.workspace.root).snapshot()
    sections = read_sections(snapshot, audience, team)
    return {section.heading: list(section.lines) for section in sections}


def test_a_team_gets_forecasts_of_models_that_are_its_own_at_the_months_end(
    case: Case,
) -> None:
    case.publish(
        COSTS.format(missing="0"),
        """
        CREATE OR REPLACE TABLE core.dim_models AS FROM (VALUES
          ('left', 'vision', NULL, DATE '2026-09-01'),
          ('left', 'ranking', DATE '2026-09-01', NULL),
          ('came', 'ranking', NULL, DATE '2026-10-31'),
          ('came', 'vision', DATE '2026-10-31', NULL),
          ('leaves', 'vision', NULL, DATE '2026-11-01'),
          ('leaves', 'ranking', DATE '2026-11-01', NULL))
          AS models(model_id, team_id, valid_from, valid_to);
        CREATE TABLE cost.mart_cost_outturns AS SELECT 'month' AS horizon,
          '2026-10' AS period, 'model' AS series, model_id, 'EUR' AS currency,
          9 AS outturn_cost, 8 AS outturn_cost_low, 10 AS outturn_cost_high,
          'no budget' AS budget_outlook FROM core.dim_models GROUP BY ALL
        """,
    )
    forecasts = said(case, "team", "vision")["Where the month ends"]
    assert sorted(line.partition(":")[0] for line in forecasts) == [
        "2026-10, came",
        "2026-10, leaves",
    ]


def test_a_digest_has_budgets_of_cost_centres_and_never_says_that_there_is_none(
    case: Case,
) -> None:
    case.publish(
        COSTS.format(missing="0"),
        "INSERT INTO cost.mart_budget_variance VALUES"
        " ('2026-10', 'cost_center', '4411', 'EUR', 80, 100, 'running'),"
        " ('2026-10', 'model', 'search', 'EUR', 30, 40, 'running')",
    )
    assert said(case, "finance")["Budget"] == [
        "2026-10, cost centre 4411: 80 of 100 EUR (running)."
    ]
    assert said(case, "team", "vision")["Budget"] == [
        "The team has no budget for this month."
    ]


def test_a_service_without_a_model_is_named_once_and_not_for_less_than_a_cent(
    case: Case,
) -> None:
    case.publish(
        COSTS.format(missing="0"),
        """
        CREATE TABLE cost.mart_unallocated_causes AS
        SELECT '2026-10' AS billing_month, 'EUR' AS currency, *
        FROM (VALUES ('Railway', 'Railway Volume', 7), ('Railway', 'Railway', 0),
          ('AWS', 'Rounded', 0.004), ('AWS', 'EC2', 2))
          AS causes(provider, service_name, effective_cost)
        """,
    )
    assert said(case, "finance")["Cost of no model, this month"] == [
        "Railway Volume: 7 EUR.",
        "AWS EC2: 2 EUR.",
    ]
