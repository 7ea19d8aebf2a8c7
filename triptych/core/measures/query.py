"""Queries of measures: measures, dimensions, filters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, Unpack

from triptych.core.errors import UsageError
from triptych.core.file_names import literal
from triptych.core.measures.definition import (
    Filter,
    Measure,
    Model,
    Question,
    definitions,
)
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    #: A value of a dimension, several of them, or NULL.
    Value = str | bool | Sequence[str | None] | None


@dataclass(frozen=True, slots=True)
class Query:
    """Measures of a single model, by some of its dimensions.

    Attributes
    ----------
    measures : tuple of Measure
        Measures to query.
    by : tuple of str
        Dimensions; with measures that do not add up, all that identify a row.
    filters : tuple of Filter
        Conditions that an address repeats.
    conditions : tuple of str
        SQL of other conditions, such as which months.
    labels : tuple of str
        Columns that describe a row.
    order : str
        SQL after ``ORDER BY``.
    limit : int or None
        Rows at most.
    period, prior : tuple of str
        Months, and those that they are compared with.
    within : tuple of str or None
        Dimensions that group the shares; empty for a share of all rows.
    counted : bool
        True if a row has ``row_count``, the number of mart rows it is made of.
    running : str or None
        Dimension or label that orders the rows for running sums.
    lists : tuple of str
        Columns with all their values of a row joined in a single text.
    source : str or None
        SQL of other rows than those of the mart, with its columns and more dimensions:
        line items, or rows with a name.
    is_zero_without_rows : bool
        True if a sum of no rows is zero, so that changes of single rows add up.
    """

    measures: tuple[Measure, ...]
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    conditions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    order: str = "ALL"
    limit: int | None = None
    period: tuple[str, ...] = ()
    prior: tuple[str, ...] = ()
    within: tuple[str, ...] | None = None
    counted: bool = False
    running: str | None = None
    lists: tuple[str, ...] = ()
    source: str | None = None
    is_zero_without_rows: bool = False
    model: Model = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise if the query has no answer."""
        object.__setattr__(self, "model", self.measures[0].model)
        for measure in self.measures:
            self._require_model(measure)
            self._require_grain(measure)
        unknown = {*self.by} - self.model.dimensions
        if unknown and self.source is None:
            raise UsageError(
                f"{self.model.name} has no dimension {', '.join(sorted(unknown))}.",
                next_step=f"It has {', '.join(sorted(self.model.dimensions))}.",
            )

    def in_months(self, months: tuple[str, ...]) -> str:
        """Return the SQL of rows of some months."""
        return among(self.model.month or "", months).sql

    def _require_model(self, measure: Measure) -> None:
        if measure.model is not self.model:
            names = f"{self.measures[0].name} and {measure.name}"
            raise UsageError(
                f"{names} are not of one model.", next_step="Ask for one at a time."
            )

    def _require_grain(self, measure: Measure) -> None:
        """Refuse to add up over a dimension that a measure does not add up over."""
        # Rows without a value, which an address has as "", belong to no other value.
        values = {f.column: {*(f.values or ())} - {""} for f in self.filters}
        one_value = {column for column, found in values.items() if len(found) == 1}
        if len(self.period) == 1:
            one_value.add(self.model.month or "")
        if missing := measure.needs - {*self.by} - one_value:
            raise UsageError(
                f"{measure.name} does not add up over {', '.join(sorted(missing))}.",
                next_step="Group by that, or ask for one value of it.",
            )


class Options(TypedDict, total=False):
    """Further options of a query; see :class:`Query`."""

    conditions: tuple[str, ...]
    labels: tuple[str, ...]
    order: str
    limit: int | None
    period: tuple[str, ...]
    prior: tuple[str, ...]
    within: tuple[str, ...] | None
    counted: bool
    running: str | None
    lists: tuple[str, ...]
    source: str | None
    is_zero_without_rows: bool


def query(
    *names: str,
    by: tuple[str, ...] = (),
    where: Mapping[str, Value] | None = None,
    **options: Unpack[Options],
) -> Query:
    """Return the query of measures by name.

    Parameters
    ----------
    names : str
        Of the measures.
    by : tuple of str
        Dimensions.
    where : mapping, optional
        Dimension → the value or values that it has; None is NULL.
    options
        Attributes of a query; its conditions may have placeholders such as ``$until``.
    """
    known = definitions()
    return Query(
        tuple(known.measure(name) for name in names),
        by,
        tuple(among(column, value) for column, value in (where or {}).items()),
        **options,
    )


def query_of(question: Question, given: Mapping[str, str | None]) -> Query:
    """Return the query of a saved query, for a month and dimension values."""
    conditions = [] if question.when is None else [_bound(question.when, given)]
    model = question.measures[0].model
    conditions += [
        among(column, value).sql
        for column, value in given.items()
        if column in model.dimensions and value is not None and column != "month"
    ]
    return Query(
        question.measures,
        question.by,
        question.filters,
        tuple(conditions),
        question.labels,
        _total_order(question),
    )


def _total_order(question: Question) -> str:
    """Return the order of a saved query, with its dimensions for rows that tie."""
    if question.order is None:
        return "ALL"
    return ", ".join((question.order, *(f'"{column}"' for column in question.by)))


def among(column: str, value: Value) -> Filter:
    """Return the condition that a column has a value, any of several, or any."""
    if isinstance(value, bool):
        return Filter(
            column if value else f"NOT {column}", column, (str(value).lower(),)
        )
    if value == ANY:
        return Filter(f'"{column}" IS NOT NULL', column, (ANY,))
    values = [value] if value is None or isinstance(value, str) else list(value)
    known = ", ".join(literal(each) for each in values if each is not None)
    parts = [f'"{column}" IN ({known})'] if known else []
    if None in values:
        parts.append(f'"{column}" IS NULL')
    text = tuple(each or "" for each in values)
    sql = " OR ".join(parts) or "false"
    return Filter(f"({sql})" if len(parts) > 1 else sql, column, text)


def month_before(month: str) -> str:
    """Return the month before a month, both as ``YYYY-MM``."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _bound(sql: str, given: Mapping[str, str | None]) -> str:
    """Return SQL with the values of its parameters in place."""

    def put(match: re.Match[str]) -> str:
        value = given.get(match[1])
        return "NULL" if value is None else literal(value)

    return re.sub(r"\$(\w+)", put, sql)
