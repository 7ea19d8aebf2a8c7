"""Acts on an alert: seen, given to somebody, left to rest."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE
from triptych.core.acts import Act, ActField
from triptych.core.alert_responses import AlertStanding, find_standing, read_alerts
from triptych.service.alerts import responding

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site

_ALERT: Final = ActField("alert", "Alert", help="Its id, as listed.")


def _alert(site: Site, filling: Filling) -> AlertStanding:
    known = read_alerts(site.workspace.runs_dir)
    return find_standing(known, filling.text("alert"))


def _drafted(site: Site, alert: AlertStanding, verb: str, done: str) -> Draft:
    return Draft(
        says=f"{site.name} {verb}: {alert.text}",
        did=f"{site.name} {done} ({alert.id}).",
        effect="Data health and the next digest show it; no figure changes.",
        entry={"alert": alert.key, "text": alert.text},
    )


def _draft_acknowledge(site: Site, filling: Filling) -> Draft:
    alert = _alert(site, filling)
    return _drafted(site, alert, "acknowledges the alert", "acknowledged the alert")


def _acknowledge(site: Site, filling: Filling) -> None:
    alert = _alert(site, filling)
    responding.acknowledge(site.workspace, alert.key, note=filling.text("note"))


def _draft_assign(site: Site, filling: Filling) -> Draft:
    to = filling.text("to")
    alert = _alert(site, filling)
    return _drafted(site, alert, f"gives {to} the alert", f"gave {to} the alert")


def _assign(site: Site, filling: Filling) -> None:
    alert, to = _alert(site, filling), filling.text("to")
    responding.assign(site.workspace, site.settings, alert.key, to=to)


def _until(filling: Filling) -> date:
    return date.fromisoformat(filling.text("until"))


def _draft_snooze(site: Site, filling: Filling) -> Draft:
    until = _until(filling)
    alert = _alert(site, filling)
    return _drafted(
        *(site, alert, f"lets the alert rest until {until}"),
        f"let the alert rest until {until}",
    )


def _snooze(site: Site, filling: Filling) -> None:
    alert = _alert(site, filling)
    responding.snooze(site.workspace, alert.key, until=_until(filling))


DEEDS: Final = (
    Deed(
        Act(
            "acknowledge_alert",
            "Acknowledge an alert",
            (_ALERT, ActField("note", "Note", "prose", is_required=False)),
            FINANCE,
        ),
        _draft_acknowledge,
        _acknowledge,
    ),
    Deed(
        Act(
            "assign_alert",
            "Assign an alert",
            (_ALERT, ActField("to", "Team or person")),
            FINANCE,
        ),
        _draft_assign,
        _assign,
    ),
    Deed(
        Act(
            "snooze_alert",
            "Snooze an alert",
            (_ALERT, ActField("until", "Until", "day")),
            FINANCE,
        ),
        _draft_snooze,
        _snooze,
    ),
)
