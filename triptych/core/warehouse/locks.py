"""Closed months: which locks are in force, and the files that belong to each.

A lock begins with a ``period_closed`` entry of the audit log and ends with a
``period_reopened`` entry; nothing else makes or ends it. Its figures are evidence
(streams ``locked_*``), and beside them a folder ``warehouse/locked/<month>/<lock_id>/``
has the same figures as canonical text and anything that was rendered from them when the
month was closed. Their checksums are in the log, so a returned file is the file that
was stored.

An exporter that wants its files to be the same for ever gives ``close`` a
:data:`Renderer`: it is called once, before the lock begins, with the month being
closed, and returns files. Later it asks :func:`read_locked_file` for them and renders
nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.errors import TriptychError
from triptych.core.lake import audit_log, lake_log
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.journal_key import read_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

CLOSED, REOPENED = "period_closed", "period_reopened"
COMMENTED = "period_commented"
ACCRUED = "period_accrued"
VALIDATED = "value_validated"
DIFFERENCE_ACCEPTED = "difference_accepted"
OVERLAP_SETTLED = "overlap_settled"
#: Answer of an entry by which charges that were withdrawn count again.
UNDONE = "undone"
_EVENTS = (CLOSED, REOPENED, ACCRUED, DIFFERENCE_ACCEPTED)
#: Entries that :class:`PeriodHistory` lists, in the order of its fields.
_LISTED = (COMMENTED, ACCRUED, VALIDATED, DIFFERENCE_ACCEPTED, OVERLAP_SETTLED)


class LockedFileError(TriptychError):
    """A closed month's file or load is missing, or differs from its storage."""


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file to keep with a lock; ``name`` is plain, without a folder."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ClosingMonth:
    """Input of a renderer: the month, its lock-to-be, and the figures.

    ``figures`` is the published run that is being locked. ``closed_at`` is UTC,
    without zone. ``journal_head`` is the hash of the newest entry of the audit log
    before the close.
    """

    billing_month: str
    lock_id: str
    closed_at: datetime
    closed_by: str
    approved_by: str
    content_hash: str
    figures: Snapshot
    journal_head: str = ""


#: Renders the files that are to be kept with a lock.
Renderer = Callable[[ClosingMonth], Iterable[RenderedFile]]


@dataclass(frozen=True, slots=True)
class PeriodLock:
    """A lock that is in force.

    ``files`` has the SHA-256 of each stored file by its name, ``marts`` the marts with
    frozen rows, ``load_ids`` the loads of bills that the month consisted of.
    ``inputs`` are rules, catalogue and version; empty where an older version closed it.
    """

    lock_id: str
    billing_month: str
    locked_at: datetime
    locked_by: str
    approved_by: str
    reason: str | None
    content_hash: str
    published_run_id: str
    files: Mapping[str, str]
    marts: tuple[str, ...]
    load_ids: tuple[str, ...]
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CommentText:
    """Comment on a month, or on the changes since an earlier month."""

    billing_month: str
    author: str
    text: str
    prior_billing_month: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class PeriodHistory:
    """Events of months, oldest first, and the locks in force by month.

    ``comments`` are entries too, and end or begin nothing. ``accruals`` are the
    events by which accruals were booked, ``validations`` the entries by which people
    signed for the value of a feature, ``acceptances`` those by which two people
    accepted a difference between invoice and bill, ``overlaps`` those by which
    somebody settled two deliveries of one money, or took that back.
    """

    events: tuple[AuditEntry, ...] = ()
    locks: tuple[PeriodLock, ...] = ()
    head_hash: str = ""
    comments: tuple[AuditEntry, ...] = ()
    accruals: tuple[AuditEntry, ...] = ()
    validations: tuple[AuditEntry, ...] = ()
    acceptances: tuple[AuditEntry, ...] = ()
    overlaps: tuple[AuditEntry, ...] = ()

    @property
    def settlements(self) -> tuple[AuditEntry, ...]:
        """Entries in force by which charges of a load count no more."""
        newest: dict[tuple[str, str], AuditEntry] = {}
        for entry in self.overlaps:
            detail = entry.detail
            key = (detail["overlap_id"], detail.get("load_id", ""))
            newest.pop(key, None)
            if key[1] and detail["answer"] != UNDONE:
                newest[key] = entry
        return tuple(newest.values())

    def lock_of(self, billing_month: str) -> PeriodLock | None:
        """Return the lock of a month, if there is any."""
        found = (lock for lock in self.locks if lock.billing_month == billing_month)
        return next(found, None)


