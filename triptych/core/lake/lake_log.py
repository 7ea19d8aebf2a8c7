"""A copy of the audit log in the lake, so that it outlives the catalogue.

``lake/audit_log.jsonl`` has a line for each entry of ``catalogue.audit_log``, and
``lake/sources.json`` how it went with each source. Both are brought up to date after
each transaction of the catalogue and whenever it is opened. A log with entries that the
catalogue lacks belongs to a later catalogue: then nothing goes on.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import TriptychError
from triptych.core.lake import journal_head, seal_anchor
from triptych.core.lake.audit_log import with_seal
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    import duckdb

    from triptych.core.lake.journal_head import JournalHead

LOG: Final = "audit_log.jsonl"
SOURCES: Final = "sources.json"
_BLOCK_BYTES = 65_536
_HASH, _SEAL = 5, 6
RECOVER = (
    'Run "triptych recover": it makes raw.duckdb anew from the lake. Or put back the'
    " raw.duckdb that belongs to this lake, from the same backup or a later one."
)


class StaleCatalogueError(TriptychError):
    """The lake knows of more than the catalogue does."""

    exit_code = 3


def refuse_lost(raw_database: Path, lake: Path) -> None:
    """Stop if a catalogue would be created for a lake that had a catalogue.

    Raises
    ------
    StaleCatalogueError
        The lake has an audit log, and there is no catalogue.
    """
    if raw_database.exists():
        return
    position, _ = _last_line(lake / LOG)
    if position:
        raise StaleCatalogueError(
            f"raw.duckdb is lost: the lake's audit log has {position:,} entries."
            " Nothing was removed.",
            where=str(raw_database),
            next_step=RECOVER,
        )


def catch_up(connection: duckdb.DuckDBPyConnection, lake: Path) -> bool:
    """Append the catalogue's further log entries to the lake's log.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, no transaction being open.
    lake : Path
        Folder of the lake.

    Returns
    -------
    bool
        True if the lake had no log before.

    Raises
    ------
    StaleCatalogueError
        The lake's log extends beyond the catalogue's, or is a different log.
    """
    log = lake / LOG
    position, digest = _last_line(log)
    head = journal_head.read_head(lake)
    rows = connection.execute(
        "FROM catalogue.audit_log WHERE position >= ? ORDER BY position",
        [position if head is None else min(position, head.position)],
    ).fetchall()
    if position:
        _refuse_other([row for row in rows if row[0] >= position], digest, log)
    known = [row for row in rows if row[0] <= position]
    journal_head.refuse_cut(lake, known if head is None else rows)
    fresh = [row for row in rows if row[0] > position]
    _keep_anchor(connection, lake, fresh)
    _write_down(lake, fresh, head)
    return not position and bool(rows)


def _keep_anchor(
    connection: duckdb.DuckDBPyConnection, lake: Path, fresh: list[tuple[Any, ...]]
) -> None:
    """Compare the log with its anchor, and move the anchor to its newest entry.

    Raises
    ------
    JournalHeadError
        The log lost an entry or a seal since the anchor was written, or the anchor is
        forged.
    """
    root = lake.parent
    first = _row_at(connection, 1)
    if first is None:
        return
    doubt = seal_anchor.doubt_of(
        root,
        lake / LOG,
        first,
        lambda position: _row_at(connection, position),
        lambda position: _count_unsealed(connection, position),
    )
    if doubt is not None:
        raise journal_head.JournalHeadError(
            doubt.what, where=doubt.where, next_step=doubt.next_step
        )
    if fresh:
        sealed_from = seal_anchor.proven_start(root, first)
        if sealed_from is None:
            sealed_from = _first_sealed(connection)
        if sealed_from is not None:
            seal_anchor.write_anchor(root, first, fresh[-1], sealed_from)


def _row_at(
    connection: duckdb.DuckDBPyConnection, position: int
) -> tuple[Any, ...] | None:
    return connection.execute(
        "FROM catalogue.audit_log WHERE position = ?", [position]
    ).fetchone()


def _count_unsealed(connection: duckdb.DuckDBPyConnection, position: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM catalogue.audit_log WHERE position >= ? AND seal IS NULL",
        [position],
    ).fetchone()
    return int(row[0]) if row else 0


def _first_sealed(connection: duckdb.DuckDBPyConnection) -> int | None:
    row = connection.execute(
        "SELECT min(position) FROM catalogue.audit_log WHERE seal IS NOT NULL"
    ).fetchone()
    return None if row is None else row[0]


def _write_down(
    lake: Path, fresh: list[tuple[Any, ...]], head: JournalHead | None
) -> None:
    if not fresh:
        return
    lake.mkdir(parents=True, exist_ok=True)
    newest = fresh[-1]
    is_sealed = newest[_SEAL] is not None
    if is_sealed and head is None:
        # From the first sealed entry on there is a head, whenever a process dies.
        journal_head.write_head(lake, newest[0], newest[_HASH])
    _append(lake / LOG, fresh)
    if is_sealed and head is not None:
        journal_head.write_head(lake, newest[0], newest[_HASH])


def write_sources(connection: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Write down how it went with each source."""
    rows = connection.execute("FROM catalogue.sources ORDER BY source").fetchall()
    lake.mkdir(parents=True, exist_ok=True)
    write_whole(lake / SOURCES, json.dumps(rows, default=_moment))


