"""Router: the viewer, a run per drawing, the bar above pages, the page.

A page that the viewer may not open has an address with a refusal behind it; its file is
not known to the server then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.app import gallery, glossary, history, running
from dashboard.app import menu as pages_menu
from dashboard.pages.setup import card
from dashboard.shared import access, bar, charts
from dashboard.shared import frame as page
from dashboard.shared.drawing import pictures, stepper, table_view
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.navigation.page import StreamlitPage

    from triptych.core.warehouse.reader import Snapshot

_PAGE_FOLDERS = Path(__file__).parents[1] / "pages"
#: Figures start near the top of the screen, the page is as wide as the screen, digits
#: are aligned vertically, small print is dark enough to read, the menu shows the
#: keyboard focus, and a popover is never on top of the dialog that it opened.
#: Streamlit's offer to developers, which it makes on machines with their tools, is not
#: for readers.
_STYLE = """
<style>
[data-testid="stHeader"] {background: transparent; pointer-events: none;
  height: 2.6rem; min-height: 2.6rem}
[data-testid="stHeader"] * {pointer-events: auto}
[data-testid="stMainBlockContainer"] {padding: 1.15rem 2rem 4rem; max-width: 104rem}
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] {gap: .7rem}
[data-testid="stMainBlockContainer"] h1 {padding: .1rem 0 .7rem; font-size: 1.45rem}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums;
  font-size: clamp(1.3rem, 1.75vw, 1.75rem); font-weight: 600}
[data-testid="stMetricValue"] [data-testid="stMarkdownContainer"] p {
  white-space: normal; overflow-wrap: normal}
