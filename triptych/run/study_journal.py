"""The register of studies in the audit log, which is sealed.

Each registration and amendment is an entry of the log, whole: a changed line of
``studies/register.jsonl`` is found, even if its hashes were recomputed, and the file
can be written again. Before the first run there is no log; the first run takes in the
entries of the register.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attribution.studies.register import StudyRegister, register_lines
from attribution.studies.register_journal import first_difference
from triptych.core.errors import TriptychError
from triptych.core.lake import audit_log, lake_log
from triptych.core.signatures import unsigned
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse.inspection import read_audit_rows
from triptych.core.warehouse.journal_check import Doubt
from triptych.core.warehouse.locks import record_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triptych.core.workspace import Workspace

#: Prefix of audit log events that are events of the register.
_PREFIX = "study_"


class StudyJournal:
    """The entries of the audit log that are of studies.

    Parameters
    ----------
    workspace : Workspace
        Workspace that has a ``raw.duckdb``.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def entries(self) -> list[Mapping[str, Any]]:
        """Return the entries that the log has, oldest first."""
        rows = read_audit_rows(self._workspace.raw_database)
        return [unsigned(entry.detail) for entry in entries_of_studies(rows)]

    def add(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Add entries in a single transaction.

        Raises
        ------
        RunLockedError
            Another process kept the catalogue for longer than a commit takes.
        """
        events = [(f"{_PREFIX}{entry['event']}", entry) for entry in entries]
        record_all(self._workspace, events)


def entries_of_studies(
    rows: Sequence[Sequence[Any]],
) -> list[audit_log.AuditEntry]:
    """Return those of the rows of the log that are of studies."""
    return audit_log.entries_of([row for row in rows if row[2].startswith(_PREFIX)])


def open_register(workspace: Workspace) -> StudyRegister:
    """Return the register of a workspace, with its journal if it exists."""
    has_log = workspace.raw_database.exists()
    journal = StudyJournal(workspace) if has_log else None
    return StudyRegister(workspace.study_register, journal=journal)


def conclude_studies(workspace: Workspace) -> None:
    """Keep the figures of studies that are over, after a run has published them."""
    # Loads what estimates are stored with, which a run with nothing new does not need.
    from attribution.studies.concluded import conclude  # noqa: PLC0415

    database = workspace.build_database
    with database_in_spare_engine(database, read_only=True) as connection:
        conclude(connection, open_register(workspace), at=datetime.now(tz=UTC))


def check_register(workspace: Workspace) -> tuple[Doubt, ...]:
    """Compare the register with the log in the lake, without opening the catalogue."""
    try:
        rows = lake_log.read_log(workspace.lake)
        return tuple(of_register(workspace, rows))
    except (TriptychError, ValueError):
        return ()  # the log itself is in doubt, and is named as such


def of_register(workspace: Workspace, rows: Sequence[Sequence[Any]]) -> Iterator[Doubt]:
    """Yield the first line of the study register that is not as the log has it."""
    journaled = [unsigned(entry.detail) for entry in entries_of_studies(rows)]
    place = str(workspace.study_register)
    try:
        lines = register_lines(workspace.study_register)
    except TriptychError as error:
        yield Doubt(error.what, error.where)
        return
    number = first_difference(lines, journaled) if journaled else None
    if number is not None:
        text = f"Entry {number} of the study register is not what the audit log has."
        yield Doubt(text, f"{place}:{number}")
    elif len(lines) < len(journaled):
        number = len(lines) + 1
        text = f"The study register lacks entry {number}, which the audit log has."
        yield Doubt(text, place)
