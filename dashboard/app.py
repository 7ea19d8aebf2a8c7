"""The router: who looks, one run per drawing, the bar above every page, the page.

A page that is not for whoever looks has an address, and a refusal behind it; its file
is not known to the server then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import access, page, tables
from triptych.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.navigation.page import StreamlitPage

_VIEWS = Path(__file__).parent / "views"
#: Figures start near the top of the screen, digits stand under one another, small print
#: is dark enough to read, the menu shows where the keyboard is, and a popover is never
#: on the dialog that it opened. Streamlit's offer to developers, which it makes on
#: machines with their tools, is not for readers.
_STYLE = """
<style>
[data-testid="stMainBlockContainer"] {padding-top: 3rem; padding-bottom: 4rem}
[data-testid="stMainBlockContainer"] h1 {padding: .4rem 0 .2rem}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums;
  font-size: clamp(1.3rem, 1.75vw, 1.75rem); font-weight: 600}
[data-testid="stMetricValue"] [data-testid="stMarkdownContainer"] p {
  white-space: normal; overflow-wrap: anywhere}
[data-testid="stSkillsNudge"] {display: none}
[data-testid="stCaptionContainer"] {opacity: .76}
[data-testid="stSidebar"] h2 {font-size: .82rem; margin: 0;
  padding: .9rem 0 .2rem .5rem}
.st-key-menu a:focus-visible {outline: 2px solid currentColor; outline-offset: -2px}
body:has([data-testid="stDialog"]) [data-testid="stPopoverBody"] {display: none}
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] {padding-left: 1rem; padding-right: 1rem}
}
</style>
"""
#: On a phone the menu lies on the page, and goes away when a page was chosen: Streamlit
#: does that for its own list only. 768 is where it begins to take a screen for a phone.
_CLOSE_MENU = """
<script>
if (!window.closesMenu) {
  window.closesMenu = true;
  document.addEventListener("click", event => {
    if (innerWidth < 768 && event.target.closest(".st-key-menu a"))
      document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  });
}
</script>
"""
#: Pages by section of the menu: module, which is the address too, and title.
_PAGES = {
    "Overview": {"summary": "Summary"},
    "Cost": {
        "cost_by_model": "Cost by model",
        "budget": "Budget & forecast",
        "gpu_idle": "GPU & idle",
        "gateway_gaps": "Gateway gaps",
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
#: Pages that show teams and months that are on no bill.
_ABOUT_DELIVERY = frozenset({"velocity"})


def main() -> None:
    """Draw the page that the address names, as far as it is for whoever looks."""
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
    chosen = st.navigation(menu, position="hidden")
    st.set_page_config(page_title=f"{chosen.title} · triptych")
    _begin(chosen.title)
    _show_menu(menu, looking)
    if looking.role is not None:
        _show_visitor(looking)
    with page.told_in_words():
        access.require_page(chosen.url_path or _first_page(looking))
        draw(chosen, looking)


def _begin(title: str) -> None:
    st.html(_STYLE + tables.STYLE)
    st.title(title, anchor=False)


def _menu(looking: access.Visitor) -> dict[str, list[StreamlitPage]]:
    """Return all pages by section, those too that only refuse."""
    return {
        section: [_page(name, title, looking) for name, title in pages.items()]
        for section, pages in _PAGES.items()
    }


def _show_menu(menu: dict[str, list[StreamlitPage]], looking: access.Visitor) -> None:
    """Draw the menu; the list that Streamlit draws is none to a screen reader."""
    with st.sidebar.container(key="menu", gap="xxsmall"):
        for section, pages in menu.items():
            shown = [each for each in pages if _may_open(each, looking)]
            if shown:
                st.html(f"<h2>{section}</h2>")
            for each in shown:
                st.page_link(each, label=each.title, width="stretch")
        st.html(_CLOSE_MENU, unsafe_allow_javascript=True)


def _may_open(each: StreamlitPage, looking: access.Visitor) -> bool:
    return looking.may_open(each.url_path or _first_page(looking))


def _first_page(looking: access.Visitor) -> str:
    """Return the page that is shown where the address names none."""
    names = [name for pages in _PAGES.values() for name in pages]
    return next((name for name in names if looking.may_open(name)), _FIRST_PAGE)


def _page(name: str, title: str, looking: access.Visitor) -> StreamlitPage:
    is_first = name == _first_page(looking)
    if looking.may_open(name):
        file = _VIEWS / f"{name}.py"
        return st.Page(file, title=title, url_path=name, default=is_first)
    return st.Page(
        _refusing, title=title, url_path=name, default=is_first, visibility="hidden"
    )


def _refusing() -> None:
    """Stand in for a page that is not for whoever looks; the router has said so."""


def _instead_of_pages(said: Callable[[], None]) -> None:
    """Say one thing at the address of every page."""
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
    st.navigation(pages, position="hidden").run()


def _sign_in() -> None:
    _begin("triptych")
    st.markdown("What AI costs, how fast it is delivered, and what it earns.")
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
    """Draw a page from one run, and again when the pointer has moved since."""
    reader = access.reader()
    shown = page.pointed_at(reader)
    with page.told_in_words():
        # Once per drawing: everything below comes from this run.
        snapshot = access.as_seen_by(looking, reader.snapshot())
        shown = snapshot.path
        with st.spinner("Reading the published figures …"):
            with_delivery = chosen.url_path in _ABOUT_DELIVERY
            if page.prepare(snapshot, looking, with_delivery=with_delivery):
                chosen.run()
    page.watch(reader, shown)


main()
