"""Queries of measures for the selection of the bar on top of a page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from triptych.core.measures.compile import compile_relation
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import among, query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.measures.query import Options, Value
    from triptych.core.warehouse.reader import Snapshot

R = TypeVar("R")
Months = Literal["compared", "chosen", "all"]
_COLUMNS = {"model": "model_id", "team": "team_id", "cost centre": "cost_center"}


def measured(
    snapshot: Snapshot,
    selection: Selection,
    names: Mapping[str, str],
    *,
    by: tuple[str, ...] = (),
    where: Mapping[str, Value] | None = None,
    largest: str | None = None,
    months: Months = "compared",
    **options: Unpack[Options],
) -> pa.Table:
    """Return measures of a selection, with the period before, change and share.

    Parameters
    ----------
    names : mapping
        Name of the column → measure, on the basis of the selection.
    by, where, months, options
        As `relation` has them.
    largest : str, optional
        The column with the largest values first.
    """
    keys = ", ".join(by)
    first = f'"{largest}" DESC, {keys}' if largest else keys
    rows = relation(selection, names, by=by, where=where, months=months, **options)
    return snapshot.query(f"SELECT * FROM {rows} ORDER BY {first or 'ALL'}")


def measured_row(
    snapshot: Snapshot,
    selection: Selection,
    names: Mapping[str, str],
    where: Mapping[str, Value] | None = None,
    months: Months = "compared",
    **options: Unpack[Options],
) -> dict[str, Any]:
    """Return measures of a whole selection as a single row."""
    asked = relation(selection, names, where=where, months=months, **options)
    [row] = snapshot.query(f"SELECT * FROM {asked}").to_pylist()
    answer: dict[str, Any] = row
    return answer


def measured_as(
    kind: Callable[..., R],
    snapshot: Snapshot,
    selection: Selection,
    names: Mapping[str, str],
    where: Mapping[str, Value] | None = None,
) -> R:
    """Return measures of all of a selection as an object that has its row count."""
    return kind(
        **measured_row(snapshot, selection, names, where, "chosen", counted=True)
    )


def whole(selection: Selection) -> Selection:
    """Return a selection without its scope, for data known only of the whole."""
    return replace(selection, scope_kind="everything", scope_id="")


def relation(
    selection: Selection,
    names: Mapping[str, str],
    *,
    by: tuple[str, ...] = (),
    where: Mapping[str, Value] | None = None,
    months: Months = "compared",
    **options: Unpack[Options],
) -> str:
    """Return measures of a selection as SQL in brackets, for a page's query to read.

    For a name ``cost`` there are ``cost`` and, of compared months, ``cost_prior``,
    ``cost_change``, ``cost_change_ratio``, ``cost_share`` and ``cost_rows``. With
    *within* there are ``cost_total``, ``cost_share`` and ``cost_rows``; with *running*
    ``cost_begin`` and ``cost_end``; those that are *counted* have ``row_count``.

    Parameters
    ----------
    names : mapping
        Name of the column → measure, on the basis of the selection.
    by, where, options
        As a query of measures has them, such as conditions, labels and within.
    months : {'compared', 'chosen', 'all'}
        Months of the period and the period before, of the period alone, or all.
    """
    is_billed = selection.basis == "Billed"
    known = definitions()
    measures = {
        label: known.measure(name).on_basis(billed=is_billed).name
        for label, name in names.items()
    }
    model = known.measure(next(iter(measures.values()))).model
    scope: dict[str, Value] = dict(where or {})
    if "currency" in model.dimensions and "currency" not in by:
        scope.setdefault("currency", selection.currency)
    if not selection.covers_everything:
        column = _COLUMNS[selection.scope_kind]
        if "scope_type" in model.dimensions:
            scope |= {
                "scope_type": column.removesuffix("_id"),
                "scope_id": selection.scope_id,
            }
        else:
            narrowed = among(column, selection.scope_id).sql
            options["conditions"] = (*options.get("conditions", ()), narrowed)
    if months == "chosen":
        scope.setdefault(model.month or "", selection.period.months)
    if months == "compared":
        options["period"] = selection.period.months
        options["prior"] = selection.period.prior_months
    distinct = dict.fromkeys(measures.values())
    asked = query(*distinct, by=by, where=scope, **options)
    return compile_relation(asked, measures)
