"""Workbook and PDF of a board pack have the figures of the layer of measures.

Values come from the definitions: every measure, by nothing, by each of its dimensions
and by what identifies a row of its mart, in each month and against the month before.
Each number of the workbook is one of them, or a column of a mart as it is. Each number
of a printed table is that of the workbook, rounded as it is written.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pypdf
import pytest

from dashboard.exports.board_pack.parts import Table, flattened
from dashboard.shared.tables import is_number
from tests.dashboard.exports.conftest import MONTH
from triptych.core.measures.answer import table
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import month_before, query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dashboard.exports.board_pack.parts import Part
    from dashboard.shared.selection_queries import Basis
    from tests.dashboard.exports.conftest import Printed, Prints
    from triptych.core.measures.definition import Measure, Model
    from triptych.core.measures.query import Query
    from triptych.core.warehouse.reader import Snapshot

    #: Value → what has it: measures, or their intervals, changes and shares.
    Values = Mapping[Decimal, set[str]]

#: Costs have digits that no other figure has by chance.
FACTOR: Final = "7.3109"
#: Ends of columns that the layer adds to those of a measure.
_ENDS: Final = re.compile(r"_(prior|change|change_ratio|share)$")
#: Sums of some rows: models beyond the largest, unit cost with idle of a pool, the
#: earlier month of a bridge and the change to the later one.
_OF_SOME_ROWS: Final = {"With idle capacity", "Other models", "Aug 2026", "Change"}
#: This much more is another value.
_OTHER: Final = Decimal("1.0713")
#: From this amount on a value differs from others of a page.
_LARGE: Final = 200
_WRITTEN: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")


def as_number(value: Any) -> Decimal | None:
    """Return a number without its sign, to nine digits: a workbook has DOUBLEs."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return None
    return abs(Decimal(f"{float(value):.9g}")).normalize()


def queries(model: Model, measures: list[Measure]) -> Iterator[Query]:
    """Return every query of measures by one dimension, by a row, and by none."""
    always = {"currency"} & model.dimensions
    month = {model.month} if model.month else set[str]()
    for by in {(), *((each,) for each in model.dimensions), model.grain}:
        for needs in {each.needs for each in measures}:
            names = [each.name for each in measures if each.needs == needs]
            keys = {*by, *needs, *always}
            yield query(*names, by=tuple(sorted(keys | month)))
            if month and not month & keys:
                months = {"period": (MONTH,), "prior": (month_before(MONTH),)}
                yield query(*names, by=tuple(sorted(keys)), **months)


def values_of_layer(snapshot: Snapshot) -> Values:
    """Return the values of every measure whose mart there is, in EUR or without."""
    of_model = defaultdict(list)
    for measure in definitions().measures.values():
        of_model[measure.model].append(measure)
    values = defaultdict(set)
    for model, measures in of_model.items():
        for each in queries(model, measures):
            try:
                rows = table(snapshot, each).to_pylist()
            except (duckdb.CatalogException, duckdb.BinderException):
                continue
            for row in rows:
                if row.get("currency", "EUR") != "EUR":
                    continue
                for name, value in row.items():
                    if (number := as_number(value)) is not None:
                        values[number].add(_ENDS.sub("", name))
    return values


def values_of_marts(snapshot: Snapshot) -> set[Decimal]:
    """Return the numbers of all marts as they are."""
    marts = snapshot.query(
        "SELECT table_schema || '.' || table_name AS mart"
        " FROM information_schema.tables WHERE table_schema <> 'main'"
    )
    return {
        number
        for mart in marts["mart"].to_pylist()
        for column in snapshot.query(f"FROM {mart}").columns
        for value in column.to_pylist()
        if (number := as_number(value)) is not None
    }


def cells(printed: Printed) -> Iterator[tuple[str, Decimal]]:
    """Yield the numbers of a workbook without those of charts, and names of rows."""
    for sheet in printed.book:
        if sheet.title != "Chart data":
            for row in sheet.iter_rows():
                for cell in row:
                    if (number := as_number(cell.value)) is not None:
                        yield str(row[0].value).strip(), number


def printed_numbers(parts: Iterable[Part]) -> Iterator[tuple[Decimal, str]]:
    """Yield the numbers of printed rows of tables, and the kinds of columns."""
    for part in flattened([*parts]):
        if isinstance(part, Table):
            for row in part.rows[: part.printed]:
                for column in filter(is_number, part.columns):
                    if (number := as_number(row.get(column.name))) is not None:
                        yield number, column.kind


def numbers_of(text: str) -> set[Decimal]:
    """Return the numbers of a text without their signs."""
    return {Decimal(found.replace(",", "")) for found in _WRITTEN.findall(text)}


def has(numbers: set[Decimal], value: Decimal, kind: str) -> bool:
    """Decide whether a page has a value, rounded to the digits that are written."""
    written = value * 100 if "percent" in kind else value
    return any(
        abs(number - written) <= Decimal(1).scaleb(int(number.as_tuple().exponent)) / 2
        for number in numbers
    )


@pytest.fixture(scope="module")
def layer(printed: Prints) -> Values:
    return values_of_layer(printed(has_returns=True, factor=FACTOR).snapshot)


@pytest.mark.parametrize("basis", ["Amortised", "Billed"])
def test_every_number_of_the_workbook_is_that_of_the_layer(
    printed: Prints, layer: Values, basis: Basis
) -> None:
    of = printed(has_returns=True, factor=FACTOR, basis=basis)
    in_marts = values_of_marts(of.snapshot)
    written = [*cells(of)]
    unknown = {name for name, n in written if n not in layer and n not in in_marts}
    assert unknown <= _OF_SOME_ROWS
    measured = [number for _, number in written if number in layer]
    assert len(measured) > len(written) * 9 / 10
    # Whole numbers are of many measures; others are of few, and wrong ones of none.
    others = [number * _OTHER for number in measured if number % 1]
    assert len(others) > len(FACTOR) * 10
    assert not any(as_number(number) in layer for number in others)
    shown = {name for number in measured if number % 1 for name in layer[number]}
    neither = definitions().measures.keys() - shown
    print(f"{len(written)} cells; not in the workbook: {sorted(neither)}")  # noqa: T201
    assert shown & definitions().measures.keys()


@pytest.mark.parametrize("basis", ["Amortised", "Billed"])
def test_every_number_of_a_printed_table_is_that_of_the_workbook(
    printed: Prints, basis: Basis
) -> None:
    of = printed(has_returns=True, factor=FACTOR, basis=basis)
    in_workbook = {number for _, number in cells(of)}
    large = changed = 0
    paper = pypdf.PdfReader(io.BytesIO(of.pdf)).pages
    for page, sheet in zip(of.pack.pages, paper, strict=True):
        numbers = numbers_of(sheet.extract_text())
        for value, kind in printed_numbers(page.parts):
            assert value in in_workbook
            assert has(numbers, value, kind), (page.title, value)
            if value >= _LARGE:
                large += 1
                changed += has(numbers, value * _OTHER, kind)
    assert large >= _LARGE / 10
    assert changed < large / 10
