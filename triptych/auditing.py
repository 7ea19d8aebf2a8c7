"""Holds the audit log, its copy in the lake and closed months against each other.

The hashes of the log show a change by hand. Whoever works out all hashes anew is found
only by what was kept elsewhere: the hash of an entry, as ``triptych close`` and
``triptych audit head`` print it, or a copy of ``lake/audit_log.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from triptych.errors import TriptychError, UsageError
from triptych.warehouse import audit_log, lake_log
from triptych.warehouse.catalogue_file import connect
from triptych.warehouse.locks import (
    CLOSED,
    PeriodHistory,
    folder_of,
    history_of,
    verify_locked_loads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from triptych.warehouse.locks import PeriodLock
    from triptych.workspace import Workspace

    Row = tuple[Any, ...]

_EVENT, _DETAIL, _HASH = 2, 3, 5


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not as it was written, where, and which month it puts in doubt."""

    what: str
    where: str
    billing_month: str | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was checked, and what is in doubt.

    ``head_hash`` is of the newest entry: kept elsewhere, it proves all up to it.
    """

    entry_count: int
    head_hash: str
    closed_months: tuple[str, ...]
    doubts: tuple[Doubt, ...]


def verify(
    workspace: Workspace, *, kept_hash: str | None = None, kept_log: Path | None = None
) -> AuditReport:
    """Check the audit log and the closed months.

    Parameters
    ----------
    workspace : Workspace
        Where.
    kept_hash : str, optional
        Hash of an entry that was kept elsewhere.
    kept_log : Path, optional
        Copy of the log that was kept elsewhere.

    Raises
    ------
    UsageError
        There is no catalogue, or what was kept is no hash or no log.
    """
    if not workspace.raw_database.exists():
        raise UsageError(
            "There is no raw.duckdb to verify.",
            where=str(workspace.raw_database),
            next_step='"triptych recover" makes it anew from the lake.',
        )
    rows, broken = _read(workspace)
    doubts = [] if broken is None else [broken]
    doubts += _differences(rows, lake_log.read_log(workspace.lake), "lake's copy")
    if kept_log is not None:
        doubts += _differences(_kept(kept_log), rows, "log", is_prefix=True)
    if kept_hash is not None:
        doubts += _without(rows, kept_hash)
    history = _history(rows)
    for lock in history.locks:
        doubts += _of_lock(workspace, lock)
    doubts += _of_frozen_rows(workspace, history)
    return AuditReport(
        len(rows),
        rows[-1][_HASH] if rows else "",
        tuple(lock.billing_month for lock in history.locks),
        tuple(doubts),
    )


def _read(workspace: Workspace) -> tuple[list[Row], Doubt | None]:
    connection = connect(workspace.raw_database, root=workspace.root, read_only=True)
    try:
        rows = connection.execute(
            "SELECT position, occurred_at, event, detail, previous_hash, entry_hash"
            " FROM catalogue.audit_log ORDER BY position"
        ).fetchall()
        audit_log.read_verified(connection)
    except audit_log.AuditLogError as error:
        return rows, Doubt(error.what, error.where)
    finally:
        connection.close()
    return rows, None


def _kept(path: Path) -> list[Row]:
    try:
        return lake_log.read_file(path)
    except OSError as error:
        raise UsageError(
            f"The kept log cannot be read: {error}",
            where=str(path),
            next_step="Give the copy of lake/audit_log.jsonl that was kept.",
        ) from error


def _differences(
    first: Sequence[Row], second: Sequence[Row], name: str, *, is_prefix: bool = False
) -> Iterator[Doubt]:
    """Yield the first entry in which two logs differ."""
    for place, (one, other) in enumerate(zip_longest(first, second), start=1):
        if one is None and is_prefix:
            return  # what came after the copy was kept
        if one is None or other is None or one[1:] != other[1:]:
            told = one or other
            assert told is not None  # noqa: S101  (one of two is there)
            what = "lacks" if other is None else "differs in"
            yield Doubt(
                f"The {name} {what} entry {place} ({told[_EVENT]}).",
                f"audit_log:{place}",
                _month_of(told),
            )
            return


def _month_of(row: Row) -> str | None:
    try:
        month = json.loads(row[_DETAIL]).get("billing_month")
    except ValueError:
        return None
    return None if month is None else str(month)


def _without(rows: Sequence[Row], kept_hash: str) -> Iterator[Doubt]:
    if any(row[_HASH] == kept_hash for row in rows):
        return
    months = sorted({str(_month_of(row)) for row in rows if row[_EVENT] == CLOSED})
    text = "No entry has the kept hash: the log was written anew, or its end was cut."
    if not months:
        yield Doubt(text, "audit_log")
    for month in months:
        yield Doubt(text, "audit_log", month)


def _history(rows: Sequence[Row]) -> PeriodHistory:
    return history_of(
        audit_log.AuditEntry(position, at, event, json.loads(detail), digest)
        for position, at, event, detail, _, digest in rows
    )


def _of_lock(workspace: Workspace, lock: PeriodLock) -> Iterator[Doubt]:
    folder = folder_of(workspace, lock.billing_month, lock.lock_id)
    for name, checksum in sorted(lock.files.items()):
        path = folder / name
        if not path.is_file():
            text = f"{name}, kept with the lock, is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            text = f"{name} is not what was stored when the month was closed."
        else:
            continue
        yield Doubt(text, str(path), lock.billing_month)


def _of_frozen_rows(workspace: Workspace, history: PeriodHistory) -> Iterator[Doubt]:
    for lock in history.locks:
        try:
            verify_locked_loads(workspace, _alone(lock))
        except TriptychError as error:
            yield Doubt(error.what, error.where, lock.billing_month)


def _alone(lock: PeriodLock) -> PeriodHistory:
    return PeriodHistory(locks=(lock,))
