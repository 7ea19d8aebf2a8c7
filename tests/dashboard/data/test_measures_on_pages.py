"""A page that a measure names shows its value, to the last digit that it shows.

Measures, pages and values come from the definitions; the warehouse is that of the
pages' tests with returns added. A value that is a little different is not on the page.
A half of a ratio may be on the page as the ratio alone.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pytest

from tests.dashboard.conftest import text_of, tiles
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.measures.answer import ask
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import query
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.dashboard.conftest import OpenApp
    from triptych.core.measures.definition import Measure
    from triptych.core.warehouse.reader import Snapshot

MONTH: Final = "2026-09"
_NUMBER: Final = re.compile(
    r"(?P<minus>[-−]?)(?:[A-Z]{3} )?(?P<digits>\d[\d,]*(?:\.\d+)?)(?P<scale>[kM]?)"
)
#: From this amount on a value differs from others on the page, and this much more is
#: another value.
_DISTINCT: Final = 200
_OTHER: Final = Decimal("1.0713")
#: Shown once somebody has chosen a pool, a statement or a gateway.
_AFTER_A_CHOICE: Final = {
    "billed_cost_per_attempt",
    "billed_gateway_estimate",
    "billed_pool_cost",
    "billed_statement_ai_cost",
    "billed_statement_tax_and_credits",
    "cost_per_attempt",
    "gateway_estimate",
    "gpu_infrastructure_idle_hours",
    "pool_cost",
    "statement_ai_cost",
    "statement_tax_and_credits",
    "vendor_tokens",
    "week_active_hours",
    "week_capacity_hours",
    "week_requested_hours",
}
#: Parts of a unit that pages show in its place: percent, thousands, minutes to days.
_SCALES: Final = {"ratio": (100,), "probability": (100,), "s": (1, 60, 3600, 86400)}


def values_of(
    snapshot: Snapshot, measure: Measure, *, of_rows: bool = False
) -> list[Decimal]:
    """Return the known values of a measure in a month and in EUR; none without mart.

    Those of rows are by all that identifies a row of the mart.
    """
    model = measure.model
    where = {model.month: MONTH} if model.month else {}
    if "currency" in model.dimensions:
        where["currency"] = "EUR"
    over = {*measure.needs, *(model.grain if of_rows else ())}
    asked = query(measure.name, by=tuple(sorted(over - where.keys())), where=where)
    try:
        figures = ask(snapshot, asked)
    except (duckdb.CatalogException, duckdb.BinderException):
        return []
    return [Decimal(str(f.value)) for f in figures if f.value is not None]


class Shown:
    """Numbers of a page: of its text, and of the cells of its tables."""

    def __init__(self, app: AppTest) -> None:
        text = " ".join((text_of(app), *tiles(app).values()))
        text = text.replace("\u00a0", " ").replace("*", "")
        self.numbers = {
            (
                Decimal(
                    found["minus"].replace("−", "-") + found["digits"].replace(",", "")
                ),
                {"k": 1000, "M": 10**6}.get(found["scale"], 1),
            )
            for found in _NUMBER.finditer(text)
        }
        drawn = [
            pa.ipc.open_stream(data.data.data).read_all().to_pylist()
            for chart in app.get("vega_lite_chart")
            for data in chart.proto.datasets
        ]
        values = [
            value for frame in app.dataframe for value in frame.value.to_numpy().ravel()
        ]
        values += [*leaves(drawn)]
        self.cells = {
            cell for value in values if (cell := as_decimal(value)) is not None
        }

    def has(self, value: Decimal, unit: str) -> bool:
        """Decide whether the page shows a value, rounded as it rounds."""
        parts = [value * 100] if unit in {"ratio", "probability"} else []
        parts += [value / scale for scale in (_SCALES["s"] if unit == "s" else (1,))]
        return any(
            abs(number - part / scale) <= Decimal(1).scaleb(_exponent(number)) / 2
            for part in parts
            for number, scale in self.numbers
        ) or any(
            abs(cell - part) <= Decimal("1e-6") for part in parts for cell in self.cells
        )


def leaves(data: Any) -> Iterator[Any]:
    """Yield the values that a chart has, whatever they are in."""
    match data:
        case dict():
            yield from leaves([*data.values()])
        case list():
            for each in data:
                yield from leaves(each)
        case _:
            yield data


def _exponent(number: Decimal) -> int:
    return int(number.as_tuple().exponent)


def as_decimal(value: Any) -> Decimal | None:
    """Return a cell of a table as a number; None where it is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@pytest.fixture
def shown(tmp_path: Path, open_app: OpenApp) -> Callable[[Measure], Shown]:
    """Return what reads the page of a measure, on the basis that the measure has."""
    publish(tmp_path)
    add_returns(tmp_path)
    pages: dict[tuple[str, str], Shown] = {}

    def look(measure: Measure) -> Shown:
        basis = "Billed" if measure.basis.startswith("billed") else "Amortised"
        place = (measure.page, basis)
        if place not in pages:
            app = open_app(tmp_path, page=measure.page, period=MONTH, basis=basis)
            assert not app.exception, place
            pages[place] = Shown(app)
        return pages[place]

    return look


def test_the_page_that_a_measure_names_shows_its_value(
    tmp_path: Path, shown: Callable[[Measure], Shown]
) -> None:
    """A sum is there, or each row of its mart that it is made of."""
    known = {m: shown(m) for m in definitions().measures.values()}
    snapshot = PublishedReader(tmp_path).snapshot()
    changed = large = 0
    missing: set[str] = set()
    for measure, page in known.items():
        values = values_of(snapshot, measure)
        rows = values_of(snapshot, measure, of_rows=True)
        for listed in filter(None, (values, rows)):
            if any(page.has(value, measure.unit) for value in listed):
                break
        else:
            missing |= {measure.name} if values else set()
        distinct = [value for value in values if abs(value) >= _DISTINCT]
        large += len(distinct)
        changed += sum(page.has(value * _OTHER, measure.unit) for value in distinct)
    halves = {half.name for measure in known for half in measure.halves}
    print(f"{len(known)} measures, {large} large values")  # noqa: T201
    assert missing - halves == _AFTER_A_CHOICE
    assert large > _DISTINCT / 4
    assert changed < large / 10
