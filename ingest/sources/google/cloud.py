"""Open Google Cloud clients, and explain failed calls in plain words.

Credentials are Google's Application Default Credentials. Anonymous credentials and
unencrypted connections are used for an emulator on this machine and for nothing else.
Every call carries its own retry limit: the clients' defaults try again for ten minutes
and longer before they report that nobody answers.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.http.addresses import is_loopback
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)
from triptych.core.personal import without_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud import bigquery, billing_v1

_THROTTLED = frozenset({"rateLimitExceeded", "quotaExceeded", "backendError"})
_SHOWN_CHARACTERS = 300
#: An access token, as Google and its libraries write it.
_TOKEN = re.compile(r"\bya29\.[\w.-]+|(?<=Bearer )\S+")
_URL = re.compile(r"https?://\S+")
#: A permission as Google writes it; the name of a service looks much like a permission.
_PERMISSION = re.compile(r"\b(?:bigquery|billing)\.(?!googleapis\b)\w+\.\w+\b")
_MAY_NOT_QUERY = "permission to query table"
#: Denied for want of a permission, and not by a policy or a service turned off.
_IS_PLAIN = re.compile(r"permission", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Permission:
    """Permission that a call needs: its name, its resource, its grantor."""

    name: str
    on: str
    grant: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice for the user, in addition to the error.

    ``where`` names the resource called, ``on_denied`` the grant it needs and
    ``on_missing`` the place to look at when the thing is not there. ``needs`` are the
    permissions that the call takes; Google often reports which of them is missing.
    """

    where: str
    on_denied: str
    on_missing: str
    needs: tuple[Permission, ...] = ()


def open_bigquery(
    *, project: str | None, location: str | None, api_endpoint: str | None
) -> bigquery.Client:
    """Return a BigQuery client; reads the credential chain, calls nothing."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    _keep_tokens_out_of_logs()
    options = ClientOptions(api_endpoint=api_endpoint) if api_endpoint else None
    anonymous: Any = AnonymousCredentials
    is_emulator = api_endpoint is not None and is_loopback(api_endpoint)
    return bigquery.Client(
        project=project,
        location=location,
        client_options=options,
        credentials=anonymous() if is_emulator else None,
    )


def open_catalogue(api_endpoint: str | None) -> billing_v1.CloudCatalogClient:
    """Return a client of the public price catalogue, over gRPC."""
    from google.cloud import billing_v1
    from google.cloud.billing_v1.services.cloud_catalog.transports import (
        CloudCatalogGrpcTransport,
    )

    if api_endpoint is not None and is_loopback(api_endpoint):
        channel = _insecure_channel(api_endpoint)
        transport = CloudCatalogGrpcTransport(channel=channel)
        return billing_v1.CloudCatalogClient(transport=transport)
    return billing_v1.CloudCatalogClient(client_options=_endpoint(api_endpoint))


def open_billing(api_endpoint: str | None) -> billing_v1.CloudBillingClient:
    """Return a client of the billing accounts, over gRPC."""
    from google.cloud import billing_v1
    from google.cloud.billing_v1.services.cloud_billing.transports import (
        CloudBillingGrpcTransport,
    )

    if api_endpoint is not None and is_loopback(api_endpoint):
        channel = _insecure_channel(api_endpoint)
        transport = CloudBillingGrpcTransport(channel=channel)
        return billing_v1.CloudBillingClient(transport=transport)
    return billing_v1.CloudBillingClient(client_options=_endpoint(api_endpoint))


def bounded_call(timeout_seconds: float) -> dict[str, Any]:
    """Return the ``retry`` and ``timeout`` of a gRPC call that gives up in time."""
    from google.api_core import exceptions as api
    from google.api_core.retry import Retry, if_exception_type

    passing = if_exception_type(api.ServiceUnavailable, api.DeadlineExceeded)
    retry = Retry(predicate=passing, initial=0.1, maximum=5, timeout=timeout_seconds)
    return {"retry": retry, "timeout": timeout_seconds}


def _insecure_channel(api_endpoint: str) -> object:
    import grpc

    return grpc.insecure_channel(api_endpoint.rpartition("://")[2])


def _endpoint(api_endpoint: str | None) -> dict[str, str] | None:
    return {"api_endpoint": api_endpoint} if api_endpoint else None


@contextmanager
def google_errors(advice: Advice) -> Iterator[None]:
    """Convert Google client errors inside the block into triptych errors.

    Raises
    ------
    TransientSourceError
        The service is unreachable, overloaded, or did not answer in time.
    SourceAccessError
        Credentials are missing, expired, or lack the needed roles.
    FatalSourceError
        The requested resource does not exist, or the request is not valid.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        translated = _translate(error, advice)
        if translated is None:
            raise
        # The cause stays out: an authentication error may quote the request.
        raise translated from None


