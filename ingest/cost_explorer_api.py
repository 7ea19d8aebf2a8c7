"""Asks AWS Cost Explorer for daily totals, patiently and page by page.

Requests are tried again here and not by boto3, which neither tries again after an
answer that breaks off, nor waits as long as the service asks. Of errors only the code
is repeated. Credentials come from boto3's own chain.

Source: AWS Billing and Cost Management API reference, *GetCostAndUsage* and *Common
errors*.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import ingest.http
from ingest.http import follow_pages
from ingest.object_errors import CREDENTIAL_CHAIN
from ingest.s3_objects import keep_headers_out_of_logs
from triptych.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ACTION = "ce:GetCostAndUsage"
WHERE = "AWS Cost Explorer (GetCostAndUsage)"
METRICS = ("UnblendedCost", "AmortizedCost", "UsageQuantity")

_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60
_MIXED_UNITS = frozenset({"", "N/A"})
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
class DailyTotal:
    """What one group cost on one day.

    ``keys`` are the values that the groups were asked by. ``quantity`` is ``None``
    where usage of several units was added up.
    """

    start: date
    end: date
    keys: tuple[str, ...]
    unblended_cost: Decimal
    amortized_cost: Decimal
    currency: str
    quantity: Decimal | None
    unit: str | None
    is_estimated: bool


class CostExplorerApi:
    """The one operation that is asked.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    endpoint_url : str, optional
        Address, where it is not AWS's own.
    region : str
        Region that requests are signed for.
    profile : str, optional
        Named profile of the credential chain.
    timeout_seconds : float
        How long to wait for an answer.
    """

    def __init__(
        self,
        *,
        source: str,
        endpoint_url: str | None,
        region: str,
        profile: str | None,
        timeout_seconds: float,
    ) -> None:
        self._source = source
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile = profile
        self._timeout_seconds = timeout_seconds
        self._client: Any = None
        self._lock = threading.Lock()

    def daily_totals(
        self,
        start: date,
        end: date,
        *,
        group_by: Sequence[Mapping[str, str]],
        accounts: Sequence[str] = (),
    ) -> list[DailyTotal]:
        """Return the totals of each day and group from ``start`` up to ``end``.

        A group that comes twice, as when a page is repeated, counts once.

        Raises
        ------
        SourceAccessError
            Credentials are missing or wrong, or lack ``ce:GetCostAndUsage``.
        MalformedDeliveryError
            Pages go in a circle, or say two things about the same group.
        TransientSourceError
            The service did not answer as it should, after several tries.
        """
        found: dict[tuple[date, tuple[str, ...]], DailyTotal] = {}
        asked = {"Granularity": "DAILY", "GroupBy": list(group_by)}
        for period in self._periods(start, end, accounts, asked):
            for group in period.get("Groups", []):
                total = _total(period, group)
                key = (total.start, total.keys)
                if found.setdefault(key, total) != total:
                    raise _contradiction(" / ".join(total.keys), total.start)
        return [found[key] for key in sorted(found)]

    def monthly_states(
        self, start: date, end: date, *, accounts: Sequence[str] = ()
    ) -> dict[date, str]:
        """Return month → text that changes when its totals do; no month without any.

        One request tells for all months which of them have to be read again.
        """
        states: dict[date, str] = {}
        for period in self._periods(start, end, accounts, {"Granularity": "MONTHLY"}):
            month, state = _state(period)
            if states.setdefault(month, state) != state:
                raise _contradiction("the month", month)
        return {month: state for month, state in sorted(states.items()) if state}

    def _periods(
        self, start: date, end: date, accounts: Sequence[str], asked: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "TimePeriod": {"Start": f"{start}", "End": f"{end}"},
            "Metrics": list(METRICS),
            **asked,
        }
        if accounts:
            of_accounts = {"Key": "LINKED_ACCOUNT", "Values": list(accounts)}
            request["Filter"] = {"Dimensions": of_accounts}

        def fetch(token: str | None) -> Mapping[str, Any]:
            page = {} if token is None else {"NextPageToken": token}
            return self._asked({**request, **page})

        pages = follow_pages(
            fetch, lambda page: page.get("NextPageToken") or None, source=self._source
        )
        for page in pages:
            yield from page.get("ResultsByTime", [])

    def _asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask once, or again where waiting helps."""
        for attempt in range(1, _ATTEMPTS + 1):
            wait_seconds = _own_wait_seconds(attempt)
            try:
                answer: Mapping[str, Any] = self._opened().get_cost_and_usage(**request)
            except _failures() as error:
                failure = _translated(error)
                if not failure.is_retryable or attempt == _ATTEMPTS:
                    raise failure from error
                wait_seconds = _asked_wait_seconds(error) or wait_seconds
            else:
                if "ResultsByTime" in answer:
                    return answer
            time.sleep(min(wait_seconds, _LONGEST_WAIT_SECONDS))
        # boto3 takes a body that is cut short, or no JSON, for an empty answer.
        raise TransientSourceError(
            "It answered with something else than totals, several times.",
            where=WHERE,
            next_step="Nothing of it was taken; run again later.",
        )

    def _opened(self) -> Any:  # noqa: ANN401  (boto3 makes its classes when it runs)
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Any:  # noqa: ANN401
        import boto3
        from botocore.config import Config

        keep_headers_out_of_logs()
        session = boto3.Session(profile_name=self._profile, region_name=self._region)
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=self._timeout_seconds,
            read_timeout=self._timeout_seconds,
        )
        # The stubs know the services of the extras that are installed, and no others.
        make: Any = session.client
        return make("ce", endpoint_url=self._endpoint_url, config=config)


