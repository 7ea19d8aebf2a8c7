"""The catalogue of evidence: which loads there are, which of them count, and why.

``raw.duckdb`` holds two schemas. ``catalogue`` has the loads, their totals by
billing month, the quarantine, the sources and an audit log chained by hash.
``evidence`` has one typed view per stream over an explicit list of files: those
of the current loads. Nothing is ever found by a glob, so a file that a crash left
behind is invisible.

A load becomes current in one transaction, together with the views and the audit
entry; before that transaction nothing of it exists for a reader.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import duckdb

from triptych.errors import RunLockedError
from triptych.warehouse import audit_log
from triptych.warehouse.in_place import (
    CataloguedFile,
    FileInPlace,
    current_files_in_place,
    in_bucket_refusal,
    is_in_bucket,
    is_in_place,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from triptych.warehouse.audit_log import AuditEntry

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS catalogue;
CREATE SCHEMA IF NOT EXISTS evidence;
CREATE TABLE IF NOT EXISTS catalogue.loads (
    load_id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('current', 'superseded')),
    fingerprint VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    files VARCHAR[] NOT NULL,
    origins VARCHAR[] NOT NULL,
    checksums VARCHAR[] NOT NULL,
    byte_count BIGINT NOT NULL,
    projections VARCHAR[] NOT NULL,
    signatures VARCHAR[] NOT NULL,
    absent_columns VARCHAR[] NOT NULL,
    row_count BIGINT NOT NULL,
    quarantined_row_count BIGINT NOT NULL,
    loaded_at TIMESTAMP NOT NULL,
    superseded_by VARCHAR,
    superseded_at TIMESTAMP,
    spark_projections VARCHAR[] NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.files_in_place (
    load_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    byte_count BIGINT NOT NULL,
    version VARCHAR NOT NULL,
    checksum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.files_at_rest (
    load_id VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    byte_count BIGINT NOT NULL,
    checksum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.load_totals (
    load_id VARCHAR NOT NULL,
    billing_month VARCHAR NOT NULL,
    currency VARCHAR,
    row_count BIGINT NOT NULL,
    first_amount DECIMAL(38, 18),
    second_amount DECIMAL(38, 18)
);
CREATE TABLE IF NOT EXISTS catalogue.quarantine (
    load_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    row_number BIGINT,
    reason VARCHAR NOT NULL,
    row_content VARCHAR,
    quarantined_at TIMESTAMP NOT NULL,
    billing_month VARCHAR,
    subject VARCHAR,
    is_charge BOOLEAN
);
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS billing_month VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS subject VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS is_charge BOOLEAN;
CREATE TABLE IF NOT EXISTS catalogue.sources (
    source VARCHAR PRIMARY KEY,
    source_type VARCHAR NOT NULL,
    streams VARCHAR[] NOT NULL,
    expected_lag_hours BIGINT NOT NULL,
    last_attempt_at TIMESTAMP NOT NULL,
    last_success_at TIMESTAMP,
    last_error VARCHAR
);
"""

