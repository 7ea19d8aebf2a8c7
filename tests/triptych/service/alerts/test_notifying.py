"""Alerts go out once each, by owner, over real servers on this machine."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

pytest.importorskip("apprise", reason="the extra notify is not installed")

from tests.layers import IS_FULL
from tests.triptych.service.alerts.alert_case import (
    NOON,
    RED,
    Case,
    Endpoint,
    Inbox,
    anomaly,
)
from triptych.core.alert_outbox import (
    Alert,
    Outbox,
    OutboxError,
    read_alert_troubles,
)
from triptych.core.alert_responses import read_acknowledged, read_alerts
from triptych.core.errors import SettingsError
from triptych.service.alerts.conditions import written
from triptych.service.alerts.notifying import notify, try_channels
from triptych.service.alerts.responding import acknowledge

# Apprise asks imghdr where there is one.
pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)


def test_an_alert_names_what_when_how_much_why_and_whose(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings(
        rules="  rules:\n    - {alert: anomaly, channels: [all], min_amount: 100}\n"
    )
    case.publish(
        anomaly(date(2026, 10, 30)), anomaly(date(2026, 10, 30), "small", excess=99)
    )

    assert notify(case.workspace, settings, now=NOON).sent_count == 1
    assert endpoint.lines == [
        "- search cost 1,234.50 EUR more than expected from 2026-10-30 to 2026-10-30."
        " Driver: volume of input tokens. Owner: vision."
    ]


def test_each_alert_of_a_quarter_arrives_once_though_a_channel_is_down_for_a_day(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    rows: list[str] = []
    first = date(2026, 8, 3)
    sent_on = [first + timedelta(days=9 * number) for number in range(10)]
    # In the fast layer the day of each anomaly and two more, on which nothing is new.
    days = range(90) if IS_FULL else [n for n in range(90) if n % 9 <= 2]
    for number in days:
        day = first + timedelta(days=number)
        if day in sent_on:
            rows.append(anomaly(day))
        if day == date(2026, 9, 19):
            rows.append(
                "INSERT INTO cost.mart_budget_variance VALUES ('2026-10', 'team',"
                " 'vision', 'EUR', 85, 100)"
            )
        endpoint.is_up = day != sent_on[4]
        if day in sent_on or day == sent_on[4] + timedelta(days=1) or number % 30 == 0:
            moved = f"UPDATE cost.fct_daily_model_costs SET charge_date = '{day}'"
            case.publish(*rows, moved)
        now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        report = notify(case.workspace, settings, now=now)
        assert bool(report.failures) is (day == sent_on[4])

    # Each of ten anomalies to the whole and to its owner, one threshold of one budget.
    anomalies = [line for line in endpoint.lines if "more than expected" in line]
    budgets = [line for line in endpoint.lines if "Budget of" in line]
    assert sorted(anomalies) == sorted([*set(anomalies)] * 2)
    assert len(set(anomalies)) == len(sent_on)
    assert len(budgets) == 1
    assert "85 of 100 EUR is spent, 80 % or more" in budgets[0]


def test_a_channel_of_a_team_gets_what_the_team_owns(
    case: Case, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", "json://127.0.0.1:9/")  # nobody listens
    settings = case.settings()
    case.publish(
        anomaly(date(2026, 10, 30)), anomaly(date(2026, 10, 30), "orphan"), RED
    )

    report = notify(case.workspace, settings, now=NOON)

    assert len(endpoint.lines) == 1
    assert "search cost" in endpoint.lines[0]
    assert report.waiting_count == 3
    assert len(report.failures) == 1
    assert "TRIPTYCH_NOTIFY_ALL" in report.failures[0]
    assert "127.0.0.1" not in report.failures[0]
    [trouble] = read_alert_troubles(case.workspace.runs_dir)
    assert trouble.startswith("Channel all has taken no message since 2026-10-31T12:00")
    assert "3 alerts wait" in trouble


def test_an_address_that_a_variable_has_twice_gets_one_message(
    case: Case, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = f"{endpoint.url}, {endpoint.url} {endpoint.url}finance"
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", addresses)
    case.publish(RED)
    notify(case.workspace, case.settings(), now=NOON)
    assert len(endpoint.bodies) == 2


def test_a_month_that_turns_red_again_is_a_new_alert(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    for rows in ([RED], [RED], [], [RED]):
        case.publish(*rows)
        notify(case.workspace, settings, now=NOON)

    assert (
        endpoint.lines
        == ["- 2026-09 does not reconcile. aws: An invoice is missing."] * 2
    )


def test_in_quiet_hours_nothing_is_sent_and_nothing_forgotten(
    case: Case, endpoint: Endpoint
) -> None:
    hours = '  quiet_hours: {begin: "20:00", end: "07:00", timezone: Europe/Berlin}\n'
    settings = case.settings(hours)
    case.publish(RED)
    # 19:30 UTC is 20:30 in Berlin in winter; 06:30 UTC is 07:30.
    evening = datetime(2026, 11, 1, 19, 30, tzinfo=UTC)
    report = notify(case.workspace, settings, now=evening)
    assert (report.sent_count, report.waiting_count, report.is_quiet) == (0, 1, True)
    assert not endpoint.bodies

    case.publish()  # reconciled meanwhile: still told, for it was true
    morning = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
    assert notify(case.workspace, settings, now=morning).sent_count == 1
    assert len(endpoint.lines) == 1


def test_what_was_being_sent_when_a_process_died_is_not_sent_again(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    case.publish(RED)
    case.workspace.runs_dir.mkdir()
    outbox = Outbox(case.workspace.runs_dir / "alerts.json")
    outbox.add(
        Alert("month_red", "month_red/2026-09", "2026-09 is red.", None),
        "all",
        since=NOON.isoformat(),
    )
    next(iter(outbox.deliveries.values())).state = "sending"
    outbox.write()

    assert notify(case.workspace, settings, now=NOON).sent_count == 0
    assert not endpoint.bodies
    [trouble] = read_alert_troubles(case.workspace.runs_dir)
    assert "2026-09 is red." in trouble


def test_a_damaged_record_sends_nothing_twice(case: Case, endpoint: Endpoint) -> None:
    settings = case.settings()
    case.publish(RED)
    case.workspace.runs_dir.mkdir()
    (case.workspace.runs_dir / "alerts.json").write_text("{")

    with pytest.raises(OutboxError, match="cannot be read"):
        notify(case.workspace, settings, now=NOON)
    assert not endpoint.bodies
    assert "cannot be read" in read_alert_troubles(case.workspace.runs_dir)[0]


def test_a_name_from_a_bill_is_no_markup_and_mentions_no_one(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    case.publish(anomaly(date(2026, 10, 30), "<!channel> @here\n- forged {amount}"))
    notify(case.workspace, settings, now=NOON)

    [line] = endpoint.lines
    assert line.startswith("- ‹!channel› (at)here - forged {amount} cost 1,234.50 EUR")
    assert len(written("x" * 10_000)) == 200


def test_mail_arrives_at_a_real_server(
    case: Case, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", inbox.url)
    settings = case.settings(
        rules="  rules:\n    - {alert: month_red, channels: [all]}\n"
    )
    case.publish(RED)
    assert notify(case.workspace, settings, now=NOON).failures == ()
    assert notify(case.workspace, settings, now=NOON).sent_count == 0

    [mail] = inbox.mails
    assert mail["To"] == "cfo@example.com"
    assert mail["Subject"] == "triptych, Example: 1 alert"


def test_a_test_message_has_no_figure_and_names_a_channel_without_address(
    case: Case, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIPTYCH_NOTIFY_VISION")
    case.publish(RED)
    found = try_channels(case.settings())

    assert found["all"] is None
    assert "TRIPTYCH_NOTIFY_VISION has no address" in str(found["vision"])
    [body] = endpoint.bodies
    assert "2026-09" not in json.dumps(body)


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        (
            "  rules:\n    - {alert: anomaly, channels: [nowhere]}\n",
            "triptych.yml:8: there is no channel 'nowhere'; channels: all, vision.",
        ),
        (
            "  rules:\n    - {alert: month_red, channels: [all], min_amount: 5}\n",
            "triptych.yml:8: min_amount means nothing to 'month_red'.",
        ),
        (
            '  quiet_hours: {begin: "late", end: "07:00"}\n',
            "'late' is not a time, such as '20:00'",
        ),
    ],
)
def test_a_rule_that_does_not_fit_is_named_with_its_line(
    case: Case, rules: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        case.settings(rules=rules)
    assert complaint in str(caught.value)


def test_an_alert_that_is_answered_with_a_redirect_waits(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    case.publish(RED)
    endpoint.moved_to = "/elsewhere"
    report = notify(case.workspace, settings, now=NOON)
    assert (report.sent_count, report.waiting_count) == (0, 1)
    assert "did not take the message" in report.failures[0]

    endpoint.moved_to = ""
    assert notify(case.workspace, settings, now=NOON).sent_count == 1


def test_an_acknowledged_alert_of_unknown_delivery_is_no_trouble(
    case: Case, endpoint: Endpoint
) -> None:
    settings = case.settings()
    case.publish(RED)
    endpoint.is_up = False
    notify(case.workspace, settings, now=NOON)
    outbox = Outbox.read(case.workspace.runs_dir / "alerts.json")
    (delivery,) = outbox.deliveries.values()
    delivery.state = "sending"
    outbox.failing_since.clear()
    outbox.write()
    endpoint.is_up = True
    notify(case.workspace, settings, now=NOON)
    [trouble] = read_alert_troubles(case.workspace.runs_dir)
    assert "triptych alerts acknowledge" in trouble

    (standing,) = read_alerts(case.workspace.runs_dir)
    acknowledge(case.workspace, standing.id)
    acknowledged = read_acknowledged(case.workspace.runs_dir)
    assert read_alert_troubles(case.workspace.runs_dir, acknowledged) == []


def test_the_head_of_the_audit_log_leaves_the_machine_with_each_message(
    case: Case, endpoint: Endpoint
) -> None:
    settings, head = case.settings(), "5f" * 32
    case.publish(
        anomaly(date(2026, 10, 30)),
        "CREATE SCHEMA lineage",
        f"CREATE TABLE lineage.inputs AS SELECT 'i' AS inputs_hash, '{head}'"
        " AS journal_head",
    )
    notify(case.workspace, settings, now=NOON)
    assert endpoint.bodies
    for body in endpoint.bodies:
        assert body["message"].splitlines()[-1] == f"Audit log head {head}"
