"""Reports of a run: ``log``, ``health``, ``metrics`` and ``webhook``."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from triptych.core.declared import Declared
from triptych.core.settings.names import Name

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
WebhookEvent = Literal[
    "run_failed", "month_not_reconciled", "month_over_budget", "month_closed"
]


def is_loopback_host(host: str) -> bool:
    """Return True if a host name or address is only this machine.

    Examples
    --------
    >>> is_loopback_host("127.0.0.1"), is_loopback_host("::1")
    (True, True)
    >>> is_loopback_host("0.0.0.0"), is_loopback_host("localhost.example.com")
    (False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe_address(address: str) -> bool:
    """Return True if secrets may go to ``address``: https, or this machine.

    Examples
    --------
    >>> is_safe_address("https://hooks.example.com/triptych")
    True
    >>> is_safe_address("http://hooks.example.com"), is_safe_address("//example.com")
    (False, False)
    """
    parts = urlsplit(address)
    if not parts.hostname or parts.username or parts.password:
        return False
    is_here = parts.scheme == "http" and is_loopback_host(parts.hostname)
    return parts.scheme == "https" or is_here


def _is_safe(address: str) -> str:
    if is_safe_address(address):
        return address
    message = (
        f"{address!r} must begin with https:// (http:// only on this machine), and"
        " hold no password"
    )
    raise ValueError(message)


SafeAddress = Annotated[str, AfterValidator(_is_safe)]


class LogSettings(Declared):
    """Format of progress and failures on standard error."""

    format: Literal["text", "json"] = "text"


class HealthSettings(Declared):
    """Maximum age of published data before ``triptych health`` is stale."""

    max_age_hours: Annotated[float, Field(gt=0, le=24 * 366)] = 26


class MetricsSettings(Declared):
    """File for each run's Prometheus metrics; none are written without it."""

    textfile: Name | None = None


class WebhookSettings(Declared):
    """Webhook for a run's failures; nobody is notified without an address.

    ``key_variable`` names the environment variable that holds the secret which each
    message is signed with.
    """

    url: SafeAddress | None = None
    key_variable: Variable = "TRIPTYCH_WEBHOOK_KEY"
    events: tuple[WebhookEvent, ...] = get_args(WebhookEvent)
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
