"""Sends the alerts of a published run: each once, and none during quiet hours."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from triptych.core.alert_outbox import FILE, Alert, Outbox, OutboxError
from triptych.core.alert_responses import (
    ended_snoozes,
    read_responses,
    standings,
)
from triptych.core.errors import TriptychError
from triptych.core.warehouse.gate import open_published
from triptych.core.warehouse.reader import NothingPublishedError
from triptych.service.alerts.channels import send
from triptych.service.alerts.conditions import CONDITIONS, find_alerts
from triptych.service.alerts.digests import audit_head_lines, collect_digests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from triptych.core.alert_outbox import Delivery
    from triptych.core.settings import Settings
    from triptych.core.settings.notify import ChannelSettings
    from triptych.core.workspace import Workspace

_LONGEST_WAIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class NotifyReport:
    """Alerts that were sent, alerts that wait, and channel failures."""

    sent_count: int
    waiting_count: int
    is_quiet: bool
    failures: tuple[str, ...]


def notify(
    workspace: Workspace, settings: Settings, *, now: datetime | None = None
) -> NotifyReport:
    """Find new alerts in the published run, and send those that wait.

    Parameters
    ----------
    workspace, settings
        Workspace, and settings of the rules and channels.
    now : datetime, optional
        To do so as of another time; aware.

    Raises
    ------
    OutboxError
        The record of earlier deliveries cannot be read.
    """
    moment = now or datetime.now(UTC)
    workspace.runs_dir.mkdir(parents=True, exist_ok=True)
    with holding_alerts(workspace.runs_dir):
        outbox = Outbox.read(workspace.runs_dir / FILE)
        responses = read_responses(workspace.runs_dir)
        current = _collect(workspace, settings, outbox, moment)
        for snooze, end in ended_snoozes(responses, moment):
            if snooze.key in current:
                outbox.remind(
                    snooze.key,
                    snoozed_at=snooze.at,
                    end=end,
                    since=moment.isoformat(),
                )
        outbox.write()
        quiet_hours = settings.notify.quiet_hours
        is_quiet = quiet_hours is not None and quiet_hours.hold(moment)
        alerts = [each for each in outbox.deliveries.values() if not each.attached]
        known = standings(alerts, responses, moment.date())
        failures = collect_digests(workspace, settings, outbox, known, moment)
        outbox.write()
        resting = {each.key for each in known if each.status == "snoozed"}
        sent_count = 0
        for channel in settings.notify.channels if not is_quiet else ():
            count, failure = _send_waiting(
                workspace, settings, outbox, channel, moment, but_for=resting
            )
            sent_count += count
            failures += [failure] if failure else []
        left = [d for d in outbox.deliveries.values() if d.state == "waiting"]
    return NotifyReport(sent_count, len(left), is_quiet, tuple(failures))


@contextmanager
def holding_alerts(runs_dir: Path) -> Iterator[None]:
    """Hold the lock of alert deliveries and responses.

    Raises
    ------
    OutboxError
        Another process has held it for too long.
    """
    path = runs_dir / "alerts.lock"
    try:
        with FileLock(path, timeout=_LONGEST_WAIT_SECONDS):
            yield
    except Timeout as error:
        raise OutboxError(
            "Another process has been sending alerts for too long.",
            where=str(path),
            next_step="Wait for it to finish, or stop it; the next run sends the rest.",
        ) from error


def try_channels(settings: Settings) -> dict[str, str | None]:
    """Send each channel a test message; return why it failed, by channel."""
    channels: dict[str, str | None] = {}
    for channel in settings.notify.channels:
        try:
            send(
                channel,
                title=f"triptych: test for {settings.organisation}",
                body="This channel works. No figure is in this message.",
            )
            channels[channel.name] = None
        except TriptychError as error:
            channels[channel.name] = str(error)
    return channels


def _collect(
    workspace: Workspace, settings: Settings, outbox: Outbox, moment: datetime
) -> set[str]:
    """Queue new alerts for their channels; return those true now."""
    try:
        snapshot = open_published(workspace.root)
    except NothingPublishedError:
        return set()
    teams = {channel.name: channel.teams for channel in settings.notify.channels}
    current: list[Alert] = []
    for rule in settings.notify.rules:
        alerts = find_alerts(snapshot, rule, moment.date())
        current += alerts
        for alert in alerts:
            for channel in rule.channels:
                if not teams[channel] or alert.team in teams[channel]:
                    outbox.add(alert, channel, since=moment.isoformat())
    lasting = {
        rule.alert
        for rule in settings.notify.rules
        if CONDITIONS[rule.alert].is_lasting
    }
    keys = {alert.key for alert in current}
    outbox.forget(lasting, but_for=keys)
    return keys


@dataclass(frozen=True, slots=True)
class _Message:
    """A single message: a digest, or all alerts that wait."""

    title: str
    body: str
    deliveries: tuple[Delivery, ...]
    attached: Path | None = None


def _messages(
    workspace: Workspace, settings: Settings, waiting: Sequence[Delivery]
) -> list[_Message]:
    alerts = tuple(each for each in waiting if not each.attached)
    noun = "alert" if len(alerts) == 1 else "alerts"
    whole = _Message(
        f"triptych, {settings.organisation}: {len(alerts)} {noun}",
        "\n".join(
            [*(f"- {each.text}" for each in alerts), *audit_head_lines(workspace)]
        ),
        alerts,
    )
    return [
        *([whole] if alerts else []),
        *(
            _Message(each.title, each.text, (each,), workspace.runs_dir / each.attached)
            for each in waiting
            if each.attached
        ),
    ]


def _send_waiting(
    workspace: Workspace,
    settings: Settings,
    outbox: Outbox,
    channel: ChannelSettings,
    moment: datetime,
    *,
    but_for: Collection[str],
) -> tuple[int, str | None]:
    """Send a channel all that waits for it; return how much went, and why not all."""
    count = 0
    waiting = outbox.waiting(channel.name, but_for=but_for)
    for message in _messages(workspace, settings, waiting):
        failure = _send(outbox, channel, message, moment)
        if failure:
            return count, failure
        count += len(message.deliveries)
    return count, None


def _send(
    outbox: Outbox, channel: ChannelSettings, message: _Message, moment: datetime
) -> str | None:
    """Send a message; return the reason of a failure."""
    for delivery in message.deliveries:
        delivery.state = "sending"
        delivery.tries += 1
    outbox.write()
    failure = None
    try:
        send(channel, title=message.title, body=message.body, attached=message.attached)
        outbox.failing_since.pop(channel.name, None)
    except TriptychError as error:
        failure = str(error)
        outbox.failing_since.setdefault(channel.name, moment.isoformat())
    for delivery in message.deliveries:
        delivery.state = "waiting" if failure else "sent"
    outbox.write()
    return failure
