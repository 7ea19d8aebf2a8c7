"""Convert events of other systems into rows, with the fields allowed.

Only fields that are named here or by a reader of events are kept of an event. Texts
that people wrote, names and addresses of people have no field, and a value in the form
of an e-mail address is left out in any position.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading.text_rows import Row


_LONGEST_IDENTIFIER = 400
_EMAIL = re.compile(r"[^\s@:/]+@[^\s@/]+\.[a-z]{2,}", re.IGNORECASE)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST_FROM_NOW = timedelta(days=400)
_PLACES_OF_A_REASON = ("native_status", "event", "branch", "category", "team_id")


class UnfitEventError(ValueError):
    """An event cannot be read; the text names fields and never quotes a value."""


def member(event: object, *path: str) -> Any:  # noqa: ANN401
    """Return the value at ``path`` in nested objects, or ``None``."""
    found = event
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def identifier(event: object, *path: str) -> str | None:
    """Return the short text or number at ``path``; ``None`` if there is none.

    Raises
    ------
    UnfitEventError
        The value there is something else: an object, or a text too long for a name.
    """
    value = member(event, *path)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise UnfitEventError(f"{'.'.join(path)} is no text")
    text = str(value).strip()
    if len(text) > _LONGEST_IDENTIFIER or not text.isprintable():
        raise UnfitEventError(f"{'.'.join(path)} is no identifier")
    return None if is_email(text) or not text else text


def needed(event: object, *path: str) -> str:
    """Return the identifier at ``path``.

    Raises
    ------
    UnfitEventError
        There is none.
    """
    found = identifier(event, *path)
    if found is None:
        raise UnfitEventError(f"{'.'.join(path)} is missing")
    return found


def is_email(text: str) -> bool:
    """Return True if a text has the form of an e-mail address."""
    # Few names have the sign, and a search tries each of their letters as a beginning.
    return (
        "@" in text and not text.startswith("pkg:") and _EMAIL.search(text) is not None
    )


def instant(event: object, *path: str) -> str | None:
    """Return the time at ``path`` in UTC, as ISO 8601.

    Raises
    ------
    UnfitEventError
        It is no time, has no offset from UTC, or lies where no event can.
    """
    value = member(event, *path)
    if value is None or value == "":
        return None
    name = ".".join(path)
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise UnfitEventError(f"{name} is no time of ISO 8601") from error
    if moment.tzinfo is None:
        raise UnfitEventError(f"{name} has no offset from UTC")
    if not _EARLIEST <= moment <= datetime.now(UTC) + _LATEST_FROM_NOW:
        raise UnfitEventError(f"{name} lies out of range")
    return moment.astimezone(UTC).isoformat()


def needed_instant(event: object, *path: str) -> str:
    """Return the time at ``path``.

    Raises
    ------
    UnfitEventError
        There is none, or it is none.
    """
    found = instant(event, *path)
    if found is None:
        raise UnfitEventError(f"{'.'.join(path)} is missing")
    return found


def flag(value: bool | None) -> str | None:  # noqa: FBT001  (one value, made a text)
    """Return a boolean as text that lands as a boolean."""
    return None if value is None else str(value).lower()


def without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that are not empty."""
    return {name: value for name, value in fields.items() if value not in (None, {})}


def refused_row(stream: str, why: str, **kept: str | None) -> Row:
    """Return a row for quarantine, as it lacks a required value.

    The reason that it cannot be read is put in the first of its columns that may hold
    any text.
    """
    names = [column.name for column in STREAMS[stream].columns]
    place = next(name for name in _PLACES_OF_A_REASON if name in names)
    return {place: f"unreadable: {why}", **kept}
