"""``python -m benchmarks.dashboard``: pages over tens of millions of line items.

Lays bills of so many line items into the sample company, so that every page has
something to show, and runs it. Then opens the first page in Chromium, with a server
and a browser that have just begun and with both at work, and lets readers go through
all pages at once. Prints how long a page took, errors, and the memory of the server;
fails on an error, never because something was slow.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from benchmarks.dashboard_readers import Looked, read_pages
from benchmarks.generate import generate
from benchmarks.harness import row_count
from benchmarks.measure import TreeWatch, machine_line
from benchmarks.served_dashboard import served_dashboard
from benchmarks.workspace import link_into
from dashboard.shared.roles import AUDIENCES
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run.pipeline import run
from triptych.sample_company import run_scenarios, write_sample_company

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What triptych promises of its pages [s].
COLD_SECONDS, WARM_SECONDS, SHARED_SECONDS = 2.0, 0.7, 3.0
_SOURCE: Final = """\
sources:
  - name: bills-at-scale
    type: focus_files
    path: bills/at_scale
"""
_MIB: Final = 2**20
_COLD_STARTS: Final = 5
_WARM_VISITS: Final = 20
_LEAST_READING_MS: Final = 1_000
#: The first figure of the first page.
_FIGURE: Final = '[data-testid="stMetricValue"]'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 when a page failed."""
    options = _parser().parse_args(arguments)
    print(f"machine: {machine_line()}", flush=True)
    root = options.build / f"{options.size}-company"
    if not (root / "warehouse").is_dir():
        _say(f"build a company with {row_count(options.size):,} line items")
        lay_company(options.build / options.size, root, rows=row_count(options.size))
    log = options.build / "dashboard.log"
    cold, warm = first_pages(root, log, chromium=options.chromium)
    print(_first_line("cold", cold, COLD_SECONDS))
    print(_first_line("warm", warm, WARM_SECONDS), flush=True)
    with served_dashboard(root, log) as (address, pid), TreeWatch(pid) as watch:
        memory: list[int] = []
        read_pages(address, list(AUDIENCES), users=1, rounds=2)
        looked = read_pages(
            address,
            list(AUDIENCES),
            users=options.users,
            seconds=60 * options.minutes,
            pause_seconds=options.pause_seconds,
            each_minute=lambda: memory.append(watch.resident_bytes),
        )
    print("\n".join(shared_lines(looked, users=options.users)))
    print("\n".join(memory_lines(memory)), flush=True)
    return int(any(one.problem for one in looked))


def lay_company(data: Path, root: Path, *, rows: int) -> None:
    """Write the sample company with so many line items more, and run it.

    Parameters
    ----------
    data : Path
        Folder of :mod:`benchmarks.generate`; written where it is not there.
    root : Path
        Workspace to write; removed first if it is there.
    rows : int
        Line items beside those of the company.
    """
    if not (data / "about.json").is_file():
        generate(data, rows=rows)
    shutil.rmtree(root, ignore_errors=True)
    write_sample_company(root)
    bills = root / "bills" / "at_scale"
    bills.mkdir()
    for file in sorted((data / "bills").iterdir()):
        link_into(file, bills)
    settings = root / "triptych.yml"
    text = settings.read_text("utf-8").replace("sources:\n", _SOURCE, 1)
    settings.write_text(text, "utf-8")
    workspace = Workspace(root)
    run(workspace, load_settings(root), progress=SilentProgress())
    run_scenarios(workspace)


def first_pages(
    root: Path, log: Path, *, chromium: str
) -> tuple[list[float], list[float]]:
    """Return how long the first figure took to show [s], cold and warm.

    Cold: neither the server nor the browser has shown anything. Warm: the same link
    again and again, in the browser and from the server of the last cold start.
    """
    cold: list[float] = []
    warm: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        for start in range(_COLD_STARTS):
            with served_dashboard(root, log) as (address, _pid):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                page = context.new_page()
                cold.append(_seconds_to_figure(page, address))
                count = _WARM_VISITS if start == _COLD_STARTS - 1 else 0
                warm += [_seconds_to_figure(page, address) for _ in range(count)]
                context.close()
        browser.close()
    return cold, warm


def _seconds_to_figure(page: Any, address: str) -> float:  # noqa: ANN401
    started = time.perf_counter()
    page.goto(f"http://{address}/", wait_until="commit")
    page.locator(_FIGURE).first.wait_for(state="visible", timeout=60_000)
    seconds = time.perf_counter() - started
    # Neither the rest of the page nor the end of its session is to slow down the visit
    # after this one: nobody looks at a page for less than a second.
    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=60_000)
    page.wait_for_timeout(_LEAST_READING_MS)
    return seconds


def shared_lines(looked: Sequence[Looked], *, users: int) -> list[str]:
    """Return how long pages took for readers at once, slowest page last."""
    problems = [one for one in looked if one.problem]
    seconds = [one.seconds for one in looked]
    p95 = percentile(seconds, 0.95)
    verdict = "within" if p95 <= SHARED_SECONDS else "OVER"
    by_page: dict[str, list[float]] = {}
    for one in looked:
        by_page.setdefault(one.page, []).append(one.seconds)
    slowest = sorted(by_page.items(), key=lambda item: statistics.median(item[1]))
    return [
        f"{users} readers, {len(looked):,} pages: median"
        f" {statistics.median(seconds):.2f} s, p95 {p95:.2f} s, {verdict}"
        f" {SHARED_SECONDS:.1f} s, longest {max(seconds):.2f} s",
        f"{len(problems)} with an error"
        + "".join(f"\n  {problem.page}: {problem.problem}" for problem in problems[:5]),
        *(
            f"  {page:14} median {statistics.median(known):5.2f} s,"
            f" p95 {percentile(known, 0.95):5.2f} s, {len(known):,} times"
            for page, known in slowest
        ),
    ]


def memory_lines(memory: Sequence[int]) -> list[str]:
    """Return the memory of the server by minute, and how it grew in the second half."""
    shown = ", ".join(f"{resident / _MIB:,.0f}" for resident in memory)
    lines = [f"memory of the server by minute [MiB]: {shown}"]
    half = len(memory) // 2
    if half:
        earlier, later = (
            statistics.mean(part)
            for part in (memory[-2 * half : -half], memory[-half:])
        )
        lines.append(f"mean of the second half: {later / earlier:.3f} x the first half")
    return lines


def percentile(seconds: Sequence[float], level: float) -> float:
    """Return the smallest of some values that this part of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(len(ordered) * level) - 1)]


def _first_line(name: str, seconds: Sequence[float], limit: float) -> str:
    median = statistics.median(seconds)
    verdict = "within" if median <= limit else "OVER"
    shown = ", ".join(f"{second:.2f}" for second in sorted(seconds))
    return (
        f"first figure of the first page, {name}: median {median:.2f} s,"
        f" {verdict} {limit:.1f} s ({shown})"
    )


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", default="50m", help="line items, such as 50m")
    parser.add_argument("--build", type=Path, default=Path("build/bench"))
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument(
        "--pause-seconds",
        type=float,
        default=10,
        help="mean time for which somebody looks at a page",
    )
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
