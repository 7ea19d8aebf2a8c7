"""The workbook of a board pack, and charts: drawn on paper, and again in a sheet."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pypdf
import pytest

from dashboard.exports.board_pack import drawings, render_pack_pdf, xlsx_charts
from dashboard.exports.board_pack.parts import Beside, Picture, flattened
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import selection_queries
from tests.dashboard.exports.conftest import MONTH, Prints, row_of
from tests.dashboard.fixtures.warehouse_fixture import TRUTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dashboard.exports.board_pack.parts import Part

SHEETS = [
    *("Summary", "Evidence", "Cost", "Budget & idle", "Delivery"),
    *("Impact & return", "Assumptions & record", "Chart data"),
]


def test_a_chart_is_made_of_paths_and_no_page_has_a_picture(printed: Prints) -> None:
    of = printed(has_returns=True)
    pack, content = of.pack, of.pdf
    assert all(not page.images for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert b"/Subtype/Image" not in content.replace(b" ", b"")
    without = [
        replace(page, parts=tuple(without_pictures(page.parts))) for page in pack.pages
    ]
    bare = render_pack_pdf(replace(pack, pages=tuple(without)))
    drawn = zip(paths_of(content), paths_of(bare), strict=True)
    # Each page but two has charts, of a dozen lines and areas at the least.
    assert [full - empty >= 12 for full, empty in drawn] == [
        *(True, False),  # the evidence is tables alone
        *[True] * 4,
        False,
    ]


def without_pictures(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Beside):
            columns = tuple(tuple(without_pictures(one)) for one in part.columns)
            yield replace(part, columns=columns)
        elif not isinstance(part, Picture):
            yield part


def paths_of(content: bytes) -> list[int]:
    """Return how many lines, curves and rectangles each page draws."""
    found = []
    for page in pypdf.PdfReader(io.BytesIO(content)).pages:
        contents = page.get_contents()
        assert contents is not None
        signs = contents.get_data().split()
        found.append(sum(signs.count(sign) for sign in (b"l", b"c", b"re")))
    return found


def test_a_sheet_has_a_chart_of_its_own_for_each_that_the_paper_draws(
    printed: Prints,
) -> None:
    of = printed(has_returns=True)
    pack, book = of.pack, of.book
    for page in pack.pages:
        drawn = [part for part in flattened(page.parts) if isinstance(part, Picture)]
        assert len(book[page.sheet]._charts) == len(drawn), page.sheet
    months = [
        cell
        for row in book["Chart data"].iter_rows(max_col=1)
        for cell in row
        if isinstance(cell.value, datetime)
    ]
    assert months
    assert {cell.number_format for cell in months} == {"mmm yyyy"}


def test_bars_of_a_falling_month_stand_on_each_side_of_zero_in_a_workbook() -> None:
    """From 0 to −5,300 and on to 1,000: a bar that crosses zero is parted there."""
    rows = [
        {"label": name, "start": start, "end": end, "mark": None, "colour": 0}
        for name, start, end in (
            *(("Price", 0.0, -5300.0), ("Volume", -5300.0, 1000.0)),
            ("Mix", 1000.0, 1400.0),
        )
    ]
    columns, kind = xlsx_charts.COLUMNS["bars"]({"rows": rows})
    drawn = {name: values for name, values, _ in columns}
    assert kind["subtype"] == "stacked"
    assert drawn["Begins above zero"] == [0.0, 0.0, 1000.0]
    assert drawn["Above zero"] == [0.0, 1000.0, 400.0]
    assert drawn["Begins below zero"] == [0.0, 0.0, 0.0]
    assert drawn["Below zero"] == [-5300.0, -5300.0, 0.0]


def test_a_chart_of_cost_against_budgets_draws_both_in_a_workbook() -> None:
    """Two teams: 120 of a budget of 100, and 80 without one."""
    rows = [
        {
            "label": name,
            "start": 0.0,
            "end": cost,
            "mark": budget,
            "colour": 0,
            "text": text,
        }
        for name, cost, budget, text in (
            ("Search", 120.0, 100.0, "over · 1.2 ×"),
            ("Maps", 80.0, None, "no budget"),
        )
    ]
    columns, kind = xlsx_charts.COLUMNS["bars"]({"rows": rows})
    drawn = {name: values for name, values, options in columns if options is not None}
    assert drawn == {"Cost": [120.0, 80.0], "Budget": [100.0, None]}
    assert kind == {"type": "bar"}
    looks = {name: options for name, _, options in columns if options is not None}
    assert looks["Budget"]["fill"] == {"none": True}
    # The mark is a five-hundredth of the largest budget, 100.
    assert looks["Budget"]["x_error_bars"]["value"] == pytest.approx(0.2)
    written = looks["Cost"]["data_labels"]["custom"]
    assert [label["value"] for label in written] == ["over · 1.2 ×", "no budget"]


def test_a_month_that_is_not_complete_is_at_least_so_much_in_a_workbook(
    printed: Prints,
) -> None:
    of = printed("partial")
    content, book = of.xlsx, of.book
    rows = list(book["Chart data"].iter_rows(values_only=True))
    [names] = [row for row in rows if row[0] == "Month" and "Is at least" in row]
    at = names.index("Is at least")
    [month] = [row for row in rows if row[0] == "Sep 2026, at least"]
    assert month[at] == "yes"
    # Above its column stands what the page writes there: 2,449, or more.
    with ZipFile(io.BytesIO(content)) as parts:
        names = [name for name in parts.namelist() if "/charts/chart" in name]
        charts = [parts.read(name).decode() for name in names]
    assert any("\u2265\u00a02.45k" in chart for chart in charts)


def test_cells_are_numbers_with_their_formats(printed: Prints) -> None:
    book = printed(has_returns=True).book
    assert book.sheetnames == SHEETS
    assert {sheet.freeze_panes for sheet in book} == {"A4"}
    spent = row_of(book["Summary"], "AI cost, amortised")[1]
    # 1E-10 of it is unallocated: a cell keeps fifteen digits and shows two.
    assert spent.value == 2769.0000000001
    assert spent.number_format == "#,##0.00;[Red]-#,##0.00"
    net = row_of(book["Summary"], "Net value, Jan 2026 to Feb 2026")[1]
    assert isinstance(net.value, float)
    assert net.value == pytest.approx(50, abs=10)
    models = row_of(book["Cost"], "—")  # the total has no rank
    assert [cell.value for cell in models[1:4]] == ["All models", "—", 2449]
    share = row_of(book["Cost"], 1)  # type: ignore[arg-type]
    assert share[4].number_format == "0.0%"
    assert share[4].value == pytest.approx(float(Decimal(1460) / Decimal(2449)))
    since = row_of(book["Assumptions & record"], "minute")[7]
    assert since.value == datetime(2026, 6, 1)  # noqa: DTZ001  (a cell has no zone)


def test_text_that_looks_like_a_formula_is_none(printed: Prints) -> None:
    book = printed().book
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert row_of(book["Assumptions & record"], "'=wish")[5].value == "Care AI"


def test_the_workbook_has_every_figure_that_a_chart_draws(printed: Prints) -> None:
    of = printed(has_returns=True)
    pack, book = of.pack, of.book
    written = {
        round(float(cell.value), 6)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, int | float)
    }
    kinds = set()
    for page in pack.pages:
        for part in flattened(page.parts):
            if isinstance(part, Picture):
                drawn = {round(float(one), 6) for one in figures_of(part)}
                assert drawn - written == set(), part.caption
                kinds.add(part.drawing.kind)
    assert kinds == {"lines", "stacks", "bars", "intervals", "story"}


def figures_of(picture: Picture) -> Iterator[float]:
    """Yield what a chart says; where nothing was, a column has a part of no height."""
    content = picture.drawing.content
    for line in content.get("lines", ()):
        yield from (value for _, value in line["points"])
    for _, low, high in content.get("band", ()):
        yield from (low, high)
    for series in content.get("series", ()):
        yield from filter(None, series["values"])
    for name in ("costs", "budgets"):
        yield from (value for value in content.get(name, ()) if value is not None)
    ahead = content.get("forecast") or {}
    yield from (value for name, value in ahead.items() if name != "at")
    for row in content.get("rows", ()):
        if "outer" in row:
            yield row["value"]
            for ends in (row["inner"], row["outer"]):
                yield from ends or ()
        else:
            yield row["end"] - row["start"]
            yield from filter(None, [row["mark"]])


def test_columns_of_a_month_stand_on_each_other_to_its_total(printed: Prints) -> None:
    snapshot = printed().snapshot
    [period] = [
        one for one in selection_queries.periods(snapshot) if one.label == MONTH
    ]
    selection = selection_queries.Selection(period, "Amortised", "EUR")
    rows = cost_by_model_queries.monthly_costs(
        snapshot, selection, "Fully loaded"
    ).to_pylist()
    drawing = drawings.monthly_costs(rows, "EUR")
    labels = drawing.content["labels"]
    heights = [
        sum(series["values"][n] for series in drawing.content["series"])
        for n in range(len(labels))
    ]
    assert heights[labels.index("Sep 2026")] == float(TRUTH["fully_loaded"])
    assert heights[labels.index("Aug 2026")] == float(TRUTH["prior_fully_loaded"])


def test_bars_of_the_bridge_begin_where_the_one_before_ended(printed: Prints) -> None:
    snapshot = printed().snapshot
    [period] = [
        one for one in selection_queries.periods(snapshot) if one.label == MONTH
    ]
    selection = selection_queries.Selection(period, "Amortised", "EUR")
    steps = budget_queries.bridge_steps(snapshot, selection, "2026-08").to_pylist()
    names = {row["step"]: row["step"] for row in steps}
    rows = drawings.bridge(steps, names, "EUR").content["rows"]
    *bars, change = rows
    assert change["label"] == "change"
    for before, after in zip([{"end": 0.0}, *bars], bars, strict=False):
        assert after["start"] == pytest.approx(before["end"])
    assert bars[-1]["end"] == pytest.approx(change["end"])
