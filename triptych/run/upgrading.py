"""Bring a workspace to the format of this program, after a backup."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import yaml

from ingest.engine.lake import open_catalogue, places_of
from triptych import __version__
from triptych.core.warehouse.locks import record_all
from triptych.core.whole_files import write_whole
from triptych.core.workspace_format import (
    FORMAT,
    Upgrade,
    pending_upgrade,
    read_format,
    write_format,
)

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

#: Entry of the audit log for an upgrade.
UPGRADED: Final = "workspace_upgraded"
#: Evidence is immutable and stays where it is; these change in place.
_BACKED_UP: Final = (
    "triptych.yml",
    "raw.duckdb",
    "lake/audit_log.jsonl",
    "lake/audit_head.json",
    "lake/sources.json",
    "studies/register.jsonl",
)
_FORMAT_LINE: Final = re.compile(rb"^format:[ \t]*\d+", re.MULTILINE)


def upgrade(workspace: Workspace) -> Upgrade | None:
    """Bring a workspace to the format of this program; its lock must be held.

    Killed half-way it is done again: the format of the lake is written last. Evidence,
    published runs and files of closed months are not touched.

    Raises
    ------
    AuditLogError
        The audit log differs from the log written; only a backup was made.
    """
    pending = pending_upgrade(workspace)
    if pending is not None:
        pending = replace(pending, backup=_back_up(workspace, pending.from_format))
        # Log and manifests of a lake of before either are written first.
        with open_catalogue(places_of(workspace)):
            pass
        record_all(workspace, [(UPGRADED, _detail(pending))])
        _remove_builds(workspace)
    name_format(workspace.settings_file)
    if pending is not None or read_format(workspace.lake) != (FORMAT, __version__):
        write_format(workspace)
    return pending


def name_format(settings_file: Path) -> bool:
    """Add the line of the format to ``triptych.yml``; keep every other byte of it.

    A file that cannot be written, or has no place for a line, stays as it is.

    Returns
    -------
    bool
        True if the file names the format of this program.
    """
    try:
        text = settings_file.read_bytes()
    except OSError:
        return False
    before = _content(text)
    if before.get("format") == FORMAT:
        return True
    named = _with_format(text)
    if _content(named) != {**before, "format": FORMAT}:
        return False
    with suppress(OSError):
        write_whole(settings_file.resolve(), named)
        return True
    return False


def _with_format(text: bytes) -> bytes:
    """Return a settings file with the line of the format, changed or added."""
    line = f"format: {FORMAT}".encode()
    if _FORMAT_LINE.search(text):
        return _FORMAT_LINE.sub(line, text, count=1)
    newline = b"\r\n" if b"\r\n" in text else b"\n"
    end = b"" if not text or text.endswith(b"\n") else newline
    return text + end + line + newline


def _content(text: bytes) -> dict[str, Any]:
    """Return the settings of a file; none where it is no mapping."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _detail(done: Upgrade) -> dict[str, object]:
    return {
        "from_format": done.from_format,
        "to_format": done.to_format,
        "from_version": done.written_by,
        "to_version": __version__,
        "backup": None if done.backup is None else done.backup.name,
    }


def _remove_builds(workspace: Workspace) -> None:
    """Remove builds: they are no evidence, and could keep estimates of another form."""
    for database in (workspace.build_database, workspace.own_build_database):
        for path in (database, database.with_name(f"{database.name}.wal")):
            path.unlink(missing_ok=True)


def _back_up(workspace: Workspace, number: int) -> Path:
    """Copy the files that change in place; return their folder."""
    now = datetime.now(UTC)
    folder = workspace.root / "backups" / f"format-{number}-{now:%Y%m%dT%H%M%SZ}"
    for name in _BACKED_UP:
        source = workspace.root / name
        if source.exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder
