"""Integrity of the audit log and closed months, from the lake alone.

For frequent callers: a monitor and pages. The log in the lake is checked with its seals
and its head, and each file that a closed month keeps with its checksum. Anything
verified without doubt is not looked at again until a file changes: size, times (the
operating system sets that of the last change itself) and place on the disk are compared
first. ``triptych audit verify`` looks at everything each time, and at the catalogue.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import TriptychError
from triptych.core.lake import audit_log, journal_head, lake_log, seal_anchor
from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.journal_key import (
    VARIABLE,
    JournalKey,
    JournalKeyError,
    key_file,
    key_id_of,
    read_key,
)
from triptych.core.warehouse.locks import CLOSED, folder_of, history_of
from triptych.core.warehouse.published_checksum import standing_of
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.warehouse.locks import PeriodLock
    from triptych.core.workspace import Workspace

    Row = Sequence[Any]

VERIFY: Final = 'Run "triptych audit verify", and restore what differs from a backup.'
#: Remembers the records found without a doubt, under a seal.
_CHECKED: Final = "audit_checked.json"
_SEAL: Final = 6


@dataclass(frozen=True, slots=True)
class Doubt:
    """A changed record, its place, and the month it puts in doubt."""

    what: str
    where: str
    billing_month: str | None = None


def in_words(doubt: Doubt) -> str:
    """Return a doubt as a sentence, with the month first."""
    month = f"Month {doubt.billing_month} is in doubt: " if doubt.billing_month else ""
    return f"{doubt.where}: {month}{doubt.what}"


def check_journal(workspace: Workspace) -> tuple[Doubt, ...]:
    """Check the lake's audit log and the files of closed months.

    Returns
    -------
    tuple of Doubt
        Empty where all is as it was written, and where there is no log.
    """
    if not (workspace.lake / lake_log.LOG).exists():
        return ()
    key = key_or_none(workspace.root)
    stamp = _stamp(workspace, key)
    if stamp is not None and _read_checked(workspace) == stamp:
        return ()
    try:
        rows = lake_log.read_log(workspace.lake)
    except TriptychError as error:
        return (Doubt(error.what, error.where),)
    doubts = tuple(_doubts(workspace, rows, key))
    if not doubts and stamp is not None:
        _remember(workspace, stamp)
    return doubts


def _doubts(
    workspace: Workspace, rows: Sequence[Row], key: JournalKey | None
) -> Iterator[Doubt]:
    yield from of_chain(rows, key)
    yield from of_seals(workspace, rows)
    entries = _readable(rows)
    for lock in history_of(entries).locks:
        yield from of_kept_files(workspace, lock)
        yield from _of_frozen_loads(workspace, lock, entries)


def key_or_none(root: Path) -> JournalKey | None:
    """Return the key; None if unusable, which :func:`of_seals` reports."""
    try:
        return read_key(root)
    except JournalKeyError:
        return None


def of_chain(rows: Sequence[Row], key: JournalKey | None) -> Iterator[Doubt]:
    """Yield the first entry with a wrong hash or seal, for each later month."""
    try:
        audit_log.verify_rows(rows, key=key)
    except audit_log.AuditLogError as error:
        for month in closed_months(rows, since=error.position) or (None,):
            yield Doubt(error.what, error.where, month)


def of_seals(workspace: Workspace, rows: Sequence[Row]) -> Iterator[Doubt]:
    """Yield doubts that seals leave: their key, or the end of the log."""
    try:
        key = read_key(workspace.root)
        head = journal_head.read_head(workspace.lake)
        cut = journal_head.difference(head, rows, key)
    except (JournalKeyError, journal_head.JournalHeadError) as error:
        yield Doubt(error.what, error.where)
        return
    if cut is not None:
        yield from _in_each_month(rows, cut, str(workspace.lake / journal_head.HEAD))
    doubt = doubt_of_anchor(workspace, rows)
    if doubt is not None:
        yield from _in_each_month(rows, doubt.what, doubt.where)
    newest = rows[-1][_SEAL] if rows else None
    if newest is None and rows and os.environ.get(VARIABLE, "").strip():
        yield from _in_each_month(
            rows,
            "No entry of the audit log is sealed, though its key is set. The first run"
            " of this version seals a log of an earlier one.",
            VARIABLE,
        )
    if newest is None or (key is not None and key_id_of(newest) == key.key_id):
        return
    what = "not here" if key is None else f"not the one that is here, {key.key_id}"
    yield Doubt(
        f"The key {key_id_of(newest)}, with which the audit log is sealed, is {what}:"
        " its seals cannot be checked.",
        str(key_file(workspace.root)),
    )


def _in_each_month(rows: Sequence[Row], what: str, where: str) -> Iterator[Doubt]:
    """Yield a log doubt for each closed month, or a doubt without a month."""
    for month in closed_months(rows) or (None,):
        yield Doubt(what, where, month)


def doubt_of_anchor(
    workspace: Workspace, rows: Sequence[Row]
) -> seal_anchor.AnchorDoubt | None:
    """Return how log and anchor contradict each other; None where they agree."""
    by_position = {row[0]: row for row in rows}
    return seal_anchor.doubt_of(
        workspace.root,
        workspace.lake / lake_log.LOG,
        rows[0] if rows else None,
        by_position.get,
        lambda since: sum(row[0] >= since and row[_SEAL] is None for row in rows),
    )


def of_kept_files(workspace: Workspace, lock: PeriodLock) -> Iterator[Doubt]:
    """Yield the files kept with a lock that differ from those stored."""
    folder = folder_of(workspace, lock.billing_month, lock.lock_id)
    for name, checksum in sorted(lock.files.items()):
        path = folder / name
        if not path.is_file():
            text = f"{name}, kept with the lock, is missing."
        elif file_checksum(path) != checksum:
            text = f"{name} is not what was stored when the month was closed."
        else:
            continue
        yield Doubt(text, str(path), lock.billing_month)


def _of_frozen_loads(
    workspace: Workspace, lock: PeriodLock, entries: Iterable[AuditEntry]
) -> Iterator[Doubt]:
    """Yield the loads of a closed month that differ from those stored."""
    for entry in entries:
        detail = entry.detail
        if entry.event != "load_committed" or detail["scope"] != lock.lock_id:
            continue
        folders = workspace.lake / detail["stream"] / detail["source"]
        files = folders.glob(f"*/{detail['load_id']}/*.parquet")
        if sorted(map(file_checksum, files)) != sorted(detail["checksums"]):
            yield Doubt(
                f"The figures that lock {lock.lock_id} keeps of {detail['stream']} are"
                " not what was stored.",
                str(folders),
                lock.billing_month,
            )


def closed_months(rows: Sequence[Row], *, since: int = 0) -> tuple[str, ...]:
    """Return the months that were closed, by an entry from a position on."""
    details = [row[3] for row in rows if row[2] == CLOSED and row[0] >= since]
    return tuple(sorted({month for text in details if (month := month_of(text))}))


def month_of(detail: str) -> str | None:
    """Return the month that the detail of an entry is of; None if of none."""
    try:
        month = json.loads(detail).get("billing_month")
    except (ValueError, AttributeError, RecursionError):
        return None
    return None if month is None else str(month)


def _readable(rows: Sequence[Row]) -> list[AuditEntry]:
    try:
        return audit_log.entries_of(rows)
    except ValueError:
        return []  # the chain is broken there, which is a doubt already


def _stamp(workspace: Workspace, key: JournalKey | None) -> str | None:
    """Return a sealed text that changes with any file looked at; None without a key."""
    if key is None:
        return None
    files = [
        workspace.lake / lake_log.LOG,
        workspace.lake / journal_head.HEAD,
        seal_anchor.anchor_file(workspace.root),
        *sorted(workspace.locked_dir.rglob("*")),
        *sorted(workspace.lake.glob("locked_*/*/*/*/*.parquet")),
    ]
    lines = (f"{path}: {standing_of(path)}" for path in files)
    return key.seal("\n".join(["checked", *lines]))


def _read_checked(workspace: Workspace) -> str | None:
    try:
        content: Mapping[str, Any] = json.loads(
            (workspace.runs_dir / _CHECKED).read_text("utf-8")
        )
        return str(content["stamp"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _remember(workspace: Workspace, stamp: str) -> None:
    try:
        write_whole(workspace.runs_dir / _CHECKED, json.dumps({"stamp": stamp}))
    except OSError:
        return  # then everything is looked at again
