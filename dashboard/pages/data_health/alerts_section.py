"""Alerts that nobody has acknowledged, who has them, and the rules that raise them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import access, acting, tabs
from dashboard.shared import format as fmt
from triptych.core.alert_responses import read_alerts
from triptych.core.errors import TriptychError
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from triptych.core.alert_responses import AlertStanding

_MOST = 10


def show(view: Page) -> None:
    """Draw the open alerts; nothing for a viewer of a part of the run."""
    if view.snapshot.viewed_as:
        return  # an alert may tell of what is not for them
    runs = Workspace(access.workspace_root().resolve()).runs_dir
    try:
        alerts = [each for each in read_alerts(runs) if each.status != "acknowledged"]
    except TriptychError as error:
        st.warning(fmt.markdown(str(error)))
        return
    if not alerts:
        return
    st.header("Alerts", anchor=False)
    shown = list(reversed(alerts))[:_MOST]

    def draw() -> None:
        st.markdown("\n".join(f"- {_line(each)}" for each in shown))
        st.code(f"triptych alerts acknowledge {shown[0].id}", "bash")
        if len(alerts) > _MOST:
            st.caption(f"The newest {_MOST}; all: triptych alerts list.")

    tabs.fold(f"{fmt.plural(len(alerts), 'alert')} not acknowledged", "alerts", draw)
    form = acting.Form(choices={"alert": [each.id for each in shown]})
    for name in ("acknowledge_alert", "assign_alert", "snooze_alert"):
        acting.offer(name, form)


def show_rules() -> None:
    """Draw the rules of alerts, for viewers who may change them."""
    try:
        rules = acting.choices("remove_alert_rule", "rule")
        channels = acting.choices("add_alert_rule", "channels")
    except TriptychError as error:  # such as settings that somebody is editing
        st.warning(fmt.markdown(str(error)))
        return
    if not channels:
        return  # nothing can be sent before a channel is in triptych.yml

    def draw() -> None:
        st.markdown("\n".join(f"- {fmt.markdown(rule)}" for rule in rules) or "None.")
        st.caption(f"Channels: {fmt.markdown(', '.join(channels))}.")

    tabs.fold(fmt.plural(len(rules), "alert rule"), "alert-rules", draw)
    acting.offer("add_alert_rule")
    if rules:
        form = acting.Form(choices={"rule": rules})
        acting.offer("remove_alert_rule", form)


def _line(alert: AlertStanding) -> str:
    owner = alert.assigned_to or alert.team
    said = [alert.id, alert.since[:10]]
    said += [f"snoozed until {alert.until}"] if alert.until else []
    said += [f"owner {owner}"] if owner else []
    said += [f"last act by {alert.by}"] if alert.by else []
    return f"{fmt.markdown(alert.text)} ({fmt.markdown(', '.join(said))})"
