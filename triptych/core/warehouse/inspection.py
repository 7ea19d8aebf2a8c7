"""Read-only inspection of the catalogue: quarantine and new data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.lake import audit_log
from triptych.core.lake.catalogue_file import connect
from triptych.core.warehouse.bills import BILL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

_CURRENT_ROWS = (
    " FROM catalogue.quarantine AS rows JOIN catalogue.loads AS loads USING (load_id)"
    " WHERE loads.status = 'current'"
    " AND (? IS NULL OR rows.source = ?) AND (? IS NULL OR rows.reason = ?)"
)


@dataclass(frozen=True, slots=True)
class QuarantineReason:
    """Number of rows of a source refused for a single reason."""

    source: str
    stream: str
    reason: str
    row_count: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row as it was delivered, and its origin."""

    source: str
    stream: str
    reason: str
    origin: str
    row_number: int | None
    row_content: str | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """Known state of a source that was ingested at least once."""

    source: str
    source_type: str
    last_attempt_at: datetime
    last_success_at: datetime | None
    last_error: str | None
    newest_load_at: datetime | None
    load_count: int
    row_count: int
    quarantined_row_count: int


def read_quarantine_reasons(
    raw_database: Path, *, source: str | None = None, reason: str | None = None
) -> list[QuarantineReason]:
    """Return the refused rows of the current loads, counted by reason."""
    rows = ask_catalogue(
        raw_database,
        "SELECT rows.source, rows.stream, rows.reason, count(*),"
        f" min(rows.quarantined_at), max(rows.quarantined_at) {_CURRENT_ROWS}"
        " GROUP BY ALL ORDER BY rows.source, count(*) DESC, rows.reason",
        [source, source, reason, reason],
    )
    return [QuarantineReason(*row) for row in rows]


def read_refused_rows(
    raw_database: Path,
    *,
    source: str | None = None,
    reason: str | None = None,
    limit: int = 20,
) -> list[RefusedRow]:
    """Return refused rows of the current loads, whole."""
    rows = ask_catalogue(
        raw_database,
        "SELECT rows.source, rows.stream, rows.reason, rows.origin, rows.row_number,"
        f" rows.row_content {_CURRENT_ROWS}"
        " ORDER BY rows.source, rows.origin, rows.row_number LIMIT ?",
        [source, source, reason, reason, limit],
    )
    return [RefusedRow(*row) for row in rows]


def read_newest_load_at(raw_database: Path) -> datetime | None:
    """Return when the newest current load of anything but bills was committed.

    None where there is none. Bills are dated by their charges: nothing of them is
    judged by the moment of a run.
    """
    bills = ", ".join(f"'{stream.name}'" for stream in BILL_STREAMS)
    rows = ask_catalogue(
        raw_database,
        "SELECT max(loaded_at) FROM catalogue.loads"
        f" WHERE status = 'current' AND stream NOT IN ({bills})",
        [],
    )
    newest: datetime | None = rows[0][0] if rows else None
    return newest


def read_source_states(raw_database: Path) -> list[SourceState]:
    """Return every source ever tried, with the contents of its current loads."""
    rows = ask_catalogue(
        raw_database,
        "SELECT sources.source, source_type, last_attempt_at, last_success_at,"
        " last_error, max(loaded_at), count(load_id), coalesce(sum(row_count), 0),"
        " coalesce(sum(quarantined_row_count), 0)"
        " FROM catalogue.sources AS sources LEFT JOIN catalogue.loads AS loads"
        " ON loads.source = sources.source AND loads.status = 'current'"
        " GROUP BY ALL ORDER BY sources.source",
        [],
    )
    return [SourceState(*row) for row in rows]


def read_bill_loads(raw_database: Path, billing_month: str) -> list[str]:
    """Return the ids of the current loads that have charges of a billing month."""
    streams = ", ".join(f"'{bill.name}'" for bill in BILL_STREAMS)
    rows = ask_catalogue(
        raw_database,
        "SELECT DISTINCT load_id FROM catalogue.load_totals"
        " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
        f" AND stream IN ({streams}) AND billing_month = ? ORDER BY load_id",
        [billing_month],
    )
    return [row[0] for row in rows]


def read_current_loads(raw_database: Path) -> list[str]:
    """Return the ids of all loads that count now."""
    rows = ask_catalogue(
        raw_database,
        "SELECT load_id FROM catalogue.loads WHERE status = 'current' ORDER BY load_id",
        [],
    )
    return [row[0] for row in rows]


def ask_catalogue(
    raw_database: Path, sql: str, parameters: Sequence[object]
) -> list[tuple[Any, ...]]:
    """Answer a query; a workspace that was never ingested returns nothing."""
    if not raw_database.exists():
        return []
    with connect(raw_database, root=raw_database.parent, read_only=True) as connection:
        return connection.execute(sql, parameters).fetchall()


def read_audit_rows(raw_database: Path) -> list[tuple[Any, ...]]:
    """Return the rows of the audit log, oldest first; none where there is no log."""
    if not raw_database.exists():
        return []
    with connect(raw_database, root=raw_database.parent, read_only=True) as connection:
        return audit_log.read_rows(connection)
