"""From every amount that a page states to its source rows, in at most three clicks.

The company and its sums by hand are those of ``unpriced_case``.
"""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dashboard.browsing import SIZES, Visit, served, visit
from triptych.core.explanation import explain
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlit.testing.v1 import AppTest

    from tests.dashboard.conftest import OpenApp
    from tests.e2e.cases.closing_case import ClosingCase

pytestmark = pytest.mark.timeout(1800)

#: Pages, each with how many amounts it states on its tiles and totals.
PAGES = {
    "summary": 1,
    "cost_by_model": 4,
    "close": 4,
    "budget": 4,
    "statements": 3,
    "gpu_idle": 4,
    "data_health": 2,
}


def opened(company: ClosingCase, open_app: OpenApp, page: str) -> AppTest:
    return open_app(company.root, page=page, period="2026-03")


#: What is read again of the other pages, as of these, belongs to the full layer.
FAST_PAGES = frozenset({"summary"})


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page in FAST_PAGES else [pytest.mark.full])
        for page in PAGES
    ],
)
def test_what_a_page_says_to_type_gives_the_amount_that_it_states(
    company: ClosingCase, open_app: OpenApp, page: str
) -> None:
    app = opened(company, open_app, page)
    assert not app.exception
    commands = [one.value for one in app.code if one.value.startswith("triptych expl")]
    assert len(set(commands)) == PAGES[page]
    text = "\n".join(str(one.value) for one in app.markdown)
    text = text.replace("\u00a0", " ").replace("\\", "").replace(",", "")
    for command in set(commands):
        program, verb, address = shlex.split(command)
        assert (program, verb) == ("triptych", "explain")
        told = explain(company.root, address)
        assert told.rederivation.is_equal, (address, told.rederivation.verdict)
        assert isinstance(told.value, Decimal)
        stated = re.findall(r": \*\*(?:at least )?(?:EUR )?(-?[0-9.]+)\*\*", text)
        assert told.value in {Decimal(one) for one in stated}, address


def test_a_popover_says_all_that_a_figure_is_made_of(
    company: ClosingCase, open_app: OpenApp
) -> None:
    app = opened(company, open_app, "cost_by_model")
    told = explain(company.root, "cost.mart_cost_waterfall/billed_cost?step=ledger")
    how = next(one.value for one in app.markdown if "Mart: `cost.fct" in one.value)
    for fact in (
        "Mart: `cost.fct_daily_model_costs`, 4 rows",
        f"Run: `{told.run_id}`, triptych {told.triptych_version}",
        "Approved: Mar 2026 is estimated, not approved yet",
        "bills focus `bills/2026-03.csv`, 5 rows",
        "usage model_usage `usage.csv`, 2 rows",
        *(f"`{version.version[:12]}`" for version in told.versions),
    ):
        assert fact in how


@pytest.mark.parametrize(
    ("figure", "rows", "by"),
    [
        ("cost.mart_cost_waterfall/billed_cost", "step=ledger", "5 line items"),
        ("cost.fct_daily_model_costs/effective_cost", "model_id=eta", "models run"),
    ],
)
def test_the_page_of_lineage_works_a_figure_out_again(
    company: ClosingCase, open_app: OpenApp, figure: str, rows: str, by: str
) -> None:
    """By hand: 100.00 of known bills; eta has 10.00 and a third of 60.00."""
    known = {"step=ledger": "EUR 100.00", "model_id=eta": "EUR 30.00"}[rows]
    link = {"period": "2026-03", "figure": figure, "rows": rows}
    app = open_app(company.root, page="lineage", **link)
    assert not app.exception
    [value] = [one.value.replace("\u00a0", " ") for one in app.metric]
    assert value == f"at least {known}"
    app.button(key="again").click().run(timeout=120)
    assert not app.exception
    [told] = [one.value.replace("\u00a0", " ") for one in app.success]
    assert f"Worked out again from {by}" in told
    assert f"**at least {known}**, equal" in told
    [files] = [one.value for one in app.markdown if "of evidence compared" in one.value]
    assert "0 changed" in files


