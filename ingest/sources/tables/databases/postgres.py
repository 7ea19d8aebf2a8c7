"""PostgreSQL: in a session that can only read, stopped by the server in time.

Source: PostgreSQL documentation, *Connection Strings*, *Client Connection Defaults*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from ingest.http.addresses import is_loopback
from ingest.sources.tables.databases.adbc import AdbcDatabase
from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCHEMES = frozenset({"postgres", "postgresql"})
_CONNECT_SECONDS = "15"


class Postgres(AdbcDatabase):
    """A PostgreSQL server."""

    _driver = "adbc_driver_postgresql"
    _package = "adbc-driver-postgresql"
    _account = (
        "postgresql://user:password@host:5432/database, of a role that may SELECT"
        " what the query names and nothing else."
    )

    def _prepared(self, address: str) -> tuple[str, Mapping[str, str]]:
        return encrypted(address, where=self._where), {}

    def _session(self) -> Sequence[str]:
        milliseconds = self._options.timeout_seconds * 1_000
        return (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            f"SET statement_timeout = {milliseconds}",
            "SET TIME ZONE 'UTC'",
        )


def encrypted(address: str, *, where: str) -> str:
    """Return an address with a bounded, encrypted connection.

    Settings of either in the address itself are kept. A server on this machine needs no
    encryption.

    Raises
    ------
    SourceAccessError
        It is no address of PostgreSQL; it is not repeated.

    Examples
    --------
    >>> encrypted("postgresql://me@db.example/x?connect_timeout=3", where="source 'x'")
    'postgresql://me@db.example/x?connect_timeout=3&sslmode=require'
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket in the password, which its message would quote
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES:
        raise SourceAccessError(
            "The address of the database does not begin with postgresql://.",
            where=where,
            next_step="Write it as postgresql://user:password@host:5432/database;"
            " special characters of the password as %40 and their like.",
        )
    # PostgreSQL takes a plus sign for itself, and prefers a host in the options.
    query = parts.query.replace("+", "%2B")
    options = dict(parse_qsl(query, keep_blank_values=True))
    options.setdefault("connect_timeout", _CONNECT_SECONDS)
    host = options.get("hostaddr") or options.get("host") or parts.hostname or ""
    if host and not host.startswith("/") and not is_loopback(f"http://{host}"):
        options.setdefault("sslmode", "require")
    return urlunsplit(parts._replace(query=urlencode(options, quote_via=quote)))