def _total(day: Mapping[str, Any], group: Mapping[str, Any]) -> DailyTotal:
    try:
        metrics = group["Metrics"]
        unblended, quantity = metrics["UnblendedCost"], metrics.get("UsageQuantity", {})
        amortized = metrics.get("AmortizedCost", unblended)
        unit = str(quantity.get("Unit", ""))
        is_mixed = unit in _MIXED_UNITS
        return DailyTotal(
            start=date.fromisoformat(day["TimePeriod"]["Start"][:10]),
            end=date.fromisoformat(day["TimePeriod"]["End"][:10]),
            keys=tuple(str(key) for key in group["Keys"]),
            unblended_cost=Decimal(unblended["Amount"]),
            amortized_cost=Decimal(amortized["Amount"]),
            currency=str(unblended["Unit"]),
            quantity=None if is_mixed else Decimal(quantity["Amount"]),
            unit=None if is_mixed else unit,
            is_estimated=bool(day.get("Estimated", False)),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise _unknown_form(error) from error


def _state(period: Mapping[str, Any]) -> tuple[date, str]:
    try:
        month = date.fromisoformat(period["TimePeriod"]["Start"][:10]).replace(day=1)
        amounts = {name: Decimal(m["Amount"]) for name, m in period["Total"].items()}
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise _unknown_form(error) from error
    if not any(amounts.values()):
        return month, ""
    parts = [f"{name} {amount}" for name, amount in sorted(amounts.items())]
    return month, "; ".join([*parts, f"estimated {period.get('Estimated', False)}"])


def _unknown_form(error: Exception) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"An answer has not the form that AWS documents ({error!r}).",
        where=WHERE,
        next_step="What was loaded before stays current.",
    )


def _contradiction(what: str, day: date) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"The pages of one answer give two amounts of {what} on {day}.",
        where=WHERE,
        next_step="What was loaded before stays current; run again later.",
    )


def _failures() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    network = (ConnectionError, TimeoutError, HTTPError)
    return BotoCoreError, ClientError, ResponseParserError, *network, ValueError


def _translated(error: Exception) -> SourceError:
    from botocore.exceptions import ClientError, InvalidRegionError, NoRegionError

    if isinstance(error, ClientError):
        return _service_error(error)
    names = [kind.__name__ for kind in type(error).__mro__]
    if _NOT_AUTHENTICATED & set(names):
        return _bad_credentials(names[0])
    is_setting = isinstance(error, (InvalidRegionError, NoRegionError))
    if is_setting or names[0] in {"ParamValidationError", "ValueError"}:
        return FatalSourceError(
            f"The client does not accept the source's settings ({names[0]}).",
            where=WHERE,
            next_step="Correct 'region', 'accounts' or 'group_by' in triptych.yml.",
        )
    return TransientSourceError(
        f"It could not be reached, or broke off ({names[0]}).",
        where=WHERE,
        next_step="Check the network and 'endpoint_url', then run again.",
    )


def _service_error(error: Any) -> SourceError:  # noqa: ANN401  (a botocore ClientError)
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED or status == HTTPStatus.FORBIDDEN:
        return SourceAccessError(
            f"Access denied: the credentials lack {ACTION} ({code}).",
            where=WHERE,
            next_step=f"Allow {ACTION} on resource * in the reader's IAM policy; a"
            " member account also needs access to Cost Explorer from its payer.",
        )
    if code in _BAD_CREDENTIALS or status == HTTPStatus.UNAUTHORIZED:
        return _bad_credentials(code)
    if code == "DataUnavailableException":
        return FatalSourceError(
            "Cost Explorer has no data of these days (DataUnavailableException).",
            where=WHERE,
            next_step="Turn Cost Explorer on and wait for 24 hours, or correct"
            " 'start_date': it keeps 13 months.",
        )
    is_passing = (
        code in _PASSING
        or status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    kind = TransientSourceError if is_passing else FatalSourceError
    return kind(
        f"It answered {code} ({status}).",
        where=WHERE,
        next_step="It was tried several times; run again later."
        if is_passing
        else "See the error code for what it refuses.",
    )


def _bad_credentials(reason: str) -> SourceAccessError:
    return SourceAccessError(
        f"No valid credentials in {CREDENTIAL_CHAIN}: absent, wrong or expired"
        f" ({reason}).",
        where=WHERE,
        next_step="Sign in again, or correct 'profile' or the environment.",
    )


def _own_wait_seconds(attempt: int) -> float:
    wait_seconds: float = ingest.http.FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
    return wait_seconds


def _asked_wait_seconds(error: Exception) -> float | None:
    """Return how long the service asks to wait, if it does."""
    response = getattr(error, "response", None) or {}
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(headers.get("retry-after", ""))
    return float(asked) if asked.isdecimal() else None


__all__ = ["ACTION", "WHERE", "CostExplorerApi", "DailyTotal"]
