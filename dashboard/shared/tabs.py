"""Tabs and folds of a page: the answer first, depth behind a name in the link.

Content behind a closed tab is neither worked out nor sent; opening it draws it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.shared import filters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: In the address of a page with all of its tabs in sequence and all unfolded.
_VIEW: Final = ("view", "whole")


def is_whole() -> bool:
    """Return whether the link asks for all of a page, as for a printout."""
    key, whole = _VIEW
    return st.query_params.get(key) == whole


def whole_link() -> str:
    """Return the address of all of this page, from where it is looked at."""
    return "?" + urlencode({**st.query_params.to_dict(), **dict([_VIEW])})


def show(
    key: str,
    sections: Mapping[str, Callable[[], None]],
    *,
    first: str | None = None,
) -> None:
    """Draw sections as tabs, the first open unless the link names another.

    Only the open tab is drawn. A choice that was made in another tab is kept.

    Parameters
    ----------
    key : str
        Name of the choice in the URL, unique per page: ``?velocity=Reliability``.
    sections : mapping of str to callable
        Functions that draw the tabs, by name.
    first : str, optional
        The tab that is open where the link names none, if it is not the first.
    """
    if is_whole():
        for name, draw in sections.items():
            st.header(name, anchor=False)
            draw()
        return
    names = list(sections)
    filters.read_link(key, names)
    offered = st.tabs(
        names,
        default=first,
        key=key,
        bind="query-params",
        on_change=filters.forget_link,
        args=(key,),
    )
    filters.warn_about_link(key, "tab", first or names[0])
    for tab, draw in zip(offered, sections.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def fold(label: str, key: str, draw: Callable[[], None]) -> None:
    """Draw a part of a page that opens at a click or by the link.

    Parameters
    ----------
    label : str
        Label of the part.
    key : str
        Its name in the URL, unique per page: ``?weeks=true``.
    draw : callable
        Function that draws it, called when it is open.
    """
    part = st.expander(label, expanded=is_whole(), key=key, bind="query-params")
    if part.open:
        with part:
            draw()
