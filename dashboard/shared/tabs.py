"""Tabs of a page: the answer first, depth behind a name that a link can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import filters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def show(
    key: str,
    sections: Mapping[str, Callable[[], None]],
    *,
    first: str | None = None,
) -> None:
    """Draw sections as tabs, the first open unless the link names another.

    All of them are drawn, so that choosing one takes no second look at the figures.

    Parameters
    ----------
    key : str
        Name of the choice in the URL, one per page: ``?velocity=Reliability``.
    sections : mapping of str to callable
        What draws each tab, by its name.
    first : str, optional
        The one that is open where the link names none, if it is not the first.
    """
    names = list(sections)
    filters.read_link(key, names)
    opened = st.tabs(
        names,
        default=first,
        key=key,
        bind="query-params",
        on_change=filters.forget_link,
        args=(key,),
    )
    filters.warn_about_link(key, "tab", first or names[0])
    for tab, draw in zip(opened, sections.values(), strict=True):
        with tab:
            draw()
