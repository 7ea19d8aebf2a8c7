"""Rules of alerts are added and taken out on a page; the file stays a person's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.triptych.acts.test_door import ANA, door, somebody, workspace
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.core.errors import SettingsError, UsageError
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from triptych.core.workspace import Workspace

__all__ = ["door", "workspace"]

NOTIFY = """\
notify:
  # Who hears of money.
  channels:
    - {name: finance, url_variable: TRIPTYCH_NOTIFY_FINANCE}
    - {name: vision, url_variable: TRIPTYCH_NOTIFY_VISION}
"""
#: What somebody wrote behind it.
AFTER = "log: {format: json}\n"
BUDGET = {"alert": "budget", "channels": "finance, vision", "thresholds": "0.8, 1"}
BUDGET_LINE = """\
    - {alert: budget, channels: [finance, vision], thresholds: [0.8, 1]}
"""
SAID = "Budget to finance, vision (thresholds 0.8, 1)"


@pytest.fixture
def before(workspace: Workspace) -> str:
    """Return a ``triptych.yml`` with channels and no rule, as it is written."""
    path = workspace.root / "triptych.yml"
    text = f"{path.read_text('utf-8')}{NOTIFY}{AFTER}"
    path.write_text(text, "utf-8")
    return text


def test_a_rule_is_added_between_lines_and_taken_out_to_the_byte(
    workspace: Workspace, door: WorkspaceDoor, before: str
) -> None:
    path = workspace.root / "triptych.yml"
    preview = door.preview(ANA, "add_alert_rule", BUDGET)
    assert preview.says == "Budget goes to finance, vision."
    assert path.read_text("utf-8") == before

    door.apply(ANA, "add_alert_rule", BUDGET, token="token-0001")
    with_one = before.replace(NOTIFY, f"{NOTIFY}  rules:\n{BUDGET_LINE}")
    assert path.read_text("utf-8") == with_one
    [rule] = load_settings(workspace.root).notify.rules
    assert (rule.alert, rule.thresholds) == ("budget", (0.8, 1.0))

    second = {"alert": "source_stale", "channels": "finance"}
    door.apply(ANA, "add_alert_rule", second, token="token-0002")
    rules = ("Source stale to finance", SAID)
    assert {*door.choices(ANA, "remove_alert_rule", "rule")} == {*rules}
    for number, rule_in_words in enumerate(rules):
        given = {"rule": rule_in_words}
        door.apply(ANA, "remove_alert_rule", given, token=f"token-001{number}")
        assert path.read_text("utf-8") == (with_one, before)[number]


def test_what_does_not_fit_is_refused_and_only_finance_may(
    workspace: Workspace, door: WorkspaceDoor, before: str
) -> None:
    refused = {
        "there is no channel 'nobody'": {"channels": "nobody"},
        "means nothing to 'month_red'": {"alert": "month_red"},
        "cannot be 'weather'": {"alert": "weather"},
        "not a number": {"min_amount": "much"},
        "channels": {"channels": ","},
        "thresholds": {"thresholds": ","},
    }
    for why, given in refused.items():
        with pytest.raises((SettingsError, UsageError), match=why):
            door.preview(ANA, "add_alert_rule", {**BUDGET, **given})
    with pytest.raises(UsageError, match="no such rule"):
        door.preview(ANA, "remove_alert_rule", {"rule": SAID})
    for role in ("engineering", "analyst", "viewer"):
        with pytest.raises(NotAllowedError):
            door.preview(somebody("x", role), "add_alert_rule", BUDGET)
    assert (workspace.root / "triptych.yml").read_text("utf-8") == before


BLOCKS = """\
  rules:
    # Agreed with the CFO.
    - alert: budget
      channels: [finance]
"""
BEHIND = """\
    # Every day.
    - {alert: month_red, channels: [finance]}
  quiet_hours: {begin: "20:00", end: "07:00"}
"""


def test_what_stands_behind_a_rule_in_block_style_stays(
    workspace: Workspace, door: WorkspaceDoor, before: str
) -> None:
    path = workspace.root / "triptych.yml"
    path.write_text(before.replace(AFTER, BLOCKS + BEHIND + AFTER), "utf-8")
    given = {"rule": "Budget to finance"}
    door.apply(ANA, "remove_alert_rule", given, token="token-0021")
    left = "  rules:\n    # Agreed with the CFO.\n"
    assert path.read_text("utf-8") == before.replace(AFTER, left + BEHIND + AFTER)

    quiet = BEHIND.partition("[finance]}\n")[2]
    path.write_text(before.replace(AFTER, BLOCKS + quiet + AFTER), "utf-8")
    rule = {"alert": "anomaly", "channels": "vision", "min_amount": "1234567"}
    door.apply(ANA, "add_alert_rule", rule, token="token-0022")
    line = "    - {alert: anomaly, channels: [vision], min_amount: 1234567}\n"
    assert path.read_text("utf-8") == before.replace(
        AFTER, BLOCKS + line + quiet + AFTER
    )
    said = "Anomaly to vision (min amount 1234567)"
    assert said in door.choices(ANA, "remove_alert_rule", "rule")
    door.apply(ANA, "remove_alert_rule", {"rule": said}, token="token-0023")
    door.apply(ANA, "remove_alert_rule", given, token="token-0024")
    comment = "    # Agreed with the CFO.\n"
    assert path.read_text("utf-8") == before.replace(AFTER, comment + quiet + AFTER)
