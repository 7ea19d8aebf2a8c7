"""The value of a figure worked out again from the evidence files, and a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.explanation.published_value import value_sql
from triptych.core.warehouse.figures import ANY, Condition, Figure
from triptych.core.warehouse.line_item_sums import (
    LineItemSum,
    add_up,
    are_divided,
    line_items_of,
)
from triptych.core.warehouse.reader import LineItemsOutOfReachError
from triptych.core.warehouse.replay import NotReplayableError, Replay

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from triptych.core.explanation.documentation import ColumnMeaning
    from triptych.core.explanation.published_value import Number, PublishedValue
    from triptych.core.warehouse.reader import Snapshot

_LAST_DIGITS = 1e-12
_COSTS = "cost.fct_daily_model_costs"
_UNIT_COSTS = "cost.mart_model_unit_costs"
_UNIT_COMPONENTS = {
    "direct_cost": ("direct",),
    "shared_cost": ("shared",),
    "idle_cost": ("idle",),
    "unused_commitment_cost": ("unused_commitment",),
    "overhead_cost": ("overhead",),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A component amount of a figure, published and derived again.

    ``share_of`` is the whole that it is a part of, for a part of a pool.
    """

    name: str
    published: Number
    rederived: Number
    is_equal: bool
    share_of: Number = None


@dataclass(frozen=True, slots=True)
class Rederivation:
    """Value of a figure derived from the evidence.

    ``method`` is ``line items``, ``models run again`` or ``none``; ``verdict``
    describes in words how the two compare, or why they cannot be compared. ``is_equal``
    is ``None`` where they cannot.
    """

    method: str
    value: Number
    verdict: str
    is_equal: bool | None
    line_item_count: int | None = None
    currencies: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def rederive(
    snapshot: Snapshot,
    root: Path,
    figure: Figure,
    columns: dict[str, ColumnMeaning],
    published: PublishedValue,
    *,
    reporting: str,
) -> Rederivation:
    """Work a figure out again, from line items alone where that can be.

    Parameters
    ----------
    snapshot, root
        The run and its workspace.
    figure, columns, published
        The figure, the columns of its mart, and the published value.
    reporting : str
        Reporting currency of the workspace.
    """
    currency = published.currencies[0] if published.currencies else reporting
    items = line_items_of(figure)
    if items is not None:
        try:
            if not are_divided(snapshot, items):
                return _by_line_items(
                    add_up(snapshot, items, currency=currency, reporting=reporting),
                    published,
                )
        except (LineItemsOutOfReachError, duckdb.Error) as error:
            return _impossible(str(error).splitlines()[0])
    return _by_models(snapshot, root, figure, columns, published, currency, reporting)


def _by_line_items(added: LineItemSum, published: PublishedValue) -> Rederivation:
    value = published.value
    difference = Decimal(value or 0) - added.total
    is_equal = value is not None and abs(difference) <= added.tolerance
    verdict = "equal to the last digit"
    if difference and is_equal:
        verdict = (
            f"equal but for {abs(difference):f} of rounding at ten decimals (it may"
            f" come to {added.tolerance:f})"
        )
    elif not is_equal:
        verdict = f"different: published less re-derived is {difference:f}"
    return Rederivation(
        "line items",
        added.total,
        verdict,
        is_equal,
        added.item_count,
        added.currencies,
    )


def _by_models(
    snapshot: Snapshot,
    root: Path,
    figure: Figure,
    columns: dict[str, ColumnMeaning],
    published: PublishedValue,
    currency: str,
    reporting: str,
) -> Rederivation:
    column = columns[figure.column]
    if is_estimate(figure.column, columns):
        return _impossible("It is an estimate: its interval says how far it holds.")
    try:
        marts = [column.model_name]
        if _as_model_costs(figure) is not None and figure.mart != _COSTS:
            marts.append(_COSTS.split(".")[1])
        replay = Replay(snapshot.path, root, marts)
        value = _replayed(replay, figure, column)
        parts = list(_ratio_parts(snapshot, replay, figure, columns))
        parts += _cost_parts(snapshot, replay, figure, currency, reporting)
        replay.close()
    except (NotReplayableError, LineItemsOutOfReachError, duckdb.Error) as error:
        return _impossible(str(error).splitlines()[0])
    is_equal = _are_equal(published.value, value) and all(p.is_equal for p in parts)
    return Rederivation(
        "models run again",
        value,
        _verdict(published.value, value, is_equal=is_equal),
        is_equal,
        None,
        (),
        tuple(parts),
    )


def _replayed(replay: Replay, figure: Figure, column: ColumnMeaning) -> Number:
    _, given = figure.where()
    [row] = replay.query(value_sql(figure, column, f"build.{figure.mart}"), given)
    value: Number = row["value"]
    return value


