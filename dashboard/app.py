"""The router: one run per drawing, the bar above every page, the page itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import access, page, tables

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

_VIEWS = Path(__file__).parent / "views"
#: Figures start near the top of the screen, digits stand under one another, and a
#: popover never lies on the dialog that it opened. Streamlit's offer to developers,
#: which it makes on machines with their tools, is not for readers.
_STYLE = """
<style>
[data-testid="stMainBlockContainer"] {padding-top: 3.2rem; padding-bottom: 4rem}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums;
  font-size: clamp(1.3rem, 1.75vw, 1.75rem); font-weight: 600}
[data-testid="stMetricValue"] * {white-space: normal; overflow-wrap: anywhere}
[data-testid="stSkillsNudge"] {display: none}
body:has([data-testid="stDialog"]) [data-testid="stPopoverBody"] {display: none}
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] {padding-left: 1rem; padding-right: 1rem}
}
</style>
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
    "Effect": {"impact": "Impact"},
    "Close": {
        "close": "Close & reconcile",
        "statements": "Statements & exports",
    },
    "Operations": {"data_health": "Data health"},
}
_FIRST_PAGE = "summary"


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="triptych", layout="wide")
    chosen = st.navigation(
        {
            section: [_page(name, title) for name, title in pages.items()]
            for section, pages in _PAGES.items()
        }
    )
    st.set_page_config(page_title=f"{chosen.title} · triptych")
    st.html(_STYLE + tables.STYLE)
    st.title(chosen.title, anchor=False)
    with page.told_in_words():
        access.require_permission()
        draw(chosen)


def _page(name: str, title: str) -> StreamlitPage:
    return st.Page(
        _VIEWS / f"{name}.py", title=title, url_path=name, default=name == _FIRST_PAGE
    )


def draw(chosen: StreamlitPage) -> None:
    """Draw a page from one run, and again when the pointer has moved since."""
    reader = access.reader()
    shown = page.pointed_at(reader)
    with page.told_in_words():
        # Once per drawing: everything below comes from this run.
        snapshot = reader.snapshot()
        shown = snapshot.path
        with st.spinner("Reading the published figures …"):
            if page.prepare(snapshot):
                chosen.run()
    page.watch(reader, shown)


main()
