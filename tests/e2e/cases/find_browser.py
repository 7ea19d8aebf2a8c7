"""Finds the browser that pages are tested in, and fetches one where there is none.

Tests ask :func:`find_browser` and skip with :data:`MISSING_REASON` where it answers
``None``. ``python -m tests.e2e.cases.find_browser`` is what ``make test`` runs first:
it takes the browser that is installed, else the one that Playwright fetches, else, as
root, the system's package. It never fails; it says what it found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSTALLED_NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING_REASON = "there is no Chromium; `make browser` says why none was fetched"
_FETCH_SECONDS = 300


def find_browser() -> Path | None:
    """Return the executable of a browser that can be started, if there is one."""
    for name in INSTALLED_NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return _fetched_by_playwright()


def main() -> int:
    """Make sure that there is a browser, where that is possible."""
    browser = find_browser()
    for fetch in (_fetch_with_playwright, _install_system_package):
        if browser is not None:
            break
        fetch()
        browser = find_browser()
    print(f"Browser: {browser or MISSING_REASON}")  # noqa: T201  (a command's answer)
    return 0


def _fetched_by_playwright() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() else None


def _fetch_with_playwright() -> None:
    _try(sys.executable, "-m", "playwright", "install", "chromium")


def _install_system_package() -> None:
    apt_get = shutil.which("apt-get")
    if apt_get is None or os.geteuid() != 0:
        return
    if _try(apt_get, "update", "-qq"):
        _try(apt_get, "install", "-y", "-qq", "--no-install-recommends", "chromium")


def _try(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, check=False, env=environment, timeout=_FETCH_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
