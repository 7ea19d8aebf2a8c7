"""Alerts are acknowledged, assigned and snoozed by the user of the machine."""

from __future__ import annotations

import json
import os
import pwd
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

pytest.importorskip("apprise", reason="the extra notify is not installed")

from tests.triptych.service.alerts.alert_case import (
    NOON,
    RED,
    Case,
    Endpoint,
    anomaly,
)
from triptych.cli import app
from triptych.core.alert_responses import ResponsesError, read_alerts
from triptych.core.errors import UsageError
from triptych.service.alerts.notifying import notify
from triptych.service.alerts.responding import acknowledge, assign, snooze

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)
if TYPE_CHECKING:
    from triptych.core.alert_responses import AlertStanding
    from triptych.core.settings import Settings

ONLY_ALL = "  rules:\n    - {alert: anomaly, channels: [all], min_amount: 100}\n"
RED_MONTHS = "  rules:\n    - {alert: month_red, channels: [all]}\n"
ME = pwd.getpwuid(os.getuid()).pw_name


def raised(case: Case, rules: str = ONLY_ALL) -> tuple[Settings, AlertStanding]:
    settings = case.settings(rules=rules)
    case.publish(anomaly(date(2026, 10, 30)), RED)
    notify(case.workspace, settings, now=NOON)
    [alert] = read_alerts(case.workspace.runs_dir, now=NOON)
    return settings, alert


def test_who_acknowledges_is_the_user_of_the_machine(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody else")
    monkeypatch.setenv("USER", "somebody else")
    _, alert = raised(case)
    assert (alert.status, alert.channels, alert.by) == ("open", {"all": "sent"}, "")

    done = acknowledge(case.workspace, alert.id[:4], note="A reindex; it ends today.")

    assert (done.status, done.by, done.note) == (
        *("acknowledged", ME, "A reindex; it ends today."),
    )
    with pytest.raises(UsageError, match="no alert 'zzzz'"):
        acknowledge(case.workspace, "zzzz")


def test_an_alert_that_is_given_to_a_team_reaches_its_channel_once(
    case: Case, endpoint: Endpoint
) -> None:
    settings, alert = raised(case)
    assert len(endpoint.lines) == 1

    assert assign(case.workspace, settings, alert.id, to="vision").status == "open"
    for _ in range(2):
        notify(case.workspace, settings, now=NOON)

    assert endpoint.lines == [endpoint.lines[0]] * 2
    [after] = read_alerts(case.workspace.runs_dir, now=NOON)
    assert (after.assigned_to, after.channels["vision"]) == ("vision", "sent")


def test_a_snoozed_alert_comes_back_once_if_it_is_still_true(
    case: Case, endpoint: Endpoint
) -> None:
    settings, alert = raised(case)
    until = date(2026, 11, 3)
    snooze(case.workspace, alert.id, until=until, now=NOON)
    for days, count in ((1, 1), (2, 1), (3, 2), (4, 2)):
        now = NOON + timedelta(days=days)
        notify(case.workspace, settings, now=now)
        assert len(endpoint.lines) == count
        [standing] = read_alerts(case.workspace.runs_dir, now=now)
        assert standing.status == ("snoozed" if days < 3 else "open")

    snooze(case.workspace, alert.id, until=date(2026, 11, 6), now=now)
    case.publish()
    notify(case.workspace, settings, now=datetime(2026, 11, 7, tzinfo=UTC))
    assert len(endpoint.lines) == 2
    with pytest.raises(UsageError, match="is not after today"):
        snooze(case.workspace, alert.id, until=NOON.date(), now=NOON)


def test_what_was_done_is_not_about_an_alert_that_is_raised_again(case: Case) -> None:
    settings, alert = raised(case, RED_MONTHS)
    acknowledge(case.workspace, alert.id)
    later = datetime.now(UTC) + timedelta(days=1)
    case.publish()
    notify(case.workspace, settings, now=later)
    case.publish(RED)
    notify(case.workspace, settings, now=later + timedelta(days=1))
    [again] = read_alerts(case.workspace.runs_dir)
    assert (again.id, again.status) == (alert.id, "open")


def test_commands_list_and_answer_alerts(case: Case) -> None:
    _, alert = raised(case)

    def invoke(*arguments: str) -> str:
        root = str(case.workspace.root)
        done = CliRunner().invoke(app, ["alerts", *arguments, "-w", root])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert [each["id"] for each in json.loads(invoke("list", "--json"))] == [alert.id]
    assert "snoozed until 2999-01-01" in invoke(
        "snooze", alert.id, "--until", "2999-01-01"
    )
    assert json.loads(invoke("list", "--json")) == []
    assert "snoozed until" in invoke("assign", alert.id, "--to", "ana")
    assert "acknowledged: search cost" in invoke("acknowledge", alert.id)
    assert alert.id in invoke("list", "--all")


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\x0b", "\n"])
def test_a_note_with_line_breaks_of_any_kind_stays_one_act(
    case: Case, sign: str
) -> None:
    """As they come with a text that is pasted from a chat or a document."""
    _, alert = raised(case)
    note = f"A reindex.{sign}It ends today."
    assert acknowledge(case.workspace, alert.id, note=note).note == note
    assert (
        notify(case.workspace, case.settings(rules=ONLY_ALL), now=NOON).failures == ()
    )


def test_a_note_that_is_not_utf_8_is_refused(case: Case) -> None:
    _, alert = raised(case)
    with pytest.raises(UsageError, match="'note' is not UTF-8"):
        acknowledge(case.workspace, alert.id, note="K\udcf6ln")
    assert read_alerts(case.workspace.runs_dir, now=NOON) == [alert]


def test_a_damaged_act_is_named_with_its_line(case: Case) -> None:
    _, alert = raised(case)
    acknowledge(case.workspace, alert.id)
    path = case.workspace.runs_dir / "alert_responses.jsonl"
    path.write_text(path.read_text("utf-8") + "{}\n", "utf-8")
    with pytest.raises(ResponsesError, match=r"alert_responses\.jsonl:2"):
        read_alerts(case.workspace.runs_dir)