def _ratio_parts(
    snapshot: Snapshot,
    replay: Replay,
    figure: Figure,
    columns: dict[str, ColumnMeaning],
) -> Iterator[Part]:
    """Yield the numerator and the denominator of a ratio, each on its own."""
    of = columns[figure.column]
    for kind, text in (("numerator", of.numerator), ("denominator", of.denominator)):
        for name in (text or "").split(" + ") if text else ():
            part = Figure(figure.mart, name, figure.conditions)
            _, given = part.where()
            sql = value_sql(part, columns[name], part.mart)
            [row] = snapshot.query(sql, given).to_pylist()
            again = _replayed(replay, part, columns[name])
            is_equal = _are_equal(row["value"], again)
            yield Part(f"{kind} {name}", row["value"], again, is_equal)


def _cost_parts(
    snapshot: Snapshot, replay: Replay, figure: Figure, currency: str, reporting: str
) -> Iterator[Part]:
    """Yield model cost by component and pool, with the input of each pool."""
    costs = _as_model_costs(figure)
    if costs is None:
        return
    where, given = costs.where()
    sql = (
        f'SELECT component, pool_id, sum("{costs.column}") AS amount FROM %s'
        f" WHERE {where} GROUP BY ALL ORDER BY component, pool_id"
    )
    published = _by_part(snapshot.query(sql % _COSTS, given).to_pylist())
    again = _by_part(replay.query(sql % f"build.{_COSTS}", given))
    pools = {pool for _, pool in published | again if pool and pool[:2] != "__"}
    found = {
        pool: _whole_pool(snapshot, costs, pool, currency, reporting)
        for pool in sorted(pools)
    }
    wholes = {pool: whole for pool, whole in found.items() if whole is not None}
    yield from wholes.values()
    for key in sorted(published | again, key=str):
        component, pool = key
        name = component if pool is None else f"{component} of pool {pool}"
        amounts = published.get(key), again.get(key)
        whole = wholes[pool].published if pool in wholes else None
        yield Part(name, *amounts, _are_equal(*amounts), whole)


def _by_part(rows: list[dict[str, Any]]) -> dict[tuple[str, str | None], Decimal]:
    return {(row["component"], row["pool_id"]): row["amount"] for row in rows}


def _as_model_costs(figure: Figure) -> Figure | None:
    """Return the same money in the daily costs of models, where it is found there."""
    if figure.mart == _COSTS:
        return figure
    if figure.mart != _UNIT_COSTS or figure.column == "meter_coverage_ratio":
        return None
    if not {one.column for one in figure.conditions} <= {
        *("billing_month", "model_id", "currency")
    }:
        return None
    components = _UNIT_COMPONENTS.get(figure.column)
    is_cost = "cost" in figure.column
    if not is_cost:
        return None
    every = tuple(name for names in _UNIT_COMPONENTS.values() for name in names)
    conditions = [*figure.conditions, Condition("component", components or every)]
    if not any(condition.column == "model_id" for condition in conditions):
        # The mart has models only, and the daily costs include costs without an owner.
        conditions.append(Condition("model_id", (ANY,)))
    return Figure(_COSTS, "effective_cost", tuple(conditions))


def _whole_pool(
    snapshot: Snapshot, costs: Figure, pool: str, currency: str, reporting: str
) -> Part | None:
    """Return the input of a pool, as published and by its line items.

    A pool that has parts of purchases has no separate sum.
    """
    kept = [
        condition
        for condition in costs.conditions
        if condition.column in {"billing_month", "source", "charge_date"}
    ]
    whole = Figure(
        "cost.fct_daily_pool_costs",
        f"pool_{costs.column}",
        (*kept, Condition("pool_id", (pool,))),
    )
    items = line_items_of(whole)
    assert items is not None  # noqa: S101  (a declared pool is a sum of line items)
    if are_divided(snapshot, items):
        return None
    added = add_up(snapshot, items, currency=currency, reporting=reporting)
    where, given = whole.where()
    [row] = snapshot.query(
        f'SELECT sum("{whole.column}") AS value FROM {whole.mart}'
        f" WHERE {where} AND currency = $currency",
        {**given, "currency": currency},
    ).to_pylist()
    published = row["value"]
    is_equal = published is not None and abs(published - added.total) <= added.tolerance
    name = f"pool {pool} by its {added.item_count} line items"
    return Part(name, published, added.total, is_equal)


def is_estimate(column: str, columns: Collection[str]) -> bool:
    """Return True if a column has an interval, or is a bound of an interval."""
    stem, _, _ = column.partition("_low")
    stem, _, _ = stem.partition("_high")
    return any(name.startswith(f"{stem}_low") for name in columns)


def _are_equal(published: Number, again: Number) -> bool:
    if isinstance(published, float) and isinstance(again, float):
        return math.isclose(published, again, rel_tol=_LAST_DIGITS)
    return published == again


def _verdict(published: Number, again: Number, *, is_equal: bool) -> str:
    if published == again:
        return (
            "equal to the last digit"
            if is_equal
            else "equal as a whole, but a part of it is different"
        )
    if is_equal:
        return "equal to twelve digits, as far as a binary fraction is exact"
    if published is None or again is None:
        return "different: one of the two is not known"
    difference = Decimal(published) - Decimal(again)
    return f"different: published less re-derived is {difference:f}"


def _impossible(why: str) -> Rederivation:
    return Rederivation("none", None, f"not re-derived: {why}", None)