_LOCK_WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class LoadTotal:
    """What a load holds for one billing month and currency."""

    billing_month: str
    currency: str | None
    row_count: int
    amounts: tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was refused, whole, with the reason and the place it came from.

    ``is_charge`` tells whether it would have been a charge; then ``billing_month`` and
    ``subject`` (what it is for) are known where they could be read.
    """

    origin: str
    row_number: int | None
    reason: str
    row_content: str
    billing_month: str | None = None
    subject: str | None = None
    is_charge: bool = False


@dataclass(frozen=True, slots=True)
class FileAtRest:
    """A file of the lake as it was written: path below the workspace, SHA-256 [hex].

    A delivery's own checksum is of what was delivered, which a text file no longer is
    once it rests as Parquet.
    """

    file: str
    byte_count: int
    checksum: str


@dataclass(frozen=True, slots=True)
class NewLoad:
    """Everything a commit records about a load; see ``catalogue.loads``.

    ``files`` are paths below the workspace, or the addresses of ``files_in_place``.
    """

    load_id: str
    run_id: str
    stream: str
    source: str
    scope: str
    period: str
    fingerprint: str
    label: str
    files: tuple[str, ...]
    origins: tuple[str, ...]
    checksums: tuple[str, ...]
    byte_count: int
    projections: tuple[str, ...]
    spark_projections: tuple[str, ...]
    signatures: tuple[str, ...]
    absent_columns: tuple[str, ...]
    row_count: int
    quarantined: tuple[QuarantinedRow, ...]
    totals: tuple[LoadTotal, ...]
    files_in_place: tuple[FileInPlace, ...] = ()
    files_at_rest: tuple[FileAtRest, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamView:
    """Name and typed columns of a stream, for its evidence view."""

    name: str
    columns: tuple[tuple[str, str], ...]


class Catalogue:
    """The open catalogue of one workspace. One process writes at a time.

    Parameters
    ----------
    path : Path
        ``raw.duckdb`` of the workspace; created when absent.
    root : Path
        Workspace folder; file lists are relative to it.
    streams : sequence of StreamView
        Streams that get a view, whether or not anything was loaded.
    """

    def __init__(
        self, path: Path, *, root: Path, streams: Sequence[StreamView]
    ) -> None:
        self._connection = connect(path, root=root)
        self._streams = {view.name: view for view in streams}
        self._connection.execute(_SCHEMA)
        self._connection.execute(audit_log.SCHEMA)
        self._create_missing_views()

    def close(self) -> None:
        """Close the database and let readers in."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def current_fingerprints(self, *, source: str) -> dict[tuple[str, str], str]:
        """Return the fingerprint of each current load by (stream, scope)."""
        rows = self._connection.execute(
            "SELECT stream, scope, fingerprint FROM catalogue.loads"
            " WHERE status = 'current' AND source = ?",
            [source],
        ).fetchall()
        return {(stream, scope): fingerprint for stream, scope, fingerprint in rows}

    def has_same_content(
        self,
        *,
        source: str,
        stream: str,
        scope: str,
        checksums: Sequence[str],
        projection: str,
        files_in_place: Sequence[FileInPlace] = (),
    ) -> bool:
        """Tell whether the current load of a scope holds these bytes, read alike.

        The same bytes in another place are another load: a copy is not what rests
        in the bucket.
        """
        row = self._connection.execute(
            "SELECT load_id FROM catalogue.loads WHERE status = 'current'"
            " AND source = ? AND stream = ? AND scope = ? AND checksums = ?"
            " AND array_to_string(projections, chr(10)) = ? AND fingerprint <> ''",
            [source, stream, scope, list(checksums), projection],
        ).fetchone()
        if row is None:
            return False
        uris = self._connection.execute(
            "SELECT uri FROM catalogue.files_in_place WHERE load_id = ?", [row[0]]
        ).fetchall()
        return {uri for (uri,) in uris} == {file.uri for file in files_in_place}

    def renew_fingerprint(
        self,
        *,
        source: str,
        stream: str,
        scope: str,
        fingerprint: str,
        files_in_place: Sequence[FileInPlace] = (),
    ) -> None:
        """Remember that the same content was offered under a new fingerprint."""
        with self._transaction():
            renewed = self._connection.execute(
                "UPDATE catalogue.loads SET fingerprint = ? WHERE status = 'current'"
                " AND source = ? AND stream = ? AND scope = ? RETURNING load_id",
                [fingerprint, source, stream, scope],
            ).fetchall()
            for (load_id,) in renewed:
                self._connection.execute(
                    "DELETE FROM catalogue.files_in_place WHERE load_id = ?", [load_id]
                )
                self._insert_files_in_place(load_id, files_in_place)

    def current_row_count(self, *, source: str, stream: str, scope: str) -> int:
        """Return how many rows the current load of a scope holds; 0 without one."""
        row = self._connection.execute(
            "SELECT coalesce(sum(row_count), 0) FROM catalogue.loads"
            " WHERE status = 'current' AND source = ? AND stream = ? AND scope = ?",
            [source, stream, scope],
        ).fetchone()
        return int(row[0]) if row else 0

    def find_duplicate(
        self, *, source: str, stream: str, scope: str, checksums: Sequence[str]
    ) -> str | None:
        """Return the label of a current load with the same content, other scope."""
        row = self._connection.execute(
            "SELECT label FROM catalogue.loads WHERE status = 'current'"
            " AND source = ? AND stream = ? AND scope <> ? AND checksums = ?",
            [source, stream, scope, list(checksums)],
        ).fetchone()
        return None if row is None else str(row[0])

    def known_load_ids(self) -> set[str]:
        """Return the ids of all loads ever committed."""
        rows = self._connection.execute("SELECT load_id FROM catalogue.loads")
        return {str(row[0]) for row in rows.fetchall()}

    def files_in_place(self) -> list[CataloguedFile]:
        """Return the files of current loads that are not copied into the lake."""
        return current_files_in_place(self._connection)

    def commit(self, load: NewLoad) -> None:
        """Make ``load`` current and supersede its predecessor, in one transaction."""
        with self._transaction():
            self._put(load)

    def commit_together(
        self, loads: Sequence[NewLoad], *, event: str, detail: Mapping[str, object]
    ) -> AuditEntry:
        """Make several loads current and record why, all in one transaction."""
        with self._transaction():
            for load in loads:
                self._put(load)
            return audit_log.append(self._connection, event, detail)

    def _put(self, load: NewLoad) -> None:
        self._supersede(load)
        self._insert_load(load)
        self._insert_files_in_place(load.load_id, load.files_in_place)
        self._insert_files_at_rest(load)
        self._insert_totals(load)
        self._insert_quarantine(load)
        self._replace_view(load.stream)
        audit_log.append(
            self._connection,
            "load_committed",
            {
                "load_id": load.load_id,
                "source": load.source,
                "stream": load.stream,
                "scope": load.scope,
                "row_count": load.row_count,
                "quarantined_row_count": len(load.quarantined),
                "checksums": list(load.checksums),
            },
        )

    def record_source(
        self,
        *,
        source: str,
        source_type: str,
        streams: Sequence[str],
        expected_lag_hours: int,
        error: str | None,
    ) -> None:
        """Remember when a source was last tried, and how that ended."""
        succeeded_at = None if error else _now()
        self._connection.execute(
            "INSERT INTO catalogue.sources VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (source) DO UPDATE SET source_type = excluded.source_type,"
            " streams = excluded.streams,"
            " expected_lag_hours = excluded.expected_lag_hours,"
            " last_attempt_at = excluded.last_attempt_at,"
            " last_success_at ="
            " coalesce(excluded.last_success_at, sources.last_success_at),"
            " last_error = excluded.last_error",
            [
                source,
                source_type,
                list(streams),
                expected_lag_hours,
                _now(),
                succeeded_at,
                error,
            ],
        )

    def forget_quarantined_fingerprints(self, *, source: str | None = None) -> int:
        """Mark current loads that have quarantined rows to be read again.

        Returns
        -------
        int
            How many loads the next ingest will read anew.
        """
        rows = self._connection.execute(
            "UPDATE catalogue.loads SET fingerprint = ''"
            " WHERE status = 'current' AND quarantined_row_count > 0"
            " AND (? IS NULL OR source = ?) RETURNING load_id",
            [source, source],
        ).fetchall()
        return len(rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _supersede(self, load: NewLoad) -> None:
        self._connection.execute(
            "UPDATE catalogue.loads SET status = 'superseded', superseded_by = ?,"
            " superseded_at = ? WHERE status = 'current'"
            " AND source = ? AND stream = ? AND scope = ?",
            [load.load_id, _now(), load.source, load.stream, load.scope],
        )

    def _insert_load(self, load: NewLoad) -> None:
        values = [
            load.load_id,
            load.run_id,
            load.stream,
            load.source,
            load.scope,
            load.period,
            "current",
            load.fingerprint,
            load.label,
            list(load.files),
            list(load.origins),
            list(load.checksums),
            load.byte_count,
            list(load.projections),
            list(load.signatures),
            list(load.absent_columns),
            load.row_count,
            len(load.quarantined),
            _now(),
            None,
            None,
            list(load.spark_projections),
        ]
        marks = ", ".join("?" for _ in values)
        self._connection.execute(
            f"INSERT INTO catalogue.loads VALUES ({marks})", values
        )

    def _insert_files_in_place(
        self, load_id: str, files: Sequence[FileInPlace]
    ) -> None:
        for file in files:
            self._connection.execute(
                "INSERT INTO catalogue.files_in_place VALUES (?, ?, ?, ?, ?)",
                [load_id, file.uri, file.byte_count, file.version, file.checksum],
            )

    def _insert_files_at_rest(self, load: NewLoad) -> None:
        for file in load.files_at_rest:
            self._connection.execute(
                "INSERT INTO catalogue.files_at_rest VALUES (?, ?, ?, ?)",
                [load.load_id, file.file, file.byte_count, file.checksum],
            )

    def _insert_totals(self, load: NewLoad) -> None:
        for total in load.totals:
            self._connection.execute(
                "INSERT INTO catalogue.load_totals VALUES (?, ?, ?, ?, ?, ?)",
                [
                    load.load_id,
                    total.billing_month,
                    total.currency,
                    total.row_count,
                    *total.amounts,
                ],
            )

    def _insert_quarantine(self, load: NewLoad) -> None:
        if not load.quarantined:
            return
        self._connection.executemany(
            "INSERT INTO catalogue.quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    load.load_id,
                    load.source,
                    load.stream,
                    row.origin,
                    row.row_number,
                    row.reason,
                    row.row_content,
                    _now(),
                    row.billing_month,
                    row.subject,
                    row.is_charge,
                ]
                for row in load.quarantined
            ],
        )

    def _create_missing_views(self) -> None:
        existing: dict[str, set[str]] = defaultdict(set)
        for name, column in self._connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns()"
            " WHERE schema_name = 'evidence'"
        ).fetchall():
            existing[name].add(column)
        with self._transaction():
            for name, stream in self._streams.items():
                wanted = {column for column, _ in stream.columns}
                if name not in existing or not wanted <= existing[name]:
                    self._replace_view(name)

    def _replace_view(self, stream: str) -> None:
        body = self._view_body(self._streams[stream])
        self._connection.execute(
            f'CREATE OR REPLACE VIEW evidence."{stream}" AS {body}'
        )

    def _view_body(self, view: StreamView) -> str:
        loads = self._connection.execute(
            "SELECT source, load_id, unnest(projections), unnest(signatures),"
            " unnest(files) FROM catalogue.loads"
            " WHERE status = 'current' AND stream = ? AND row_count > 0"
            " ORDER BY source, load_id",
            [view.name],
        ).fetchall()
        groups: dict[tuple[str, str | None, str, str], list[str]] = defaultdict(list)
        for source, load_id, projection, signature, file in loads:
            # The folder of a copied file names its load, that of another does not.
            load = load_id if is_in_place(file) else None
            groups[source, load, projection, signature].append(file)
        if not groups:
            return _empty_select(view)
        return " UNION ALL ".join(
            _group_select(view, source, load, projection, files)
            for (source, load, projection, _), files in groups.items()
        )


