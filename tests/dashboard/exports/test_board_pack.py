"""The board pack of the warehouse by hand: the figures of the pages, on paper."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pypdf
import pytest
import streamlit as st
from typer.testing import CliRunner

from dashboard.exports.board_pack import (
    read_pack,
    render_pack_pdf,
    render_pack_xlsx,
)
from dashboard.exports.board_pack.parts import Table, plain, spans
from dashboard.pages.lineage import assumption_queries
from tests.dashboard.conftest import OpenApp, tiles
from tests.dashboard.exports.conftest import (
    MONTH,
    Prints,
    print_of,
    row_of,
    squeezed,
)
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, Variant, publish
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from dashboard.shared.selection_queries import Basis


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
    assert squeezed("Quantity +EUR 7,142.85, mostly ETA v2 (+EUR 4,285.71)") in first


def test_cost_and_its_change_are_those_that_were_added_up_by_hand(
    printed: Prints,
) -> None:
    pages = printed().pages
    assert squeezed(f"models cost EUR {TRUTH['fully_loaded']:,.2f}") in pages[2]
    assert squeezed("All models 2,449.00") in pages[2].replace("—", "")
    assert squeezed("ETA v2") in pages[2]
    assert squeezed("1,460.00 59.6 %") in pages[2]
    assert squeezed("EUR 2,699.00 of EUR 900.00, 199.9 % over") in pages[3]


def test_where_month_and_quarter_will_end_is_on_paper(printed: Prints) -> None:
    pages = printed().pages
    said = squeezed(
        "Sep 2026 ends at ≈ EUR 4.05k (EUR 3.9k to 4.2k),"
        " 2026-Q3 ends at ≈ EUR 6.85k (EUR 6.7k to 7k),"
        " FY2026 ends at ≈ EUR 16k (EUR 15k to 17k); 90 % intervals."
    )
    assert said in pages[0]
    assert said in pages[3]


@pytest.mark.parametrize(
    "variant",
    ["normal", "partial", pytest.param("stale", marks=pytest.mark.full), "converted"],
)
def test_a_pack_has_two_pages_and_an_annex_of_five_whatever_is_known(
    printed: Prints, variant: Variant
) -> None:
    pages = printed(variant).pages
    assert len(pages) == 7
    for place, is_annex in {1: False, 2: True, 6: True}.items():
        assert ("Annex:" in pages[place]) is is_annex
        assert f"Page{place + 1}of7" in pages[place]


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
    of = print_of(tmp_path)
    pages = of.pages
    assert len(pages) == 7
    assert "more,intheworkbook" in pages[3]
    sheet = of.book["Assumptions & record"]
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
    [tile] = sizes
    assert (tile < 13) == is_smaller


@pytest.mark.parametrize("variant", ["normal", "partial"])
def test_message_and_evidence_are_in_nine_points_and_more(
    printed: Prints, variant: Variant
) -> None:
    content = printed(variant, has_returns=variant == "normal").pdf
    sizes: list[float] = []

    def note(text: str, _page: Any, _line: Any, _font: Any, size: float) -> None:
        if text.strip():
            sizes.append(size)

    for page in pypdf.PdfReader(io.BytesIO(content)).pages[:2]:
        page.extract_text(visitor_text=note)
    assert len(sizes) > 50
    assert min(sizes) >= 9


def test_no_mark_of_markdown_is_printed(printed: Prints) -> None:
    pages = pypdf.PdfReader(io.BytesIO(printed("normal", has_returns=True).pdf)).pages
    assert not [n for n, page in enumerate(pages) if "**" in page.extract_text()]


def test_every_hash_stands_in_the_annex(printed: Prints) -> None:
    pages = printed(has_returns=True).pages
    has_hashes = [bool(re.search(r"[0-9a-f]{40}", page)) for page in pages]
    assert has_hashes == [False] * 6 + [True]


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


def test_the_ledger_of_a_past_month_has_nothing_that_came_later(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "UPDATE roi.mart_portfolio_roi SET until_month = '2026-09'"
            " WHERE \"window\" = 'to_date'"
        )
        connection.execute(
            "UPDATE roi.mart_study_ledger SET launch_date = DATE '2026-09-10'"
            " WHERE study_id = 'care-study'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    found = {}
    for month in ("2026-08", "2026-09"):
        [ledger] = [
            part
            for page in read_pack(snapshot, month, "Amortised").pages
            for part in page.parts
            if isinstance(part, Table) and part.caption.startswith("Ledger")
        ]
        found[month] = (
            {row["study_id"] for row in ledger.rows},
            "benefit" in [column.name for column in ledger.columns],
        )
    assert found == {
        "2026-08": ({"eta-study", "route-study"}, False),
        "2026-09": ({"care-study", "eta-study", "route-study"}, True),
    }


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
    pages = print_of(tmp_path).pages
    assert squeezed("1 row missing · ≤ EUR 2.00, in no total.") in pages[0]
    assert squeezed("AI cost EUR 2.77k") in pages[0]
    assert squeezed("All models, at least") not in pages[2]
    assert squeezed("not complete: costs are at least") not in pages[3]
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
    assert squeezed("3 assumptions hold; 1 of them not approved") in last
    assert squeezed("(nobody yet)") in last
    earlier = assumption_queries.assumptions(of.snapshot, "2026-05")
    assert earlier is not None
    minute = [row for row in earlier.to_pylist() if row["assumption_id"] == "minute"]
    assert [row["assumed"] for row in minute] == [Decimal("0.06")]


def test_every_page_and_sheet_of_a_simulated_company_says_so(printed: Prints) -> None:
    of = printed(has_returns=True)
    assert all("SYNTHETIC" in page for page in of.pages)
    assert all(str(sheet["A3"].value).startswith("SYNTHETIC") for sheet in of.book)


def test_every_total_of_an_incomplete_month_is_at_least(printed: Prints) -> None:
    of = printed("partial")
    pages = of.pages
    assert squeezed("Not complete. aws lacks exchange rate USD to EUR") in pages[0]
    assert squeezed("AI cost at least EUR 2.77k") in pages[0]
    assert squeezed("All models, at least") in pages[2]
    assert squeezed("Sep 2026, at least") in pages[2]
    assert squeezed("change, of known data") in pages[2].lower()
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
    bare = {"Sep 2026", "All models", "Change"}
    assert "Sep 2026, at least" in sums
    # August lacks nothing: the bridge begins at what it cost.
    assert "Aug 2026" in sums
    assert squeezed("became EUR 13,690.00 (not complete)") in pages[2]
    assert bare.intersection(sums) == set()


@pytest.mark.parametrize("basis", ["Amortised", "Billed"])
def test_a_billed_pack_says_of_each_figure_that_is_amortised_all_the_same(
    printed: Prints, basis: Basis
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
