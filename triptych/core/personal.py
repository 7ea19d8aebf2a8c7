"""Keep data of people out of messages, logs and quarantine.

A message names a column, a line or a field. The values in it may be logins or
addresses, so errors of libraries are repeated without the values that they quote.
"""

from __future__ import annotations

import json
import re
import traceback
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

HIDDEN: Final = "•••"
#: Columns that name a person or hold a text of one, folded by :func:`folded`.
_PERSONAL: Final = frozenset(
    (
        *("user", "username", "useremail", "userid", "enduser", "enduserid"),
        *("email", "emailaddress", "login", "member", "membername", "memberemail"),
        *("actor", "actoremail", "actorname", "author", "assignee", "fullname"),
        *("identitymetadata", "messages", "response", "proxyserverrequest"),
        *("requesteripaddress",),
    )
)
_ADDRESS: Final = re.compile(
    r"[^\s@:/,;\"'<>(){}\[\]=|]+@[^\s@:/,;\"'<>(){}\[\]=|]+\.[A-Za-z]{2,}"
)
_SEPARATORS: Final = re.compile(r"[^a-z0-9]")
#: After a quoted value, the type that was expected is no value.
_TAIL: Final = re.compile(
    r" to [A-Z][A-Z0-9(), ]*|, expected format is .*"
    r"| when casting from source column \w+"
)
#: Errors about the words of a statement, which the settings wrote.
_OF_STATEMENTS: Final = frozenset(
    {"BinderException", "CatalogException", "ParserException", "IOException"}
)


def folded(name: str) -> str:
    """Return a column's name without case, spaces and signs.

    Examples
    --------
    >>> folded("User_Name"), folded(" user email")
    ('username', 'useremail')
    """
    return _SEPARATORS.sub("", name.casefold())


def personal_columns(names: Iterable[str], *, known: Collection[str] = ()) -> list[str]:
    """Return the columns that name people, apart from those that a stream knows."""
    kept = {name.casefold() for name in known}
    return [
        name
        for name in names
        if folded(name) in _PERSONAL and name.casefold() not in kept
    ]


def without_addresses(text: str) -> str:
    """Return a text without e-mail addresses.

    Examples
    --------
    >>> without_addresses("owner=jo@example.com, team=eta")
    'owner=•••, team=eta'
    """
    return _ADDRESS.sub(HIDDEN, text) if "@" in text else text


def without_people(content: str) -> str:
    """Return the JSON of a refused row without addresses and values of people."""
    try:
        row = json.loads(content)
    except (ValueError, RecursionError):
        return without_addresses(content)
    shown = _blanked(row)
    if shown != row:
        content = json.dumps(shown, ensure_ascii=False)
    return without_addresses(content)


def _blanked(value: Any) -> Any:  # noqa: ANN401  (any value of JSON)
    """Return a value of JSON with the members blanked that name people."""
    if isinstance(value, dict):
        of_people = set(personal_columns(value))
        return {
            name: HIDDEN if name in of_people and member else _blanked(member)
            for name, member in value.items()
        }
    return [_blanked(item) for item in value] if isinstance(value, list) else value


def reason_of(error: BaseException) -> str:
    """Return the first line of a library's error, without the values that it quotes.

    Examples
    --------
    >>> reason_of(ValueError("Invalid isoformat string: 'jo.smith'"))
    'Invalid isoformat string: •••'
    >>> reason_of(KeyError("login"))
    'KeyError'
    """
    line = str(error).strip().split("\n", 1)[0].strip().rstrip(".")
    if type(error).__name__ in _OF_STATEMENTS:
        return without_addresses(line)
    if isinstance(error, (KeyError, TypeError, AttributeError)):
        return type(error).__name__
    return without_addresses(without_quotes(line)) or type(error).__name__


def without_quotes(line: str) -> str:
    """Return a line without what stands in quotes, and what follows them.

    Examples
    --------
    >>> without_quotes("Could not convert string 'jo o'neil' to INT32")
    'Could not convert string ••• to INT32'
    """
    first = re.search(r"['\"`]", line)
    if first is None:
        return line
    before, quote = line[: first.start()], first[0]
    tail = line[line.rfind(quote) + 1 :]
    end = tail if _TAIL.fullmatch(tail) and line.count(quote) > 1 else ""
    return f"{before}{HIDDEN}{end}"


def places_of(error: BaseException) -> str:
    """Return kinds and places in code of an error and its causes, without texts."""
    lines: list[str] = []
    cause: Any = error
    while cause is not None:
        lines.append(type(cause).__name__)
        lines += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines)
