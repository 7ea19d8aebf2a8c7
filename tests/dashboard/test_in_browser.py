"""The dashboard in a real browser: what is drawn, asked for, and said."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.error import URLError
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from pypdf import PdfReader

from dashboard.server import command
from tests.dashboard.lineage_fixture import add_lineage
from tests.dashboard.scenarios_fixture import CHEAPER, MOVE, save_scenario
from tests.dashboard.warehouse_fixture import publish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
#: Streamlit asks below a page's own address first; the answer is a plain 404.
PROBES = ("/_stcore/health", "/_stcore/host-config")
PATIENCE_MS = 30_000


@dataclass
class Visit:
    """A browser tab and everything that it complained about or asked for."""

    page: Any
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def text(self) -> str:
        said: str = self.page.locator("body").inner_text()
        return said.replace("\u00a0", " ")

    def wait_for(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)

    def settle(self) -> None:
        """Wait until the page has been drawn to its end."""
        running = self.page.get_by_test_id("stStatusWidget")
        running.wait_for(state="detached", timeout=PATIENCE_MS)
        # Parts of the page are fetched when they are first needed.
        self.page.wait_for_function(
            "document.querySelectorAll('[data-testid=stSkeleton]').length === 0",
            timeout=PATIENCE_MS,
        )
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(700)

    def assert_quiet(self) -> None:
        assert self.errors == []
        assert self.outside == []
        text = self.text()
        assert "Traceback" not in text
        assert "encountered an error" not in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        program = program or playwright.chromium.executable_path
        if not Path(program).exists():
            pytest.skip("no Chromium is installed")
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@contextmanager
def served(
    root: Path, log: Path, *, headless: bool = True, **environment: str
) -> Iterator[str]:
    """Serve a workspace whose pages never fail."""
    with running(root, log, headless=headless, environment=environment) as address:
        yield address
    assert "Traceback" not in log.read_text()


@contextmanager
def running(
    root: Path,
    log: Path,
    *,
    headless: bool = True,
    environment: Mapping[str, str] = {},
) -> Iterator[str]:
    """Run a server, from a directory that has nothing to do with the workspace."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            command(root, port=port, headless=headless),
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_healthy(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health"):  # noqa: S310
                return
        except URLError:
            time.sleep(0.2)
    pytest.fail("the server did not become healthy")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("workspace")
    publish(root, is_synthetic=True)
    add_lineage(root)
    with served(root, tmp_path_factory.mktemp("log") / "server.log") as address:
        yield address


@contextmanager
def visit(
    browser: Any,
    link: str,
    *,
    size: str = "desktop",
    scheme: Literal["light", "dark"] = "light",
    height: int | None = None,
) -> Iterator[Visit]:
    width, usual_height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height or usual_height},
        color_scheme=scheme,
    )
    tab = Visit(context.new_page())
    host = urlsplit(link).netloc
    tab.page.on("request", lambda request: _note_outside(tab, host, request.url))
    tab.page.on("console", lambda message: _note_error(tab, message))
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.page.goto(link)
    yield tab
    context.close()


def _note_outside(tab: Visit, host: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"data", "blob"} and parts.netloc != host:
        tab.outside.append(url)


def _note_error(tab: Visit, message: Any) -> None:
    is_probe = message.location["url"].endswith(PROBES)
    if message.type == "error" and not is_probe:
        tab.errors.append(message.text)


