"""Acts of people about alerts: acknowledge, assign, snooze; and how alerts stand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from triptych.core.alert_outbox import FILE, Alert, Outbox
from triptych.core.alert_responses import (
    AlertStanding,
    Response,
    add_response,
    find_standing,
    read_alerts,
)
from triptych.core.errors import UsageError
from triptych.core.signatories import named_person
from triptych.core.signatures import current_signature, of_operating_system
from triptych.service.alerts.notifying import holding_alerts

if TYPE_CHECKING:
    from triptych.core.alert_responses import Act
    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace


def acknowledge(workspace: Workspace, name: str, *, note: str = "") -> AlertStanding:
    """Write down that the user of this machine has seen an alert.

    Raises
    ------
    UsageError
        There is no such alert.
    """
    return _respond(workspace, name, "acknowledged", note=note)


def snooze(
    workspace: Workspace, name: str, *, until: date, now: datetime | None = None
) -> AlertStanding:
    """Let an alert rest until a day, on which it is sent again if it is still true.

    Raises
    ------
    UsageError
        There is no such alert, or the day is not yet to come.
    """
    today = (now or datetime.now(UTC)).date()
    if until <= today:
        raise UsageError(
            f"{until} is not after today.",
            where="--until",
            next_step="Name a later day, or acknowledge the alert.",
        )
    return _respond(workspace, name, "snoozed", now=now, until=until.isoformat())


def assign(
    workspace: Workspace, settings: Settings, name: str, *, to: str
) -> AlertStanding:
    """Give an alert to a team or a person; channels of that team get it once.

    Raises
    ------
    UsageError
        There is no such alert, or ``to`` names nobody.
    """
    owner = named_person(to, "--to")
    return _respond(workspace, name, "assigned", settings=settings, to=owner)


def _respond(
    workspace: Workspace,
    name: str,
    act: Act,
    *,
    settings: Settings | None = None,
    now: datetime | None = None,
    **said: str,
) -> AlertStanding:
    moment = now or datetime.now(UTC)
    workspace.runs_dir.mkdir(parents=True, exist_ok=True)
    with holding_alerts(workspace.runs_dir):
        found = find_standing(read_alerts(workspace.runs_dir, now=moment), name)
        by = (current_signature() or of_operating_system()).name
        whole = Response(found.key, act, by, moment.isoformat(), **said)
        add_response(workspace.runs_dir, whole)
        if settings is not None:
            _hand_to(workspace, settings, found, whole)
    return find_standing(read_alerts(workspace.runs_dir, now=moment), found.key)


def _hand_to(
    workspace: Workspace,
    settings: Settings,
    standing: AlertStanding,
    response: Response,
) -> None:
    """Let an alert wait for the channels of the team that has it now."""
    outbox = Outbox.read(workspace.runs_dir / FILE)
    alert = Alert(standing.kind, standing.key, standing.text, standing.team or None)
    for channel in settings.notify.channels:
        if response.to in channel.teams:
            outbox.add(alert, channel.name, since=response.at)
    outbox.write()
