"""The board pack of the warehouse by hand: the figures of the pages, on paper."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import duckdb
import openpyxl
import pypdf
import pytest
import streamlit as st
from typer.testing import CliRunner

from dashboard.exports.board_pack import (
    drawings,
    read_pack,
    render_pack_pdf,
    render_pack_xlsx,
    xlsx_charts,
)
from dashboard.exports.board_pack.parts import (
    Beside,
    Picture,
    Table,
    flattened,
    plain,
    spans,
)
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.lineage import assumption_queries
from dashboard.shared import selection_queries
from tests.dashboard.conftest import OpenApp, tiles
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, Variant, publish
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

    from dashboard.exports.board_pack.parts import BoardPack, Part
    from triptych.core.warehouse.reader import Snapshot

MONTH = "2026-09"
SHEETS = [
    *("Summary", "Evidence", "Cost", "Budget & idle", "Delivery"),
    *("Impact & return", "Assumptions & record", "Chart data"),
]


@dataclass(frozen=True)
class Printed:
    """A pack that several tests look at and none changes; each form is made once."""

    root: Path
    snapshot: Snapshot
    pack: BoardPack

    @cached_property
    def pdf(self) -> bytes:
        return render_pack_pdf(self.pack)

    @cached_property
    def pages(self) -> list[str]:
        return pages_of(self.pdf)

    @cached_property
    def xlsx(self) -> bytes:
        return render_pack_xlsx(self.pack)

    @cached_property
    def book(self) -> Any:
        return openpyxl.load_workbook(io.BytesIO(self.xlsx))


#: Returns the pack of September of a warehouse by hand, made once for what is asked.
Prints = Callable[..., Printed]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Prints:
    @cache
    def prints(
        variant: Variant = "normal",
        *,
        has_returns: bool = False,
        is_synthetic: bool = False,
        factor: str = "1",
        basis: selection_queries.Basis = "Amortised",
    ) -> Printed:
        root = tmp_path_factory.mktemp("printed")
        publish(root, variant, is_synthetic=is_synthetic, factor=factor)
        if has_returns:
            add_returns(root)
        snapshot = PublishedReader(root).snapshot()
        return Printed(root, snapshot, read_pack(snapshot, MONTH, basis))

    return prints


def pdf_of(snapshot: Snapshot) -> bytes:
    return render_pack_pdf(read_pack(snapshot, MONTH, "Amortised"))


def pages_of(content: bytes) -> list[str]:
    """Return the words of each page; a line may break anywhere."""
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return [squeezed(page.extract_text()) for page in pages]


def squeezed(text: str) -> str:
    return "".join(text.replace("\u00a0", " ").split())


def book_of(snapshot: Snapshot) -> Any:
    content = render_pack_xlsx(read_pack(snapshot, MONTH, "Amortised"))
    return openpyxl.load_workbook(io.BytesIO(content))


def row_of(sheet: Worksheet, name: str) -> list[Any]:
    """Return the cells of the first row that begins with a name."""
    return next(list(row) for row in sheet.iter_rows() if row[0].value == name)


def test_every_tile_of_the_first_page_is_on_the_first_sheet_of_paper(
    printed: Prints, open_app: OpenApp
) -> None:
    of = printed(has_returns=True)
    shown = tiles(open_app(of.root, page="summary"))
    first = of.pages[0]
    assert len(shown) == 5
    for label, value in shown.items():
        assert squeezed(label) in first
        assert squeezed(value) in first
    # By hand: 2,449 of models + 150 idle + 70 unused + 100 unallocated.
    assert shown["AI cost, amortised"] == "EUR 2,769.00"
    assert squeezed("Volume +EUR 7,142.85, most by ETA v2 (+EUR 4,285.71)") in first


def test_cost_and_its_change_are_those_that_were_added_up_by_hand(
    printed: Prints,
) -> None:
    pages = printed().pages
    assert squeezed(f"models cost EUR {TRUTH['fully_loaded']:,.2f}") in pages[2]
    assert squeezed("All models 2,449.00") in pages[2].replace("—", "")
    assert squeezed("ETA v2") in pages[2]
    assert squeezed("1,460.00 59.6 %") in pages[2]
    assert squeezed("EUR 2,699.00 of EUR 900.00, 199.9 % over") in pages[3]


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


@pytest.mark.parametrize("variant", ["normal", "partial", "stale", "converted"])
def test_a_pack_has_two_pages_and_an_annex_of_five_whatever_is_known(
    printed: Prints, variant: Variant
) -> None:
    pages = printed(variant).pages
    assert len(pages) == 7
    assert ["Annex:" in page for page in pages] == [False] * 2 + [True] * 5
    for number, page in enumerate(pages, start=1):
        assert f"Page{number}of7" in page


def test_what_is_too_long_for_a_page_is_made_smaller_and_stays_on_it(
    tmp_path: Path,
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into cost.mart_budget_variance by name select t.* replace"
            " (('team-of-a-long-name-' || n) as scope_id, 'team' as scope_type)"
            " from cost.mart_budget_variance as t, range(40) as r(n)"
        )
        connection.execute(
            "insert into core.mart_assumptions by name select t.* replace"
            " (assumption_id || n as assumption_id) from core.mart_assumptions as t,"
            " range(40) as r(n)"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    pages = pages_of(pdf_of(snapshot))
    assert len(pages) == 7
    assert "more,intheworkbook" in pages[3]
    sheet = book_of(snapshot)["Assumptions & record"]
    names = [str(row[0].value) for row in sheet.iter_rows()]
    # All of them: one of four versions is of the past.
    assert sum(name.startswith(("minute", "hurdle", "'=wish")) for name in names) == 123


@pytest.mark.parametrize(("factor", "is_smaller"), [("1", False), ("1000000", True)])
def test_figures_that_are_too_long_for_their_tiles_are_written_smaller(
    printed: Prints, factor: str, is_smaller: bool
) -> None:
    first = pypdf.PdfReader(io.BytesIO(printed(factor=factor).pdf)).pages[0]
    sizes: list[float] = []

    def note(text: str, _page: Any, _line: Any, _font: Any, size: float) -> None:
        if text.strip() == f"EUR\u00a0{2769 * int(factor):,}.00":
            sizes.append(size)

    first.extract_text(visitor_text=note)
    _sentence, tile = sizes
    assert (tile < 13) == is_smaller


@pytest.mark.parametrize("variant", ["normal", "partial"])
def test_message_and_evidence_are_in_nine_points_and_more(
    printed: Prints, variant: Variant
) -> None:
    content = printed(variant, has_returns=True).pdf
    sizes: list[float] = []

    def note(text: str, _page: Any, _line: Any, _font: Any, size: float) -> None:
        if text.strip():
            sizes.append(size)

    for page in pypdf.PdfReader(io.BytesIO(content)).pages[:2]:
        page.extract_text(visitor_text=note)
    assert len(sizes) > 50
    assert min(sizes) >= 9


def test_every_hash_stands_in_the_annex(printed: Prints) -> None:
    pages = printed(has_returns=True).pages
    has_hashes = [bool(re.search(r"[0-9a-f]{40}", page)) for page in pages]
    assert has_hashes == [False] * 6 + [True]


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


def test_the_same_run_gives_the_same_bytes_with_nothing_remembered(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    files = []
    for _ in range(2):
        st.cache_data.clear()
        pack = read_pack(PublishedReader(tmp_path).snapshot(), MONTH, "Billed")
        files.append((render_pack_pdf(pack), render_pack_xlsx(pack)))
    assert files[0] == files[1]


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


def test_a_past_month_has_no_study_that_launched_later(tmp_path: Path) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        [(later,)] = connection.execute(
            "UPDATE attribution.studies SET launch_date = '2026-09-10'"
            " WHERE study_id = (SELECT min(study_id) FROM attribution.studies)"
            " RETURNING outcome"
        ).fetchall()
    snapshot = PublishedReader(tmp_path).snapshot()
    found = {}
    for month in ("2026-08", "2026-09"):
        pages = read_pack(snapshot, month, "Amortised").pages
        [table] = [
            part
            for part in pages[5].parts
            if isinstance(part, Table) and part.caption.startswith("Increases")
        ]
        found[month] = len(table.rows)
    assert later
    assert found["2026-08"] == found["2026-09"] - 1


def test_a_gap_that_could_change_no_total_is_one_line_and_named_on_the_last_page(
    tmp_path: Path,
) -> None:
    """2 of 2,769 are 0.07 %: totals stand, and the last page names what is missing."""
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "UPDATE core.mart_month_completeness SET is_complete = false,"
            " missing = 'cost of tokens', missing_row_count = 1, missing_amount = 2"
            " WHERE billing_month = '2026-09' AND source = 'gcp'"
        )
    pages = pages_of(pdf_of(PublishedReader(tmp_path).snapshot()))
    assert squeezed("1 row missing · ≤ EUR 2.00, in no total.") in pages[0]
    assert squeezed("AI cost EUR 2,769.00") in pages[0]
    assert squeezed("All models, at least") not in pages[2]
    assert squeezed("not complete: costs are at least") not in "".join(pages)
    named = "complete but for 1 row missing · ≤ EUR 2.00: gcp lacks cost of tokens"
    assert squeezed(named) in pages[6]


def test_what_is_not_known_is_said_and_never_zero(printed: Prints) -> None:
    """The warehouse by hand has no returns, and no team with a figure of delivery."""
    of = printed()
    pages = of.pages
    assert squeezed("No study is registered") in pages[5]
    assert "EUR0.00" not in pages[5]
    net = row_of(of.book["Summary"], "Net value")
    assert net[1].value == "—"
    assert "No study is registered" in str(net[3].value)


def test_assumptions_are_those_that_held_in_the_month(printed: Prints) -> None:
    of = printed()
    last = of.pages[6]
    assert "0.0650.050.095EUR/minute" in last
    assert "0.060.050.07" not in last
    assert squeezed("3 assumptions hold; 1 of them nobody but the owner") in last
    assert squeezed("(nobody yet)") in last
    earlier = assumption_queries.assumptions(of.snapshot, "2026-05")
    assert earlier is not None
    minute = [row for row in earlier.to_pylist() if row["assumption_id"] == "minute"]
    assert [row["assumed"] for row in minute] == [Decimal("0.06")]


def test_every_page_and_sheet_of_a_simulated_company_says_so(printed: Prints) -> None:
    of = printed(is_synthetic=True)
    assert all("SYNTHETIC" in page for page in of.pages)
    assert all(str(sheet["A3"].value).startswith("SYNTHETIC") for sheet in of.book)


def test_every_total_of_an_incomplete_month_is_at_least(printed: Prints) -> None:
    of = printed("partial")
    pages = of.pages
    assert squeezed("Not complete. aws lacks exchange rate USD to EUR") in pages[0]
    assert squeezed("AI cost at least EUR 2,769.00") in pages[0]
    assert squeezed("All models, at least") in pages[2]
    assert squeezed("Sep 2026, at least") in pages[2]
    assert squeezed("change, of what is known") in pages[2].lower()
    assert squeezed("not complete: costs are at least") in pages[3]
    cost = of.book["Cost"]
    months = row_of(cost, "Model")
    assert "Sep 2026, at least" in [cell.value for cell in months]
    # Whatever is a sum of the month is bold; none of them is a total without the words.
    sums = [
        str(name.value)
        for row in cost.iter_rows(max_col=2)
        for name in row
        if name.font.bold and name.fill.fgColor.rgb == "FFEEF2F7"
    ]
    bare = {"Sep 2026", "Aug 2026", "All models", "Change"}
    assert "Sep 2026, at least" in sums
    assert bare.intersection(sums) == set()


@pytest.mark.parametrize("basis", ["Amortised", "Billed"])
def test_a_billed_pack_says_of_each_figure_that_is_amortised_all_the_same(
    printed: Prints, basis: selection_queries.Basis
) -> None:
    pages = printed(basis=basis).pages
    is_billed = basis == "Billed"
    assert (squeezed("of model cost; amortised") in pages[0]) is is_billed
    assert (squeezed("Amortised, it will end at") in pages[0]) is is_billed
    assert (squeezed("Unit costs are amortised") in pages[2]) is is_billed
    forecasts = squeezed("Forecasts are of AI spend: amortised, before tax and credits")
    for page in (pages[0], pages[3]):
        assert forecasts in page
    assert squeezed("always amortised") in pages[3]


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
    assert kinds == {"lines", "stacks", "bars", "intervals"}


def figures_of(picture: Picture) -> Iterator[float]:
    """Yield what a chart says; where nothing was, a column has a part of no height."""
    content = picture.drawing.content
    for line in content.get("lines", ()):
        yield from (value for _, value in line["points"])
    for _, low, high in content.get("band", ()):
        yield from (low, high)
    for series in content.get("series", ()):
        yield from filter(None, series["values"])
    for row in content.get("rows", ()):
        if "outer" in row:
            yield row["value"]
            for ends in (row["inner"], row["outer"]):
                yield from ends or ()
        else:
            yield row["end"] - row["start"]
            yield from filter(None, [row["mark"]])


def test_what_cannot_be_said_begins_on_paper_as_it_does_on_the_page(
    printed: Prints, open_app: OpenApp
) -> None:
    of = printed(has_returns=True)
    app = open_app(of.root, page="summary")
    gaps = [
        one.proto.label
        for one in app.main.get("page_link")
        if "**" not in one.proto.label
    ]
    assert len(gaps) == 3
    first = of.pages[0]
    places = [first.index(squeezed(plain(gap))) for gap in gaps]
    assert places == sorted(places)


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


def test_marks_of_a_page_are_taken_off_and_escapes_are_read() -> None:
    assert spans(r"a **b\*c** d\_e") == [("a ", False), ("b*c", True), (" d_e", False)]
    assert plain(r"see *Data health* and `run`, \$5") == "see Data health and run, $5"


def test_the_command_writes_both_and_refuses_a_month_without_charges(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    (tmp_path / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    command = ["export", "board-pack", "-w", str(tmp_path), "-o", str(tmp_path / "out")]
    told = CliRunner().invoke(app, [*command, "--period", MONTH, "--json"])
    assert told.exit_code == 0, told.output
    written = {one["file"]: one["is_stored"] for one in json.loads(told.stdout)}
    assert written == {
        str(tmp_path / "out" / f"board_pack_{MONTH}_amortised.{form}"): False
        for form in ("pdf", "xlsx")
    }
    refused = CliRunner().invoke(app, [*command, "--period", "2031-01"])
    assert refused.exit_code == UsageError.exit_code
