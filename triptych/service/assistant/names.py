"""Refuses values of dimensions that no row has."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from triptych.service.assistant.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from triptych.core.measures.definition import Model
    from triptych.core.warehouse.reader import Snapshot


def require_names(
    snapshot: Snapshot, model: Model, given: Mapping[str, Iterable[str | None]]
) -> None:
    """Refuse a value of a dimension that no row of a model has, with those like it.

    Raises
    ------
    RefusedError
        No row has it.
    """
    rows = model.mart if model.sql is None else f"({model.sql})"
    for column, names in given.items():
        table = snapshot.query(
            f'SELECT DISTINCT CAST("{column}" AS VARCHAR) AS name FROM {rows} AS known'
            " ORDER BY name"
        )
        known = [name for name in table.column(0).to_pylist() if name]
        for name in names:
            # Without rows there are no names: the answer has the reason for that.
            if known and name and name not in known:
                near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
                listed = ", ".join(near or known[:8])
                raise RefusedError(
                    f"There is no {column} {name!r}.",
                    where=column,
                    next_step=f"{'Did you mean' if near else 'There is'} {listed}?",
                    code="unknown_name",
                )