#: Of a workspace in which no month was ever closed.
NO_HISTORY = PeriodHistory()


def read_history(workspace: Workspace) -> PeriodHistory:
    """Return the locks and events of a workspace, after checking the whole log.

    Raises
    ------
    AuditLogError
        The log differs from the log written.
    """
    if not workspace.raw_database.exists():
        return NO_HISTORY
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        key = read_key(workspace.root)
        entries = audit_log.read_verified(connection, key=key)
    return history_of(entries)


def history_of(entries: Iterable[AuditEntry]) -> PeriodHistory:
    """Return the history given by the entries of a log, oldest first."""
    events: list[AuditEntry] = []
    by_event: dict[str, list[AuditEntry]] = {event: [] for event in _LISTED}
    locks: dict[str, PeriodLock] = {}
    head = ""
    for entry in entries:
        head = entry.entry_hash
        if entry.event in by_event:
            by_event[entry.event].append(entry)
        if entry.event not in _EVENTS:
            continue
        events.append(entry)
        month = str(entry.detail["billing_month"])
        if entry.event == CLOSED:
            locks[month] = _lock(entry)
        elif entry.event == REOPENED:
            locks.pop(month, None)
    in_force = tuple(locks[month] for month in sorted(locks))
    listed = (tuple(by_event[event]) for event in _LISTED)
    return PeriodHistory(tuple(events), in_force, head, *listed)


def _lock(entry: AuditEntry) -> PeriodLock:
    told = entry.detail
    return PeriodLock(
        lock_id=told["lock_id"],
        billing_month=told["billing_month"],
        locked_at=entry.occurred_at,
        locked_by=told["actor"],
        approved_by=told["approver"],
        reason=told["reason"],
        content_hash=told["content_hash"],
        published_run_id=told["published_run_id"],
        files=told["files"],
        marts=tuple(told["marts"]),
        load_ids=tuple(told["load_ids"]),
        inputs=told.get("inputs", {}),
    )


def closed_detail(
    month: ClosingMonth,
    *,
    reason: str | None,
    approval_reason: str | None = None,
    files: Mapping[str, str],
    marts: Iterable[str],
    load_ids: Iterable[str],
    inputs: Mapping[str, str],
) -> dict[str, Any]:
    """Return the audit log detail of a close."""
    remark = {"approval_reason": approval_reason} if approval_reason else {}
    return {
        "billing_month": month.billing_month,
        "lock_id": month.lock_id,
        "actor": month.closed_by,
        "approver": month.approved_by,
        "reason": reason,
        "content_hash": month.content_hash,
        "published_run_id": month.figures.run_id,
        "files": dict(files),
        "marts": list(marts),
        "load_ids": list(load_ids),
        "inputs": dict(inputs),
        **remark,
    }


def record_reopening(
    workspace: Workspace,
    lock: PeriodLock,
    *,
    actor: str,
    approver: str,
    reason: str,
) -> AuditEntry:
    """End a lock. Its figures and files stay where they are; they are evidence."""
    return _record(
        workspace,
        REOPENED,
        {
            "billing_month": lock.billing_month,
            "lock_id": lock.lock_id,
            "actor": actor,
            "approver": approver,
            "reason": reason,
            "content_hash": lock.content_hash,
        },
    )


def record_accruals(workspace: Workspace, detail: Mapping[str, object]) -> AuditEntry:
    """Record accruals booked before invoices: the entry is the evidence.

    ``detail`` has the fields of every event of a month, and ``rows``: for each issuer
    and currency, the value of the published run, with amounts as text.
    """
    return _record(workspace, ACCRUED, detail)


def record_acceptance(workspace: Workspace, detail: Mapping[str, object]) -> AuditEntry:
    """Add to the audit log that two people accepted a difference of a document."""
    return _record(workspace, DIFFERENCE_ACCEPTED, detail)


def record_overlap(workspace: Workspace, detail: Mapping[str, object]) -> AuditEntry:
    """Add to the audit log the answer to an overlap, or that it was taken back."""
    return _record(workspace, OVERLAP_SETTLED, detail)


def record_comment(workspace: Workspace, comment_text: CommentText) -> AuditEntry:
    """Add a comment to the audit log."""
    return _record(workspace, COMMENTED, asdict(comment_text))


def record_validation(workspace: Workspace, detail: Mapping[str, object]) -> AuditEntry:
    """Add to the audit log that somebody signed for the value of a feature."""
    return _record(workspace, VALIDATED, detail)


