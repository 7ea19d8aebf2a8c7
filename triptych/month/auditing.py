"""Holds the audit log, its copy in the lake and closed months against each other.

The hashes of the log reveal a change by hand, and its seals reveal hashes recomputed
without the key. A forger who has the key is found only by records kept elsewhere: the
hash of an entry, as ``triptych close`` and ``triptych audit head`` print it, a head
that ``triptych audit head --to`` wrote, or a copy of ``lake/audit_log.jsonl``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from triptych.core.errors import TriptychError, UsageError
from triptych.core.lake import audit_log, lake_log, seal_anchor
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.journal_key import (
    JournalKeyError,
    key_file,
    key_id_of,
    read_key,
)
from triptych.core.lake.logged_loads import differing_loads
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import named_person
from triptych.core.warehouse.journal_check import (
    Doubt,
    closed_months,
    doubt_of_anchor,
    key_or_none,
    month_of,
    of_chain,
    of_kept_files,
    of_seals,
)
from triptych.core.warehouse.locks import (
    PeriodHistory,
    history_of,
    record_all,
    verify_locked_loads,
)
from triptych.core.workspace_format import read_format
from triptych.month.audit_heads import AuditHead, read_head_hash
from triptych.run.study_journal import of_register

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from triptych.core.warehouse.locks import PeriodLock
    from triptych.core.workspace import Workspace

    Row = tuple[Any, ...]

_AT, _EVENT, _DETAIL, _HASH, _SEAL = 1, 2, 3, 5, 6


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Records that were checked, and those in doubt.

    ``head_hash`` is of the newest entry, written at ``head_at`` (UTC): kept elsewhere,
    it proves all up to it.
    ``sealed_from`` and ``sealed_since`` (UTC) are of the first entry under a key;
    None where there is none. ``anchor_note`` is why the anchor of this account proves
    less than it might; None where it proves all up to its entry.
    """

    entry_count: int
    head_hash: str
    closed_months: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    sealed_from: int | None = None
    sealed_since: datetime | None = None
    head_at: datetime | None = None
    anchor_note: str | None = None


def verify(
    workspace: Workspace, *, kept_hash: str | None = None, kept_log: Path | None = None
) -> AuditReport:
    """Check the audit log and the closed months.

    Parameters
    ----------
    workspace : Workspace
        Workspace to check.
    kept_hash : str, optional
        Hash of an entry that was kept elsewhere.
    kept_log : Path, optional
        Copy of the log that was kept elsewhere, or of a head.

    Raises
    ------
    UsageError
        There is no catalogue, or the kept record is no hash or no log.
    """
    if not workspace.raw_database.exists():
        raise UsageError(
            "There is no raw.duckdb to verify.",
            where=str(workspace.raw_database),
            next_step='"triptych recover" makes it anew from the lake.',
        )
    if kept_log is not None and kept_hash is None:
        kept_hash = read_head_hash(kept_log)
        kept_log = None if kept_hash is not None else kept_log
    rows = _read(workspace)
    doubts = [*of_chain(rows, key_or_none(workspace.root)), *of_seals(workspace, rows)]
    doubts += _of_loads(workspace, rows)
    doubts += of_register(workspace, rows)
    copied = lake_log.read_log(workspace.lake)
    if copied or not _is_before_copies(workspace, rows):
        doubts += _differences(rows, copied, "lake's copy")
    if kept_log is not None:
        doubts += _differences(_kept(kept_log), rows, "log", is_prefix=True)
    if kept_hash is not None:
        doubts += _without(rows, kept_hash)
    history = _history(rows)
    for lock in history.locks:
        doubts += of_kept_files(workspace, lock)
    doubts += _of_frozen_rows(workspace, history)
    first_sealed = next((row for row in rows if row[_SEAL]), None)
    return AuditReport(
        len(rows),
        rows[-1][_HASH] if rows else "",
        tuple(lock.billing_month for lock in history.locks),
        tuple(doubts),
        sealed_from=None if first_sealed is None else first_sealed[0],
        sealed_since=None if first_sealed is None else first_sealed[_AT],
        head_at=rows[-1][_AT] if rows else None,
        anchor_note=_anchor_note(workspace, rows),
    )


def _anchor_note(workspace: Workspace, rows: Sequence[Row]) -> str | None:
    try:
        return seal_anchor.standing_of(workspace.root, rows[0] if rows else None)
    except JournalKeyError:
        return None  # a doubt already


