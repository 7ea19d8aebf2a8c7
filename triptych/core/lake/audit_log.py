"""The audit log: append-only, and chained by hash so that a change shows.

``catalogue.audit_log`` in ``raw.duckdb`` has an entry for each load that was committed
and for each event in the life of a month: closed, reopened, commented. An entry's hash
is the SHA-256 of its text and of the hash before it, so no entry can be changed,
removed from the middle or put in without every later hash being wrong. The hash of the
newest entry represents the whole log: ``triptych close`` prints it, and a person who
writes it down elsewhere can also check that nothing was cut off the end.

Each entry's hash is also sealed with a key (:mod:`.journal_key`), so that nobody
without it can recompute a log. Entries of earlier versions have no seal; from the first
sealed entry on every entry has a seal.

This is the only module that writes the table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from triptych.core.errors import TriptychError
from triptych.core.lake.bulk_rows import append_rows
from triptych.core.lake.journal_key import JournalKey, key_for_entry, key_id_of
from triptych.core.signatures import refuse_unreadable, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
ALTER TABLE catalogue.audit_log ADD COLUMN IF NOT EXISTS seal VARCHAR;
"""
#: Entry that records the change of the sealing key from there on.
REKEYED = "journal_rekeyed"
RESTORED = "log_restored"


_COLUMNS = (
    *("position", "occurred_at", "event", "detail", "previous_hash", "entry_hash"),
    "seal",
)


class AuditLogError(TriptychError):
    """The audit log entry at ``position`` differs from the entry written."""

    position: int = 0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry: time (UTC, without zone), event, and hash of the log up to it.

    ``detail`` is the recorded content, as JSON has it; ``seal`` that of the key, None
    for an entry of an earlier version.
    """

    position: int
    occurred_at: datetime
    event: str
    detail: Mapping[str, Any]
    entry_hash: str
    seal: str | None = None


def append(
    connection: duckdb.DuckDBPyConnection,
    event: str,
    detail: Mapping[str, object],
    *,
    root: Path | None = None,
) -> AuditEntry:
    """Add an entry, in the transaction that is open.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    event : str
        Name of the event: ``load_committed``, ``period_closed``.
    detail : mapping
        Actor, details and reason; anything that JSON can hold.
    root : Path, optional
        Workspace folder; its key seals the entry; without a folder nothing is sealed.

    Raises
    ------
    JournalKeyError
        Earlier entries are sealed, and their key is not here.
    """
    return append_all(connection, [(event, detail)], root=root)[0]


def append_all(
    connection: duckdb.DuckDBPyConnection,
    events: Sequence[tuple[str, Mapping[str, object]]],
    *,
    at: datetime | None = None,
    root: Path | None = None,
) -> list[AuditEntry]:
    """Add entries in their order, in the transaction that is open.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    events : sequence of (str, mapping)
        As for :func:`append`. The signature that is in force is added to each. Text
        that cannot be written as UTF-8 is refused: no build could read it, and an entry
        is never changed.
    at : datetime, optional
        Time, UTC, without zone; now by default.
    root : Path, optional
        As for :func:`append`.

    Raises
    ------
    UsageError
        A text is not UTF-8; nothing was added.
    """
    if not events:
        return []
    for _, detail in events:
        refuse_unreadable(detail)
    position, previous, last_seal = _last(connection)
    key = root and key_for_entry(
        root,
        position=position + 1,
        last_seal=last_seal,
        is_replaced=events[0][0] == REKEYED,
    )
    # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
    occurred_at = at or datetime.now(UTC).replace(tzinfo=None)
    rows = []
    for event, detail in events:
        position += 1
        text = json.dumps(signed(detail), sort_keys=True)
        digest = _entry_hash(position, occurred_at, event, text, previous)
        seal = key.seal(_sealed_text(digest)) if key else None
        rows.append((position, occurred_at, event, text, previous, digest, seal))
        previous = digest
    _insert(connection, rows)
    return entries_of(rows)


def append_again(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[object, ...]]
) -> None:
    """Add entries as they were written once, with their hashes, to an empty log."""
    _insert(connection, [with_seal(row) for row in rows])


def with_seal(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row with its seal; with None where it was written without."""
    return (*row, None)[: len(_COLUMNS)]


