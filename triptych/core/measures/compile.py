"""Writes the SQL of a query of measures, with its values in place.

A sum with an unknown part is unknown, and so is a ratio of it; rows that a ``case``
without ``else`` leaves out are no part. Conditions that all measures have in common
decide the rows of the result; others the rows that count.

A query of a period has further columns for each measure ``m``: ``m_prior`` of the
period before, ``m_change`` and ``m_change_ratio`` from that to this, ``m_share`` of the
total of all rows, and ``m_rows`` and ``m_prior_rows``, the number of mart rows they are
made of. A query with shares *within* has ``m_total`` of each group, ``m_share`` of it,
and ``m_rows``. A query with *running* sums has ``m_begin`` and ``m_end``, the sums
before and after each row; a *counted* query has ``row_count``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.core.measures.definition import UNIT_COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.measures.definition import Filter, Measure
    from triptych.core.measures.query import Query

#: Before the name of a column that lists the values which a condition leaves.
LEFT: Final = "left_"
_COMPARED: Final = ("prior", "change", "change_ratio", "prior_rows")


def compile_query(query: Query) -> str:
    """Return the SQL of a query, with a row per combination of ``by``."""
    sql = f"{_compared_rows(query)} ORDER BY {query.order}"
    return sql if query.limit is None else f"{sql} LIMIT {query.limit}"


def compile_relation(query: Query, names: Mapping[str, str]) -> str:
    """Return the rows of a query in brackets, to be read by a larger query.

    Parameters
    ----------
    names : mapping
        Name of the column → measure of the query.
    """
    ends = ["", *(f"_{end}" for end in _ends(query))]
    columns = [f'"{name}"' for name in (*query.by, *query.labels, *query.lists)]
    columns += [
        f'"{measure}{end}" AS "{name}{end}"'
        for name, measure in names.items()
        for end in ends
    ]
    columns += ["row_count"] if query.counted else []
    rows = _compared_rows(query) if query.limit is None else compile_query(query)
    return f"(SELECT {', '.join(columns)} FROM ({rows}) AS measured)"


def _ends(query: Query) -> tuple[str, ...]:
    """Return the ends of the columns that are added to those of each measure."""
    compared = _COMPARED if query.period else ()
    running = ("begin", "end") if query.running else ()
    if query.within is not None:
        return (*compared, *running, "total", "share", "rows")
    return (*compared, *running, *(("share", "rows") if compared else ()))


def _compared_rows(query: Query) -> str:
    """Return the SQL of the measures by the dimensions, with changes and shares."""
    grouped = _grouped(query)
    more = [column for each in query.measures for column in _compared(query, each.name)]
    if not more:
        return grouped
    return f"SELECT *, {', '.join(more)} FROM ({grouped}) AS grouped"


def _grouped(query: Query) -> str:
    """Return the SQL of the measures by the dimensions, in no order."""
    model = query.model
    shared = _shared_filters(query)
    keys = [f'"{name}"' for name in query.by]
    picked = [*keys, *(_described(query, name) for name in described_by(query))]
    picked += [
        f'string_agg(DISTINCT "{name}", \', \' ORDER BY "{name}") AS "{name}"'
        for name in query.lists
    ]
    picked += ["count(*) AS row_count"] if query.counted else []
    picked += [_left(each, model.mart) for each in query.filters if not each.values]
    where = [*(each.sql for each in (*shared, *query.filters)), *query.conditions]
    if query.period:
        in_period, in_prior = map(query.in_months, (query.period, query.prior))
        where.append(query.in_months((*query.period, *query.prior)))
        for each in query.measures:
            for also, end in ((in_period, ""), (in_prior, "_prior")):
                rows = _only(each, shared, also)
                picked += [
                    f'{_measure(query, each, shared, also)} AS "{each.name}{end}"',
                    f'count(*){rows} AS "{each.name}{end}_rows"',
                ]
    else:
        picked += [
            f'{_measure(query, each, shared)} AS "{each.name}"'
            for each in query.measures
        ]
        if query.within is not None:
            picked += [
                f'count(*){_only(m, shared)} AS "{m.name}_rows"' for m in query.measures
            ]
    source = query.source or (
        model.mart if model.sql is None else f"({model.sql}) AS {model.name}"
    )
    sql = f"SELECT {', '.join(picked)} FROM {source}"
    if where:
        sql += f" WHERE {' AND '.join(where)}"
    return f"{sql} GROUP BY {', '.join(keys)}" if keys else sql


def _compared(query: Query, name: str) -> list[str]:
    """Return the columns of the change and the share of a measure."""
    columns = []
    if query.period:
        change = f"{name} - {name}_prior"
        ratio = _quotient(f"({change})", f"abs({name}_prior)")
        columns += [f"{change} AS {name}_change", f"{ratio} AS {name}_change_ratio"]
    if query.running:
        before = f'sum({name}) OVER (ORDER BY "{query.running}" ROWS BETWEEN UNBOUNDED'
        columns += [
            f"coalesce({before} PRECEDING AND 1 PRECEDING), 0) AS {name}_begin",
            f"{before} PRECEDING AND CURRENT ROW) AS {name}_end",
        ]
    keys = ", ".join(f'"{key}"' for key in query.within or ())
    total = f"sum({name}) OVER ({f'PARTITION BY {keys}' if keys else ''})"
    if query.within is not None:
        columns += [f"{total} AS {name}_total"]
    if query.period or query.within is not None:
        columns += [f"{_quotient(name, total)} AS {name}_share"]
    return columns


def _quotient(above: str, below: str) -> str:
    """Return SQL of a ratio: DOUBLE, and NULL where the denominator is zero."""
    return f"CAST({above} AS DOUBLE) / NULLIF(CAST({below} AS DOUBLE), 0)"


def described_by(query: Query) -> list[str]:
    """Return the columns that describe the figures of a row, each once."""
    model = query.model
    wanted: list[str | None] = [*query.labels, model.grade, model.counted, model.reason]
    for measure in query.measures:
        wanted += [measure.low, measure.high, measure.n, measure.reason]
        wanted += UNIT_COLUMN.findall(measure.unit)
    return [name for name in dict.fromkeys(wanted) if name and name not in query.by]


def _described(query: Query, name: str) -> str:
    """Return the column that describes the figures of a row, in the period if any."""
    names_row = name in query.labels or any(
        f"[{name}]" in m.unit for m in query.measures
    )
    is_of_period = bool(query.period) and not names_row
    rows = f" FILTER (WHERE {query.in_months(query.period)})" if is_of_period else ""
    return f'max("{name}"){rows} AS "{name}"'


def _shared_filters(query: Query) -> tuple[Filter, ...]:
    """Return the conditions that every measure has."""
    first = _all_filters(query.measures[0])
    others = [_all_filters(measure) for measure in query.measures[1:]]
    return tuple(each for each in first if all(each in other for other in others))


def _all_filters(measure: Measure) -> tuple[Filter, ...]:
    """Return the conditions of a measure; of a ratio, those of both halves."""
    if not measure.is_ratio:
        return measure.filters
    above, below = measure.halves
    return tuple(each for each in above.filters if each in below.filters)


def _only(measure: Measure, shared: tuple[Filter, ...], also: str = "") -> str:
    """Return SQL for the rows of a group that count, beyond the shared filter."""
    own = [each.sql for each in measure.filters if each not in shared]
    own += [also] if also else []
    return f" FILTER (WHERE {' AND '.join(own)})" if own else ""


def _measure(
    query: Query, measure: Measure, shared: tuple[Filter, ...], also: str = ""
) -> str:
    """Return the SQL of a measure, a sum of no rows as zero where that is asked for."""
    aggregate = _aggregate(measure, shared, also)
    if not (query.is_zero_without_rows and measure.is_additive):
        return aggregate
    rows = f"count(*){_only(measure, shared, also)}"
    return f"CASE WHEN {rows} = 0 THEN 0 ELSE {aggregate} END"


def _aggregate(measure: Measure, shared: tuple[Filter, ...], also: str = "") -> str:
    """Return the SQL of a measure within the rows that there are."""
    if measure.is_ratio:
        above, below = (_aggregate(each, shared, also) for each in measure.halves)
        return _quotient(above, below)
    only = _only(measure, shared, also)
    if measure.newest_by:
        return f"arg_max({measure.expr}, {measure.newest_by}){only}"
    match measure.agg:
        case "count_distinct":
            return f"count(DISTINCT {measure.expr}){only}"
        case "sum":
            selected, expr = measure.selection
            rows = _only(measure, shared, " AND ".join(filter(None, (also, selected))))
            known = f"count({expr}){rows} = count(*){rows}"
            return f"CASE WHEN {known} THEN sum({expr}){rows} END"
        case "percentile":
            return f"quantile_cont({measure.expr}, {measure.percentile}){only}"
    function = "avg" if measure.agg == "average" else measure.agg
    return f"{function}({measure.expr}){only}"


def _left(condition: Filter, mart: str) -> str:
    """Return the column that lists the values which a condition leaves."""
    name = condition.column
    listed = f"SELECT list(DISTINCT {name} ORDER BY {name}) FROM {mart}"
    return f'({listed} WHERE {condition.sql}) AS "{LEFT}{name}"'
