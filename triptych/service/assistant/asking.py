"""Turns the words of a question into a query of measures.

Dimensions over which a measure does not add up, such as currencies, are added to the
rows, so that an answer never adds what has no sum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from triptych.core.measures.definition import definitions
from triptych.core.measures.query import Query, among, month_before
from triptych.service.assistant.catalogue import nearest
from triptych.service.assistant.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triptych.core.measures.definition import Filter, Measure, Model
    from triptych.core.measures.query import Value

Compare = Literal["previous", "year_before"]
_MONTH: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])"
#: A month, months from … to, or every month.
PERIOD: Final = rf"^({_MONTH}(\.\.{_MONTH})?|all)$"
#: Returns are of windows until a month, which is what a month of them means.
WINDOW: Final = "window"
_UNTIL: Final = "until_"
_YEAR: Final = 12
_MOST_MONTHS: Final = 60
_MOST_MEASURES: Final = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about measures, in its own words.

    Attributes
    ----------
    measures, by : tuple of str
        Names of measures and dimensions.
    where : mapping
        Dimension → the value or values that it has.
    period : str or None
        ``YYYY-MM``, ``YYYY-MM..YYYY-MM`` or ``all``; the newest reconciled month where
        not given, and every month of rows by month.
    compare : {'previous', 'year_before'} or None
        Period that it is compared with.
    top : int or None
        Rows at most, the largest of the first measure.
    """

    measures: tuple[str, ...]
    by: tuple[str, ...] = ()
    where: Mapping[str, Value] = field(default_factory=dict)
    period: str | None = None
    compare: Compare | None = None
    top: int | None = None


def build(
    asked: Asked, newest: Callable[[], str], is_shown: Callable[[Measure], bool]
) -> Query:
    """Return the query that answers a question.

    Parameters
    ----------
    asked : Asked
        The question.
    newest : callable
        Newest reconciled month.
    is_shown : callable
        True for the measures of a role.

    Raises
    ------
    RefusedError
        A name is unknown, or the question means nothing.
    """
    if not 0 < len(asked.measures) <= _MOST_MEASURES:
        raise _invalid("measures", f"Ask for 1 to {_MOST_MEASURES} measures.")
    measures = tuple(_measure(name, is_shown) for name in dict.fromkeys(asked.measures))
    model = measures[0].model
    by = [_dimension(model, name) for name in asked.by]
    filters = [among(_dimension(model, n), value) for n, value in asked.where.items()]
    month = model.month or (WINDOW if WINDOW in model.dimensions else None)
    period = _months(asked, month, by, filters, newest)
    prior = _prior(asked, month, by, period)
    if period and not prior:
        values = [f"{_UNTIL}{m}" if month == WINDOW else m for m in period]
        filters.append(among(month or "", values))
    needed = {name for each in measures for name in each.needs} - {*by}
    is_by_month = month in by
    if len(period) == 1 and not prior and month and not is_by_month:
        needed.add(month)
    if prior:
        needed -= {month or ""}
    order = "ALL"
    if asked.top or not is_by_month:
        keys = [f'"{name}"' for name in (*by, *sorted(needed))]
        order = ", ".join([f'"{measures[0].name}" DESC NULLS LAST', *keys])
    return Query(
        measures,
        (*by, *sorted(needed)),
        tuple(filters),
        order=order,
        limit=asked.top,
        period=period if prior else (),
        prior=prior,
    )


def until(month: str | None) -> str:
    """Return the month of a window that ends with it, or the month itself."""
    return str(month).removeprefix(_UNTIL)


def _invalid(where: str, next_step: str) -> RefusedError:
    return RefusedError(
        f"This {where} cannot be answered.",
        where=where,
        next_step=next_step,
        code="invalid",
    )


def _measure(name: str, is_shown: Callable[[Measure], bool]) -> Measure:
    """Return a measure by its name or its label."""
    known = definitions().measures
    plain = re.sub(r"\W+", "_", name.strip().lower())
    if plain in known:
        return known[plain]
    near = ", ".join(nearest(name, is_shown)) or "none"
    raise RefusedError(
        f"There is no measure {name!r}.",
        where="measures",
        next_step=f"Nearest: {near}. Search others with catalogue.",
        code="unknown_name",
    )


def _dimension(model: Model, name: str) -> str:
    """Return a dimension by its name, or by that without ``_id``."""
    if name == "month" and "month" not in model.dimensions:
        name = model.month or (WINDOW if WINDOW in model.dimensions else name)
    for each in (name, f"{name}_id", model.column(name)):
        if each in model.dimensions:
            return each
    listed = ", ".join(sorted(model.dimensions - {"month_begin"}))
    raise RefusedError(
        f"{model.name} has no dimension {name!r}.",
        where="by, where",
        next_step=f"It has {listed}.",
        code="unknown_name",
    )


def _months(
    asked: Asked,
    month: str | None,
    by: list[str],
    filters: list[Filter],
    newest: Callable[[], str],
) -> tuple[str, ...]:
    """Return the months of a question; none for all."""
    period = asked.period
    if month is None:
        if period not in {None, "all"}:
            raise _invalid("period", "Leave it out: these figures have no months.")
        return ()
    if period is None and month not in by and month not in {f.column for f in filters}:
        period = newest()
    if period in {None, "all"}:
        return ()
    if not re.fullmatch(PERIOD, period or ""):
        raise _invalid("period", "Write 2026-09, 2026-07..2026-09 or all.")
    first, _, last = str(period).partition("..")
    months = [last or first]
    while months[0] > first and len(months) < _MOST_MONTHS:
        months.insert(0, month_before(months[0]))
    if months[0] != first:
        raise _invalid("period", f"Ask for 1 to {_MOST_MONTHS} months, oldest first.")
    return tuple(months)


def _prior(
    asked: Asked, month: str | None, by: list[str], period: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the months that those of a question are compared with."""
    if asked.compare is None:
        return ()
    if not period or month == WINDOW or month in by:
        raise _invalid("compare", "Name a period, and leave the month out of by.")
    steps = _YEAR if asked.compare == "year_before" else len(period)
    prior = list(period)
    for _ in range(steps):
        prior = [month_before(each) for each in prior]
    return tuple(prior)
