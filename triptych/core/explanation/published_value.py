"""The value of a figure as it is published, and its underlying rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.errors import UsageError
from triptych.core.explanation.documentation import ColumnMeaning, unknown

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.core.warehouse.figures import Figure
    from triptych.core.warehouse.reader import Snapshot

    Number = Decimal | int | float | None


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """A figure as published, and the statements of its rows.

    Each of ``months``, ``sources``, ``currencies`` and ``pools`` is empty where the
    mart has no such column.
    """

    value: Number
    row_count: int
    months: tuple[str, ...]
    sources: tuple[str, ...]
    currencies: tuple[str, ...]
    pools: tuple[str, ...]
    is_estimated: bool


def value_sql(figure: Figure, column: ColumnMeaning, table: str) -> str:
    """Return the SQL of a figure's value over ``table``; it names ``value``."""
    where, _ = figure.where()
    of = f'"{figure.column}"'
    # A sum over rows is unknown if any of them is unknown.
    total = f"CASE WHEN count({of}) = count(*) THEN sum({of}) END"
    chosen = total if column.is_additive else f"any_value({of})"
    return f"SELECT {chosen} AS value, count(*) AS row_count FROM {table} WHERE {where}"


def read_value(
    snapshot: Snapshot, figure: Figure, columns: dict[str, ColumnMeaning]
) -> PublishedValue:
    """Read a figure from the published run.

    Raises
    ------
    UsageError
        No row holds the conditions, or its rows cannot be added up.
    """
    column = columns[figure.column]
    where, given = figure.where()
    [row] = snapshot.query(value_sql(figure, column, figure.mart), given).to_pylist()
    if row["row_count"] == 0:
        raise _no_rows(snapshot, figure)
    distinct = {name: _values(snapshot, figure, name) for name in _dimensions(columns)}
    if row["row_count"] > 1:
        _refuse_to_add(figure, column, snapshot, distinct)
    estimated = (
        "is_estimated" in columns
        and snapshot.query(
            f"SELECT bool_or(is_estimated) AS any FROM {figure.mart} WHERE {where}",
            given,
        ).to_pylist()[0]["any"]
    )
    months = distinct.get("billing_month", ()) or distinct.get("charge_date", ())
    return PublishedValue(
        row["value"],
        row["row_count"],
        tuple(sorted({month[:7] for month in months})),
        distinct.get("source", ()),
        distinct.get("currency", ()),
        distinct.get("pool_id", ()),
        bool(estimated),
    )


def _dimensions(columns: dict[str, ColumnMeaning]) -> tuple[str, ...]:
    kept = ["billing_month", "source", "currency", "pool_id"]
    if "billing_month" not in columns:
        kept.append("charge_date")
    return tuple(name for name in kept if name in columns)


def _values(snapshot: Snapshot, figure: Figure, column: str) -> tuple[str, ...]:
    where, given = figure.where()
    rows = snapshot.query(
        f'SELECT DISTINCT CAST("{column}" AS VARCHAR) AS value FROM {figure.mart}'
        f' WHERE {where} AND "{column}" IS NOT NULL ORDER BY 1',
        given,
    ).to_pylist()
    return tuple(row["value"] for row in rows)


def _refuse_to_add(
    figure: Figure,
    column: ColumnMeaning,
    snapshot: Snapshot,
    distinct: dict[str, tuple[str, ...]],
) -> None:
    """Refuse a meaningless sum, and name a way to make it meaningful."""
    if not column.is_additive:
        raise _not_a_sum(
            f"{figure.column} is a ratio, a rate or an estimate: rows of it do not add"
            " up.",
            figure,
            f"Name one row of it: {column.grain}.",
        )
    if len(distinct.get("currency", ())) > 1:
        raise _not_a_sum(
            f"Its rows are in {' and '.join(distinct['currency'])}.",
            figure,
            f"Add currency={distinct['currency'][0]}.",
        )
    for name in column.never_added_over:
        values = _values(snapshot, figure, name)
        if len(values) > 1:
            raise _not_a_sum(
                f"Rows of another {name} hold the same money again.",
                figure,
                f"Add {name}=, one of {', '.join(values)}.",
            )


def _not_a_sum(why: str, figure: Figure, next_step: str) -> UsageError:
    return UsageError(why, where=str(figure), next_step=next_step)


def _no_rows(snapshot: Snapshot, figure: Figure) -> UsageError:
    """Return an error naming the condition without rows, and similar values."""
    for condition in figure.conditions:
        rows: list[dict[str, Any]] = snapshot.query(
            f'SELECT DISTINCT CAST("{condition.column}" AS VARCHAR) AS value'
            f" FROM {figure.mart} ORDER BY 1"
        ).to_pylist()
        known = [row["value"] for row in rows]
        for value in condition.values if not condition.is_any else ():
            if value and value not in known:
                where = f"{figure.mart}.{condition.column}"
                return unknown("value", value, known, where=where)
    return UsageError(
        "No row holds all of its conditions, though each is held by some.",
        where=str(figure),
        next_step="Leave one out.",
    )
