"""Taking loads back: they stay as evidence and count no more, until that is undone.

A load that is withdrawn gives its place back to the load that it had replaced, if that
load is still there. A withdrawn load is not loaded again when it is offered again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

#: In ``superseded_by``, in place of the replacing load.
WITHDRAWN: Final = "withdrawn"
#: Entries of the audit log; ``load_ids`` of their detail are the loads.
LOADS_WITHDRAWN: Final = "loads_withdrawn"
WITHDRAWAL_UNDONE: Final = "withdrawal_undone"

_WITHDRAW = (
    "UPDATE catalogue.loads SET status = 'superseded', superseded_by = 'withdrawn',"
    " superseded_at = $at WHERE status = 'current' AND load_id = $load_id"
)
# Not a load that was pruned, or withdrawn itself.
_GIVE_BACK = (
    "UPDATE catalogue.loads SET status = 'current', superseded_by = NULL,"
    " superseded_at = NULL WHERE superseded_by = $load_id AND len(files) > 0"
)
_MAKE_ROOM = (
    "UPDATE catalogue.loads AS other SET status = 'superseded',"
    " superseded_by = $load_id, superseded_at = $at FROM catalogue.loads AS load"
    " WHERE load.load_id = $load_id AND other.status = 'current'"
    " AND other.source = load.source AND other.stream = load.stream"
    " AND other.scope = load.scope"
)
_RESTORE = (
    "UPDATE catalogue.loads SET status = 'current', superseded_by = NULL,"
    " superseded_at = NULL WHERE superseded_by = 'withdrawn' AND load_id = $load_id"
)


@dataclass(frozen=True, slots=True)
class WithdrawnLoad:
    """A load that was taken back, as far as a new delivery is compared with it."""

    load_id: str
    source: str
    stream: str
    scope: str
    fingerprint: str
    checksums: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


def apply(
    connection: duckdb.DuckDBPyConnection,
    event: str,
    load_ids: Sequence[str],
    at: datetime,
    *,
    is_whole_source: bool = False,
) -> None:
    """Withdraw loads or undo that, in the transaction that is open.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    event : str
        :data:`LOADS_WITHDRAWN` or :data:`WITHDRAWAL_UNDONE`.
    load_ids : sequence of str
        Loads that are current, or that were withdrawn.
    at : datetime
        Time, UTC, without zone.
    is_whole_source : bool
        Nothing of the source is to count, nor the loads that its loads had replaced.
    """
    for load_id in load_ids:
        asked = {"load_id": load_id, "at": at}
        if event == LOADS_WITHDRAWN:
            connection.execute(_WITHDRAW, asked)
            if not is_whole_source:
                connection.execute(_GIVE_BACK, {"load_id": load_id})
        else:
            connection.execute(_MAKE_ROOM, asked)
            connection.execute(_RESTORE, {"load_id": load_id})


def read_withdrawn(connection: duckdb.DuckDBPyConnection) -> list[WithdrawnLoad]:
    """Return the loads that were taken back."""
    rows = connection.execute(
        "SELECT load_id, source, stream, scope, fingerprint, checksums, superseded_at"
        " FROM catalogue.loads WHERE superseded_by = ? ORDER BY load_id",
        [WITHDRAWN],
    ).fetchall()
    return [
        WithdrawnLoad(load_id, source, stream, scope, text, tuple(checksums), at)
        for load_id, source, stream, scope, text, checksums, at in rows
    ]