def head_of(report: AuditReport, organisation: str) -> AuditHead:
    """Return the head that a verification found, to be kept elsewhere."""
    moment = report.head_at
    written_at = None if moment is None else f"{moment.isoformat(timespec='seconds')}Z"
    return AuditHead(organisation, report.entry_count, report.head_hash, written_at)


def _is_before_copies(workspace: Workspace, rows: Sequence[Row]) -> bool:
    """Return whether a version wrote the log that knew neither copies nor seals."""
    number, _ = read_format(workspace.lake)
    is_unsealed = all(row[_SEAL] is None for row in rows)
    is_anchored = seal_anchor.anchor_file(workspace.root).exists()
    return number == 1 and is_unsealed and not is_anchored


def _read(workspace: Workspace) -> list[Row]:
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        return audit_log.read_rows(connection)


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
                month_of(told[_DETAIL]),
            )
            return


def _without(rows: Sequence[Row], kept_hash: str) -> Iterator[Doubt]:
    if any(row[_HASH] == kept_hash for row in rows):
        return
    text = "No entry has the kept hash: the log was written anew, or its end was cut."
    for month in closed_months(rows) or (None,):
        yield Doubt(text, "audit_log", month)


def _history(rows: Sequence[Row]) -> PeriodHistory:
    return history_of(audit_log.entries_of(rows))


def _of_loads(workspace: Workspace, rows: Sequence[Row]) -> Iterator[Doubt]:
    """Yield loads of the catalogue that are not as the log records them."""
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        for load_id, text in differing_loads(connection, rows):
            yield Doubt(text, f"raw.duckdb:catalogue.loads:{load_id}")


def _of_frozen_rows(workspace: Workspace, history: PeriodHistory) -> Iterator[Doubt]:
    for lock in history.locks:
        try:
            verify_locked_loads(workspace, _alone(lock))
        except TriptychError as error:
            yield Doubt(error.what, error.where, lock.billing_month)


def _alone(lock: PeriodLock) -> PeriodHistory:
    return PeriodHistory(locks=(lock,))


def rekey(workspace: Workspace, *, by: str, because: str) -> audit_log.AuditEntry:
    """Switch to another key, and record it in the log.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the log. The new key is that of the environment or of the key file;
        without either a key is made.
    by, because : str
        Person who decides it, and the reason.

    Raises
    ------
    UsageError
        Nobody is named, no reason is given, or the key is the same as before.
    AuditLogError
        The log differs from the log written.
    """
    person = named_person(by, "--by")
    reason = _reason(because, "such as that the former key is lost")
    with hold_run_lock(workspace.lock_file):
        rows = _read(workspace)
        audit_log.verify_rows(rows)
        newest = next((row[_SEAL] for row in reversed(rows) if row[_SEAL]), None)
        key = read_key(workspace.root)
        if newest is None or (key is not None and key.key_id == key_id_of(newest)):
            raise UsageError(
                "The audit log is not sealed with another key than the one that is"
                " here.",
                where=str(key_file(workspace.root)),
                next_step="Move the old key away first, or set the new one.",
            )
        detail = {"actor": person, "reason": reason, "former": key_id_of(newest)}
        return record_all(workspace, [(audit_log.REKEYED, detail)])[0]


def accept_restored(
    workspace: Workspace, *, by: str, because: str
) -> audit_log.AuditEntry:
    """Record that an older state was put back, or that the anchor begins again.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the log.
    by, because : str
        Person who decides it, and the reason. The entry also has position and hash of
        the newest entry that was seen, which the log lacks now, as far as the anchor
        can be read.

    Raises
    ------
    UsageError
        Nobody is named, no reason is given, or log and anchor agree.
    AuditLogError
        The log differs from the log written.
    """
    person = named_person(by, "--by")
    reason = _reason(because, "such as which backup was put back")
    with hold_run_lock(workspace.lock_file):
        rows = _read(workspace)
        audit_log.verify_rows(rows, key=key_or_none(workspace.root))
        doubt = doubt_of_anchor(workspace, rows)
        if doubt is None:
            raise UsageError(
                "The audit log has every entry that was seen here.",
                where=str(workspace.raw_database),
                next_step="There is nothing to record.",
            )
        detail = {
            "actor": person,
            "reason": reason,
            "lost": doubt.what,
            **seal_anchor.seen_entry(workspace.root),
        }
        with seal_anchor.anchor_set_aside(workspace.root):
            return record_all(workspace, [(audit_log.RESTORED, detail)])[0]


def _reason(because: str, example: str) -> str:
    """Return a reason; it is mandatory."""
    reason = because.strip()
    if not reason:
        raise UsageError(
            "A reason is missing.", where="--because", next_step=f"Give one, {example}."
        )
    return reason
