"""Outcomes of workspace models, as the published file keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.warehouse.reader import Snapshot

_TABLE = (
    "CREATE TABLE lineage.own_models"
    " (name VARCHAR, kind VARCHAR, status VARCHAR, message VARCHAR)"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """Outcome of a model or a test of the workspace.

    ``status`` is *success*, *pass*, *warn*, *fail*, *error* or *left_out*; the folder
    as a whole has an empty name.
    """

    name: str
    kind: str
    status: str
    message: str = ""

    @property
    def is_failure(self) -> bool:
        """Return True if somebody must mend it."""
        return self.status in {"error", "fail"}


def write_ended(connection: duckdb.DuckDBPyConnection, ended: Sequence[Ended]) -> None:
    """Write down in a new file how each ended."""
    connection.execute(_TABLE)
    for each in ended:
        row = [each.name, each.kind, each.status, each.message]
        connection.execute("INSERT INTO lineage.own_models VALUES (?, ?, ?, ?)", row)


def read_ended(snapshot: Snapshot) -> list[Ended]:
    """Return how each ended in a published run; nothing where it had none."""
    try:
        rows = snapshot.query("FROM lineage.own_models ORDER BY ALL").to_pylist()
    except duckdb.CatalogException:
        return []
    return [Ended(**row) for row in rows]
