"""The dashboard in a real browser: what is drawn, asked for, and said."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from PIL import Image
from pypdf import PdfReader

from tests.dashboard.browsing import (
    PATIENCE_MS,
    SIZES,
    Scheme,
    Visit,
    running,
    served,
    visit,
)
from tests.dashboard.fixtures.lineage_fixture import add_lineage
from tests.dashboard.fixtures.scenarios_fixture import CHEAPER, MOVE, save_scenario
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.layers import IS_FULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser
#: A desk here; a phone is the narrow one, seen in turn below and by ``test-full``.
SCREEN_SIZES = ["desktop", pytest.param("phone", marks=pytest.mark.full)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the server of ``address`` logs."""
    return tmp_path_factory.mktemp("log") / "server.log"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace of ``address``."""
    root = tmp_path_factory.mktemp("workspace")
    publish(root, is_synthetic=True)
    add_lineage(root)
    return root


@pytest.fixture(scope="module")
def address(root: Path, log: Path) -> Iterator[str]:
    # A home that no server was ever started in, and a browser that opens nothing.
    home = {"HOME": str(log.parent), "BROWSER": shutil.which("true") or "true"}
    with served(root, log, headless=False, **home) as address:
        yield address


@pytest.fixture
def new_workspace(root: Path) -> Iterator[Path]:
    """Return the workspace of ``address`` for tests that publish: others see none."""
    pointer = root / "warehouse" / "CURRENT"
    before = pointer.read_bytes()
    yield root
    pointer.write_bytes(before)


@pytest.mark.parametrize("size", SCREEN_SIZES)
def test_the_summary_is_whole_and_answers_without_scrolling_on_a_desk(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, address, size=size) as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 2,769.00", "EUR 2.23", "30.0 h", "+EUR 7,142.85"):
            assert figure in text, text
        assert tab.width() <= SIZES[size][0]
        last = tab.page.locator(".st-key-first_screen").bounding_box()
        assert size == "phone" or last["y"] + last["height"] <= SIZES[size][1]
        tab.keep(f"summary-{size}")
        tab.assert_quiet()


@dataclass(frozen=True)
class Shown:
    """What stands on a page of the warehouse by hand, whatever the screen.

    ``awaited`` is drawn last of the tab that is open first.
    """

    link: str
    awaited: str
    says: tuple[str, ...]
    schemes: tuple[Scheme, ...] = ("light",)


PAGES = {
    "cost-by-model": Shown(
        "cost_by_model",
        "models cost",
        ("EUR 2,449.00", "EUR 150.00", "EUR 100.00", "EUR 2.23"),
        schemes=("light", "dark"),
    ),
    "data-health": Shown(
        "data_health",
        "set aside",
        ("3 of 4", "93.9 %"),
        schemes=("light", "dark"),
    ),
    "lineage": Shown(
        "lineage?figure=cost.mart_cost_waterfall/effective_cost&rows=step%3Dledger",
        "Work it out again",
        ("EUR 3,299.0000000001",),
    ),
    "gateway-gaps": Shown(
        "gateway_gaps?period=2026-09",
        "Days with the largest gaps",
        ("EUR 850.00", "EUR 650.00", "EUR 200.00", "68.1 %"),
        schemes=("light", "dark"),
    ),
    "gpu-idle": Shown(
        "gpu_idle",
        "Saving candidates",
        ("EUR 180.00", "EUR 370.00", "192.0 h", "EUR 70.00"),
        schemes=("light", "dark"),
    ),
    "velocity": Shown(
        "velocity?period=2026-09",
        "Events behind a figure",
        ("30.0 h", "2.5 a week"),
    ),
    "close": Shown(
        "close",
        "Checklist for",
        (
            *("2 of 5", "EUR 20.50", "EUR 120.00"),
            "triptych close --period 2026-09",
        ),
    ),
    "budget": Shown(
        "budget",
        "Budgets",
        ("199.9 % over budget (3.0 ×)", "EUR 4,699.00", "≈ EUR 4.05k"),
    ),
}
SCREENS = [
    (name, size, scheme)
    for name, page in PAGES.items()
    for size, scheme in product(SIZES, page.schemes)
]
#: What a link opens. The fast layer sees the other pages in ``test_every_page.py``,
#: ``make test-full`` here too.
IN_TURN = {("lineage", "desktop", "light")}


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        pytest.param(*screen, marks=[] if screen in IN_TURN else [pytest.mark.full])
        for screen in SCREENS
    ],
)
def test_a_page_is_whole_on_every_screen(
    browser: Any, address: str, name: str, size: str, scheme: Scheme
) -> None:
    page = PAGES[name]
    link = f"{address}/{page.link}"
    with visit(browser, link, size=size, scheme=scheme) as tab:
        tab.wait_for(page.awaited)
        tab.settle()
        text = tab.text()
        assert [one for one in (*page.says, "SYNTHETIC") if one not in text] == []
        assert tab.width() <= SIZES[size][0]
        tab.keep(f"{name}-{size}-{scheme}")
        tab.assert_quiet()


def test_a_chart_is_saved_as_svg_and_png_with_its_heading_and_its_mark(
    browser: Any, address: str, tmp_path: Path
) -> None:
    """A picture is twice as fine as the screen; what is drawn is text in the other."""
    with visit(browser, f"{address}/cost_by_model") as tab:
        tab.wait_for("models cost")
        tab.settle()
        offered = tab.page.locator(".triptych-pictures").first
        files = {}
        for kind in ("SVG", "PNG"):
            with tab.page.expect_download() as saved:
                offered.get_by_text(kind, exact=True).click()
            files[kind] = tmp_path / saved.value.suggested_filename
            saved.value.save_as(files[kind])
        tab.assert_quiet()
    said = files["SVG"].read_text()
    wide, tall = map(float, re.findall(r'(?:width|height)="([\d.]+)"', said)[:2])
    assert "Cost of models by month, largest models apart" in said
    assert "SYNTHETIC: simulated data" in said
    assert "run-0001" in said
    assert "2.45k" in said
    assert files["PNG"].stem == "cost-of-models-by-month-largest-models-apart"
    with Image.open(files["PNG"]) as picture:
        assert picture.size == (int(2 * wide), int(2 * tall))


@pytest.mark.parametrize(
    "how", ["click", pytest.param("keyboard", marks=pytest.mark.full)]
)
def test_a_page_that_was_chosen_on_a_phone_is_not_left_under_the_menu(
    browser: Any, address: str, how: str
) -> None:
    with visit(browser, address, size="phone") as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        tab.page.get_by_test_id("stExpandSidebarButton").click()
        link = tab.page.locator(".st-key-menu").get_by_role("link", name="Data health")
        if how == "click":
            link.click()
        else:
            link.press("Enter")
        tab.page.get_by_role("heading", name="Data health", exact=True).wait_for()
        tab.settle()
        box = tab.page.get_by_test_id("stSidebar").bounding_box()
        assert box["x"] + box["width"] <= 0


def test_the_menu_is_walked_with_the_keyboard_and_stays_on_a_desk(
    browser: Any, address: str
) -> None:
    with visit(browser, address) as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        menu = tab.page.locator(".st-key-menu").get_by_role("link")
        names = menu.all_inner_texts()
        menu.first.focus()
        walked = []
        for _ in names:
            held = tab.page.locator(":focus")
            walked.append(held.inner_text())
            style = held.evaluate("one => getComputedStyle(one).outlineStyle")
            assert style == "solid"
            tab.page.keyboard.press("Tab")
        assert walked == names
        menu.last.press("Enter")
        tab.page.get_by_role("heading", name=names[-1], exact=True).wait_for()
        tab.settle()
        assert menu.first.is_visible()
        box = tab.page.get_by_test_id("stSidebar").bounding_box()
        assert box["x"] == 0
        tab.assert_quiet()


@pytest.mark.full  # fast: test_scenarios.py, and the page in test_every_page.py
@pytest.mark.parametrize("size", SIZES)
def test_scenarios_are_whole_on_every_screen_and_a_link_restores_them(
    browser: Any, tmp_path: Path, size: str
) -> None:
    publish(tmp_path)
    save_scenario(tmp_path, "Cheaper", CHEAPER)
    moved = save_scenario(tmp_path, "Move", MOVE)
    with running(tmp_path, tmp_path / "server.log") as address:
        link = f"{address}/scenarios?scenarios={quote(moved)}"
        with visit(browser, link, size=size) as tab:
            tab.wait_for("How to make one")
            tab.settle()
            text = tab.text().replace("\u00a0", " ")
            assert "Move against carrying on" in text
            assert "≈ EUR 2.2k" in text
            assert "Cheaper against carrying on" not in text
            assert tab.width() <= SIZES[size][0]
            assert tab.page.get_by_test_id("stVegaLiteChart").first.is_visible()
            tab.keep(f"scenarios-{size}")
            tab.assert_quiet()


@pytest.mark.full  # fast: test_impact.py, and the page in test_every_page.py
@pytest.mark.parametrize("size", SIZES)
def test_impact_is_whole_on_every_screen(browser: Any, address: str, size: str) -> None:
    with visit(browser, f"{address}/impact?impact=Studies", size=size) as tab:
        tab.wait_for("What was found")
        tab.settle()
        assert "Camera led to a decrease of on time rate." in tab.text()
        tab.keep(f"impact-{size}")
        tab.page.get_by_role("button", name="Open this study").first.click()
        tab.wait_for("To make it again")
        tab.settle()
        link = parse_qs(urlsplit(tab.page.url).query)
        assert link == {"study": ["chat-handling"]}
        tab.assert_quiet()
    with visit(browser, f"{address}/impact?study=eta-revenue", size=size) as tab:
        tab.wait_for("To make it again")
        tab.settle()
        text = tab.text()
        for figure in ("+EUR 1,050", "+4.1 %", "over 99.9 %", "B · controlled"):
            assert figure in text, text
        assert tab.width() <= SIZES[size][0]
        # Seen, by day, sum; placebos; the runs of the sensitivity.
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 5
        tab.keep(f"impact-study-{size}")
        tab.assert_quiet()


@pytest.mark.usefixtures("address")
def test_nobody_is_asked_for_anything_before_the_first_page(log: Path) -> None:
    assert "mail" not in log.read_text("utf-8")


@pytest.mark.full
def test_the_whole_page_is_kept_for_looking_at(
    browser: Any,
    address: str,
) -> None:
    link = f"{address}/cost_by_model?model=eta-v2&item=node-a"
    for size, height in (("desktop", 5200), ("phone", 7600)):
        with visit(browser, link, size=size, height=height) as tab:
            tab.wait_for("models cost")
            tab.settle()
            tab.keep(f"cost-by-model-{size}-whole")
            assert tab.page.get_by_test_id("stVegaLiteChart").first.is_visible()
            tab.assert_quiet()


@pytest.mark.full  # fast: e2e/test_explain_on_pages.py, from a tile
def test_two_clicks_lead_from_a_model_to_its_line_items(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/cost_by_model", height=5200) as tab:
        tab.wait_for("models cost")
        tab.settle()
        _click_first_row(tab, 0)
        tab.wait_for("Its parts:")
        tab.settle()
        _click_first_row(tab, 1)
        tab.wait_for("equal to the figure chosen")
        assert "3 line items, together EUR 900.00, equal to" in tab.text()
        link = parse_qs(urlsplit(tab.page.url).query)
        assert link == {"model": ["eta-v2"], "item": ["node-a"]}
        tab.assert_quiet()


def _click_first_row(tab: Visit, table: int) -> None:
    frame = tab.page.get_by_test_id("stDataFrame").nth(table)
    frame.scroll_into_view_if_needed()
    frame.click(position={"x": 260, "y": 52})


def test_a_choice_is_in_the_link_and_stays_on_the_next_page(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/cost_by_model?period=Aug+2026&basis=Billed") as tab:
        tab.wait_for("In Aug 2026 models cost")
        tab.settle()
        assert "EUR 1,979.00" in tab.text()
        tab.page.get_by_role("link", name="Data health").click()
        tab.wait_for("set aside")
        tab.settle()
        assert "of AI cost is assigned by rules and meters, Aug 2026" in tab.text()
        link = parse_qs(urlsplit(tab.page.url).query)
        assert link == {"period": ["Aug 2026"], "basis": ["Billed"]}
        tab.assert_quiet()


def test_a_heading_sorts_its_table_columns_are_chosen_and_a_tab_is_in_the_link(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/close?close=History") as tab:
        tab.wait_for("Who did what")
        tab.settle()
        frame = tab.page.locator(".triptych-table:visible").filter(has_text="Closed at")
        heading = frame.get_by_role("columnheader", name="Month", exact=True)

        def months() -> list[str]:
            cells = frame.locator("tbody th")
            return [
                str(each)
                for each in cells.evaluate_all(
                    "cells => cells.map(cell => cell.dataset.order)"
                )
            ]

        before = months()
        heading.get_by_role("button").click()
        assert months() == sorted(before, reverse=True)
        assert heading.get_attribute("aria-sort") == "descending"
        heading.get_by_role("button").click()
        assert months() == sorted(before)
        frame.get_by_text("Columns", exact=True).click()
        frame.get_by_label("Closed at").uncheck()
        assert not frame.get_by_role("columnheader", name="Closed at").is_visible()
        assert frame.get_by_role("columnheader", name="Approved by").is_visible()
        tab.page.get_by_role("tab", name="Invoices").click()
        tab.settle()
        assert parse_qs(urlsplit(tab.page.url).query) == {"close": ["Invoices"]}
        tab.assert_quiet()


def test_back_and_forward_restore_period_and_tab(browser: Any, address: str) -> None:
    with visit(browser, f"{address}/close?period=2026-09") as tab:

        def told() -> tuple[str, str]:
            tab.wait_for("Invoices that tie")
            tab.settle()
            chosen = tab.page.get_by_role("tab", selected=True).inner_text()
            return chosen, tab.page.get_by_test_id("stMetricValue").nth(1).inner_text()

        assert told() == ("Steps", "Open")
        tab.page.get_by_role("combobox").first.click()
        tab.page.get_by_role("option", name="Aug 2026", exact=True).click()
        assert told() == ("Steps", "Restated")
        # Choices within a second are one.
        tab.page.wait_for_timeout(1_000)
        tab.page.get_by_role("tab", name="Invoices").click()
        assert told() == ("Invoices", "Restated")
        for go, there in (
            (tab.page.go_back, ("Steps", "Restated")),
            (tab.page.go_back, ("Steps", "Open")),
            (tab.page.go_forward, ("Steps", "Restated")),
        ):
            go()
            assert told() == there
        tab.assert_quiet()


@pytest.mark.full  # fast: test_pages.py
def test_an_invalid_link_warns_in_the_browser_too(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/cost_by_model?period=2031-01") as tab:
        tab.wait_for("models cost")
        tab.settle()
        assert "The link asks for period “2031-01”" in tab.text()
        assert "Shown instead: Sep 2026." in tab.text()
        tab.assert_quiet()


@pytest.mark.full  # fast: an open page that follows publishes begins on one, too
def test_a_page_opened_first_on_a_fresh_server_goes_through_the_router(
    browser: Any,
    tmp_path: Path,
) -> None:
    publish(tmp_path / "workspace")
    with (
        served(tmp_path / "workspace", tmp_path / "server.log") as address,
        visit(browser, f"{address}/data_health") as tab,
    ):
        tab.wait_for("set aside")
        assert "Open · estimated" in tab.text()
        tab.assert_quiet()


def test_an_open_page_follows_publishes_without_an_error(
    browser: Any, new_workspace: Path, address: str
) -> None:
    (new_workspace / "warehouse" / "CURRENT").unlink(missing_ok=True)
    with visit(browser, f"{address}/cost_by_model") as tab:
        tab.wait_for("Nothing has been published here yet")
        # The quarter of a minute after which a page asks again need not be waited for.
        tab.page.clock.install()
        count = 20 if IS_FULL else 1
        for number in range(1, count + 1):
            publish(new_workspace, run_id=f"run-1{number:03d}", factor=str(number))
            if number % 5 == 0 or not IS_FULL:
                tab.page.reload()
                tab.wait_for(f"EUR {2449 * number:,}.00")
                tab.settle()
                # The figure and the run that it is from change together.
                assert f"run-1{number:03d}" in _about(tab)
            tab.assert_quiet()
        last = count + 1
        publish(new_workspace, run_id=f"run-1{last:03d}", factor=str(last))
        tab.page.clock.fast_forward("00:16")
        tab.wait_for(f"EUR {2449 * last:,}.00")
        tab.settle()
        assert f"run-1{last:03d}" in _about(tab)
        tab.assert_quiet()


@pytest.mark.parametrize("size", SCREEN_SIZES)
def test_no_figure_of_ten_digits_is_cut(
    browser: Any, new_workspace: Path, address: str, size: str
) -> None:
    publish(new_workspace, run_id=f"run-of-a-{size}", factor="1000000")
    with visit(browser, f"{address}/cost_by_model", size=size) as tab:
        tab.wait_for("models cost")
        tab.settle()
        values = tab.page.get_by_test_id("stMetricValue")
        assert "EUR\u00a02,449,000,000.00" in values.all_inner_texts()
        is_cut = (
            "e => [...e.querySelectorAll('*')].some(n => n.scrollWidth > n.clientWidth)"
        )
        assert [one.evaluate(is_cut) for one in values.all()] == [False] * 4


def _about(tab: Visit) -> str:
    """Return what stands behind *About* in the bar: one click."""
    tab.page.get_by_role("button", name="About").click()
    body = tab.page.get_by_test_id("stPopoverBody")
    body.wait_for()
    said: str = body.inner_text()
    tab.page.keyboard.press("Escape")
    return said


@pytest.mark.full  # fast: test_statements.py, and the page in test_every_page.py
@pytest.mark.parametrize("size", SIZES)
def test_statements_are_whole_on_every_screen_and_download_what_the_page_says(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, f"{address}/statements", size=size) as tab:
        tab.wait_for("Any table that the pages read")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 2,899.00", "EUR 1,760.00", "640.00", "3,299.00"):
            assert figure in text, text
        assert "SYNTHETIC" in text
        assert tab.width() <= SIZES[size][0]
        tab.keep(f"statements-{size}-light")
        with tab.page.expect_download(timeout=PATIENCE_MS) as told:
            tab.page.get_by_role("button", name="PDF to sign").click()
        file = told.value
        assert file.suggested_filename == (
            "statement_2026-09_amortised_cost_centre_cc-100.pdf"
        )
        pages = PdfReader(file.path()).pages
        said = pages[0].extract_text().replace("\u00a0", " ")
        assert "EUR 1,760.00" in said
        assert all("SYNTHETIC" in page.extract_text() for page in pages)
        tab.assert_quiet()


#: Pixels between a title and what follows it.
_ROOM_BELOW_TITLE = """() => {
    const words = document.createRange();
    words.selectNodeContents(document.querySelector("h1"));
    const below = [...document.querySelectorAll("p, .st-key-bar")].filter(
        each => each.checkVisibility() && each.closest("[data-testid=stMain]"));
    return Math.min(...below.map(each => each.getBoundingClientRect().top))
        - words.getBoundingClientRect().bottom;
}"""
_COLLAPSED = """() => [...document.querySelectorAll(".triptych-table table")].map(
    table => getComputedStyle(table).borderCollapse)"""


def test_a_title_has_room_below_it_without_the_ribbon_of_simulated_data(
    browser: Any, address: str
) -> None:
    """The glossary has no ribbon, which took the room that the title lacked."""
    with visit(browser, f"{address}/glossary") as tab:
        tab.wait_for("One term for one thing")
        tab.settle()
        assert tab.page.locator(".ribbon").count() == 0
        assert tab.page.evaluate(_ROOM_BELOW_TITLE) >= 3


def test_no_row_shows_beneath_the_total_of_a_table_that_scrolls(
    browser: Any, address: str
) -> None:
    """A sticky cell leaves collapsed borders behind, and rows would show there."""
    with visit(browser, f"{address}/explore") as tab:
        tab.settle()
        assert set(tab.page.evaluate(_COLLAPSED)) == {"separate"}
