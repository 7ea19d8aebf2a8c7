"""Rows of states that a system was seen in, each value as the text that lands.

Unreadable values stay as they were written, so that landing sets their rows aside with
a reason. Nothing is taken over that has no column.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading.text_rows import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 400
_SCP_ADDRESS = re.compile(r"^[^/@:]+@([^/:]+):(.+)$")


def row_of(fields: Mapping[str, object]) -> Row:
    """Return values as text: times in UTC, truth as ``true`` and ``false``."""
    return {name: _as_text(value) for name, value in fields.items()}


def text(value: object) -> str | None:
    """Return a short text, or a whole number as text; ``None`` for all else.

    Examples
    --------
    >>> text(" main "), text(42), text(""), text({"id": 1}), text(True)
    ('main', '42', None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip()[:_LONGEST_TEXT] or None


def instant(value: object) -> datetime | str | None:
    """Return the moment given by a text with a time zone.

    Any other text is returned unchanged, marked so that it lands as no time: a time
    without a zone is not guessed.

    Examples
    --------
    >>> instant("2026-11-25T01:30:00+02:00").isoformat()
    '2026-11-24T23:30:00+00:00'
    >>> instant("2026-11-24T23:30:00"), instant(None)
    ('no time with a zone: 2026-11-24T23:30:00', None)
    """
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        return f"no time with a zone: {str(value)[:_LONGEST_TEXT]}"
    return moment.astimezone(UTC)


def instant_of_milliseconds(value: object) -> datetime | str | None:
    """Return the moment of milliseconds since 1970; other values as text."""
    if value is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(str(value)))
    except (ValueError, OverflowError):
        return f"no milliseconds: {str(value)[:_LONGEST_TEXT]}"


def repository_name(address: object) -> str | None:
    """Return ``owner/name`` of the address of a repository, without credentials.

    Examples
    --------
    >>> repository_name("https://x:token@github.com/example/eta.git")
    'example/eta'
    >>> repository_name("git@gitlab.example.com:ml/serving/eta.git")
    'ml/serving/eta'
    >>> repository_name("example/eta"), repository_name("")
    ('example/eta', None)
    """
    given = text(address)
    if given is None:
        return None
    if found := _SCP_ADDRESS.match(given):
        given = found[2]
    elif "://" in given:
        given = given.partition("://")[2].partition("/")[2]
    given = given.partition("?")[0].partition("#")[0]
    return given.strip("/").removesuffix(".git") or None


def part_of(holder: object, name: str) -> Any:  # noqa: ANN401
    """Return a member of an object; ``None`` where there is no object or member."""
    return holder.get(name) if isinstance(holder, dict) else None


def objects(value: object, what: str, *, where: str) -> list[dict[str, Any]]:
    """Return a list of objects, as an answer should hold.

    Raises
    ------
    MalformedDeliveryError
        It is none.
    """
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    raise unexpected(f"{what} is no list of objects", where=where)


def unexpected(what: str, *, where: str) -> MalformedDeliveryError:
    """Return the error for an answer of another form than documented."""
    return MalformedDeliveryError(
        f"Unexpected response format: {what}.",
        where=where,
        next_step="Compare 'base_url' and the version of the server; nothing of it was"
        " loaded, and what was loaded before stays current.",
    )


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if value is None else str(value)
