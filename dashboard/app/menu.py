"""Menu of all pages: a single page part with keyboard-navigable links.

Each link has the page's address, so that it opens in another tab too. A click on it
changes the page in place, as going back and forward does, and takes the choices of the
bar along. Twenty of Streamlit's own links take a browser 0.2 s.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Style that the router adds to the page once.
STYLE: Final = """
<style>
[data-testid="stSidebar"] h2 {font-size: .82rem; margin: 0;
  padding: .7rem 0 .1rem .5rem}
.st-key-menu a {display: block; padding: .28rem .5rem; border-radius: .25rem;
  color: inherit; text-decoration: none; line-height: 1.4}
.st-key-menu a:hover {background: color-mix(in srgb, currentColor 8%, transparent)}
.st-key-menu a[aria-current] {font-weight: 600;
  background: color-mix(in srgb, currentColor 12%, transparent)}
.st-key-bar > :has(.triptych-chosen) {display: none}
.st-key-menu a:focus-visible {outline: 2px solid currentColor; outline-offset: -2px}
</style>
"""
#: Script that the router adds once. On a phone the menu lies over the page, and closes
#: after a page is chosen: Streamlit does that for its own list only. 768 is the width
#: at which it begins to treat a screen as a phone.
SCRIPT: Final = """
<script>
{
  const mark = () => document.querySelectorAll(".st-key-menu a").forEach(link => {
    const isHere = link.pathname === location.pathname;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  mark();
  if (!window.opensPages) {
    window.opensPages = true;
    const push = history.pushState.bind(history);
    history.pushState = (...place) => { push(...place); mark(); };
    document.addEventListener("click", event => {
      const link = event.target.closest(".st-key-menu a");
      const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
      if (!link || event.defaultPrevented || isElsewhere) return;
      event.preventDefault();
      const to = new URL(link.href);
      const chosen = document.querySelector(".triptych-chosen")?.dataset ?? {};
      Object.entries(chosen).forEach(pair => to.searchParams.set(...pair));
      history.pushState({}, "", to);
      dispatchEvent(new PopStateEvent("popstate"));
      scrollTo(0, 0);
      if (innerWidth < 768)
        document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
    });
  }
}
</script>
"""


def show(sections: Mapping[str, Sequence[tuple[str, str]]], scripts: str) -> None:
    """Draw the menu, and the parts that run once in the browser.

    Parameters
    ----------
    sections : mapping of str to sequence of (str, str)
        Address and title of each page, by the heading above them; the first page has
        no address.
    scripts : str
        Other scripts, each in its element.
    """
    with st.sidebar.container(key="menu"):
        text = "".join(_section(*each) for each in sections.items())
        st.html(f"{text}{SCRIPT}{scripts}", unsafe_allow_javascript=True)


def _section(heading: str, pages: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<a href="./{escape(address)}">{escape(title)}</a>' for address, title in pages
    )
    return f"<h2>{escape(heading)}</h2>{links}" if links else ""
