"""Answers queries of measures, each figure with its qualifications.

A figure has its unit, basis, interval, number of observations, grade, the state of its
month, whether it is a lower bound, why it is unknown, and the address under which it is
worked out again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from triptych.core.measures.compile import LEFT, compile_query
from triptych.core.measures.definition import UNIT_COLUMN
from triptych.core.warehouse.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from triptych.core.measures.definition import Filter, Measure
    from triptych.core.measures.query import Query
    from triptych.core.warehouse.reader import Snapshot

    Row = dict[str, Any]

_PARTLY_UNKNOWN = "Part of it is unknown, and a total with an unknown part is, too."


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's description of its months: their state and missing evidence."""

    states: Mapping[str, str]
    missing: Mapping[str, list[str]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Standing:
        """Read it from a run."""
        states = snapshot.query(
            "SELECT billing_month, state FROM cost.mart_period_states"
        ).to_pylist()
        gaps = snapshot.query(
            "SELECT billing_month, source, missing FROM core.mart_month_completeness"
            " WHERE NOT is_complete ORDER BY ALL"
        ).to_pylist()
        missing: dict[str, list[str]] = {}
        for row in gaps:
            text = f"{row['source']} lacks {row['missing']}"
            missing.setdefault(row["billing_month"], []).append(text)
        return cls({row["billing_month"]: row["state"] for row in states}, missing)

    def state(self, months: Iterable[str]) -> str | None:
        """Return the state of months, several where they differ."""
        known = {self.states[month] for month in months if month in self.states}
        return ", ".join(sorted(known)) or None


@dataclass(frozen=True, slots=True)
class MeasuredFigure:
    """A value of a measure, and its qualifications.

    ``value`` has the type of its mart: DECIMAL stays decimal. ``explain`` is None where
    no column of a mart is the figure. ``prior``, ``change``, ``change_ratio`` and
    ``share`` are of a query that compares periods.
    """

    measure: Measure
    labels: Mapping[str, object]
    value: Any
    unit: str
    month: str | None
    state: str | None
    at_least: bool = False
    low: Any = None
    high: Any = None
    n: int | None = None
    grade: str | None = None
    is_counted: bool | None = None
    reason: str | None = None
    explain: Figure | None = None
    prior: Any = None
    change: Any = None
    change_ratio: float | None = None
    share: float | None = None

    @property
    def interval(self) -> str | None:
        """Return the level that ``low`` and ``high`` enclose, such as ``90 %``."""
        return None if self.low is None else self.measure.interval


def table(snapshot: Snapshot, query: Query) -> pa.Table:
    """Return the rows of a query: its dimensions, then a column for each measure."""
    return snapshot.query(compile_query(query))


def ask(
    snapshot: Snapshot, query: Query, standing: Standing | None = None
) -> list[MeasuredFigure]:
    """Return the figures of a query, measure by measure within each row."""
    known = standing or Standing.of(snapshot)
    rows: Sequence[Row] = table(snapshot, query).to_pylist()
    return [
        _figure(query, measure, row, known)
        for row in rows
        for measure in query.measures
    ]


def _figure(
    query: Query, measure: Measure, row: Row, standing: Standing
) -> MeasuredFigure:
    model = query.model
    month = row.get(model.month) if model.month else None
    months = (month,) if month else _months(query, standing)
    address = _address(query, measure, row)
    figure = MeasuredFigure(
        measure=measure,
        labels={name: row[name] for name in (*query.by, *query.labels)},
        value=row[measure.name],
        unit=UNIT_COLUMN.sub(lambda match: str(row[match[1]]), measure.unit),
        month=month,
        state=standing.state(months),
        at_least=bool(address and address.is_cost)
        and any(standing.missing.get(each) for each in months),
        low=_of(row, measure.low),
        high=_of(row, measure.high),
        n=_of(row, measure.n),
        grade=_of(row, model.grade),
        is_counted=_of(row, model.counted),
        reason=_of(row, measure.reason or model.reason),
        explain=address,
        prior=row.get(f"{measure.name}_prior"),
        change=row.get(f"{measure.name}_change"),
        change_ratio=row.get(f"{measure.name}_change_ratio"),
        share=row.get(f"{measure.name}_share"),
    )
    if figure.value is None and figure.reason is None:
        return replace(figure, reason=_why_unknown(measure))
    return figure


def _months(query: Query, standing: Standing) -> Sequence[str]:
    """Return the months of a row without a month: those asked for, or all."""
    if query.period or query.model.month is None:
        return query.period
    asked = [f.values or () for f in query.filters if f.column == query.model.month]
    return asked[0] if asked else sorted(standing.states)


def _of(row: Row, column: str | None) -> Any:  # noqa: ANN401  (as its mart has it)
    return row[column] if column else None


def _why_unknown(measure: Measure) -> str | None:
    if measure.unknown or not measure.is_additive:
        return measure.unknown or measure.model.unknown
    return _PARTLY_UNKNOWN


def _address(query: Query, measure: Measure, row: Row) -> Figure | None:
    """Return the address of a figure; None where no column of a mart is it."""
    if measure.column is None or measure.agg not in {"sum", "max"}:
        return None
    where: dict[str, Any] = {name: _text(row[name]) for name in query.by}
    if query.period and query.model.month:
        where.setdefault(query.model.month, query.period)
    if measure.is_additive:
        filters: tuple[Filter, ...] = (*measure.filters, *query.filters)
        for each in filters:
            left = row.get(f"{LEFT}{each.column}")
            where.setdefault(each.column, each.values or left)
    return Figure.of(query.model.mart, measure.column, where)


def _text(value: object) -> str | None:
    """Return a value of a dimension as an address has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
