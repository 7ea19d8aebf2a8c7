"""Asks for measures of what the bar on top of a page has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triptych.core.measures.answer import table
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.measures.query import Value
    from triptych.core.warehouse.reader import Snapshot

_COLUMNS = {"model": "model_id", "team": "team_id", "cost centre": "cost_center"}


def measured(
    snapshot: Snapshot,
    selection: Selection,
    names: Mapping[str, str],
    *,
    by: tuple[str, ...] = (),
    where: Mapping[str, Value] | None = None,
    largest: str | None = None,
) -> pa.Table:
    """Return measures of a selection, with the period before, change and share.

    Parameters
    ----------
    names : mapping
        What the columns are called → measure, on the basis of the selection.
    by, where
        As a query of measures has them.
    largest : str, optional
        The column whose largest values come first.
    """
    scope: dict[str, Value] = {"currency": selection.currency, **(where or {})}
    if not selection.covers_everything:
        scope[_COLUMNS[selection.scope_kind]] = selection.scope_id
    is_billed = selection.basis == "Billed"
    measures = {
        label: definitions().measure(name).on_basis(billed=is_billed).name
        for label, name in names.items()
    }
    keys = ", ".join(by)
    first = f"{measures[largest]} DESC, {keys}" if largest else keys
    answered = table(
        snapshot,
        query(
            *measures.values(),
            by=by,
            where=scope,
            order=first or "ALL",
            period=selection.period.months,
            prior=selection.period.prior_months,
        ),
    )
    return answered.rename_columns(
        [_label(column, measures) for column in answered.column_names]
    )


def measured_row(
    snapshot: Snapshot,
    selection: Selection,
    names: Mapping[str, str],
    where: Mapping[str, Value] | None = None,
) -> dict[str, Any]:
    """Return measures of all of a selection as one row."""
    [row] = measured(snapshot, selection, names, where=where).to_pylist()
    answer: dict[str, Any] = row
    return answer


def _label(column: str, measures: Mapping[str, str]) -> str:
    """Return what a column is called: its measure by the name of whoever asks."""
    for label, name in measures.items():
        for suffix in ("", "_prior", "_change", "_change_ratio", "_share", "_rows"):
            if column == name + suffix:
                return label + suffix
    return column