def _empty_select(view: StreamView) -> str:
    columns = [f'CAST(NULL AS {type_}) AS "{name}"' for name, type_ in view.columns]
    columns += [
        "CAST(NULL AS VARCHAR) AS _source",
        "CAST(NULL AS VARCHAR) AS _load_id",
        "CAST(NULL AS VARCHAR) AS _source_uri",
    ]
    return f"SELECT {', '.join(columns)} WHERE false"


def _group_select(
    view: StreamView,
    source: str,
    load_id: str | None,
    projection: str,
    files: Sequence[str],
) -> str:
    if is_in_bucket(files[0]):
        return _refusing_select(view, source)
    known = {name for name, _ in view.columns}
    items = {
        name: item for name, item in json.loads(projection).items() if name in known
    }
    columns = [
        f'{items.get(name, f"CAST(NULL AS {type_})")} AS "{name}"'
        for name, type_ in view.columns
    ]
    load = "parse_path(filename)[-2]" if load_id is None else _literal(load_id)
    columns += [
        f"{_literal(source)} AS _source",
        f"{load} AS _load_id",
        "filename AS _source_uri",
    ]
    listed = ", ".join(_literal(file) for file in files)
    return (
        f"SELECT {', '.join(columns)} FROM read_parquet([{listed}],"
        " filename = true, hive_partitioning = false)"
    )