def read_sources(lake: Path) -> list[list[Any]]:
    """Return the rows of ``catalogue.sources``; none where they were never written."""
    try:
        rows: list[list[Any]] = json.loads((lake / SOURCES).read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        raise StaleCatalogueError(
            f"How it went with the sources cannot be read: {error}.",
            where=str(lake / SOURCES),
            next_step="Restore this file from a backup of the lake, or remove it: the"
            " next run writes it anew.",
        ) from error
    return rows


def read_log(lake: Path) -> list[tuple[Any, ...]]:
    """Return the rows of ``catalogue.audit_log`` that the lake has, oldest first.

    A last line that was cut off while it was written is left out: the catalogue had its
    entry, and nothing after it was recorded.

    Raises
    ------
    StaleCatalogueError
        Another line cannot be read.
    """
    log = lake / LOG
    return read_file(log) if log.exists() else []


def read_file(log: Path) -> list[tuple[Any, ...]]:
    """Return the rows of a copy of the log; see :func:`read_log`."""
    lines = log.read_text("utf-8", errors="replace").split("\n")
    rows = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            position, at, *rest = json.loads(line)
            at = datetime.fromisoformat(at)
            rows.append(with_seal((position, at, *rest)))
        except (ValueError, TypeError, RecursionError) as error:
            raise StaleCatalogueError(
                f"A line of the audit log cannot be read: {error}.",
                where=f"{log}:{number}",
                next_step="Restore this file from a backup of the lake.",
            ) from error
    return rows


def _refuse_other(rows: list[tuple[Any, ...]], digest: str, log: Path) -> None:
    if not rows:
        position, _ = _last_line(log)
        raise StaleCatalogueError(
            f"raw.duckdb is older than the lake: it lacks entry {position:,} of the"
            " audit log. Nothing was removed.",
            where=str(log),
            next_step=RECOVER,
        )
    position = rows[0][0]
    if rows[0][_HASH] != digest:
        raise StaleCatalogueError(
            f"raw.duckdb and the lake have different audit logs: entry {position:,}"
            " differs. Nothing was removed.",
            where=f"{log}:{position}",
            next_step="Restore raw.duckdb and the lake from the same backup. One of"
            " the two belongs to another workspace, or was changed by hand.",
        )


def _append(log: Path, rows: list[tuple[Any, ...]]) -> None:
    _cut_half_line(log)
    with log.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, default=_moment) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _last_line(log: Path) -> tuple[int, str]:
    """Return position and hash of the newest whole line; 0 and "" if none."""
    if not log.exists():
        return 0, ""
    with log.open("rb") as file:
        end = _line_break_before(file, file.seek(0, os.SEEK_END))
        if not end:
            return 0, ""
        start = _line_break_before(file, end - 1)
        file.seek(start)
        line = file.read(end - start)
    try:
        row = json.loads(line)
        return int(row[0]), str(row[_HASH])
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise StaleCatalogueError(
            f"The last line of the lake's audit log cannot be read: {error}.",
            where=str(log),
            next_step="Restore this file from a backup of the lake.",
        ) from error


def _cut_half_line(log: Path) -> None:
    """Remove a last line that a crash cut off: its entry is written again."""
    if not log.exists():
        return
    with log.open("rb+") as file:
        file.truncate(_line_break_before(file, file.seek(0, os.SEEK_END)))


def _line_break_before(file: BinaryIO, position: int) -> int:
    """Return where the line after the last break before a position begins; or 0."""
    while position > 0:
        start = max(0, position - _BLOCK_BYTES)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no part of an entry")
