"""Every page in every state, in a real browser: axe-core, and its first screen.

``make test`` sees each page with its figures, in turn of sizes and schemes, and each
state on one page; ``make test-full`` sees all of them.
"""

from __future__ import annotations

from itertools import count, cycle, product
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import pytest

from dashboard.shared.roles import AUDIENCES
from tests.dashboard.browsing import SIZES, Scheme, Visit, running, visit
from tests.dashboard.fixtures.screens import measured
from tests.dashboard.fixtures.warehouse_fixture import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dashboard.fixtures.warehouse_fixture import Variant

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
PAGES = tuple(AUDIENCES)
#: What each state says on every page, whatever the page is about.
SAYS = {
    "normal": "About",
    "loading": "About",
    "stale": "Stale: 1 source",
    "partial": "Not complete",
    "empty": "No charges yet",
    "error": "This page cannot be shown",
    "nothing published": "Nothing has been published here yet",
}
#: Pages that show nothing of a run, and the last of what they say.
WITHOUT_RUNS = {
    "gallery": "A dash is not measured",
    "glossary": "from a figure to the charges and rules that it was made of",
}
#: States that say what to do, and have no figure.
WITHOUT_FIGURES = frozenset({"empty", "error", "nothing published"})
#: Pages that the warehouse by hand has nothing for.
EMPTY_PAGES = frozenset({"scenarios", "scorecard"})
#: What a page shows of a server while it is loading: title and menu, and no figure yet.
FIRST_MESSAGES = 8
SCREENS = tuple(product(SIZES, SCHEMES))
#: Page, state, scheme, and the sizes that a visit goes through.
Case: TypeAlias = tuple[str, str, Scheme, tuple[str, ...]]
#: Each state but the normal one, on one page.
_STATES_IN_TURN: list[Case] = [
    (page, state, scheme, (size,))
    for page, state, (size, scheme) in zip(
        PAGES[1::2], list(SAYS)[1:], cycle(SCREENS[1:] + SCREENS[:1])
    )
]
#: Pages that are seen with all of their figures in one of these states.
_SEEN = {page for page, state, *_ in _STATES_IN_TURN if state not in WITHOUT_FIGURES}
#: Each page with its figures on one screen, and each other state on one page.
IN_TURN: list[Case] = [
    *(
        (page, "normal", scheme, (size,))
        for page, (size, scheme) in zip(PAGES, cycle(SCREENS))
        if page not in _SEEN
    ),
    *_STATES_IN_TURN,
]
#: By state, so that a run is published once for all pages.
OTHERS: list[Case] = [
    (page, state, scheme, sizes)
    for state, page, scheme in product(SAYS, PAGES, SCHEMES)
    if (
        sizes := tuple(
            size for size in SIZES if (page, state, scheme, (size,)) not in IN_TURN
        )
    )
]


def named(case: Case) -> str:
    page, state, scheme, sizes = case
    return f"{page} {state} {scheme} {' '.join(sizes)}"


class Workspace:
    """A workspace whose published run is replaced while it is served."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address
        self.state = ""
        self._numbers = count(1)

    def show(self, state: str) -> None:
        """Publish what makes every page say ``state``."""
        if state == self.state:
            return
        if state == "nothing published":
            (self.root / "warehouse" / "CURRENT").unlink(missing_ok=True)
        else:
            self._publish(state)
        self.state = state

    def _publish(self, state: str) -> None:
        variants: dict[str, Variant] = {
            "empty": "empty",
            "stale": "stale",
            "partial": "partial",
        }
        path = publish(
            self.root,
            variants.get(state, "normal"),
            run_id=f"run-{next(self._numbers):04d}",
            is_synthetic=True,
        )
        if state == "error":
            path.write_bytes(b"no warehouse")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    root = tmp_path_factory.mktemp("workspace")
    (root / "warehouse").mkdir()
    log = tmp_path_factory.mktemp("log") / "server.log"
    # What makes a page fail is logged, and told in words on the page.
    with running(root, log) as address:
        yield Workspace(root, address)


def troubles(browser: Any, workspace: Workspace, case: Case) -> list[str]:
    """Look at a page, and return what a reader could not read there."""
    page, state, scheme, (size, *others) = case
    workspace.show(state)
    link = f"{workspace.address}/{'' if page == 'summary' else page}"
    shown = FIRST_MESSAGES if state == "loading" else None
    with visit(browser, link, size=size, scheme=scheme, shown=shown) as tab:
        found = []
        if tab.rest is not None:
            wait_for_the_first_sign(tab)
            assert SAYS[state] not in tab.text()
            found += serious_findings(tab)
            tab.rest.let_go()
        tab.wait_for(SAYS[state])
        tab.settle()
        found += unreadable(tab, size) + beyond_bars(tab, case, size)
        for other in others:
            tab.resize(other)
            found += unreadable(tab, other) + beyond_bars(tab, case, other)
        tab.assert_quiet()
    return found


def unreadable(tab: Visit, size: str) -> list[str]:
    found = [f"{size}: {finding}" for finding in serious_findings(tab)]
    if tab.width() > SIZES[size][0]:
        found.append(f"{size}: {tab.width()} px wide")
    return found


def beyond_bars(tab: Visit, case: Case, size: str) -> list[str]:
    """Return what is too much on the first screen of a page, cut or broken."""
    page, state, *_ = case
    has_figures = state not in WITHOUT_FIGURES and page not in EMPTY_PAGES
    return measured(tab, page, size).troubles(has_figures=has_figures)


def wait_for_the_first_sign(tab: Visit) -> None:
    """Wait while the script of the page runs: a reader sees that something comes."""
    tab.page.get_by_test_id("stApp").wait_for()
    tab.page.wait_for_function(
        "document.querySelector('[data-testid=stAppSkeleton], [data-testid=stSkeleton],"
        " [data-testid=stStatusWidget], [data-testid=stMarkdown]') !== null"
    )
    # What has come fades in.
    tab.page.wait_for_timeout(700)


def serious_findings(tab: Visit) -> list[str]:
    found: Any = axe_playwright.Axe().run(
        tab.page, options={"resultTypes": ["violations"]}
    )
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:300]}"
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        pytest.param(
            name,
            scheme,
            marks=[] if (name, scheme) == ("gallery", "light") else [pytest.mark.full],
        )
        for name, scheme in product(WITHOUT_RUNS, SCHEMES)
    ],
)
def test_the_gallery_and_the_glossary_are_whole_and_readable_by_everybody(
    browser: Any, workspace: Workspace, name: str, scheme: Scheme
) -> None:
    with visit(browser, f"{workspace.address}/{name}", scheme=scheme) as tab:
        tab.wait_for(WITHOUT_RUNS[name])
        found = []
        for size in SIZES:
            tab.resize(size)
            found += unreadable(tab, size)
            if name == "gallery":
                found += measured(tab, name, size).troubles()
        tab.assert_quiet()
    assert found == []


@pytest.mark.parametrize("case", IN_TURN, ids=named)
def test_each_page_is_readable_by_everybody_in_turn_of_its_states(
    browser: Any, workspace: Workspace, case: Case
) -> None:
    assert troubles(browser, workspace, case) == []


@pytest.mark.full
@pytest.mark.parametrize("case", OTHERS, ids=named)
def test_every_page_is_readable_by_everybody_in_every_state(
    browser: Any, workspace: Workspace, case: Case
) -> None:
    assert troubles(browser, workspace, case) == []
