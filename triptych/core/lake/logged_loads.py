"""The loads of a catalogue against the entries of its audit log.

The log records each commit, withdrawal and new name of loads. Worked out again, it
gives the loads that count, with their rows and checksums: a catalogue that was changed
by hand differs. Loads of entries from format 3 on also have the checksums of their
files in the lake.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from triptych.core.lake.catalogue import COMMITTED
from triptych.core.lake.source_names import LOAD_CHANGES, SOURCE_RENAMED
from triptych.core.lake.withdrawals import LOADS_WITHDRAWN, WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

_LOADS = """
SELECT load_id, source, stream, scope, row_count, checksums, superseded_by,
    len(files) > 0
FROM catalogue.loads ORDER BY load_id
"""
_QUARANTINED = "SELECT load_id, count(*) FROM catalogue.quarantine GROUP BY ALL"
_AT_REST = """
SELECT load_id, list(checksum ORDER BY checksum) FROM catalogue.files_at_rest
GROUP BY ALL
"""
_TABLES = (
    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'catalogue'"
    " AND database_name = current_database()"
)


@dataclass(frozen=True, slots=True)
class _Load:
    """A load by its entries. ``superseded_by`` is None for a load that counts."""

    source: str
    stream: str
    scope: str
    row_count: int
    quarantined_row_count: int
    checksums: tuple[str, ...]
    at_rest: tuple[str, ...] | None
    superseded_by: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


def differing_loads(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[Sequence[Any]]
) -> Iterator[tuple[str, str]]:
    """Yield loads whose catalogue rows differ from the log: id, and a sentence.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``.
    rows : sequence of sequence
        Rows of the audit log, oldest first.
    """
    tables = {name for (name,) in connection.execute(_TABLES).fetchall()}
    if "loads" not in tables:
        return  # set up, and nothing was ingested yet
    logged = _logged(rows)
    quarantined = Counter(dict(connection.execute(_QUARANTINED).fetchall()))
    # A catalogue that was last written by an earlier version has no such table.
    at_rest = _at_rest(connection) if "files_at_rest" in tables else {}
    catalogued = connection.execute(_LOADS).fetchall()
    for load_id, source, stream, scope, count, checksums, by, is_kept in catalogued:
        entry = logged.pop(load_id, None)
        if entry is None:
            yield load_id, "No entry of the audit log names this load."
            continue
        load = _Load(
            *(source, stream, scope, count, quarantined[load_id], tuple(checksums)),
            at_rest=at_rest.get(load_id, ()) if entry.at_rest is not None else None,
            superseded_by=by,
        )
        if not is_kept:
            # Pruned: its files are gone, and it gives no place back.
            same = {"at_rest": load.at_rest, "superseded_by": by}
            entry = replace(entry, **same)
        if (load.superseded_by is None) != (entry.superseded_by is None):
            verb = "counts" if load.superseded_by is None else "counts no more"
            yield load_id, f"This load {verb}; by the audit log it is otherwise."
        elif replace(load, superseded_by=None) != replace(entry, superseded_by=None):
            yield load_id, "This load is not the load that the audit log records."
    for load_id in sorted(logged):
        yield load_id, "raw.duckdb lacks this load of the audit log."


def _at_rest(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, ...]]:
    rows = connection.execute(_AT_REST).fetchall()
    return {load_id: tuple(checksums) for load_id, checksums in rows}


def _logged(rows: Sequence[Sequence[Any]]) -> dict[str, _Load]:
    """Return the loads of the log as its last entry leaves them, by id."""
    loads: dict[str, _Load] = {}
    current: dict[tuple[str, str, str], str] = {}
    for _, _, event, text, *_ in rows:
        if event == COMMITTED:
            detail = json.loads(text)
            load = _load(detail)
            _replace_current(loads, current, load, detail["load_id"])
        elif event in LOAD_CHANGES:
            detail = json.loads(text)
            for load_id in detail["load_ids"]:
                _change(loads, current, event, load_id, detail)
    return loads


def _load(detail: Mapping[str, Any]) -> _Load:
    at_rest = detail.get("files_at_rest")
    return _Load(
        *(detail["source"], detail["stream"], detail["scope"]),
        *(detail["row_count"], detail["quarantined_row_count"]),
        checksums=tuple(detail["checksums"]),
        at_rest=None if at_rest is None else tuple(at_rest),
    )


def _replace_current(
    loads: dict[str, _Load],
    current: dict[tuple[str, str, str], str],
    load: _Load,
    load_id: str,
) -> None:
    former = current.get(load.key)
    if former is not None and former != load_id:
        loads[former] = replace(loads[former], superseded_by=load_id)
    loads[load_id] = replace(load, superseded_by=None)
    current[load.key] = load_id


def _change(
    loads: dict[str, _Load],
    current: dict[tuple[str, str, str], str],
    event: str,
    load_id: str,
    detail: Mapping[str, Any],
) -> None:
    """Apply a withdrawal, its end or a new name, as the catalogue does."""
    load = loads.get(load_id)
    if load is None:
        return
    if event == SOURCE_RENAMED:
        is_current = current.get(load.key) == load_id
        if is_current:
            del current[load.key]
        loads[load_id] = load = replace(load, source=detail["new_name"])
        if is_current:
            current[load.key] = load_id
    elif event != LOADS_WITHDRAWN:
        _replace_current(loads, current, load, load_id)
    elif load.superseded_by is None:
        loads[load_id] = replace(load, superseded_by=WITHDRAWN)
        del current[load.key]
        if not detail.get("is_whole_source"):
            _give_back(loads, current, load_id)


def _give_back(
    loads: dict[str, _Load], current: dict[tuple[str, str, str], str], load_id: str
) -> None:
    for other_id, other in list(loads.items()):
        if other.superseded_by == load_id:
            loads[other_id] = replace(other, superseded_by=None)
            current[other.key] = other_id
