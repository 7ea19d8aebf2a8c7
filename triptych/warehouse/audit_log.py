"""The audit log: append-only, and chained by hash so that a change shows.

``catalogue.audit_log`` in ``raw.duckdb`` has one entry for each load that was
committed and for each event in the life of a month: closed, reopened, commented. An
entry's hash is the SHA-256 of its own text and of the hash before it, so none can be
changed, removed from the middle or put in without every later hash being wrong. The
hash of the newest entry stands for the whole log: ``triptych close`` prints it, and
whoever writes it down elsewhere can also tell that nothing was cut off the end.

This is the only module that writes the table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from triptych.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

SCHEMA = """
CREATE TABLE IF NOT EXISTS catalogue.audit_log (
    position BIGINT PRIMARY KEY,
    occurred_at TIMESTAMP NOT NULL,
    event VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    previous_hash VARCHAR NOT NULL,
    entry_hash VARCHAR NOT NULL
);
"""


_COLUMNS = (
    "position", "occurred_at", "event", "detail", "previous_hash", "entry_hash",
)  # fmt: skip


class AuditLogError(TriptychError):
    """An entry of the audit log is not what was written."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry: when (UTC, without zone), what, and the hash of all up to it.

    ``detail`` is what was recorded, as JSON has it.
    """

    position: int
    occurred_at: datetime
    event: str
    detail: Mapping[str, Any]
    entry_hash: str


def append(
    connection: duckdb.DuckDBPyConnection, event: str, detail: Mapping[str, object]
) -> AuditEntry:
    """Add an entry, in the transaction that is open.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    event : str
        What happened, in one word: ``load_committed``, ``period_closed``.
    detail : mapping
        Who, what and why; anything that JSON can hold.
    """
    return append_all(connection, [(event, detail)])[0]


def append_all(
    connection: duckdb.DuckDBPyConnection,
    events: Sequence[tuple[str, Mapping[str, object]]],
    *,
    at: datetime | None = None,
) -> list[AuditEntry]:
    """Add entries in their order, in the transaction that is open.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    events : sequence of (str, mapping)
        As for :func:`append`.
    at : datetime, optional
        When, UTC, without zone; now by default.
    """
    position, previous = _last(connection)
    # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
    occurred_at = at or datetime.now(UTC).replace(tzinfo=None)
    rows = []
    for event, detail in events:
        position += 1
        text = json.dumps(detail, sort_keys=True)
        digest = _entry_hash(position, occurred_at, event, text, previous)
        rows.append((position, occurred_at, event, text, previous, digest))
        previous = digest
    _insert(connection, rows)
    return [
        AuditEntry(position, at, event, json.loads(text), digest)
        for position, at, event, text, _, digest in rows
    ]


def append_again(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[object, ...]]
) -> None:
    """Add entries as they were written once, with their hashes, to an empty log."""
    _insert(connection, rows)


def _last(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    last = connection.execute(
        "SELECT position, entry_hash FROM catalogue.audit_log"
        " ORDER BY position DESC LIMIT 1"
    ).fetchall()
    return (last[0][0], last[0][1]) if last else (0, "")


def _insert(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[object, ...]]
) -> None:
    if len(rows) == 1:
        connection.execute(
            "INSERT INTO catalogue.audit_log VALUES (?, ?, ?, ?, ?, ?)", rows[0]
        )
    elif rows:
        # A comment needs no Arrow.
        from triptych.warehouse.arrow_rows import insert_columns  # noqa: PLC0415

        columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
        insert_columns(connection, "catalogue.audit_log", columns)


def read_verified(connection: duckdb.DuckDBPyConnection) -> list[AuditEntry]:
    """Return every entry, oldest first, after checking the whole chain.

    Raises
    ------
    AuditLogError
        An entry was changed, removed or put in; the message names the first one.
    """
    rows = connection.execute(
        "SELECT position, occurred_at, event, detail, previous_hash, entry_hash"
        " FROM catalogue.audit_log ORDER BY position"
    ).fetchall()
    entries: list[AuditEntry] = []
    previous = ""
    for expected, row in enumerate(rows, start=1):
        position, occurred_at, event, text, told_previous, told_hash = row
        if position != expected:
            raise _broken(expected, event, f"is missing: entry {position} follows")
        digest = _entry_hash(position, occurred_at, event, text, previous)
        if told_previous != previous or told_hash != digest:
            raise _broken(position, event, "is not what was written")
        entries.append(
            AuditEntry(position, occurred_at, event, json.loads(text), told_hash)
        )
        previous = told_hash
    return entries


def _entry_hash(
    position: int, occurred_at: datetime, event: str, text: str, previous: str
) -> str:
    entry = f"{position}\n{occurred_at.isoformat()}\n{event}\n{text}\n{previous}"
    return hashlib.sha256(entry.encode()).hexdigest()


def _broken(position: int, event: str, what: str) -> AuditLogError:
    return AuditLogError(
        f"The audit log is broken: entry {position} ({event}) {what}.",
        where=f"raw.duckdb:catalogue.audit_log:{position}",
        next_step="Somebody changed the log by hand. Restore raw.duckdb from a backup;"
        " until then no month can be closed and nothing is published.",
    )


__all__ = [
    "SCHEMA",
    "AuditEntry",
    "AuditLogError",
    "append",
    "append_again",
    "append_all",
    "read_verified",
]