def _record(
    workspace: Workspace, event: str, detail: Mapping[str, object]
) -> AuditEntry:
    return record_all(workspace, [(event, detail)])[0]


def record_all(
    workspace: Workspace, events: Sequence[tuple[str, Mapping[str, object]]]
) -> list[AuditEntry]:
    """Add entries to the audit log, after checking all of it: all or none.

    Raises
    ------
    AuditLogError
        The log differs from the log written; nothing was added.
    """
    root = workspace.root
    with connect(workspace.raw_database, root=root) as connection:
        # A workspace may be set up before its first run has made a catalogue.
        connection.execute("CREATE SCHEMA IF NOT EXISTS catalogue")
        connection.execute(audit_log.SCHEMA)
        lake_log.catch_up(connection, workspace.lake)
        connection.execute("BEGIN")
        audit_log.read_verified(connection, key=read_key(root))
        entries = audit_log.append_all(connection, events, root=root)
        connection.execute("COMMIT")
        lake_log.catch_up(connection, workspace.lake)
    return entries


def verify_locked_loads(workspace: Workspace, history: PeriodHistory) -> None:
    """Check that the loads that hold the figures of closed months are untouched.

    Raises
    ------
    LockedFileError
        A file is missing or differs from its audit log entry.
    """
    if not history.locks:
        return
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        entries = audit_log.read_verified(connection)
        files = dict(
            connection.execute(
                "SELECT load_id, files FROM catalogue.loads WHERE stream LIKE 'locked%'"
            ).fetchall()
        )
    in_force = {lock.lock_id for lock in history.locks}
    for entry in entries:
        told = entry.detail
        if entry.event == "load_committed" and told["scope"] in in_force:
            for file, checksum in zip(
                files.get(told["load_id"], [None]), told["checksums"], strict=True
            ):
                _verify(workspace.root, file, checksum, told["scope"])


def _verify(root: Path, file: str | None, checksum: str, lock_id: str) -> None:
    path = root / (file or "lake")
    try:
        found = file_checksum(path)
    except OSError:
        found = ""
    if found != checksum:
        raise LockedFileError(
            f"The figures of lock {lock_id} are not what was stored.",
            where=str(path),
            next_step="Restore the file from a backup. Nothing was published.",
        )


def store_files(
    workspace: Workspace, month: ClosingMonth, files: Iterable[RenderedFile]
) -> dict[str, str]:
    """Keep files with a lock that is about to begin; return their SHA-256 by name.

    They are written to disk whole before this returns. Until the lock is in the audit
    log the folder means nothing, and :func:`sweep_unlocked` removes it.
    """
    folder = folder_of(workspace, month.billing_month, month.lock_id)
    folder.mkdir(parents=True)
    checksums: dict[str, str] = {}
    for file in files:
        if file.name in checksums or "/" in file.name or file.name.startswith("."):
            raise LockedFileError(
                f"A file {file.name!r} cannot be kept with a lock.",
                where=str(folder),
                next_step="Give each file a plain name of its own.",
            )
        with (folder / file.name).open("xb") as target:
            target.write(file.content)
            target.flush()
            os.fsync(target.fileno())
        checksums[file.name] = hashlib.sha256(file.content).hexdigest()
    return checksums


def read_locked_file(workspace: Workspace, lock: PeriodLock, name: str) -> bytes:
    """Return a file as it was stored when the month was closed.

    Raises
    ------
    LockedFileError
        The lock has no such file, or it differs from the file stored.
    """
    path = folder_of(workspace, lock.billing_month, lock.lock_id) / name
    if name not in lock.files:
        raise LockedFileError(
            f"The lock of {lock.billing_month} keeps no file {name!r}.",
            where=str(path.parent),
            next_step=f"It keeps: {', '.join(sorted(lock.files))}.",
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    if hashlib.sha256(content).hexdigest() != lock.files[name]:
        raise LockedFileError(
            f"{name} is not what was stored when {lock.billing_month} was closed.",
            where=str(path),
            next_step="Restore the file from a backup.",
        )
    return content


def folder_of(workspace: Workspace, billing_month: str, lock_id: str) -> Path:
    """Return where the files of a lock are."""
    return workspace.locked_dir / billing_month / lock_id


def sweep_unlocked(workspace: Workspace, history: PeriodHistory) -> None:
    """Remove folders of a close that a crash cut off before its lock began."""
    known = {str(e.detail["lock_id"]) for e in history.events if e.event == CLOSED}
    for folder in workspace.locked_dir.glob("*/*"):
        if folder.is_dir() and folder.name not in known:
            shutil.rmtree(folder)
