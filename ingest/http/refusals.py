"""Map the refusals of a server to errors.

Sources: RFC 9110, sections 10.2.3 and 15 (*Retry-After*, status codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from ingest.http.answers import retry_after_seconds, server_message
from triptych.core.errors import (
    FatalSourceError,
    SourceAccessError,
    TransientSourceError,
)
from triptych.core.personal import without_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import httpx

DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
RUN_LATER = "Run again later; what was loaded before stays current."
_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_NEVER_PASSING = frozenset(
    {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}
)
_SHOWN_CHARACTERS = 300
_REDACTED = "•••"


class NotThereError(FatalSourceError):
    """The server has nothing under the path, or does not show it to who asks."""


class PassingError(Exception):
    """Error of a try that the next may not hit; the text holds no secret.

    Parameters
    ----------
    reason : str
        Description of the failure.
    wait_seconds : float, optional
        Wait before the next try, where the server specifies it.
    """

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(reason)


class Secrets:
    """Texts that must appear in no message, the longest first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def __bool__(self) -> bool:
        """Return True if any secret is known."""
        return bool(self._secrets)

    def redacted(self, text: str) -> str:
        """Return a text without them."""
        for secret in self._secrets:
            text = text.replace(secret, _REDACTED)
        return text

    def shown(self, text: str | bytes) -> str:
        """Return the start of a server's text, on a single line, redacted."""
        plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        # Blanked before it is cut: half a secret is a secret, too.
        line = " ".join(self.redacted(plain).split())
        return without_addresses(line)[:_SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals of a single server.

    Attributes
    ----------
    secrets : Secrets
        Secrets that no message shows.
    denied_advice : str
        Advice for a credential that it refuses.
    denied_statuses : collection of int
        Statuses with which it does so.
    limit_of : callable or None
        Returns how many seconds a refusal asks to wait, or ``None`` if it is no limit
        of rate.
    max_wait_seconds : float
        Longest wait between two tries, regardless of the server's request.
    """

    secrets: Secrets
    denied_advice: str
    denied_statuses: Collection[int]
    limit_of: Callable[[httpx.Response, str], float | None] | None
    max_wait_seconds: float

    def error_of(
        self, response: httpx.Response, body: bytes, where: str
    ) -> PassingError | FatalSourceError | TransientSourceError:
        """Return the error that an answer is, which is no success."""
        status = response.status_code
        message = server_message(body)
        said = f"{status}: {self.secrets.shown(message)}".rstrip(": ")
        if self.limit_of and (wait := self.limit_of(response, message)) is not None:
            return self._limited(wait, said, where)
        if status in self.denied_statuses:
            return SourceAccessError(
                f"The server refuses the credential ({said}).",
                where=where,
                next_step=self.denied_advice,
            )
        is_server_error = response.is_server_error and status not in _NEVER_PASSING
        if is_server_error or status in _PASSING:
            asked = retry_after_seconds(response.headers.get("Retry-After"))
            wait = None if asked is None else min(asked, self.max_wait_seconds)
            return PassingError(f"it answered {said}", wait)
        if response.is_redirect:
            return FatalSourceError(
                f"The server redirects to another address ({status}).",
                where=where,
                next_step="Set the address that it redirects to, if it is to be"
                " trusted with the credential.",
            )
        is_missing = status in _MISSING
        return (NotThereError if is_missing else FatalSourceError)(
            f"The server refuses the request ({said}).",
            where=where,
            next_step="Compare the source's options with what the server offers.",
        )

    def _limited(
        self, wait: float, said: str, where: str
    ) -> PassingError | TransientSourceError:
        if wait <= self.max_wait_seconds:
            return PassingError(f"it answered {said}", wait)
        until = datetime.now(UTC) + timedelta(seconds=wait)
        return TransientSourceError(
            f"The limit of requests is used up until {until:%Y-%m-%d %H:%M} UTC"
            f" ({said}).",
            where=where,
            next_step=RUN_LATER,
        )
