"""A server of a workspace and a real browser that visits it, for tests of pages."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urljoin, urlsplit

import pytest

from benchmarks.served_dashboard import served_dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
    # Scripts are compiled once for all pages: more than half of what a visit costs.
    "--process-per-site",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
#: Streamlit asks below a page's own address first; the answer is a plain 404.
HEALTH = "/_stcore/health"
PROBES = (HEALTH, "/_stcore/host-config")
PATIENCE_MS = 60_000
#: The script of the page has ended, its parts are there, and nothing fades in any more.
IS_DRAWN = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const waits = '[data-testid=stSkeleton], [data-testid=stStatusWidget]';
  const ends = each => each.effect?.getComputedTiming().endTime !== Infinity;
  const moves = document.getAnimations().some(
    each => each.playState === 'running' && ends(each));
  return app?.dataset.testScriptState === 'notRunning'
    && !document.querySelector(waits) && document.fonts.status === 'loaded' && !moves;
}"""
#: Charts are drawn by the browser after that: nothing has changed for a while.
_IS_QUIET = """quiet_ms => new Promise(resolve => {
  let last = performance.now();
  const watch = new MutationObserver(() => { last = performance.now(); });
  watch.observe(document.body, {
    subtree: true, childList: true, attributes: true, characterData: true });
  const look = setInterval(() => {
    if (performance.now() - last < quiet_ms) return;
    clearInterval(look); watch.disconnect(); resolve(true);
  }, 20);
})"""
_QUIET_MS = 150
#: A tab begins without what pages of an earlier one have stored, such as a folded menu.
_FORGET = """if (!sessionStorage.getItem('visited')) {
  localStorage.clear(); sessionStorage.setItem('visited', 'yes');
}"""
Scheme: TypeAlias = Literal["light", "dark"]


@dataclass
class Visit:
    """A browser tab and everything that it complained about or asked for."""

    page: Any
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    rest: HeldBack | None = None

    def text(self) -> str:
        """Return all that is written, with plain spaces."""
        said: str = self.page.locator("body").inner_text()
        return said.replace("\u00a0", " ")

    def wait_for(self, text: str) -> None:
        """Wait until something is written where it is seen."""
        self.page.get_by_text(text).filter(visible=True).first.wait_for(
            timeout=PATIENCE_MS
        )

    def settle(self) -> None:
        """Wait until the page has been drawn to its end."""
        for _ in range(2):
            self.page.wait_for_function(IS_DRAWN, timeout=PATIENCE_MS)
            self.page.evaluate(_IS_QUIET, _QUIET_MS)

    def resize(self, size: str) -> None:
        """Go on with a screen of another size."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.settle()

    def width(self) -> int:
        """Return how wide the page is [px]: wider than its window, it is cut."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth")
        return wide

    def keep(self, name: str) -> None:
        """Keep a picture of the page for looking at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def assert_quiet(self) -> None:
        """Tell whether it failed, complained, or asked another machine for anything."""
        assert self.errors == []
        assert self.outside == []
        text = self.text()
        assert "Traceback" not in text
        assert "encountered an error" not in text


class HeldBack:
    """What a server tells a page, of which the rest is held back for a while."""

    def __init__(self, page: Any, *, after: int) -> None:
        self._shown = after
        self._held: list[bytes] = []
        self._stream: Any = None
        page.route_web_socket("**/_stcore/stream", self._begin)

    def _begin(self, stream: Any) -> None:
        self._stream = stream
        stream.connect_to_server().on_message(self._told)

    def _told(self, message: bytes) -> None:
        if self._shown:
            self._shown -= 1
            self._stream.send(message)
        else:
            self._held.append(message)

    def let_go(self) -> None:
        """Tell the page the rest."""
        self._shown = -1
        for message in self._held:
            self._stream.send(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a Chromium of this machine, or of Playwright."""
    with opened_browser() as opened:
        yield opened


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Open a browser without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        program = program or playwright.chromium.executable_path
        if not Path(program).exists():
            pytest.skip("no Chromium is installed")
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        # Visits share what the browser keeps of scripts.
        opened.new_context()
        yield opened
        opened.close()


@contextmanager
def served(
    root: Path,
    log: Path,
    *,
    headless: bool = True,
    acts: str | None = None,
    **environment: str,
) -> Iterator[str]:
    """Serve a workspace whose pages never fail."""
    with running(
        root, log, headless=headless, environment=environment, acts=acts
    ) as address:
        yield address
    assert "Traceback" not in log.read_text()


@contextmanager
def running(
    root: Path,
    log: Path,
    *,
    headless: bool = True,
    environment: Mapping[str, str] = {},
    acts: str | None = None,
) -> Iterator[str]:
    """Run a server whose pages may fail, and return its link."""
    with served_dashboard(
        root, log, headless=headless, environment=environment, acts=acts
    ) as (address, _pid):
        yield f"http://{address}"


@contextmanager
def visit(
    browser: Any,
    link: str,
    *,
    size: str = "desktop",
    scheme: Scheme = "light",
    height: int | None = None,
    shown: int | None = None,
) -> Iterator[Visit]:
    """Open a link in a tab of its own; show so many messages of the server first."""
    width, usual_height = SIZES[size]
    tab = Visit(new_tab(browser, link))
    tab.page.set_viewport_size({"width": width, "height": height or usual_height})
    tab.page.emulate_media(color_scheme=scheme)
    tab.page.add_init_script(_FORGET)
    host = urlsplit(link).netloc
    tab.page.on("request", lambda request: _note_outside(tab, host, request.url))
    tab.page.on("console", lambda message: _note_error(tab, message))
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    if shown is not None:
        tab.rest = HeldBack(tab.page, after=shown)
    tab.page.goto(link)
    yield tab
    tab.page.close()


def new_tab(browser: Any, link: str) -> Any:
    """Return an empty tab for pages of the server of a link."""
    [context] = browser.contexts
    if not context.pages:
        # The process of a site ends with its last page, and so would what it compiled.
        context.new_page().goto(urljoin(link, HEALTH))
    return context.new_page()


def _note_outside(tab: Visit, host: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"data", "blob"} and parts.netloc != host:
        tab.outside.append(url)


def _note_error(tab: Visit, message: Any) -> None:
    is_probe = message.location["url"].endswith(PROBES)
    if message.type == "error" and not is_probe:
        tab.errors.append(message.text)
