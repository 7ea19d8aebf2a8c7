"""Sent and waiting alerts, and failing channels: ``runs/alerts.json``.

An alert is marked *sending* on disk before a channel is called. A process that dies
during the call leaves that mark, and nobody can know then if the message arrived: it is
not sent again, and ``triptych health`` reports it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import TriptychError
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path


#: Its name in the folder of runs.
FILE: Final = "alerts.json"
_FORMAT: Final = 1
_DAMAGED: Final = (OSError, ValueError, KeyError, TypeError, AttributeError)


class OutboxError(TriptychError):
    """The record of sent alerts is unreadable, so none is sent again."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A single thing to know, with its owner ``team``, if a team owns it."""

    kind: str
    key: str
    text: str
    team: str | None


@dataclass(slots=True)
class Delivery:
    """Delivery of an alert to a channel.

    ``state`` is *waiting*, *sending*, *sent* or *unknown*. ``since`` is when it began
    to wait, ``raised_at`` when it did so for the first time. ``attached`` is a file of
    the folder of runs that goes with it: such a message is sent alone, as ``title``.
    """

    channel: str
    key: str
    text: str
    since: str
    state: str = "waiting"
    tries: int = 0
    raised_at: str = ""
    team: str = ""
    title: str = ""
    attached: str = ""


@dataclass(slots=True)
class Outbox:
    """Deliveries of a workspace, and since when channels fail.

    The holder has the lock of the alerts.
    """

    path: Path
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    failing_since: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Outbox:
        """Read the state of earlier runs; sends in progress become *unknown*.

        Raises
        ------
        OutboxError
            The file is damaged.
        """
        try:
            outbox = cls(path, *_saved(path))
        except FileNotFoundError:
            return cls(path)
        except _DAMAGED as error:
            raise OutboxError(
                f"The record of alerts cannot be read: {error}.",
                where=str(path),
                next_step="Restore it from a backup, or move it away: alerts that are"
                " still true are sent again then.",
            ) from error
        for delivery in outbox.deliveries.values():
            if delivery.state == "sending":
                delivery.state = "unknown"
        return outbox

    def add(self, alert: Alert, channel: str, *, since: str) -> None:
        """Let an alert wait for a channel, unless it did before."""
        name = f"{channel}|{alert.key}"
        if name not in self.deliveries:
            self.deliveries[name] = Delivery(
                channel,
                alert.key,
                alert.text,
                since,
                raised_at=since,
                team=alert.team or "",
            )

    def remind(self, key: str, *, snoozed_at: str, end: str, since: str) -> None:
        """Requeue an alert after its snooze ends.

        Parameters
        ----------
        key : str
            Key of the alert; an alert raised after the snooze is a different alert.
        snoozed_at, end, since : str
            Start of the snooze, its end, and the current moment; ISO 8601, UTC.
        """
        for delivery in self.deliveries.values():
            is_same = delivery.key == key and delivery.raised_at <= snoozed_at
            if (
                is_same
                and delivery.since < end
                and delivery.state in {"sent", "unknown"}
            ):
                delivery.state = "waiting"
                delivery.since = since

    def forget(self, kinds: Iterable[str], *, but_for: Iterable[str]) -> None:
        """Forget the sent records of lasting alerts that are over.

        Alerts that still wait are kept: they were true, and nobody knows yet.
        """
        beginnings = tuple(f"{kind}/" for kind in kinds)
        kept = set(but_for)
        self.deliveries = {
            name: delivery
            for name, delivery in self.deliveries.items()
            if delivery.state == "waiting"
            or delivery.key in kept
            or not delivery.key.startswith(beginnings)
        }

    def waiting(self, channel: str, *, but_for: Collection[str] = ()) -> list[Delivery]:
        """Return the deliveries due on a channel, the oldest first."""
        found = [
            delivery
            for delivery in self.deliveries.values()
            if delivery.channel == channel
            and delivery.state == "waiting"
            and delivery.key not in but_for
        ]
        return sorted(found, key=lambda delivery: (delivery.since, delivery.key))

    def write(self) -> None:
        """Replace the file in a single step."""
        content: dict[str, Any] = {
            f"deliveries_{_FORMAT}": {k: asdict(d) for k, d in self.deliveries.items()},
            "failing_since": self.failing_since,
        }
        write_whole(self.path, json.dumps(content, ensure_ascii=False, indent=1))


def _saved(path: Path) -> tuple[dict[str, Delivery], dict[str, str]]:
    content = json.loads(path.read_text("utf-8"))
    # Another format has none under this name, and is refused as damaged.
    saved = content[f"deliveries_{_FORMAT}"]
    deliveries = {key: Delivery(**values) for key, values in saved.items()}
    return deliveries, dict(content["failing_since"])


def read_alert_troubles(
    runs_dir: Path, acknowledged: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return which channels of alerts fail, and which alerts nobody may have got.

    Parameters
    ----------
    runs_dir : Path
        Folder of runs.
    acknowledged : mapping of str to str
        Key of an alert → when it was acknowledged last, ISO 8601, UTC.
    """
    path = runs_dir / FILE
    try:
        deliveries, failing_since = _saved(path)
    except FileNotFoundError:
        return []
    except _DAMAGED:
        return [f"{path}: the record of alerts cannot be read; no alert is sent."]
    outbox = Outbox(path, deliveries)
    troubles = [
        f"Channel {channel} has taken no message since {since[:16]} UTC, and"
        f' {len(outbox.waiting(channel))} alerts wait. Try "triptych notify --test".'
        for channel, since in failing_since.items()
    ]
    troubles += [
        f"A run was stopped while it sent {each.channel}: {each.text}"
        " Whether that arrived is unknown, and it is not sent again. Tell its readers,"
        ' and run "triptych alerts acknowledge".'
        for each in deliveries.values()
        if each.state == "unknown" and acknowledged.get(each.key, "") < each.raised_at
    ]
    return troubles
