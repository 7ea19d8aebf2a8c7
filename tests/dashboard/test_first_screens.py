"""The first screen of each page of the sample company, measured in a real browser.

Pages offer what can be done, as they do for whoever keeps the company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from dashboard.shared.roles import AUDIENCES
from tests.dashboard.browsing import SIZES, served, visit
from tests.dashboard.fixtures.screens import measured
from tests.e2e.conftest import sample_company

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dashboard.fixtures.screens import Screen

__all__ = ["sample_company"]

# fast: the longest pages in e2e/test_sample_company.py, which serves the company, and
# all of them with the figures of the warehouse by hand in test_every_page.py
pytestmark = [pytest.mark.browser, pytest.mark.full]
#: Pages of the sample company that say what to do first, and have no figure until then.
WITHOUT_FIGURES: Final = frozenset({"scenarios"})


def screens_of(browser: Any, address: str, page: str) -> Iterator[Screen]:
    """Open a page once, and measure it on each size of screen."""
    with visit(browser, f"{address}/{page}") as tab:
        tab.wait_for("About")
        for size in SIZES:
            tab.resize(size)
            yield measured(tab, page, size)
        tab.assert_quiet()


def test_each_page_answers_on_its_first_screen_in_few_words(
    browser: Any, sample_company: Path, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with served(sample_company, log, acts="triptych.acts.door") as address:
        screens = [
            screen
            for page in AUDIENCES
            for screen in screens_of(browser, address, page)
        ]
    print("\n".join(map(str, screens)))  # noqa: T201  (shown with -s)
    assert [
        trouble
        for screen in screens
        for trouble in screen.troubles(has_figures=screen.page not in WITHOUT_FIGURES)
    ] == []
