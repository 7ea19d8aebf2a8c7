"""Snowflake: a session in UTC that Snowflake itself stops in time.

Snowflake has no read-only sessions: the role of the address decides its rights.

Source: ADBC, *Snowflake Driver*; Snowflake documentation, *Parameters*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.tables.databases.adbc import AdbcDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence


class Snowflake(AdbcDatabase):
    """An account of Snowflake."""

    _driver = "adbc_driver_snowflake"
    _package = "adbc-driver-snowflake"
    _account = (
        "user:password@account/database/schema?warehouse=W&role=R, of a role with"
        " USAGE on database, schema and warehouse and SELECT on what the query names."
    )

    def _session(self) -> Sequence[str]:
        seconds = self._options.timeout_seconds
        return (
            f"ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}",
            "ALTER SESSION SET TIMEZONE = 'UTC'",
        )