@pytest.mark.parametrize("size", list(SIZES))
def test_the_summary_is_whole_and_answers_without_scrolling_on_a_desk(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, address, size=size) as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 2,769.00", "EUR 2.228", "30.0 h", "+EUR 7,142.85"):
            assert figure in text, text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        last = tab.page.locator(".st-key-first_screen").bounding_box()
        assert size == "phone" or last["y"] + last["height"] <= SIZES[size][1]
        _keep(tab, f"summary-{size}")
        tab.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_cost_by_model_is_whole_on_every_screen(
    browser: Any,
    address: str,
    size: str,
    scheme: Literal["light", "dark"],
) -> None:
    with visit(browser, f"{address}/cost_by_model", size=size, scheme=scheme) as tab:
        tab.wait_for("Suggested rules")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 2,449.00", "EUR 150.00", "EUR 100.00", "EUR 2.228"):
            assert figure in text, text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        _keep(tab, f"cost-by-model-{size}-{scheme}")
        tab.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_data_health_is_whole_on_every_screen(
    browser: Any,
    address: str,
    size: str,
    scheme: Literal["light", "dark"],
) -> None:
    with visit(browser, f"{address}/data_health", size=size, scheme=scheme) as tab:
        tab.wait_for("A superseded load")
        tab.settle()
        text = tab.text()
        assert "3 of 4" in text, text
        assert "triptych quarantine show aws" in text
        assert "SYNTHETIC" in text
        _keep(tab, f"data-health-{size}-{scheme}")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_assumptions_and_lineage_are_whole_on_every_screen(
    browser: Any, address: str, size: str
) -> None:
    link = "lineage?figure=cost.mart_cost_waterfall/effective_cost&rows=step%3Dledger"
    with visit(browser, f"{address}/{link}", size=size) as tab:
        tab.wait_for("Current loads")
        tab.settle()
        text = tab.text()
        assert "EUR 3,299.0000000001" in text, text
        assert "3 assumptions hold in Sep 2026" in text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        _keep(tab, f"lineage-{size}")
        tab.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_gateway_gaps_is_whole_on_every_screen(
    browser: Any,
    address: str,
    size: str,
    scheme: Literal["light", "dark"],
) -> None:
    with visit(browser, f"{address}/gateway_gaps", size=size, scheme=scheme) as tab:
        tab.wait_for("Days with the largest gaps")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 850.00", "EUR 650.00", "EUR 200.00", "68.1 %"):
            assert figure in text, text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        _keep(tab, f"gateway-gaps-{size}-{scheme}")
        tab.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_gpu_idle_is_whole_on_every_screen(
    browser: Any,
    address: str,
    size: str,
    scheme: Literal["light", "dark"],
) -> None:
    with visit(browser, f"{address}/gpu_idle", size=size, scheme=scheme) as tab:
        tab.wait_for("Saving candidates")
        tab.settle()
        text = tab.text()
        for figure in ("EUR 180.00", "EUR 370.00", "192.0 h", "EUR 70.00"):
            assert figure in text, text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 3
        _keep(tab, f"gpu-idle-{size}-{scheme}")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_scenarios_are_whole_on_every_screen_and_a_link_restores_them(
    browser: Any, tmp_path: Path, size: str
) -> None:
    publish(tmp_path)
    save_scenario(tmp_path, "Cheaper", CHEAPER)
    moved = save_scenario(tmp_path, "Move", MOVE)
    with running(tmp_path, tmp_path / "server.log") as address:
        link = f"{address}/scenarios?scenarios={quote(moved)}"
        with visit(browser, link, size=size) as tab:
            tab.wait_for("Saved scenarios")
            tab.settle()
            text = tab.text().replace("\u00a0", " ")
            assert "Move against carrying on: ≈ EUR 2.2k" in text
            assert "Cheaper against carrying on" not in text
            width = tab.page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size][0]
            # Outcomes, the fan, the tornado, and the bill on usage.
            assert tab.page.get_by_test_id("stVegaLiteChart").count() == 4
            _keep(tab, f"scenarios-{size}")
            tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_velocity_is_whole_on_every_screen(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, f"{address}/velocity?period=2026-09", size=size) as tab:
        tab.wait_for("Names that nobody owns")
        tab.settle()
        text = tab.text().replace("\u00a0", " ")
        for figure in ("30.0 h", "2.5 a week", "10.0 %", "EUR 146.00"):
            assert figure in text, text
        assert "Help agents" not in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        # By month, by stage, by week, cohorts in production, and firefighting.
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 5
        _keep(tab, f"velocity-{size}")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_impact_is_whole_on_every_screen(browser: Any, address: str, size: str) -> None:
    with visit(browser, f"{address}/impact", size=size) as tab:
        tab.wait_for("What cannot be told")
        tab.settle()
        assert "Camera led to a decrease of on time rate." in tab.text()
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 1
        _keep(tab, f"impact-{size}")
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
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        # Seen, by day, sum; placebos; the runs of the sensitivity.
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 5
        _keep(tab, f"impact-study-{size}")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_close_and_reconcile_is_whole_on_every_screen(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, f"{address}/close", size=size) as tab:
        tab.wait_for("Who did what")
        tab.settle()
        text = tab.text()
        for figure in ("2 of 5", "EUR 140.50", "EUR 120.00", "+EUR 30.00"):
            assert figure in text, text
        assert "triptych close --period 2026-09" in text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 1
        _keep(tab, f"close-{size}")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
