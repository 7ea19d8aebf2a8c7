"""Writes the SQL of a pivot: sums by dimensions, the largest of each apart.

A pivot has a row for each combination of its dimensions (``kind`` is *row*), those of a
chart, in which all but the largest values are merged (*bar*), and their *total*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.core.measures.query import among

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONEY: Final = "decimal(28, 10)"


def compile_pivot(
    cells: str,
    by: Mapping[str, int | None],
    *,
    period: tuple[str, ...],
    prior: tuple[str, ...] = (),
    other: str = "Other",
) -> str:
    """Return the SQL of a pivot, without an order.

    Parameters
    ----------
    cells : str
        Input: rows of an additive measure with the columns of the dimensions,
        ``billing_month``, ``amount`` and ``amount_rows``.
    by : mapping
        Dimension → how many of its values a chart has, None for all.
    period, prior : tuple of str
        Months, and those that they are compared with.
    other : str
        Name of the others of a chart.

    Returns
    -------
    str
        Columns ``kind``, each dimension and its ``_rank`` by size, ``amount``,
        ``prior``, ``change``, ``change_ratio``, ``share_ratio`` and ``row_count``.
    """
    keys = ", ".join(by)
    now, before = (among("billing_month", each).sql for each in (period, prior))
    ranks = ", ".join(f"{name}_ranks AS ({_ranked(name)})" for name in by)
    joined = " ".join(f"JOIN {name}_ranks USING ({name})" for name in by)
    return f"""
        WITH sums AS MATERIALIZED (
            SELECT {keys}, {_sum("amount", now, _MONEY)} AS amount,
                {_sum("amount", before, _MONEY)} AS prior,
                {_sum("amount_rows", now, "bigint")} AS row_count
            FROM {cells} AS cells GROUP BY {keys}
        ),
        {ranks},
        ranked AS (SELECT * FROM sums {joined}),
        shapes AS ({_shapes(by, other)})
        SELECT *, amount - prior AS change,
            CAST(amount - prior AS DOUBLE) / NULLIF(CAST(abs(prior) AS DOUBLE), 0)
                AS change_ratio,
            CAST(amount AS DOUBLE)
                / NULLIF(CAST((SELECT sum(amount) FROM sums) AS DOUBLE), 0)
                AS share_ratio
        FROM shapes
    """


def _shapes(by: Mapping[str, int | None], other: str) -> str:
    """Return the SQL of rows, of bars and of their total."""
    keys = ", ".join(by)
    places = ", ".join(f"{name}_rank" for name in by)
    bars = ", ".join(_shortened(name, most, other) for name, most in by.items())
    least = ", ".join(f"min({name}_rank)" for name in by)
    nothing, zeros = ", ".join("NULL" for _ in by), ", ".join("0" for _ in by)
    sums = "sum(amount), sum(prior), CAST(sum(row_count) AS bigint)"
    return f"""
        SELECT 'row' AS kind, {keys}, amount, prior, row_count, {places} FROM ranked
        UNION ALL
        SELECT 'bar', {keys}, {sums}, {least}
        FROM (SELECT {bars}, amount, prior, row_count, {places} FROM ranked) AS bars
        GROUP BY {keys}
        UNION ALL
        SELECT 'total', {nothing}, {sums}, {zeros} FROM sums
    """


def _sum(column: str, condition: str, data_type: str) -> str:
    """Return the SQL of a sum of some months, zero where there are no rows."""
    return f"CAST(coalesce(sum({column}) FILTER (WHERE {condition}), 0) AS {data_type})"


def _ranked(name: str) -> str:
    """Return the SQL of a dimension's values by absolute size."""
    return (
        f"SELECT {name}, row_number() OVER (ORDER BY abs(sum(amount)) DESC, {name})"
        f" AS {name}_rank FROM sums GROUP BY {name}"
    )


def _shortened(name: str, most: int | None, other: str) -> str:
    """Return the SQL of a value, or of the name of a chart's others."""
    if most is None:
        return f"{name} AS {name}"
    return f"CASE WHEN {name}_rank <= {most} THEN {name} ELSE '{other}' END AS {name}"