def _refusing_select(view: StreamView, source: str) -> str:
    """Return rows that cannot be read: whoever asks is told, and gets no half.

    Each column refuses, because a NULL would let a filter discard the branch unread.
    """
    refusal = f"error({_literal(in_bucket_refusal(source))})"
    columns = [
        f'CAST({refusal} AS {type_}) AS "{name}"' for name, type_ in view.columns
    ]
    columns += [
        f"{_literal(source)} AS _source",
        f"CAST({refusal} AS VARCHAR) AS _load_id",
        f"CAST({refusal} AS VARCHAR) AS _source_uri",
    ]
    return f"SELECT {', '.join(columns)} FROM range(1) WHERE {refusal}"


def connect(
    path: Path, *, root: Path, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open ``raw.duckdb``, waiting a little while another process holds it.

    Parameters
    ----------
    path : Path
        The database file.
    root : Path
        Workspace folder, which relative file names in the views refer to.
    read_only : bool
        Open for reading only.

    Raises
    ------
    RunLockedError
        Another process kept the file for longer than a commit takes.
    """
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise RunLockedError(
                    "Another process is writing the catalogue.",
                    where=str(path),
                    next_step="Wait for the run to finish and try again.",
                ) from error
            time.sleep(0.1)
        else:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET file_search_path = {_literal(str(root))}")
            return connection


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _now() -> datetime:
    # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
    return datetime.now(UTC).replace(tzinfo=None)


__all__ = [
    "Catalogue",
    "FileAtRest",
    "LoadTotal",
    "NewLoad",
    "QuarantinedRow",
    "StreamView",
    "connect",
]