def test_budget_and_forecast_is_whole_on_every_screen(
    browser: Any, address: str, size: str
) -> None:
    with visit(browser, f"{address}/budget", size=size) as tab:
        tab.wait_for("How wrong past forecasts were")
        tab.settle()
        text = tab.text()
        for figure in ("199.9 % over = 3.0 × budget", "EUR 3,440.00", "≈ EUR 4.05k"):
            assert figure in text, text
        assert "SYNTHETIC" in text
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        assert tab.page.get_by_test_id("stVegaLiteChart").count() == 5
        _keep(tab, f"budget-{size}")
        tab.assert_quiet()


def _keep(tab: Visit, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_nobody_is_asked_for_anything_before_the_first_page(tmp_path: Path) -> None:
    publish(tmp_path / "workspace")
    log = tmp_path / "server.log"
    # A home that no server was ever started in, and a browser that opens nothing.
    home = {"HOME": str(tmp_path), "BROWSER": shutil.which("true") or "true"}
    with served(tmp_path / "workspace", log, headless=False, **home):
        pass
    assert "mail" not in log.read_text("utf-8")


def test_the_whole_page_is_kept_for_looking_at(
    browser: Any,
    address: str,
) -> None:
    link = f"{address}/cost_by_model?model=eta-v2&item=node-a"
    for size, height in (("desktop", 5200), ("phone", 7600)):
        with visit(browser, link, size=size, height=height) as tab:
            tab.wait_for("Suggested rules")
            tab.settle()
            _keep(tab, f"cost-by-model-{size}-whole")
            assert tab.page.get_by_test_id("stVegaLiteChart").count() == 4
            tab.assert_quiet()


def test_two_clicks_lead_from_a_model_to_its_line_items(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/cost_by_model", height=5200) as tab:
        tab.wait_for("Suggested rules")
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
    with visit(browser, f"{address}/cost_by_model?period=2026-08&basis=Billed") as tab:
        tab.wait_for("In Aug 2026 models cost")
        tab.settle()
        assert "EUR 1,979.00" in tab.text()
        tab.page.get_by_role("link", name="Data health").click()
        tab.wait_for("A superseded load")
        tab.settle()
        assert "of Aug 2026 is placed" in tab.text()
        link = parse_qs(urlsplit(tab.page.url).query)
        assert link == {"period": ["2026-08"], "basis": ["Billed"]}
        tab.assert_quiet()


def test_an_invalid_link_warns_in_the_browser_too(
    browser: Any,
    address: str,
) -> None:
    with visit(browser, f"{address}/cost_by_model?period=2031-01") as tab:
        tab.wait_for("Suggested rules")
        tab.settle()
        assert "The link asks for period “2031-01”" in tab.text()
        assert "Shown instead: 2026-09." in tab.text()
        tab.assert_quiet()


def test_a_page_opened_first_on_a_fresh_server_goes_through_the_router(
    browser: Any,
    tmp_path: Path,
) -> None:
    publish(tmp_path / "workspace")
    with (
        served(tmp_path / "workspace", tmp_path / "server.log") as address,
        visit(browser, f"{address}/data_health") as tab,
    ):
        tab.wait_for("A superseded load")
        assert "Open · estimated" in tab.text()
        tab.assert_quiet()


def test_an_open_page_follows_twenty_publishes_without_an_error(
    browser: Any,
    tmp_path: Path,
) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    with (
        served(root, tmp_path / "server.log") as address,
        visit(browser, f"{address}/cost_by_model") as tab,
    ):
        tab.wait_for("Nothing has been published here yet")
        for number in range(1, 21):
            publish(root, run_id=f"run-{number:04d}", factor=str(number))
            if number % 5 == 0:
                tab.page.reload()
                tab.wait_for(f"EUR {2449 * number:,}.00")
                # The figure and the run that it is from change together.
                assert f"run run-{number:04d}" in tab.text()
            tab.assert_quiet()
        publish(root, run_id="run-0021", factor="21")
        tab.wait_for("run-0021")
        tab.wait_for("EUR 51,429.00")
        tab.assert_quiet()


@pytest.mark.parametrize("size", list(SIZES))
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
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0]
        _keep(tab, f"statements-{size}-light")
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