def test_a_file_that_was_changed_meanwhile_is_told_when_it_is_asked_again(
    company: ClosingCase, open_app: OpenApp
) -> None:
    figure = "cost.mart_cost_waterfall/billed_cost"
    link = {"period": "2026-03", "figure": figure, "rows": "step=ledger"}
    app = open_app(company.root, page="lineage", **link)
    assert app.button(key="again").click().run(timeout=120).success
    [name, *_] = (
        PublishedReader(company.root)
        .snapshot()
        .query("SELECT unnest(files) AS file FROM lineage.loads WHERE stream = 'focus'")
        .to_pydict()["file"]
    )
    file = company.root / name
    kept, mode = file.read_bytes(), file.stat().st_mode
    file.chmod(0o644)
    try:
        file.write_bytes(kept + b" ")
        app.button(key="again").click().run(timeout=120)
        assert not app.success
        told = [one.value for one in app.error] + [one.value for one in app.info]
        assert any(Path(name).name in one.replace("\\", "") for one in told), told
    finally:
        file.write_bytes(kept)
        file.chmod(mode)


def test_the_statements_come_to_what_the_close_page_says(
    company: ClosingCase, open_app: OpenApp
) -> None:
    statements = opened(company, open_app, "statements")
    close = opened(company, open_app, "close")
    assert stated(statements, "All bills") == "at least EUR 100.00"
    assert stated(close, "Bills now, Mar 2026") == "at least EUR 100.00"


def stated(app: AppTest, label: str) -> str:
    """Return the amount that stands beside its command."""
    amounts = [
        str(one.value).split("**")[1].replace("\u00a0", " ")
        for one in app.markdown
        if str(one.value).startswith(f"{label}: **")
    ]
    return amounts[0]


@pytest.fixture(scope="module")
def address(
    company: ClosingCase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with served(company.root, tmp_path_factory.mktemp("log") / "server.log") as address:
        yield address


@pytest.mark.browser
@pytest.mark.parametrize(
    "size", ["desktop", pytest.param("phone", marks=pytest.mark.full)]
)
def test_two_clicks_lead_from_a_tile_to_its_line_items_and_a_third_to_its_meter(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, f"{address}/cost_by_model?period=2026-03", size=size) as tab:
        tab.wait_for("Cost of models, fully loaded")
        tab.settle()
        first = tab.page.get_by_test_id("stMetric").first
        assert "EUR 90.00" in first.inner_text().replace("\u00a0", " ")
        clicks = _click(tab, tab.page.get_by_role("button", name="How").first)
        popover = tab.page.get_by_test_id("stPopoverBody")
        popover.wait_for()
        assert "EUR 90.00" in popover.inner_text().replace("\u00a0", " ")
        tab.keep(f"how-{size}")
        clicks += _click(tab, popover.get_by_role("button", name="Source rows"))
        dialog = tab.page.get_by_role("dialog", name="Source rows")
        dialog.get_by_test_id("stDataFrame").wait_for()
        tab.settle()
        # eta 10, vision 20, and the 60 that were divided; 7 and 3 are not behind it.
        said = dialog.inner_text().replace("\u00a0", " ")
        assert "3 line items, together EUR 90.00" in said, said
        tab.keep(f"source-rows-{size}")
        clicks += _click(tab, dialog.get_by_role("radio", name="model_usage"))
        dialog.get_by_text("2 rows of").wait_for()
        assert clicks == 3
        assert tab.width() <= SIZES[size][0]
        tab.keep(f"source-meter-{size}")
        tab.assert_quiet()


@pytest.mark.browser
@pytest.mark.full  # fast: the page of lineage works figures out again, see above
def test_the_bills_of_a_page_are_added_up_again_from_their_line_items(
    browser: Any, address: str
) -> None:
    with visit(browser, f"{address}/statements?period=2026-03") as tab:
        tab.wait_for("Any table that the pages read")
        tab.settle()
        _click(tab, tab.page.get_by_role("button", name="How").first)
        popover = tab.page.get_by_test_id("stPopoverBody")
        _click(tab, popover.get_by_role("button", name="Source rows"))
        dialog = tab.page.get_by_role("dialog", name="Source rows")
        _click(tab, dialog.get_by_role("radio", name="Charges: All bills"))
        dialog.get_by_text("Added up again").wait_for()
        tab.settle()
        said = dialog.inner_text().replace("\u00a0", " ")
        assert "5 line items of the evidence: at least EUR 100.00, equal" in said
        tab.assert_quiet()


def _click(tab: Visit, target: Any) -> int:
    target.scroll_into_view_if_needed()
    target.click()
    tab.settle()
    return 1