def _translate(error: Exception, advice: Advice) -> SourceError | None:
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    where = advice.where
    if isinstance(error, (auth.GoogleAuthError, api.Unauthorized)) and not isinstance(
        error, auth.TransportError
    ):
        return _no_credentials(error, where)
    if isinstance(error, api.Forbidden):
        return _denied(error, advice)
    if isinstance(error, api.NotFound):
        return FatalSourceError(
            f"Google Cloud knows no such thing: {_first_line(error)}",
            where=where,
            next_step=advice.on_missing,
        )
    if _is_passing(error):
        return TransientSourceError(
            f"Google Cloud did not answer ({_first_line(error)}).",
            where=where,
            next_step="Run again later; if it stays so, look at network and proxy."
            " What was loaded before stays current.",
        )
    if isinstance(error, api.GoogleAPICallError):
        return MalformedDeliveryError(
            f"Google Cloud refused the request: {_first_line(error)}",
            where=where,
            next_step="Compare the source's options with the export's settings.",
        )
    return None


def _no_credentials(error: Exception, where: str) -> SourceAccessError:
    return SourceAccessError(
        "There are no valid Google credentials: absent, wrong or expired"
        f" ({type(error).__name__}).",
        where=where,
        next_step="Run 'gcloud auth application-default login', or let"
        " GOOGLE_APPLICATION_CREDENTIALS name a key file.",
    )


def _denied(error: Exception, advice: Advice) -> SourceError:
    reasons = {str(item.get("reason")) for item in _details(error)}
    if reasons & _THROTTLED:
        return TransientSourceError(
            f"Google Cloud limits how often it may be asked ({_first_line(error)}).",
            where=advice.where,
            next_step="Run again later; what was loaded before stays current.",
        )
    lacking = _lacking(error, advice)
    if lacking is not None:
        return SourceAccessError(
            "Google Cloud denied access: the credentials lack"
            f" {lacking.name} on {lacking.on}.",
            where=advice.where,
            next_step=lacking.grant,
        )
    needed = ", ".join(f"{p.name} on {p.on}" for p in advice.needs)
    return SourceAccessError(
        f"Google Cloud denied access: {_first_line(error)}"
        f"{f' It takes {needed}.' if needed else ''}",
        where=advice.where,
        next_step=advice.on_denied,
    )


def _lacking(error: Exception, advice: Advice) -> Permission | None:
    """Return the single permission that is missing, if it is known."""
    text = _URL.sub("", _first_line(error))
    found = _PERMISSION.search(text)
    name = found[0] if found else ""
    if _MAY_NOT_QUERY in text:
        name = "bigquery.tables.getData"
    if not name and len(advice.needs) == 1 and _IS_PLAIN.search(text):
        return advice.needs[0]
    known = next((need for need in advice.needs if need.name == name), None)
    if known is None and name:
        return Permission(name, "what was asked for", advice.on_denied)
    return known


def _details(error: Exception) -> list[dict[str, object]]:
    # REST errors are dictionaries with a reason; those of gRPC have none.
    found = getattr(error, "errors", None) or []
    return [item for item in found if isinstance(item, dict)]


def _is_passing(error: Exception) -> bool:
    from concurrent.futures import TimeoutError as FutureTimeoutError

    import requests
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    return isinstance(
        error,
        (
            api.RetryError,
            api.ServerError,
            api.TooManyRequests,
            auth.TransportError,
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
            # A proxy in between answers with a custom page.
            requests.exceptions.JSONDecodeError,
            FutureTimeoutError,
            ConnectionError,
        ),
    )


def _first_line(error: Exception) -> str:
    # A call that was retried until its time was up reports only that, and no reason.
    error = getattr(error, "cause", None) or error
    text = str(getattr(error, "message", "") or error).strip() or type(error).__name__
    line = without_addresses(text.split("\n", 1)[0])
    return _TOKEN.sub("***", line)[:_SHOWN_CHARACTERS]


def _keep_tokens_out_of_logs() -> None:
    """Suppress DEBUG logs of server answers, which may echo a token."""
    for name in ("google", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.getEffectiveLevel(), logging.INFO))
