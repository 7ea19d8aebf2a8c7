"""Reads the measures from dbt's semantic files, and validates them.

``dbt_project/semantic/*.yml`` is MetricFlow's own format: models with dimensions and
metrics, and saved queries. Settings that only triptych needs are under ``config:
meta:``::

    models        month, page, grain, never_added, reason, grade, counted, unknown
    metrics       unit, basis, billed, billed_expr, good, term, page, also_on, low,
                  high, n, interval, reason, unknown, never_added
    saved queries page, labels, when, order

A unit may name the column that has it: ``[currency] per GPU hour``. A metric with
``billed_expr`` has a twin of that expression on the billed basis, ``billed_<name>``; so
has a ratio with such a numerator. A metric with a ``non_additive_dimension`` is the
value of the newest month, such as a sum to date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml

from triptych.core.errors import UsageError
from triptych.core.project_folder import dbt_project_dir
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SOURCE: Final = re.compile(r"\{\{ source\('(\w+)', '(\w+)'\) \}\}")
_DIMENSION: Final = re.compile(r"(?:\{\{ )?Dimension\('\w+?__(\w+)'\)(?: \}\})?")
_OF_MONTH: Final = "TimeDimension('metric_time', 'month')"
_PLAIN: Final = re.compile(r"(not )?(\w+)")
_EQUAL: Final = re.compile(r"(\w+) = '([^']*)'")
_IS_NULL: Final = re.compile(r"(\w+) is (not )?null")
_SELECTION: Final = re.compile(r"case when (.*) then ((?!.* else ).*) end")
_NOT_IN: Final = re.compile(r"(\w+) not in \((.*)\)")
UNIT_COLUMN: Final = re.compile(r"\[(\w+)\]")
_BILLED: Final = "billed (as invoiced)"


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a column: SQL, and the values that an address has of it.

    ``values`` is None where the condition leaves values out instead.
    """

    sql: str
    column: str
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Model:
    """Input of measures: a public mart, or a query over marts.

    Attributes
    ----------
    mart : str
        ``schema.mart`` of the mart that it reads.
    sql : str or None
        The query, where it does more than select all of the mart.
    dimensions : frozenset of str
        Columns that it can be grouped and filtered by.
    month : str or None
        Column with the month of a row.
    grain : tuple of str
        Columns that identify a row, for measures that do not add up.
    never_added : tuple of str
        Dimensions over which no measure adds up.
    renamed : tuple of (str, str)
        Dimensions that the mart has under another name, and that name.
    reason, grade, counted : str or None
        Columns for the reason a figure is unknown, the strength of its evidence, and
        its inclusion in headlines.
    unknown : str or None
        Meaning of NULL and of the absence of rows, and the data to deliver.
    """

    name: str
    mart: str
    sql: str | None
    dimensions: frozenset[str]
    page: str
    month: str | None = None
    grain: tuple[str, ...] = ()
    never_added: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    grade: str | None = None
    counted: str | None = None
    unknown: str | None = None

    def column(self, dimension: str) -> str:
        """Return the mart's column of a dimension."""
        return dict(self.renamed).get(dimension, dimension)


