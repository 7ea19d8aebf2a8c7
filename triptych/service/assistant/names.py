"""Refuses names that a question gives and no row has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.explanation.documentation import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.warehouse.reader import Snapshot


def require_names(
    snapshot: Snapshot, mart: str, parameters: Mapping[str, str | None]
) -> None:
    """Refuse a value of a column that no row of the mart has, with those like it."""
    for column, name in parameters.items():
        rows = snapshot.query(
            f'SELECT DISTINCT "{column}" AS name FROM {mart} ORDER BY name'
        ).to_pylist()
        known = [row["name"] for row in rows]
        if name is not None and name not in known:
            raise unknown(column, name, known, where=mart)
