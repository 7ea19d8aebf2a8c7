"""Asks HTTP APIs for JSON: patiently where waiting helps, at once where it does not.

A single client per source. Transient failures (no connection, a timeout, a cut or
unreadable body, 429, 5xx) are tried again a bounded number of times, later each time or
when the server asks. Permanent failures (a refused credential, an unknown path, an
invalid request) are reported at once. Redirects are not followed, because a key in a
custom header would follow them to any target.

Numbers with a point are read as :class:`~decimal.Decimal`: money stays as written. No
message, log line or ``repr`` holds a secret that the client was given.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.http.addresses import is_loopback, is_safe_endpoint
from ingest.http.answers import NoNumberError, no_number
from ingest.http.gzip_members import GzipMembers
from ingest.http.pace import Pace
from ingest.http.refusals import DENIED, RUN_LATER, PassingError, Refusals, Secrets
from ingest.http.trusted_authorities import trusted_authorities
from triptych import __version__
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)
from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    import httpx
    from stamina.instrumentation import RetryDetails

Params = Mapping[str, object] | Sequence[tuple[str, str]]

log = logging.getLogger(__name__)

#: Wait before the second try; it doubles each time. Tests shorten it.
FIRST_WAIT_SECONDS = 0.5
#: More than so much is no file of rates, prices or the like.
MAX_FILE_BYTES = 64 * 1024 * 1024
_JITTER_SECONDS = 0.5
#: A body may take this many times the timeout of a single read.
_BODY_TIMEOUTS = 10


class HttpClient:
    """JSON client of a server. A context manager; threads may share it.

    Parameters
    ----------
    base_url : str
        Address that every path is below.
    source : str
        Name of the source, for messages.
    headers : mapping of str to str
        Sent with each request.
    secrets : sequence of str
        Texts that must appear in no message. With any, ``base_url`` has to be
        encrypted or on this machine.
    denied_advice : str
        Advice for a credential that the server refuses: names the variable that holds
        it, and the permission it needs.
    denied_statuses : collection of int
        Statuses with which it does so.
    auth : httpx.Auth, optional
        Signs each request every time it is sent, for servers that want signatures.
    limit_of : callable, optional
        Returns how many seconds a refusal asks to wait, or ``None`` if it is not a rate
        limit; for servers with custom rate limit headers.
    timeout_seconds : float
        Timeout for a connection, and for each piece of an answer.
    requests_per_second : float, optional
        Highest rate.
    attempts : int
        Tries per request, the first included.
    max_wait_seconds : float
        Longest wait between two tries, regardless of the server's request.
    """

    def __init__(  # noqa: PLR0913  (each is a policy of its own, by keyword)
        self,
        *,
        base_url: str,
        source: str,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        denied_advice: str = "",
        denied_statuses: Collection[int] = DENIED,
        auth: httpx.Auth | None = None,
        limit_of: Callable[[httpx.Response, str], float | None] | None = None,
        timeout_seconds: float = 30.0,
        requests_per_second: float | None = None,
        attempts: int = 5,
        max_wait_seconds: float = 60.0,
    ) -> None:
        self._source = source
        self._secrets = Secrets(secrets)
        if self._secrets and not is_safe_endpoint(base_url):
            address = self._secrets.redacted(base_url)
            raise FatalSourceError(
                f"A credential would go to {address} unencrypted.",
                where=source,
                next_step="Use an https address.",
            )
        self._base_url = base_url
        self._refusals = Refusals(
            self._secrets, denied_advice, denied_statuses, limit_of, max_wait_seconds
        )
        self._timeout_seconds = timeout_seconds
        self._attempts = attempts
        self._max_wait_seconds = max_wait_seconds
        self._pace = Pace(requests_per_second)
        import httpx

        # A proxy has nothing to do with a server on this machine.
        reads_environment = not is_loopback(base_url)
        self._client = httpx.Client(
            verify=trusted_authorities(reads_environment=reads_environment),
            base_url=base_url,
            headers={"User-Agent": f"triptych/{__version__}", **(headers or {})},
            auth=auth,
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=reads_environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(source={self._source!r},"
            f" base_url={self._secrets.redacted(self._base_url)!r})"
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get_json(self, path: str, *, params: Params | None = None) -> Any:  # noqa: ANN401
        """Return the answer to ``GET path``.

        Parameters
        ----------
        path : str
            Below the base address.
        params : mapping or sequence of pairs, optional
            The query. A list becomes a repeated parameter; ``None`` is left out.

        Raises
        ------
        TransientSourceError
            It did not answer properly in any of the tries.
        SourceAccessError
            It refused the credential.
        FatalSourceError
            It refused the request.
        MalformedDeliveryError
            It answered with numbers that JSON does not have.
        """
        return self.get_page(path, params=params)[0]

    def get_page(
        self, path: str, *, params: Params | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the answer to ``GET path`` and its headers, for the next page.

        Like :meth:`get_json` otherwise. The headers' names are in any case.
        """
        return self._ask("GET", path, params=_query(params), content=None)

    def get_bytes(self, path: str, *, params: Params | None = None) -> bytes:
        """Return the body of ``GET path``, for files other than JSON.

        It is tried again like :meth:`get_json`, and held in memory as a whole.

        Raises
        ------
        MalformedDeliveryError
            It is larger than any file that is asked for in this way.
        """
        answer: tuple[bytes, Mapping[str, str]] = self._ask(
            "GET", path, params=_query(params), content=None, read=self._whole
        )
        return answer[0]

    def post_json(self, path: str, *, body: object) -> Any:  # noqa: ANN401
        """Return the answer to ``POST path`` with a JSON body; only for queries.

        It is tried again like :meth:`get_json`, so it must change nothing there.
        """
        content = json.dumps(body).encode()
        return self._ask("POST", path, params=None, content=content)[0]

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: httpx.QueryParams | None,
        content: bytes | None,
        read: Callable[[bytes, str], Any] | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        if "://" in path:
            message = "a path is below the base address, never an address of its own"
            raise ValueError(message)
        import stamina

        _report_tries()
        headers = {"Content-Type": "application/json"} if content is not None else None
        request = self._client.build_request(
            method, path, params=params, content=content, headers=headers
        )
        where = f"{self._source} ({method} {path})"
        try:
            for attempt in stamina.retry_context(
                on=_wait_before_next_try,
                attempts=self._attempts,
                timeout=None,
                wait_initial=FIRST_WAIT_SECONDS,
                wait_max=self._max_wait_seconds,
                wait_jitter=min(_JITTER_SECONDS, FIRST_WAIT_SECONDS),
            ):
                with attempt:
                    body, told = self._ask_once(request, where)
                    return (read or self._parsed)(body, where), told
        except PassingError as failure:
            raise TransientSourceError(
                f"The server did not answer properly in {self._attempts} tries;"
                f" the last time {failure},"
                f" at {self._secrets.redacted(self._base_url)}.",
                where=where,
                next_step=RUN_LATER,
            ) from None
        message = "the last try either answers or raises"
        raise AssertionError(message)

    def _ask_once(
        self, request: httpx.Request, where: str
    ) -> tuple[bytes, Mapping[str, str]]:
        import httpx

        self._pace.wait()
        try:
            response, body = self._receive(request)
        except httpx.RequestError as error:
            failure = f"{type(error).__name__}: {error}".rstrip(": ")
            shown = self._secrets.redacted(failure)
            raise PassingError(f"the connection failed ({shown})") from None
        if not response.is_success:
            raise self._refusals.error_of(response, body, where)
        return body, response.headers

    def _receive(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        import httpx

        deadline = time.monotonic() + self._timeout_seconds * _BODY_TIMEOUTS
        response = self._client.send(request, stream=True)
        try:
            pieces = []
            for piece in _pieces(response, request):
                pieces.append(piece)
                if time.monotonic() > deadline:
                    message = "the answer does not come to an end"
                    raise httpx.ReadTimeout(message, request=request)
            return response, b"".join(pieces)
        finally:
            response.close()

    def _whole(self, body: bytes, where: str) -> bytes:
        if len(body) > MAX_FILE_BYTES:
            raise MalformedDeliveryError(
                f"The answer has more than {MAX_FILE_BYTES // 1024**2} MiB.",
                where=where,
                next_step="Correct the source's address.",
            )
        return body

    def _parsed(self, body: bytes, where: str) -> Any:  # noqa: ANN401
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=no_number)
        except NoNumberError as error:
            raise MalformedDeliveryError(
                f"The answer holds {error}, which is no number of JSON.",
                where=where,
                next_step="Report it to the vendor; nothing of it was loaded.",
            ) from None
        except (ValueError, RecursionError):
            # The answer may be rows of people: it is measured and not quoted.
            size = f"{len(body):,} bytes"
            raise PassingError(f"the answer was no JSON ({size})") from None


