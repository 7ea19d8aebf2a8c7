"""A quarter of the sample company, day by day: each alert once, and no other.

What a day knows is what the days up to it cost. One channel is a real mail server, one
a real web hook that is out of order on the day of the first anomaly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

pytest.importorskip("apprise", reason="the extra notify is not installed")

from attribution.costs.anomalies.detection import judged
from attribution.costs.anomalies.series import read_cost_series
from attribution.costs.cost_anomalies import _finding_row, anomalies_of
from tests.triptych.service.alerts.alert_case import Case, Endpoint, Inbox
from tests.triptych.service.alerts.conftest import endpoint, inbox
from triptych.core.file_names import literal
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import run
from triptych.sample_company import write_sample_company
from triptych.service.alerts.notifying import notify

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.costs.anomalies.detection import Judgement
    from attribution.costs.anomalies.series import CostSeries
    from triptych.core.warehouse.reader import Snapshot

__all__ = ["endpoint", "inbox"]

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

QUARTER = [date(2026, 8, 1) + timedelta(days=number) for number in range(92)]
#: Ends of prepaid amounts are told this many days before.
WITHIN_DAYS = 92
SETTINGS = f"""\
organisation: Nordhafen
currency: EUR
notify:
  channels:
    - {{name: all, url_variable: TRIPTYCH_NOTIFY_ALL}}
    - {{name: mail, url_variable: TRIPTYCH_NOTIFY_MAIL}}
  rules:
    - {{alert: anomaly, channels: [all, mail], min_amount: 0}}
    - {{alert: budget, channels: [all, mail], thresholds: [0.8, 1]}}
    - {{alert: commitment_lapsing, channels: [all, mail], within_days: {WITHIN_DAYS}}}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("quarter") / "nordhafen"
    # With fewer lines a service has some every other day, and nothing stands out.
    write_sample_company(root, months=18)
    run(Workspace(root), load_settings(root), progress=SilentProgress())
    return root


@dataclass
class Days:
    """What the anomalies of a company are, as far as each day knows."""

    series: list[CostSeries]
    judged: dict[tuple[Any, ...], Judgement] = field(default_factory=dict)

    def rows(self, day: date) -> list[dict[str, Any]]:
        """Return the rows of the mart at the end of a day; days are asked in order."""
        known = [
            replace(each, values=each.values[: (day - each.first_day).days + 1])
            for each in self.series
            if each.first_day <= day
        ]
        found = []
        for each in known:
            key = (each.currency, each.model_id, each.source, each.service_name)
            before = self.judged.get(key)
            self.judged[key] = judged(each.values, each.first_day, before)
            found.append(self.judged[key])
        return [_finding_row(each) for each in anomalies_of(known, found)]