@dataclass(frozen=True, slots=True)
class Measure:
    """A named figure: its input, its additivity, and its words.

    Attributes
    ----------
    column : str or None
        The mart's column if the measure is a column; None for an expression or a ratio.
    numerator, denominator : str or None
        Measures that a ratio is made of.
    billed, billed_expr : str or None
        The same measure on the billed basis, or the expression of a measure to be made.
    good : {'less', 'more'} or None
        Welcome direction.
    term : str
        Its term in the glossary.
    also_on : str or None
        A page that shows it, too, to more roles.
    low, high, n, reason : str or None
        Columns with its interval, its number of observations and why it is unknown.
    unknown : str or None
        Meaning of NULL, if it differs from that of its model.
    percentile : float or None
        Percentile to take, from 0 to 1, interpolated.
    newest_by : str or None
        Column of time over which its newest value counts and no sum.
    """

    name: str
    label: str
    description: str
    model: Model = field(repr=False)
    agg: str | None
    expr: str | None
    filters: tuple[Filter, ...]
    numerator: str | None
    denominator: str | None
    page: str
    term: str
    unit: str = "[currency]"
    basis: str = "effective (amortised)"
    billed: str | None = None
    billed_expr: str | None = None
    good: str | None = None
    low: str | None = None
    high: str | None = None
    interval: str | None = None
    n: str | None = None
    reason: str | None = None
    unknown: str | None = None
    never_added: tuple[str, ...] = ()
    also_on: str | None = None
    newest_by: str | None = None
    percentile: float | None = None

    def on_basis(self, *, billed: bool) -> Measure:
        """Return the same measure of billed cost, if it has a billed twin."""
        return definitions().measure(self.billed) if billed and self.billed else self

    @property
    def pages(self) -> tuple[str, ...]:
        """Pages that show it, its own first."""
        return (self.page, *filter(None, (self.also_on,)))

    @property
    def is_ratio(self) -> bool:
        """Return True if it is a measure divided by another."""
        return self.numerator is not None

    @property
    def halves(self) -> tuple[Measure, ...]:
        """Numerator and denominator; none where it is no ratio."""
        names = (self.numerator, self.denominator)
        return tuple(definitions().measure(name) for name in names if name)

    @property
    def needs(self) -> frozenset[str]:
        """Dimensions that it does not add up over, nor do the halves of a ratio."""
        model = self.model
        of_halves = frozenset[str]().union(*(half.needs for half in self.halves))
        is_of_rows = self.agg in {"count", "percentile"}
        if self.is_additive or self.is_ratio or is_of_rows:
            return of_halves | {*model.never_added, *self.never_added}
        if self.newest_by:
            return frozenset({*model.grain} - {model.month, self.newest_by})
        return frozenset(model.grain if self.agg == "max" else ())

    @property
    def column(self) -> str | None:
        """The column of the mart that it is, which its address names."""
        is_column = self.expr is not None and self.expr.isidentifier()
        return self.expr if is_column else None

    @property
    def selection(self) -> tuple[str, str]:
        """Rows that a ``case`` without ``else`` leaves, and its value; else all."""
        expr = self.expr or ""
        match = _SELECTION.fullmatch(expr)
        return (match[1], match[2]) if match else ("", expr)

    @property
    def is_additive(self) -> bool:
        """Return True if rows add up to it."""
        return self.agg == "sum" and self.newest_by is None


@dataclass(frozen=True, slots=True)
class Question:
    """A saved query: measures of a single model, by some dimensions.

    ``when`` is SQL with ``$month`` and ``$prior_month``; ``labels`` are columns that
    describe a row.
    """

    name: str
    title: str
    page: str
    measures: tuple[Measure, ...]
    by: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
    when: str | None = None
    labels: tuple[str, ...] = ()
    order: str | None = None

    @property
    def mart(self) -> str:
        """The mart that answers it."""
        return self.measures[0].model.mart


@dataclass(frozen=True, slots=True)
class Definitions:
    """All measures and saved queries by name."""

    measures: Mapping[str, Measure]
    questions: Mapping[str, Question]

    def measure(self, name: str) -> Measure:
        """Return a measure.

        Raises
        ------
        MeasureError
            There is none of that name.
        """
        if name not in self.measures:
            raise UsageError(
                f"There is no measure {name!r}.",
                next_step="See the files of dbt_project/semantic.",
            )
        return self.measures[name]

    def question(self, name: str) -> Question:
        """Return a saved query, which must be there."""
        return self.questions[name]


@cache
def definitions() -> Definitions:
    """Return the definitions in the semantic files, read once per process."""
    measures: dict[str, Measure] = {}
    queries: list[dict[str, Any]] = []
    for content in _files():
        queries += content.get("saved_queries", [])
        for described in content["models"]:
            if "metrics" in described:
                model = _model(described)
                for metric in described["metrics"]:
                    measures[metric["name"]] = _measure(metric, model)
    _add_billed(measures)
    questions = {each["name"]: _question(each, measures) for each in queries}
    return Definitions(measures, questions)