def secret_from_environment(variable: str, *, source: str, advice: str) -> str:
    """Return the credential that an environment variable holds.

    Raises
    ------
    SourceAccessError
        The variable is not set, or empty; ``advice`` describes its content.
    """
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise SourceAccessError(
            f"The environment variable {variable} is not set.",
            where=source,
            next_step=advice,
        )
    return secret


def _pieces(response: httpx.Response, request: httpx.Request) -> Iterator[bytes]:
    """Yield the decompressed body: httpx would end with its first gzip member."""
    if response.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        yield from response.iter_bytes()
        return
    import httpx

    members = GzipMembers()
    try:
        for piece in response.iter_raw():
            yield members.decode(piece)
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=request) from None
    if not members.is_whole:
        message = "the compressed answer was cut off"
        raise httpx.DecodingError(message, request=request)


def _wait_before_next_try(error: Exception) -> bool | float:
    if not isinstance(error, PassingError):
        return False
    return True if error.wait_seconds is None else error.wait_seconds


def _report_next_try(details: RetryDetails) -> None:
    log.warning(
        LogEvent(
            "the server is asked again",
            because=str(details.caused_by),
            wait_seconds=round(details.wait_for, 1),
        )
    )


@cache
def _report_tries() -> None:
    """Report in place of stamina itself, which repeats arguments and types."""
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([_report_next_try])


def _query(params: Params | None) -> httpx.QueryParams | None:
    if params is None:
        return None
    import httpx

    pairs = params.items() if isinstance(params, Mapping) else params
    return httpx.QueryParams(
        [
            (name, _query_text(item))
            for name, value in pairs
            for item in (value if isinstance(value, (list, tuple)) else (value,))
            if item is not None
        ]
    )


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
