"""Decides to which addresses a credential may be sent."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(endpoint: str) -> bool:
    """Return True if ``endpoint`` (host:port or URL) is on this machine.

    Examples
    --------
    >>> is_loopback("http://127.0.0.1:9050"), is_loopback("localhost:9060")
    (True, True)
    >>> is_loopback("https://bigquery.googleapis.com")
    False
    >>> is_loopback("http://127.0.0.1@example.com")
    False
    """
    url = endpoint if "://" in endpoint else f"//{endpoint}"
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe_endpoint(endpoint: str) -> bool:
    """Return True if ``endpoint`` is safe for a credential, or gets none."""
    scheme = urlsplit(endpoint).scheme if "://" in endpoint else "https"
    return scheme == "https" or is_loopback(endpoint)


def bare_address(address: str) -> str:
    """Return ``address`` if it is a server address without credentials.

    For servers that may be asked without a credential: it need not be encrypted, and a
    client that holds a secret still refuses to send that to it.

    Raises
    ------
    ValueError
        It is no URL, or holds credentials, a query or a fragment.
    """
    if not _is_bare(address):
        message = "must be an http or https address without credentials in it"
        raise ValueError(message)
    return address.rstrip("/")


def checked_base_url(address: str) -> str:
    """Return ``address`` if a credential may be sent to it.

    For use in a validator of a source's ``base_url``.

    Raises
    ------
    ValueError
        It is no URL, holds credentials, a query or a fragment, or is not encrypted
        and not on this machine.
    """
    if not (_is_bare(address) and is_safe_endpoint(address)):
        message = "must be https without credentials in it, or on this machine"
        raise ValueError(message)
    return address.rstrip("/")


def _is_bare(address: str) -> bool:
    parts = urlsplit(address)
    has_more = parts.query or parts.fragment or "@" in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_more
