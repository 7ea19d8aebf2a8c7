"""Reads the published warehouse without ever blocking, or being blocked by, a run.

A publish writes a new file and then moves the pointer ``warehouse/CURRENT``; a file
name is never used twice. A reader therefore attaches the file that the pointer names,
read-only, and looks at the pointer again for the next question. The answers of a
:class:`Snapshot` always come from the same run.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.lake.in_place import FileInPlace, first_difference, refusal_in
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse.published_checksum import difference, has_checksum
from triptych.core.warehouse.published_file import (
    ATTACHED_AS,
    answer,
    attach_published,
    has_table,
)
from triptych.core.warehouse.source_rows import (
    LINE_ITEMS,
    STREAMS_OF_FINANCE,
    STREAMS_OF_PEOPLE,
    tables_asked_for,
    without_people,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from triptych.core.warehouse.published_file import Parameters

_COLUMN_TYPES = """
SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()
WHERE database_name IN ('published', 'memory') AND NOT internal
"""


class NothingPublishedError(TriptychError):
    """No run has been published in this workspace yet."""

    exit_code = 2


class PublishedFileError(TriptychError):
    """The pointer names a file that is missing or cannot be opened."""


class LineItemsOutOfReachError(TriptychError):
    """The evidence behind a figure is unreadable here; the figure is valid."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The published marts of a run.

    A held snapshot keeps its data readable even after a later run is published and the
    file itself is removed.
    """

    run_id: str
    path: Path
    _connection: duckdb.DuckDBPyConnection
    _lineage: _Lineage

    def query(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Answer a query over the public schemas (``core``, ``cost``, …).

        Parameters
        ----------
        sql : str
            DuckDB SQL, a single statement that reads: any other raises.
        parameters : sequence or mapping, optional
            Values for ``?`` or ``$name`` placeholders.

        Returns
        -------
        pyarrow.Table
            DECIMAL stays decimal.

        Raises
        ------
        duckdb.Error
            The query is not valid.
        """
        return _fetch(self._connection, sql, parameters)

    def column_types(self) -> dict[tuple[str, str], str]:
        """Return the type of each column that can be queried, by mart and name."""
        rows = self._connection.cursor().execute(_COLUMN_TYPES).fetchall()
        visible = set(self.tables())
        return {
            (f"{schema}.{table}", column): data_type
            for schema, table, column, data_type in rows
            if f"{schema}.{table}" in visible
        }

    @property
    def viewed_as(self) -> str:
        """Part of the key of anything cached from this snapshot: all of it."""
        return ""

    @property
    def has_line_items(self) -> bool:
        """Return True if the user may query line items."""
        return True

    @property
    def inputs_hash(self) -> str:
        """Of the evidence, rules and locks behind this run; empty where unknown."""
        try:
            rows = self.query("SELECT inputs_hash FROM lineage.inputs").to_pylist()
        except duckdb.CatalogException:
            return ""  # published before this was written down
        return str(rows[0]["inputs_hash"])

    @property
    def journal_head(self) -> str:
        """Hash of the audit log as the run found it; empty where unknown."""
        try:
            rows = self.query("FROM lineage.inputs").to_pylist()
        except duckdb.CatalogException:
            return ""  # published before this was written down
        return str(rows[0].get("journal_head") or "")

    def query_line_items(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Answer a query over the view ``line_items`` and marts, ``published.…``.

        The view reads the very evidence files that this run was built from, through
        the very models that assigned them, so a drill-down adds up to its figure.

        Raises
        ------
        LineItemsOutOfReachError
            Evidence in place lies in a bucket, or was changed since the run.
        duckdb.Error
            The query is not valid, or names something else.
        """
        connection = self._lineage.connection()
        for table in tables_asked_for(connection.cursor(), sql):
            if not self._shows_beside_line_items(table):
                raise duckdb.CatalogException(f"There is no table {table} here.")
        return self._read_evidence(sql, parameters)

    def tables(self) -> tuple[str, ...]:
        """Return the marts that can be asked for, such as ``core.mart_run``."""
        rows = self._connection.cursor().execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
            " WHERE database_name = ? AND schema_name <> 'lineage' ORDER BY 1",
            [ATTACHED_AS],
        )
        return tuple(name for (name,) in rows.fetchall())

    def digest_of_input(self, tables: Sequence[str]) -> str | None:
        """Return the SHA-256 of the run inputs, by control tables of that name.

        For every viewer, it is that of all rows: a digest shows none. None where the
        run has none of the tables.
        """
        cursor = self._connection.cursor()
        content = []
        for table in tables:
            try:
                relation = cursor.sql(f"FROM {self._whole}.lineage.control_{table}")
            except duckdb.CatalogException:
                continue  # published before there was one
            rows: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
            content.append((table, sorted(rows, key=_as_json)))
        if not content:
            return None
        return hashlib.sha256(_as_json(content).encode()).hexdigest()

    @property
    def _whole(self) -> str:
        """Alias of the database that has everything."""
        return ATTACHED_AS

    def shows_rows_of(self, stream: str) -> bool:
        """Return True if rows of a stream of evidence may be viewed."""
        return stream in STREAMS_OF_FINANCE and stream not in STREAMS_OF_PEOPLE

    def evidence_rows(
        self, stream: str, load_ids: Sequence[str], *, limit: int
    ) -> pa.Table:
        """Return the first rows of a stream as loads brought them, with their file.

        Raises
        ------
        LineItemsOutOfReachError
            They may not be looked at, lie in a bucket, or were changed since the run.
        """
        if not self.shows_rows_of(stream):
            raise LineItemsOutOfReachError(
                f"Rows of {stream} are not shown{self._to_whom()}.",
                next_step="Read its marts: they have groups of enough people.",
            )
        name = stream.replace('"', '""')
        rows = self._read_evidence(
            f'SELECT * FROM raw.evidence."{name}"'
            " WHERE list_contains($loads, _load_id) LIMIT $limit",
            {"loads": list(load_ids), "limit": limit},
        )
        return without_people(rows)

    def _shows_beside_line_items(self, table: str) -> bool:
        return table == LINE_ITEMS or table.startswith(f"{ATTACHED_AS}.")

    def _to_whom(self) -> str:
        return ""

    def _read_evidence(self, sql: str, parameters: Parameters) -> pa.Table:
        connection = self._lineage.connection()
        _refuse_changed(connection)
        try:
            return _fetch(connection, sql, parameters)
        except duckdb.InvalidInputException as error:
            refusal = refusal_in(str(error))
            if refusal is None:
                raise
            raise LineItemsOutOfReachError(
                refusal,
                next_step="To see its line items here, set 'in_place: false' and run.",
            ) from error


class _Lineage:
    """Opens the views behind the marts on first use.

    The published file stores their SQL in order (``lineage.views``); they are
    created again in in-memory databases that carry the original names.
    """

    def __init__(self, path: Path, workspace_root: Path) -> None:
        self._path = path
        self._root = workspace_root
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def connection(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            return self._connection

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = attach_published(self._path, self._root, reads_evidence=True)
        views = connection.execute(
            "SELECT database_name, schema_name, view_name, sql"
            f" FROM {ATTACHED_AS}.lineage.views ORDER BY position"
        ).fetchall()
        for database in dict.fromkeys(row[0] for row in views):
            connection.execute(f"ATTACH ':memory:' AS \"{database}\"")
        for database, schema, name, sql in views:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}"."{schema}"')
            connection.execute(f'CREATE VIEW "{database}"."{schema}"."{name}" AS {sql}')
        _create_other_evidence(connection)
        connection.execute(
            "CREATE VIEW memory.main.line_items AS"
            " SELECT * FROM build.intermediate.int_line_items"
        )
        return connection


class PublishedReader:
    """Hands out snapshots of whichever run is current.

    Parameters
    ----------
    workspace_root : Path
        The folder that holds ``warehouse/``.
    """

    def __init__(self, workspace_root: Path) -> None:
        self._root = workspace_root.resolve()
        self._warehouse = self._root / "warehouse"
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None

    def current_path(self) -> Path:
        """Return the file that the pointer names now.

        Raises
        ------
        NothingPublishedError
            There is no pointer.
        PublishedFileError
            It is damaged.
        """
        pointer = self._warehouse / "CURRENT"
        try:
            name = pointer.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise NothingPublishedError(
                "Nothing has been published in this workspace yet.",
                where=str(self._root),
                next_step='Run "triptych run" first.',
            ) from None
        except UnicodeDecodeError:
            raise PublishedFileError(
                "Which run is published cannot be read.",
                where=str(pointer),
                next_step='Run "triptych build" to publish the figures again.',
            ) from None
        return self._warehouse / name

    def snapshot(self) -> Snapshot:
        """Return the current run; the same object until the pointer moves.

        Raises
        ------
        NothingPublishedError
            No run has been published.
        PublishedFileError
            The published file is missing, damaged or differs from its publication.
        """
        with self._lock:
            path = self.current_path()
            if self._latest is None or self._latest.path != path:
                self._latest = self._open_current(path)
            refuse_edited(path, self._root)
            return self._latest

    def _open_current(self, path: Path) -> Snapshot:
        # Retention may remove a file between reading the pointer and opening it,
        # if a run is published in that moment; the pointer then names another.
        for candidate in self._paths_until_stable(path):
            refuse_edited(candidate, self._root)
            try:
                return _open_snapshot(candidate, self._root)
            except duckdb.Error as error:
                problem = error
                failed = candidate
        raise PublishedFileError(
            f"The published warehouse cannot be opened: {problem}",
            where=str(failed),
            next_step='Run "triptych build" to publish it again.',
        )

    def _paths_until_stable(self, path: Path) -> Iterator[Path]:
        yield path
        for _ in range(3):
            latest = self.current_path()
            if latest == path:
                return
            path = latest
            yield path


def refuse_edited(path: Path, root: Path) -> None:
    """Raise if a published file was edited since its publication.

    Raises
    ------
    PublishedFileError
        Its checksum, or the seal of that, does not fit.
    """
    problem = difference(path, root)
    if problem is not None:
        raise PublishedFileError(
            f"What is published is not shown. {problem}",
            where=str(path),
            next_step='Run "triptych build" to publish the figures again.',
        )


def _as_json(content: object) -> str:
    return json.dumps(content, default=str, sort_keys=True)


def _open_snapshot(path: Path, root: Path) -> Snapshot:
    connection = attach_published(path, root)
    return Snapshot(path.stem, path, connection, _Lineage(path, root))


@dataclass(frozen=True, slots=True)
class PublishedFingerprint:
    """The published file, and its inputs as a single text."""

    path: Path
    value: str


def published_fingerprint(root: Path) -> PublishedFingerprint | None:
    """Return the published fingerprint; None if it cannot be read."""
    try:
        path = PublishedReader(root).current_path()
        refuse_edited(path, root)
        if not has_checksum(path, root):
            return None  # published again, with one
        with database_in_spare_engine(path, read_only=True) as file:
            row = file.execute("SELECT fingerprint FROM lineage.inputs").fetchone()
    except (NothingPublishedError, PublishedFileError, duckdb.Error):
        return None
    return PublishedFingerprint(path, str(row[0])) if row and row[0] else None


def _create_other_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the views over evidence that the ledger is not made of, where kept."""
    try:
        kept = connection.execute(
            f"SELECT stream, sql FROM {ATTACHED_AS}.lineage.evidence WHERE stream NOT"
            f" IN (SELECT view_name FROM {ATTACHED_AS}.lineage.views"
            "  WHERE schema_name = 'evidence')"
        ).fetchall()
    except duckdb.CatalogException:
        return  # published before they were kept
    for stream, sql in kept:
        body = str(sql).split(" AS ", 1)[1].rstrip().rstrip(";")
        connection.execute(f'CREATE VIEW raw.evidence."{stream}" AS {body}')


def _refuse_changed(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a drill-down into files that changed since the run read them."""
    cursor = connection.cursor()
    if not has_table(cursor, ATTACHED_AS, "lineage", "files_in_place"):
        return  # Published before evidence could stay in place.
    rows = cursor.execute(
        f"SELECT uri, byte_count, version, checksum"
        f" FROM {ATTACHED_AS}.lineage.files_in_place ORDER BY uri"
    ).fetchall()
    difference = first_difference(FileInPlace(*row) for row in rows)
    if difference is not None:
        file, reason = difference
        raise LineItemsOutOfReachError(
            f"The file {reason} since this run read it in place: its line items would"
            " not add up to the figures.",
            where=file.uri,
            next_step='Run "triptych run".',
        )


def _fetch(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters
) -> pa.Table:
    # A cursor per query: an unread result would block the connection for others.
    cursor = connection.cursor()
    cursor.execute(f"SET search_path = '{ATTACHED_AS}.main,memory.main'")
    return answer(cursor, sql, parameters)
