"""Explain database failures in the database's words, without secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)
from triptych.core.personal import without_addresses, without_quotes

_SHOWN_CHARACTERS = 300
#: Forms in which servers and drivers write the code of an error that SQL itself
#: defines.
_SQLSTATE = re.compile(r"SQLSTATE:?\s*\[?([0-9A-Z]{5})\b")
#: A server's own sentence, after the driver's text about how it was received.
_SERVER_SAYS = re.compile(r"\b(?:ERROR|FATAL):\s*(.+)")
_DENIED = re.compile(
    r"authentication failed|password|not authori[sz]ed|permission denied"
    r"|pg_hba\.conf|does not exist|access denied|insufficient privileges"
    r"|invalid access token|\b40[13]\b|390100",
    re.IGNORECASE,
)
_OUT_OF_TIME = re.compile(r"statement timeout|timed? ?out|interrupted", re.IGNORECASE)
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
_DENYING_CLASSES = frozenset({"28"})
_DENYING_STATES = frozenset({"42501"})
#: Errors about the data of a row, which they quote.
_OF_DATA = frozenset({"22", "23"})
_OF_A_VALUE = re.compile(r"(?i)\bvalue:.*|\binvalid (?:date|timestamp|literal):.*")
_CANCELLED = "57014"


@dataclass(frozen=True, slots=True)
class Asked:
    """Query and its target, for messages.

    Parameters
    ----------
    where : str
        The source, as messages call it.
    account : str
        Grant and grantee that are needed when access is denied.
    timeout_seconds : int
        Longest that a query may run [seconds].
    secrets : tuple of str
        Texts that no message may hold.
    """

    where: str
    account: str
    timeout_seconds: int
    secrets: tuple[str, ...] = ()

    def unreachable(self, error: Exception) -> SourceError:
        """Return the error to raise when no connection was made."""
        text = self._shown(error)
        if _DENIED.search(text):
            return self._denied(text)
        return TransientSourceError(
            f"The database cannot be reached: {text}",
            where=self.where,
            next_step="Look at the host and port, at the network, and whether the"
            " server runs; then run again. What was loaded before stays current.",
        )

    def failed(self, error: Exception) -> SourceError:
        """Return the error for a failed query, by its SQLSTATE or its text."""
        text, state = self._shown(error), _state(error)
        if state == _CANCELLED or (not state and _OUT_OF_TIME.search(text)):
            return self.out_of_time()
        if state in _DENYING_STATES or state[:2] in _DENYING_CLASSES:
            return self._denied(text)
        if state[:2] in _PASSING_CLASSES:
            return TransientSourceError(
                f"The database did not finish the query: {text}",
                where=self.where,
                next_step="Run again later; what was loaded before stays current.",
            )
        if not state and _DENIED.search(text):
            return self._denied(text)
        return MalformedDeliveryError(
            f"The query failed: {text}",
            where=self.where,
            next_step="Correct 'query' in triptych.yml.",
        )

    def out_of_time(self) -> SourceError:
        """Return the error to raise when the time is up."""
        return FatalSourceError(
            f"The query was stopped after {self.timeout_seconds} seconds.",
            where=self.where,
            next_step="Declare a 'cursor', so that each month is asked for alone, or"
            " raise 'timeout_seconds'.",
        )

    def _denied(self, text: str) -> SourceError:
        return SourceAccessError(
            f"The database denied access: {text}",
            where=self.where,
            next_step=self.account,
        )

    def _shown(self, error: Exception) -> str:
        text = str(error).strip() or type(error).__name__
        sentence = _SERVER_SAYS.search(text)
        line = sentence[1] if sentence else text.split("\n", 1)[0]
        if _state(error)[:2] in _OF_DATA or _OF_A_VALUE.search(line):
            line = without_quotes(_OF_A_VALUE.split(line)[0])
        line = without_addresses(line)
        for secret in sorted(self.secrets, key=len, reverse=True):
            line = line.replace(secret, "***")
        return line.strip()[:_SHOWN_CHARACTERS].rstrip(".") + "."


def _state(error: Exception) -> str:
    stated = getattr(error, "sqlstate", None) or ""
    matched = _SQLSTATE.search(str(error))
    return str(stated) or (matched[1] if matched else "")


def secrets_of(address: str) -> tuple[str, ...]:
    """Return the secrets of an address: itself, and its password.

    Examples
    --------
    >>> secrets_of("postgresql://me:p%40ss@db/x")
    ('postgresql://me:p%40ss@db/x', 'p%40ss', 'p@ss')
    """
    text = address if "://" in address else f"//{address}"
    try:
        password = urlsplit(text).password
    except ValueError:  # a bracket in it; the message would quote what follows
        password = text.partition("//")[2].rpartition("@")[0].partition(":")[2]
    return (address, *dict.fromkeys((password, unquote(password)) if password else ()))
