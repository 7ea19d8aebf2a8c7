"""Asks a database through ADBC, which answers in Arrow and keeps every digit.

Source: Apache Arrow Database Connectivity, *Python API*, ``dbapi``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.http.client import secret_from_environment
from ingest.sources.tables.databases.bounds import within_bounds
from ingest.sources.tables.databases.database import not_installed
from ingest.sources.tables.databases.failures import Asked, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from ingest.sources.tables.databases.options import (
        PostgresOptions,
        SnowflakeOptions,
    )


class AdbcDatabase(ABC):
    """Database with an ADBC driver; subclasses set the driver and its setup.

    Parameters
    ----------
    options : PostgresOptions or SnowflakeOptions
        Address, and the bounds.
    where : str
        The source, as messages call it.
    """

    _driver: str
    _package: str
    _account: str

    def __init__(
        self, options: PostgresOptions | SnowflakeOptions, *, where: str
    ) -> None:
        self._options = options
        self._where = where

    def schema(self, sql: str) -> pa.Schema:
        """Return the columns that a query answers, without its rows."""
        none = f"SELECT * FROM ({sql}) AS asked WHERE 1 = 0"
        with self._answer(none) as reader:
            return plain_schema(reader.schema)

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query, never more than the options allow."""
        with self._answer(sql) as reader:
            asked = self._asked(self._address())
            for batch in within_bounds(reader, self._options, asked):
                yield plain_batch(batch)

    def _prepared(self, address: str) -> tuple[str, Mapping[str, str]]:
        """Return the address and options that a connection is opened with."""
        return address, {}

    @abstractmethod
    def _session(self) -> Sequence[str]:
        """Return the statements that make a session read-only, bounded and in UTC."""

    @contextmanager
    def _answer(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa

        address = self._address()
        asked = self._asked(address)
        dbapi = self._dbapi()
        connection = self._connected(dbapi, address, asked)
        try:
            with connection, connection.cursor() as cursor:
                for statement in (*self._session(), sql):
                    cursor.execute(statement)
                yield cursor.fetch_record_batch()
        # Failures while rows arrive are raised by Arrow, as its own errors or the
        # system's.
        except (dbapi.Error, pa.ArrowException, OSError) as error:
            # The cause stays out: it may hold the address.
            raise asked.failed(error) from None

    def _connected(self, dbapi: Any, address: str, asked: Asked) -> Any:  # noqa: ANN401
        uri, options = self._prepared(address)
        try:
            return dbapi.connect(uri, db_kwargs=dict(options), autocommit=True)
        except dbapi.Error as error:
            raise asked.unreachable(error) from None

    def _dbapi(self) -> Any:  # noqa: ANN401
        try:
            return import_module(f"{self._driver}.dbapi")
        except ImportError as error:
            raise not_installed(self._options, self._package, self._where) from error

    def _address(self) -> str:
        return secret_from_environment(
            self._options.connection_variable,
            source=self._where,
            advice=f"Set it to the address of the database: {self._account}",
        )

    def _asked(self, address: str) -> Asked:
        return Asked(
            self._where,
            self._account,
            self._options.timeout_seconds,
            secrets_of(address),
        )


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema without types that only their database knows.

    ADBC hands over a number of PostgreSQL that no Arrow type can hold as text under
    such a type: that text has all of its digits.
    """
    import pyarrow as pa

    return pa.schema(
        pa.field(
            field.name,
            field.type.storage_type if _is_opaque(field.type) else field.type,
        )
        for field in schema
    )


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in the types of :func:`plain_schema`."""
    import pyarrow as pa

    columns = [
        column.storage if _is_opaque(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=plain_schema(batch.schema))


def _is_opaque(type_: pa.DataType) -> bool:
    return getattr(type_, "extension_name", "") == "arrow.opaque"
