"""Call a single operation of an AWS service, with retries, by boto3.

Requests are tried again here and not by boto3, which neither tries again after an
answer that breaks off, nor waits as long as the service asks. Of errors only the code
is repeated. Credentials come from boto3's own chain.

Source: AWS API references, *Common errors*.
"""

from __future__ import annotations

import threading
import time
from copy import copy
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import ingest.http.client
from ingest.http.pages import follow_pages
from ingest.http.refusals import NotThereError
from ingest.storage.aws_session import new_session
from ingest.storage.object_errors import CREDENTIAL_CHAIN
from triptych.core.errors import (
    FatalSourceError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "403"})
_BAD_CREDENTIALS = frozenset(
    {
        "401",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_PASSING = frozenset(
    {
        "LimitExceededException",
        "RequestChangedException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NOT_AUTHENTICATED = frozenset(
    {
        "CredentialRetrievalError",
        "LoginError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOError",
        "TokenRetrievalError",
    }
)


@dataclass(frozen=True, slots=True)
class Operation:
    """Operation, with its names in messages.

    Parameters
    ----------
    service, method : str
        As boto3 names them.
    action : str
        The permission that it needs.
    where : str
        Name in messages.
    answer_key : str
        Field that every whole answer has.
    content : str
        Name of the items of an answer, in the plural.
    settings : str
        Options of the source that the client may refuse.
    access_advice : str
        Requirements in addition to the permission.
    next_page_key : str
        Name of the token for the next page in requests and answers.
    refusals : mapping of str to (str, str)
        Error code → its meaning, and advice.
    missing : str
        Beginning of its message where the requested name does not exist.
    """

    service: str
    method: str
    action: str
    where: str
    answer_key: str
    content: str
    settings: str
    access_advice: str = ""
    next_page_key: str = "NextToken"
    refusals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    missing: str = ""


class AwsService:
    """Client of a single operation.

    Parameters
    ----------
    operation : Operation
        Operation to call.
    endpoint_url : str, optional
        Address, where it is not AWS's own.
    region : str
        Region that requests are signed for.
    profile : str, optional
        Named profile of the credential chain.
    timeout_seconds : float
        Timeout for an answer.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        endpoint_url: str | None,
        region: str,
        profile: str | None,
        timeout_seconds: float,
    ) -> None:
        self._operation = operation
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile = profile
        self._timeout_seconds = timeout_seconds
        # A single client does for every operation of a service, and takes long to make.
        self._clients: list[Any] = []
        self._lock = threading.Lock()

    def for_operation(self, operation: Operation) -> AwsService:
        """Return a service for another operation, with the same client."""
        other = copy(self)
        other._operation = operation  # noqa: SLF001  (a copy of its own)
        return other

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask once, or again where waiting helps.

        Raises
        ------
        SourceAccessError
            Credentials are missing or wrong, or lack the permission.
        TransientSourceError
            The service did not answer as it should, after several tries.
        NotThereError
            There is nothing of the name that is asked for.
        FatalSourceError
            It refuses the request, or the client the source's settings.
        """
        operation = self._operation
        for attempt in range(1, _ATTEMPTS + 1):
            wait_seconds = _own_wait_seconds(attempt)
            try:
                method = getattr(self._opened(), operation.method)
                answer: Mapping[str, Any] = method(**request)
            except _failures() as error:
                failure = _translated(error, operation)
                if not failure.is_retryable or attempt == _ATTEMPTS:
                    raise failure from error
                wait_seconds = _asked_wait_seconds(error) or wait_seconds
            else:
                if operation.answer_key in answer:
                    return answer
            time.sleep(min(wait_seconds, _LONGEST_WAIT_SECONDS))
        # boto3 takes a body that is cut short, or no JSON, for an empty answer.
        raise TransientSourceError(
            f"It answered with something else than {operation.content}, several times.",
            where=operation.where,
            next_step="Nothing of it was taken; run again later.",
        )

    def items(self, request: Mapping[str, Any], *, source: str) -> Iterator[Any]:
        """Yield the items in the pages of an answer; messages name ``source``.

        Raises
        ------
        SourceError
            As :meth:`ask`.
        MalformedDeliveryError
            Pages go in a circle.
        """
        key = self._operation.next_page_key
        pages = follow_pages(
            lambda page: self.ask({**request, key: page} if page else request),
            lambda answer: answer.get(key) or None,
            source=source,
        )
        for answer in pages:
            yield from answer[self._operation.answer_key]

    def _opened(self) -> Any:  # noqa: ANN401  (boto3 makes its classes when it runs)
        with self._lock:
            if not self._clients:
                self._clients.append(self._new_client())
            return self._clients[0]

    def _new_client(self) -> Any:  # noqa: ANN401
        from botocore.config import Config

        session = new_session(profile=self._profile, region=self._region)
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=self._timeout_seconds,
            read_timeout=self._timeout_seconds,
        )
        # The stubs know the services of the extras that are installed, and no others.
        make: Any = session.client
        return make(
            self._operation.service, endpoint_url=self._endpoint_url, config=config
        )


def _failures() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    network = (ConnectionError, TimeoutError, HTTPError)
    return BotoCoreError, ClientError, ResponseParserError, *network, ValueError


def _translated(error: Exception, operation: Operation) -> SourceError:
    from botocore.exceptions import ClientError, InvalidRegionError, NoRegionError

    if isinstance(error, ClientError):
        return _service_error(error, operation)
    names = [kind.__name__ for kind in type(error).__mro__]
    if _NOT_AUTHENTICATED & set(names):
        return _bad_credentials(names[0], operation)
    is_setting = isinstance(error, (InvalidRegionError, NoRegionError))
    if is_setting or names[0] in {"ParamValidationError", "ValueError"}:
        return FatalSourceError(
            f"The client does not accept the source's settings ({names[0]}).",
            where=operation.where,
            next_step=f"Correct {operation.settings} in triptych.yml.",
        )
    return TransientSourceError(
        f"It could not be reached, or broke off ({names[0]}).",
        where=operation.where,
        next_step="Check the network and 'endpoint_url', then run again.",
    )


def _service_error(
    error: Any,  # noqa: ANN401  (a botocore ClientError)
    operation: Operation,
) -> SourceError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "unknown"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED or status == HTTPStatus.FORBIDDEN:
        return SourceAccessError(
            f"Access denied: the credentials lack {operation.action} ({code}).",
            where=operation.where,
            next_step=f"Allow {operation.action} on resource * in the reader's IAM"
            f" policy{operation.access_advice}.",
        )
    if code in _BAD_CREDENTIALS or status == HTTPStatus.UNAUTHORIZED:
        return _bad_credentials(code, operation)
    if operation.missing and str(details.get("Message")).startswith(operation.missing):
        return NotThereError(
            f"There is no longer what was asked for ({code}).",
            where=operation.where,
            next_step="Run again.",
        )
    if code in operation.refusals:
        what, next_step = operation.refusals[code]
        return FatalSourceError(what, where=operation.where, next_step=next_step)
    is_passing = (
        code in _PASSING
        or status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    kind = TransientSourceError if is_passing else FatalSourceError
    return kind(
        f"It answered {code} ({status}).",
        where=operation.where,
        next_step="It was tried several times; run again later."
        if is_passing
        else "See the error code for what it refuses.",
    )


def _bad_credentials(reason: str, operation: Operation) -> SourceAccessError:
    return SourceAccessError(
        f"No valid credentials in {CREDENTIAL_CHAIN}: absent, wrong or expired"
        f" ({reason}).",
        where=operation.where,
        next_step="Sign in again, or correct 'profile' or the environment.",
    )


def _own_wait_seconds(attempt: int) -> float:
    wait_seconds: float = ingest.http.client.FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
    return wait_seconds


def _asked_wait_seconds(error: Exception) -> float | None:
    """Return how long the service asks to wait, if it does."""
    response = getattr(error, "response", None) or {}
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(headers.get("retry-after", ""))
    return float(asked) if asked.isdecimal() else None
