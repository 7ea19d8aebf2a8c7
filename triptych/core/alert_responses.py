"""Responses to alerts: ``runs/alert_responses.jsonl``, an act per line.

An act is never taken back; a later act counts. The actor is the signed-in user, or the
user of the operating system, not a name that somebody types. Acts from before an alert
was raised again are not about it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, Literal

from triptych.core.alert_outbox import FILE, Outbox
from triptych.core.errors import TriptychError, UsageError
from triptych.core.signatures import refuse_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from triptych.core.alert_outbox import Delivery

Act = Literal["acknowledged", "assigned", "snoozed"]
Status = Literal["open", "acknowledged", "snoozed"]
_FILE: Final = "alert_responses.jsonl"
_ID_DIGITS: Final = 8


class ResponsesError(TriptychError):
    """The responses to alerts cannot be read."""


@dataclass(frozen=True, slots=True)
class Response:
    """A single act about an alert.

    Attributes
    ----------
    key : str
        Of the alert.
    by, at : str
        Signer and time, ISO 8601 in UTC.
    to : str
        Team or person that it was assigned to.
    until : str
        Day on which a snooze ends, ISO 8601.
    note : str
        Additional remarks.
    """

    key: str
    act: Act
    by: str
    at: str
    to: str = ""
    until: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class AlertStanding:
    """An alert and the response to it.

    Attributes
    ----------
    id : str
        Short name for commands.
    channels : mapping of str to str
        Channel → state of its delivery: *waiting*, *sending*, *sent* or *unknown*.
    status : {'open', 'acknowledged', 'snoozed'}
        *acknowledged* is seen by somebody; *snoozed* is open again on ``until``.
    by, at : str
        Last actor and time; empty if nobody acted.
    team : str
        Team that owns it; empty where none does.
    """

    id: str
    key: str
    kind: str
    text: str
    since: str
    channels: dict[str, str]
    status: Status = "open"
    assigned_to: str = ""
    until: str = ""
    by: str = ""
    at: str = ""
    note: str = ""
    team: str = ""


def read_responses(runs_dir: Path) -> list[Response]:
    """Return every act, oldest first.

    Raises
    ------
    ResponsesError
        A line differs from the line written.
    """
    path = runs_dir / _FILE
    try:
        # Nothing else ends a line: a note may contain line breaks.
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        return []
    responses = []
    for number, line in enumerate(lines, start=1):
        try:
            responses.append(Response(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ResponsesError(
                "This is no act about an alert.",
                where=f"{path}:{number}",
                next_step="Restore the file from a backup, or remove the line.",
            ) from error
    return responses


def add_response(runs_dir: Path, response: Response) -> None:
    """Append an act; the caller holds the lock of the alerts.

    Raises
    ------
    UsageError
        A text is not UTF-8; nothing was written.
    """
    content = asdict(response)
    refuse_unreadable(content)
    line = json.dumps(content, ensure_ascii=False) + "\n"
    path = runs_dir / _FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_alerts(runs_dir: Path, *, now: datetime | None = None) -> list[AlertStanding]:
    """Return every raised alert and its status, the oldest first.

    Raises
    ------
    OutboxError, ResponsesError
        The record of deliveries or responses cannot be read.
    """
    today = (now or datetime.now(UTC)).date()
    deliveries = Outbox.read(runs_dir / FILE).deliveries.values()
    alerts = [each for each in deliveries if not each.attached]
    return standings(alerts, read_responses(runs_dir), today)


def read_acknowledged(runs_dir: Path) -> dict[str, str]:
    """Return when each alert was acknowledged last; none of a damaged record."""
    try:
        responses = read_responses(runs_dir)
    except ResponsesError:
        return {}
    return {each.key: each.at for each in responses if each.act == "acknowledged"}


def alert_id(key: str) -> str:
    """Return the short name of an alert."""
    return hashlib.sha256(key.encode()).hexdigest()[:_ID_DIGITS]


def standings(
    deliveries: Iterable[Delivery], responses: Sequence[Response], today: date
) -> list[AlertStanding]:
    """Return each alert with the response to it, the oldest first.

    Parameters
    ----------
    deliveries : iterable of Delivery
        Sent and waiting deliveries.
    responses : sequence of Response
        Every act, oldest first.
    today : date
        Day on which snoozes are judged, UTC.
    """
    by_key: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        by_key.setdefault(delivery.key, []).append(delivery)
    found = [_standing(key, of, responses, today) for key, of in by_key.items()]
    return sorted(found, key=lambda each: (each.since, each.key))


def _standing(
    key: str, of: Sequence[Delivery], responses: Sequence[Response], today: date
) -> AlertStanding:
    raised_at = min(delivery.raised_at or delivery.since for delivery in of)
    acts = [each for each in responses if each.key == key and each.at >= raised_at]
    assigned = [each.to for each in acts if each.act == "assigned"]
    others = [each for each in acts if each.act != "assigned"]
    status: Status = "open"
    until = ""
    if others and others[-1].act == "acknowledged":
        status = "acknowledged"
    elif others and date.fromisoformat(others[-1].until) > today:
        status, until = "snoozed", others[-1].until
    last = acts[-1] if acts else None
    return AlertStanding(
        alert_id(key),
        key,
        key.partition("/")[0],
        of[0].text,
        raised_at,
        {delivery.channel: delivery.state for delivery in of},
        status,
        assigned[-1] if assigned else "",
        until,
        *((last.by, last.at, last.note) if last else ("", "", "")),
        of[0].team,
    )


def find_standing(known: Sequence[AlertStanding], name: str) -> AlertStanding:
    """Return the alert that a command names by its id, a beginning of it, or its key.

    Raises
    ------
    UsageError
        There is none, or there are several.
    """
    found = [
        each
        for each in known
        if name == each.key or (name and each.id.startswith(name))
    ]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"There is no alert {name!r}." if not found else f"{name!r} is several alerts.",
        where="ALERT",
        next_step='"triptych alerts list --all" shows their ids.',
    )


def ended_snoozes(
    responses: Sequence[Response], moment: datetime
) -> list[tuple[Response, str]]:
    """Return the snoozes that are over and were the last act, each with its end."""
    last: dict[str, Response] = {}
    for each in responses:
        if each.act != "assigned":
            last[each.key] = each
    over = []
    for each in last.values():
        if each.act == "snoozed":
            end = datetime.fromisoformat(each.until).replace(tzinfo=UTC)
            if end <= moment:
                over.append((each, end.isoformat()))
    return over
