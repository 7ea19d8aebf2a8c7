"""Documentation of a published run's figures: formulas, additivity."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError, UsageError
from triptych.core.warehouse.published_file import names_of_mart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triptych.core.warehouse.figures import Figure
    from triptych.core.warehouse.reader import Snapshot

#: Endings of exact columns with rows that are nevertheless no parts of a whole.
_NOT_PARTS = ("rate", "_to_date", "_order", "_share", "_percentage")
_NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE")
#: A mart that has its schema's name in its own is published without it. Users who see a
#: part of a run find views of it in ``memory``.
_LISTED = """
SELECT models.schema_name, columns.column_name,
  columns.description, columns.formula, columns.numerator, columns.denominator,
  models.model_name, models.description AS mart_description, models.grain,
  models.never_added_over
FROM lineage.model_columns AS columns
JOIN lineage.models USING (model_name)
WHERE models.is_public ORDER BY columns.position
"""


class NotExplainableError(TriptychError):
    """The published run kept nothing that explains its figures."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ColumnMeaning:
    """A column of a mart, as the models of the run document it.

    ``numerator`` and ``denominator`` are columns of the same mart, for a ratio of two.
    """

    mart: str
    column: str
    data_type: str
    description: str
    formula: str | None
    numerator: str | None
    denominator: str | None
    model_name: str
    mart_description: str
    grain: str
    never_added_over: tuple[str, ...]

    @property
    def is_figure(self) -> bool:
        """Return True if it is a number."""
        return self.data_type.startswith(_NUMBERS)

    @property
    def is_additive(self) -> bool:
        """Return True if rows are parts of a sum: exact, no rate, no running total."""
        is_exact = self.is_figure and self.data_type != "DOUBLE"
        return is_exact and not self.column.endswith(_NOT_PARTS)


def read_columns(snapshot: Snapshot) -> list[ColumnMeaning]:
    """Return every column of every public mart, in the order of the marts.

    Raises
    ------
    NotExplainableError
        It was published by a version that did not keep its models.
    """
    try:
        rows = snapshot.query(_LISTED).to_pylist()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise NotExplainableError(
            "This run was published without what explains its figures.",
            where=snapshot.run_id,
            next_step='Run "triptych build" to publish it again.',
        )
    types = snapshot.column_types()
    named = [
        {**row, "mart": mart, "data_type": types[mart, row["column_name"]]}
        for row in rows
        for mart in names_of_mart(row["schema_name"], row["model_name"])
        if (mart, row["column_name"]) in types
    ]
    return [_meaning(row) for row in sorted(named, key=itemgetter("mart"))]


def _meaning(row: dict[str, Any]) -> ColumnMeaning:
    return ColumnMeaning(
        mart=row["mart"],
        column=row["column_name"],
        data_type=row["data_type"],
        description=row["description"],
        formula=row["formula"],
        numerator=row["numerator"],
        denominator=row["denominator"],
        model_name=row["model_name"],
        mart_description=row["mart_description"],
        grain=row["grain"] or "",
        never_added_over=tuple(row["never_added_over"]),
    )


def explainable_columns(snapshot: Snapshot, beginning: str = "") -> list[ColumnMeaning]:
    """Return the figure columns of marts with this name prefix."""
    return [
        column
        for column in read_columns(snapshot)
        if column.is_figure and column.mart.startswith(beginning)
    ]


def find_column(columns: list[ColumnMeaning], figure: Figure) -> ColumnMeaning:
    """Return the column that a figure names.

    Raises
    ------
    UsageError
        There is no such mart or column, a condition is on a column that is not there,
        or the column is no number; near names are suggested.
    """
    of_mart = {
        column.column: column for column in columns if column.mart == figure.mart
    }
    if not of_mart:
        marts = dict.fromkeys(column.mart for column in columns)
        raise unknown("mart", figure.mart, marts, where="FIGURE")
    for name in (figure.column, *(condition.column for condition in figure.conditions)):
        if name not in of_mart:
            raise unknown("column", name, of_mart, where=figure.mart)
    found = of_mart[figure.column]
    if not found.is_figure:
        numbers = ", ".join(one.column for one in of_mart.values() if one.is_figure)
        raise UsageError(
            f"{figure.column} holds no number.",
            where=figure.mart,
            next_step=f"Its figures are {numbers}.",
        )
    return found


def unknown(kind: str, given: str, known: Iterable[str], *, where: str) -> UsageError:
    """Return the error for a name that is not there, with those that are like it."""
    names = [name for name in known if name]
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    some = ", ".join(near or names[:8])
    told = "Did you mean" if near else "There is"
    ending = "?" if near else (", …" if len(names) > 8 else ".")  # noqa: PLR2004
    return UsageError(
        f"There is no {kind} {given!r}.",
        where=where,
        next_step=f"{told} {some}{ending}" if names else "It has no rows.",
    )
