"""Entries of the audit log by the token of the button that was pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.lake import audit_log
from triptych.core.lake.catalogue_file import connect
from triptych.core.warehouse.inspection import read_audit_rows

if TYPE_CHECKING:
    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.workspace import Workspace


def entry_of_token(workspace: Workspace, token: str) -> AuditEntry | None:
    """Return the last entry that carries a token; None where none does."""
    if not workspace.raw_database.exists():
        return None
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        return audit_log.entry_with_token(connection, token)


def is_recorded(workspace: Workspace, token: str) -> bool:
    """Return True if the audit log has an act."""
    return entry_of_token(workspace, token) is not None


def last_written(workspace: Workspace, act: str, about: str) -> AuditEntry | None:
    """Return the newest entry of an act that wrote files about something."""
    entries = audit_log.entries_of(read_audit_rows(workspace.raw_database))
    for entry in reversed(entries):
        detail = entry.detail
        if detail.get("act") == act and detail.get("about") == about:
            return entry
    return None