def test_each_alert_of_a_quarter_arrives_once_and_no_other(
    company: Path,
    endpoint: Endpoint,
    inbox: Inbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", endpoint.url)
    monkeypatch.setenv("TRIPTYCH_NOTIFY_MAIL", inbox.url)
    case = Case(Workspace(tmp_path))
    case.workspace.settings_file.write_text(SETTINGS, "utf-8")
    settings = load_settings(tmp_path)
    snapshot = PublishedReader(company).snapshot()
    with duckdb.connect(str(Workspace(company).build_database)) as connection:
        days = Days(read_cost_series(connection))
    was_down = False
    for day in QUARTER:
        rows = days.rows(day)
        case.publish(*statements(snapshot, day, rows))
        told = [row for row in rows if row["status"] != "provisional"]
        is_first = not was_down and any(row["last_day"] >= QUARTER[10] for row in told)
        was_down = was_down or is_first
        endpoint.is_up = not is_first
        report = notify(case.workspace, settings, now=at_nine(day))
        assert len(report.failures) == int(is_first)

    assert was_down
    mailed = [line for mail in inbox.mails for line in lines_of(mail)]
    assert sorted(mailed) == sorted(endpoint.lines)
    assert len(set(endpoint.lines)) == len(endpoint.lines)
    assert subjects_of_anomalies(endpoint.lines) == sorted(planted(company))
    assert kinds(endpoint.lines, "Budget of") == budget_steps(snapshot)
    assert kinds(endpoint.lines, "will probably lapse") == lapses(snapshot)


def at_nine(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T09:00:00+00:00")


def lines_of(mail: Any) -> list[str]:
    text = mail.get_body().get_content()
    return [line for line in text.splitlines() if line.startswith("- ")]


def statements(
    snapshot: Snapshot, day: date, anomalies: list[dict[str, Any]]
) -> list[str]:
    """Return what a run of a day publishes, as far as the rules look at it."""
    spent = spent_to(snapshot, day)
    made = [f"UPDATE cost.fct_daily_model_costs SET charge_date = DATE '{day}'"]
    for row in anomalies:
        values = [
            row["series"], row["model_id"], row["source"], row["service_name"],
            row["currency"], row["first_day"], row["last_day"], row["excess_cost"],
            row["status"], "volume", None,
        ]  # fmt: skip
        made.append(inserted("cost.mart_cost_anomalies", values))
    for month, cost in spent.items():
        budget = budgets(snapshot)[month]
        values = [month, "all", "all", "EUR", cost, budget]
        made.append(inserted("cost.mart_budget_variance", values))
    made.append(commitments(snapshot))
    return made


def inserted(mart: str, values: list[Any]) -> str:
    return f"INSERT INTO {mart} VALUES ({', '.join(map(sql, values))})"


def sql(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    return literal(str(value))


def budgets(snapshot: Snapshot) -> dict[str, Decimal]:
    rows = snapshot.query(
        "SELECT billing_month, budget_amount FROM cost.mart_budget_variance"
        " WHERE scope_type = 'all' AND currency = 'EUR'"
    ).to_pylist()
    return {row["billing_month"]: row["budget_amount"] for row in rows}


def spent_to(snapshot: Snapshot, day: date) -> dict[str, Decimal]:
    rows = snapshot.query(
        "SELECT billing_month, sum(effective_cost) AS cost"
        " FROM cost.fct_daily_model_costs WHERE currency = 'EUR'"
        f" AND component NOT IN ('tax', 'credit') AND charge_date <= DATE '{day}'"
        f" AND billing_month >= '{QUARTER[0]:%Y-%m}' GROUP BY ALL"
    ).to_pylist()
    return {row["billing_month"]: row["cost"] for row in rows}


def commitments(snapshot: Snapshot) -> str:
    rows = snapshot.query(
        "SELECT commitment_id, commitment_name, ends_on, remaining_amount,"
        " at_risk_amount, currency, is_newest, reason"
        " FROM cost.mart_commitment_burn_down"
        " WHERE is_newest"
    ).to_pylist()
    values = ", ".join(f"({', '.join(map(sql, row.values()))})" for row in rows)
    return (
        "CREATE TABLE cost.mart_commitment_burn_down AS SELECT commitment_id,"
        " commitment_name, CAST(ends_on AS DATE) AS ends_on, remaining_amount,"
        " at_risk_amount, currency, CAST(is_newest AS BOOLEAN) AS is_newest,"
        " CAST(reason AS VARCHAR) AS reason"
        f" FROM (VALUES {values}) AS listed(commitment_id, commitment_name, ends_on,"
        " remaining_amount, at_risk_amount, currency, is_newest, reason)"
    )


def planted(company: Path) -> list[str]:
    """Return the services of what was planted in the quarter, or is fresh in it."""
    text = (company / "sample" / "truth.yml").read_text("utf-8")
    listed = yaml.safe_load(text)["anomalies"].values()
    return [
        each["service_name"]
        for each in listed
        if date.fromisoformat(each["last_day"]) >= QUARTER[0] - timedelta(days=14)
    ]


def subjects_of_anomalies(lines: list[str]) -> list[str]:
    found = [re.match(r"- (.+) cost [\d,.]+ EUR more than", line) for line in lines]
    return sorted(match.group(1) for match in found if match)


def kinds(lines: list[str], words: str) -> int:
    return sum(words in line for line in lines)


def budget_steps(snapshot: Snapshot) -> int:
    """Return how often a month of the quarter reached a threshold of its budget."""
    spent = spent_to(snapshot, QUARTER[-1])
    known = budgets(snapshot)
    return sum(
        cost >= step * known[month]
        for month, cost in spent.items()
        for step in (Decimal("0.8"), Decimal(1))
    )


def lapses(snapshot: Snapshot) -> int:
    """Return how many amounts that remain end soon after a day of the quarter."""
    last = QUARTER[-1] + timedelta(days=WITHIN_DAYS)
    [row] = snapshot.query(
        "SELECT count(*) AS total FROM cost.mart_commitment_burn_down WHERE is_newest"
        f" AND remaining_amount > 0 AND ends_on BETWEEN DATE '{QUARTER[0]}'"
        f" AND DATE '{last}'"
    ).to_pylist()
    return int(row["total"])