[data-testid="stSkillsNudge"] {display: none}
[data-testid="stTabs"] [role="tabpanel"] {padding-top: .5rem}
[data-testid="stCaptionContainer"] {opacity: .76}
[data-testid="stBaseButton-primary"] * {color: var(--triptych-ground)}
body:has([data-testid="stDialog"]) [data-testid="stPopoverBody"] {display: none}
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] {padding-left: 1rem; padding-right: 1rem}
}
@media (max-width: 767px) {
  [data-testid="stMainBlockContainer"] h1 {padding-left: 2.6rem}
}
</style>
"""
#: Pages by section of the menu: module, which is the address too, and title.
_PAGES = {
    "Overview": {"summary": "Summary", "setup": "Set-up"},
    "Cost": {
        "cost_by_model": "Cost by model",
        "explore": "Explore",
        "budget": "Budget & forecast",
        "gpu_idle": "GPU & idle",
    },
    "Delivery": {"velocity": "Velocity"},
    "Effect": {
        "impact": "Impact",
        "scenarios": "Scenarios",
        "scorecard": "Platform scorecard",
    },
    "Close": {
        "close": "Close & reconcile",
        "statements": "Statements & exports",
    },
    "Operations": {
        "lineage": "Assumptions & lineage",
        "data_health": "Data health",
    },
}
_FIRST_PAGE = "summary"
#: Addresses of pages that became a tab of another page: the name of that page, and the
#: parameters that open the tab.
_FORWARDED = {"gateway_gaps": ("data_health", {"health": "Gateways"})}
#: Terms, and parts with made-up figures: nothing of the workspace is on them.
_WITHOUT_FIGURES = {"gallery": gallery.show, "glossary": glossary.show}
#: Internal name of the page with the bare address; the name leads to it.
_START = "start"
#: Pages with content to show before anything is published.
_BEFORE_RUNS = frozenset({"setup"})
#: Pages that show teams and months that are on no bill.
_ABOUT_DELIVERY = frozenset({"velocity"})


def main() -> None:
    """Draw the page that the address names, if the viewer may open it."""
    st.set_page_config(page_title="triptych", layout="wide")
    try:
        looking = access.visitor()
    except access.NotSignedInError:
        _instead_of_pages(_sign_in)
        return
    except TriptychError as error:
        _instead_of_pages(_saying(error))
        return
    menu = _menu(looking)
    by_name = st.Page(
        _refusing, title="triptych", url_path=_first_page(looking), visibility="hidden"
    )
    former = [_former_page(name) for name in _FORWARDED]
    without_figures = [
        st.Page(show, title=name.capitalize(), url_path=name, visibility="hidden")
        for name, show in _WITHOUT_FIGURES.items()
    ]
    everything = {**menu, "": [by_name, *without_figures, *former]}
    chosen = st.navigation(everything, position="hidden")
    if chosen == by_name:
        # The first page has the bare address; its name leads there too.
        first = next(p for pages in menu.values() for p in pages if not p.url_path)
        st.switch_page(first, query_params=st.query_params.to_dict())
    if chosen in former:
        _forward(chosen, menu)
    st.set_page_config(page_title=f"{chosen.title} · triptych")
    _begin(chosen.title)
    _show_menu(menu, looking)
    if looking.role is not None:
        _show_visitor(looking)
    if chosen in without_figures:
        chosen.run()
        return
    with st.sidebar, page.told_in_words():
        running.show()
    with page.told_in_words():
        access.require_page(chosen.url_path or _first_page(looking))
        draw(chosen, looking)


def _begin(title: str) -> None:
    ground = charts.palette().gap
    root = f"<style>:root {{--triptych-ground: {ground}}}</style>"
    styles = (bar, pictures, stepper, table_view, pages_menu)
    st.html(root + _STYLE + "".join(each.STYLE for each in styles))
    st.title(title, anchor=False)


def _menu(looking: access.Visitor) -> dict[str, list[StreamlitPage]]:
    """Return all pages by section, those too that only refuse."""
    return {
        section: [_page(name, title, looking) for name, title in pages.items()]
        for section, pages in _PAGES.items()
    }


def _show_menu(menu: dict[str, list[StreamlitPage]], looking: access.Visitor) -> None:
    """Draw the menu; the list that Streamlit draws is none to a screen reader."""
    left_out = card.hidden_pages(looking)
    sections = {
        section: [
            (each.url_path, each.title)
            for each in pages
            if _may_open(each, looking) and each.url_path not in left_out
        ]
        for section, pages in menu.items()
    }
    pages_menu.show(sections, history.SCRIPT + table_view.SCRIPT + pictures.SCRIPT)


def _may_open(each: StreamlitPage, looking: access.Visitor) -> bool:
    return looking.may_open(each.url_path or _first_page(looking))


def _first_page(looking: access.Visitor) -> str:
    """Return the page that is shown where the address names none."""
    names = [name for pages in _PAGES.values() for name in pages]
    return next((name for name in names if looking.may_open(name)), _FIRST_PAGE)


def _page(name: str, title: str, looking: access.Visitor) -> StreamlitPage:
    is_first = name == _first_page(looking)
    if looking.may_open(name):
        file = _PAGE_FOLDERS / name / "page.py"
        path = _START if is_first else name
        return st.Page(file, title=title, url_path=path, default=is_first)
    return st.Page(
        _refusing, title=title, url_path=name, default=is_first, visibility="hidden"
    )


def _former_page(name: str) -> StreamlitPage:
    """Return the page of an address that leads elsewhere."""
    return st.Page(_refusing, title="triptych", url_path=name, visibility="hidden")


def _forward(chosen: StreamlitPage, menu: dict[str, list[StreamlitPage]]) -> None:
    """Redirect a former address, keeping the rest of the link."""
    name, tab = _FORWARDED[chosen.url_path]
    pages = [each for section in menu.values() for each in section]
    target = next(each for each in pages if each.url_path == name)
    st.switch_page(target, query_params={**st.query_params.to_dict(), **tab})


def _refusing() -> None:
    """Stand in for a refused page; the router has shown the refusal."""


def _instead_of_pages(said: Callable[[], None]) -> None:
    """Show the same message at the address of every page."""
    pages = [
        st.Page(
            said,
            title=title,
            url_path=name,
            default=name == _FIRST_PAGE,
            visibility="hidden",
        )
        for section in _PAGES.values()
        for name, title in section.items()
    ]
    pages += [
        st.Page(said, title="triptych", url_path=name, visibility="hidden")
        for name in (*_FORWARDED, *_WITHOUT_FIGURES)
    ]
    st.navigation(pages, position="hidden").run()


def _sign_in() -> None:
    _begin("triptych")
    st.markdown("What AI costs, how fast it is delivered, and what it returns.")
    st.button("Sign in", on_click=st.login)


def _saying(error: TriptychError) -> Callable[[], None]:
    def say() -> None:
        _begin("triptych")
        with st.sidebar:
            _offer_sign_out()
        with page.told_in_words():
            raise error

    return say


def _show_visitor(looking: access.Visitor) -> None:
    with st.sidebar:
        st.caption(f"You see this as **{looking.role}**.")
        _offer_sign_out()


def _offer_sign_out() -> None:
    if access.is_signed_in():
        st.button("Sign out", on_click=access.sign_out, width="stretch")


def draw(chosen: StreamlitPage, looking: access.Visitor) -> None:
    """Draw a page from a single run, and again if the pointer has moved."""
    reader = access.reader()
    shown = page.pointed_at(reader)
    is_early = chosen.url_path in _BEFORE_RUNS
    with page.told_in_words():
        if is_early and page.is_nothing_published(reader):
            st.markdown(page.NOTHING_PUBLISHED)
            page.prepare_without_run()
            chosen.run()
        else:
            # Once per drawing: everything below comes from this run.
            snapshot = access.as_seen_by(looking, reader.snapshot())
            shown = snapshot.path
            _draw_from(snapshot, chosen, looking)
    page.watch(reader, shown)


def _draw_from(
    snapshot: Snapshot, chosen: StreamlitPage, looking: access.Visitor
) -> None:
    with st.spinner("Reading the published figures …"):
        with_delivery = chosen.url_path in _ABOUT_DELIVERY
        if not page.prepare(snapshot, looking, with_delivery=with_delivery):
            if chosen.url_path in _BEFORE_RUNS:
                page.prepare_without_run()
                chosen.run()
        elif card.is_folded(snapshot, chosen.url_path):
            card.show(chosen.url_path)
        else:
            chosen.run()


main()