def _add_billed(measures: dict[str, Measure]) -> None:
    """Add the billed twins of measures that have an expression of billed cost."""
    for name, measure in sorted(measures.items(), key=lambda each: each[1].is_ratio):
        above = measures.get(measure.numerator or "")
        if measure.billed or not (measure.billed_expr or (above and above.billed)):
            continue
        below = measures.get(measure.denominator or "")
        twin = replace(
            measure,
            name=f"billed_{name}",
            label=f"{measure.label}, billed",
            expr=measure.billed_expr,
            numerator=above.billed if above else None,
            denominator=(below.billed or below.name) if below else None,
            basis=_BILLED,
            billed_expr=None,
        )
        measures[twin.name] = twin
        measures[name] = replace(measure, billed=twin.name)


def _files() -> Iterator[dict[str, Any]]:
    for path in sorted((dbt_project_dir() / "semantic").glob("*.yml")):
        yield yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)


def _model(described: Mapping[str, Any]) -> Model:
    name = described["name"]
    text = (dbt_project_dir() / "semantic" / f"{name}.sql").read_text("utf-8")
    marts = [".".join(each) for each in _SOURCE.findall(text)]
    sql = _SOURCE.sub(r"\1.\2", text).strip()
    meta = _meta(described)
    columns = {c["name"]: _meta(c).get("column") for c in described["columns"]}
    renamed = tuple((name, column) for name, column in columns.items() if column)
    return Model(
        name=name,
        mart=marts[0],
        sql=None if sql == f"select * from {marts[0]}" else sql,
        dimensions=frozenset((*columns, *dict(renamed).values(), *_month(meta))),
        renamed=renamed,
        **meta,
    )


def _month(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the column with the month, if there is any."""
    return (meta["month"],) if "month" in meta else ()


def _measure(metric: Mapping[str, Any], model: Model) -> Measure:
    written = metric.get("filter", [])
    filters = [written] if isinstance(written, str) else written
    is_ratio = metric["type"] == "ratio"
    given: dict[str, Any] = {
        "page": model.page,
        "unit": "ratio" if is_ratio else "[currency]",
        **_meta(metric),
    }
    return Measure(
        name=metric["name"],
        label=metric["label"],
        description=metric["description"],
        model=model,
        agg=metric.get("agg"),
        expr=metric.get("expr"),
        filters=tuple(map(_filter, filters)),
        numerator=metric.get("numerator"),
        denominator=metric.get("denominator"),
        percentile=metric.get("percentile"),
        newest_by=metric.get("non_additive_dimension", {}).get("name"),
        **given,
    )


def _question(saved: Mapping[str, Any], measures: Mapping[str, Measure]) -> Question:
    asked = saved["query_params"]
    chosen = tuple(measures[name] for name in asked["metrics"])
    model = chosen[0].model
    of_month = {_OF_MONTH: model.month or ""}
    return Question(
        name=saved["name"],
        title=saved["label"],
        measures=chosen,
        by=tuple(
            of_month.get(each) or model.column(_DIMENSION.sub(r"\1", each))
            for each in asked["group_by"]
        ),
        filters=tuple(map(_filter, asked.get("where", []))),
        **_meta(saved),
    )


def _meta(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping under ``config: meta:``, with tuples for lists."""
    meta: dict[str, Any] = described.get("config", {}).get("meta", {})
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in meta.items()
    }


def _filter(written: str) -> Filter:
    """Return a condition as SQL and as the values that a column must have."""
    sql = _DIMENSION.sub(r"\1", written)
    if match := _PLAIN.fullmatch(sql):
        return Filter(sql, match[2], ("false" if match[1] else "true",))
    if match := _EQUAL.fullmatch(sql):
        return Filter(sql, match[1], (match[2],))
    if match := _IS_NULL.fullmatch(sql):
        return Filter(sql, match[1], (ANY if match[2] else "",))
    if match := _NOT_IN.fullmatch(sql):
        return Filter(sql, match[1], None)
    raise UsageError(
        f"The filter {written!r} is none that can be read.",
        next_step="Write a column, not a column, = 'text', is null or not in (…).",
    )