def entries_of(rows: Sequence[Sequence[Any]]) -> list[AuditEntry]:
    """Return rows of the table as entries."""
    return [
        AuditEntry(position, at, event, _detail_of(text), digest, seal)
        for position, at, event, text, _, digest, seal in map(with_seal, rows)
    ]


def _detail_of(text: str) -> Any:  # noqa: ANN401  (what JSON has)
    detail = json.loads(text)
    if "\\ud" not in text:
        return detail
    # Half characters of an entry of before they were refused, which no table takes.
    readable = json.dumps(detail, ensure_ascii=False).encode(errors="replace")
    return json.loads(readable)


def _last(connection: duckdb.DuckDBPyConnection) -> tuple[int, str, str | None]:
    last = connection.execute(
        "SELECT position, entry_hash, seal FROM catalogue.audit_log"
        " ORDER BY position DESC LIMIT 1"
    ).fetchall()
    return last[0] if last else (0, "", None)


def _insert(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[object, ...]]
) -> None:
    append_rows(connection, "catalogue.audit_log", rows)


def read_rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Return the rows of the table, oldest first, each with its seal or None."""
    rows = connection.execute("FROM catalogue.audit_log ORDER BY position").fetchall()
    return [with_seal(row) for row in rows]


def entry_with_token(
    connection: duckdb.DuckDBPyConnection, token: str
) -> AuditEntry | None:
    """Return the last entry that was signed with a token; None where there is none.

    An act may leave several: the rows of a closed month are loads, and come first.
    """
    rows = connection.execute(
        "FROM catalogue.audit_log"
        " WHERE json_extract_string(detail, '$.signed.token') = ?"
        " ORDER BY position DESC LIMIT 1",
        [token],
    ).fetchall()
    return entries_of(rows)[0] if rows else None


def read_verified(
    connection: duckdb.DuckDBPyConnection, *, key: JournalKey | None = None
) -> list[AuditEntry]:
    """Return every entry, oldest first, after checking the whole chain.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``.
    key : JournalKey, optional
        To check the seals with; without it only their order is.

    Raises
    ------
    AuditLogError
        An entry was changed, removed or put in; the message names the first such entry.
    """
    rows = read_rows(connection)
    verify_rows(rows, key=key)
    return entries_of(rows)


def verify_rows(
    rows: Sequence[Sequence[Any]], *, key: JournalKey | None = None
) -> None:
    """Check the chain of rows, and their seals.

    Raises
    ------
    AuditLogError
        The message names the first entry that differs.
    """
    previous = ""
    for expected, row in enumerate(rows, start=1):
        position, occurred_at, event, text, stated_previous, stated_hash, _ = row
        if position != expected:
            raise _broken(expected, event, f"is missing: entry {position} follows")
        digest = _entry_hash(position, occurred_at, event, text, previous)
        if stated_previous != previous or stated_hash != digest:
            raise _broken(position, event, "is not what was written")
        previous = stated_hash
    _verify_seals(rows, key)


def _verify_seals(rows: Sequence[Sequence[Any]], key: JournalKey | None) -> None:
    key_id = ""
    for position, _, event, _, _, digest, seal in rows:
        if seal is None:
            if key_id or (key and key.sealed_from and position >= key.sealed_from):
                raise _broken(position, event, "is not sealed with the journal's key")
            continue
        if key_id not in ("", key_id_of(seal)) and event != REKEYED:
            raise _broken(position, event, "is sealed with another key")
        key_id = key_id_of(seal)
        is_ours = key is not None and key_id == key.key_id
        if key and is_ours and not key.is_seal_of(seal, _sealed_text(digest)):
            raise _broken(position, event, "is not sealed with the journal's key")


def _sealed_text(entry_hash: str) -> str:
    return f"entry\n{entry_hash}"


def _entry_hash(
    position: int, occurred_at: datetime, event: str, text: str, previous: str
) -> str:
    entry = f"{position}\n{occurred_at.isoformat()}\n{event}\n{text}\n{previous}"
    return hashlib.sha256(entry.encode()).hexdigest()


def _broken(position: int, event: str, what: str) -> AuditLogError:
    error = AuditLogError(
        f"The audit log is broken: entry {position} ({event}) {what}.",
        where=f"raw.duckdb:catalogue.audit_log:{position}",
        next_step="Somebody changed the log by hand. Restore raw.duckdb from a backup;"
        " until then no month can be closed and nothing is published.",
    )
    error.position = position
    return error
