"""``python -m benchmarks.pages.revisits WORKSPACE``: pages visited before, again.

Opens each page of a served workspace once, then again and again, in turn with a bare
page of Streamlit on a server of its own: both are loaded anew in the same Chromium, so
what the machine is busy with slows both down. Then goes through the pages by clicks in
the menu, in turn with clicks in the menu of two bare pages. Prints seconds until a page
is drawn.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from benchmarks.measure import machine_line
from benchmarks.served_dashboard import served_dashboard, wait_until_healthy
from dashboard.shared.roles import AUDIENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What triptych promises of a page that is visited again [s].
COLD_SECONDS, WARM_SECONDS = 2.0, 0.7
_ROUNDS: Final = 5
_BARE: Final = "import streamlit as st\nst.title('Hello')\nst.metric('Visits', 1)\n"
_TWO_BARE: Final = """
import streamlit as st
def hello():
    st.title("Hello")
    st.metric("Visits", 1)
def again():
    st.title("Again")
    st.metric("Visits", 2)
st.navigation([st.Page(hello), st.Page(again)]).run()
"""
_DRAWN: Final = '[data-testid=stApp][data-test-script-state="notRunning"]'
#: Something of the page is there: a state alone is, before the script has begun.
_SOMETHING: Final = "[data-testid=stMain] h1"
_PATIENCE_MS: Final = 60_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; it fails on a page that is not drawn, never for being slow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    options = parser.parse_args(arguments)
    print(f"machine: {machine_line()}", flush=True)
    print("\n".join(revisit_lines(options.workspace, rounds=options.rounds)))
    return 0


def revisit_lines(root: Path, *, rounds: int) -> list[str]:
    """Visit all pages, and return what each took cold, warm, and beside a bare page.

    Parameters
    ----------
    root : Path
        The workspace.
    rounds : int
        Warm visits of each page.
    """
    with (
        TemporaryDirectory(prefix="triptych-revisits-") as folder,
        served_dashboard(root, Path(folder) / "server.log") as (address, _),
        bare_page(Path(folder)) as bare,
        bare_page(Path(folder), _TWO_BARE) as two_bare,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        links = {name: f"http://{address}/{name}" for name in AUDIENCES}
        hello = [_seconds(tab, bare)]
        cold = {name: _seconds(tab, link) for name, link in links.items()}
        warm: dict[str, list[float]] = {name: [] for name in links}
        for _ in range(rounds):
            for name, link in links.items():
                hello.append(_seconds(tab, bare))
                warm[name].append(_seconds(tab, link))
        bare_clicks, clicks = _clicks(tab, two_bare, links, rounds)
        browser.close()
    return [*_lines(hello, cold, warm), *_click_lines(bare_clicks, clicks)]


def _clicks(
    tab: Any,  # noqa: ANN401
    bare: str,
    links: dict[str, str],
    rounds: int,
) -> tuple[list[float], dict[str, list[float]]]:
    """Go through all pages by the menu; return seconds of bare clicks, and of each."""
    seconds: list[float] = []
    _seconds(tab, bare)
    for _ in range(rounds):
        for address in ("again", "hello"):
            link = tab.locator("[data-testid=stSidebarNavLink]").filter(
                has_text=address
            )
            seconds.append(_seconds_of_click(tab, link, address.capitalize()))
    clicks: dict[str, list[float]] = {name: [] for name in links}
    _seconds(tab, links["data_health"])
    for _ in range(rounds):
        for name in links:
            address = "./" if name == "summary" else f"./{name}"
            link = tab.locator(f'.st-key-menu a[href="{address}"]')
            if not link.count():  # such as a page that the workspace has no data for
                continue
            clicks[name].append(_seconds_of_click(tab, link, link.inner_text()))
    return seconds, {name: each for name, each in clicks.items() if each}


def _seconds_of_click(tab: Any, link: Any, title: str) -> float:  # noqa: ANN401
    started = time.perf_counter()
    link.click()
    tab.get_by_role("heading", name=title, exact=True).wait_for(timeout=_PATIENCE_MS)
    tab.wait_for_selector(_DRAWN, timeout=_PATIENCE_MS)
    return time.perf_counter() - started


def _click_lines(bare: list[float], clicks: dict[str, list[float]]) -> list[str]:
    every = [seconds for visits in clicks.values() for seconds in visits]
    hello, again = statistics.median(bare), statistics.median(every)
    each = ", ".join(
        f"{name} {statistics.median(visits):.2f}" for name, visits in clicks.items()
    )
    return [
        f"a click between two bare pages: median {hello:.2f} s",
        f"a click in the menu: median {again:.2f} s, {_verdict(again, WARM_SECONDS)};"
        f" {again - hello:+.2f} s beside the bare click",
        f"  {each}",
    ]


def _lines(
    hello: list[float], cold: dict[str, float], warm: dict[str, list[float]]
) -> list[str]:
    every = [seconds for visits in warm.values() for seconds in visits]
    bare, again = statistics.median(hello[1:]), statistics.median(every)
    first = statistics.median(cold.values())
    return [
        f"bare page of Streamlit: median {bare:.2f} s",
        f"a page again: median {again:.2f} s, {_verdict(again, WARM_SECONDS)};"
        f" {again - bare:+.2f} s beside the bare page",
        f"a page for the first time: median {first:.2f} s,"
        f" {_verdict(first, COLD_SECONDS)}, longest {max(cold.values()):.2f} s",
        *(
            f"  {name:14} first {cold[name]:.2f} s, again"
            f" {statistics.median(visits):.2f} s"
            for name, visits in warm.items()
        ),
    ]


def _verdict(seconds: float, limit: float) -> str:
    return f"{'within' if seconds <= limit else 'OVER'} {limit:.1f} s"


def _seconds(tab: Any, link: str) -> float:  # noqa: ANN401
    started = time.perf_counter()
    tab.goto(link, wait_until="commit")
    tab.wait_for_selector(_SOMETHING, timeout=_PATIENCE_MS)
    tab.wait_for_selector(_DRAWN, timeout=_PATIENCE_MS)
    return time.perf_counter() - started


@contextmanager
def bare_page(folder: Path, text: str = _BARE) -> Iterator[str]:
    """Serve a page of Streamlit that has a title and a figure, and nothing else."""
    script = folder / f"bare_{len(text)}.py"
    script.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    command += [
        word for name, value in options.items() for word in (f"--{name}", value)
    ]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_healthy(f"127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    raise SystemExit(main())
