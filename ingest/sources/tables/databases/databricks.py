"""A SQL warehouse of Databricks: a session in UTC that Databricks stops in time.

Databricks has no read-only sessions: grants on the catalogue decide the rights of a
token.

Source: Databricks documentation, *Databricks SQL Connector for Python*,
*STATEMENT_TIMEOUT*.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ingest.http.client import secret_from_environment
from ingest.sources.tables.databases.bounds import within_bounds
from ingest.sources.tables.databases.database import not_installed
from ingest.sources.tables.databases.failures import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from ingest.sources.tables.databases.options import DatabricksOptions

_ROWS_PER_BATCH = 50_000
_CONNECT_SECONDS = 60
#: The driver tries 30 times and for a quarter of an hour unless it is stopped.
_MOST_TRIES = 4


class Databricks:
    """A SQL warehouse of Databricks.

    Parameters
    ----------
    options : DatabricksOptions
        Warehouse, and the bounds.
    where : str
        The source, as messages call it.
    """

    def __init__(self, options: DatabricksOptions, *, where: str) -> None:
        self._options = options
        self._where = where

    def schema(self, sql: str) -> pa.Schema:
        """Return the columns that a query answers, without its rows."""
        none = f"SELECT * FROM ({sql}) AS asked WHERE 1 = 0"
        with self._answer(none) as cursor:
            schema: pa.Schema = cursor.fetchall_arrow().schema
            return schema

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query, never more than the options allow."""
        with self._answer(sql) as cursor:
            asked = self._asked(self._token())
            yield from within_bounds(_batches(cursor), self._options, asked)

    @contextmanager
    def _answer(self, sql: str) -> Iterator[Any]:
        token = self._token()
        asked = self._asked(token)
        client = self._client()
        # Errors of its transport reach us unchanged.
        from urllib3.exceptions import HTTPError

        try:
            connection = client.connect(
                server_hostname=self._options.host,
                http_path=self._options.http_path,
                access_token=token,
                session_configuration={
                    "STATEMENT_TIMEOUT": str(self._options.timeout_seconds),
                    "TIMEZONE": "UTC",
                },
                _socket_timeout=_CONNECT_SECONDS,
                _retry_stop_after_attempts_count=_MOST_TRIES,
                _retry_stop_after_attempts_duration=_CONNECT_SECONDS,
                enable_telemetry=False,
            )
        except (client.Error, HTTPError, OSError) as error:
            raise asked.unreachable(error) from None
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                yield cursor
        except (client.Error, HTTPError, OSError) as error:
            raise asked.failed(error) from None

    def _client(self) -> Any:  # noqa: ANN401
        try:
            from databricks import sql
        except ImportError as error:
            package = "databricks-sql-connector"
            raise not_installed(self._options, package, self._where) from error
        return sql

    def _token(self) -> str:
        return secret_from_environment(
            self._options.connection_variable,
            source=self._where,
            advice="Set it to an access token of a service principal with CAN USE on"
            " the warehouse and SELECT on what the query names.",
        )

    def _asked(self, token: str) -> Asked:
        account = (
            "Grant CAN USE on the SQL warehouse, and USE CATALOG, USE SCHEMA and"
            " SELECT on what the query names."
        )
        return Asked(self._where, account, self._options.timeout_seconds, (token,))


def _batches(cursor: Any) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    while (table := cursor.fetchmany_arrow(_ROWS_PER_BATCH)).num_rows:
        yield from table.to_batches()
