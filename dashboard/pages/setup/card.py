"""A card in the place of a page that has nothing to show yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb
import streamlit as st

from dashboard.pages.setup import queries
from dashboard.pages.setup.steps import NEEDS, folded_pages, steps
from dashboard.shared import access, acting
from dashboard.shared import frame as page
from triptych.core.errors import TriptychError
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import NothingPublishedError

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

#: Acts that come before the content of a page: a study is planned before its outcomes.
_BEGINNINGS: Final = {"impact": "plan_study", "scenarios": "save_scenario"}


def hidden_pages(looking: access.Visitor) -> frozenset[str]:
    """Return the pages that the menu leaves out: those that would be empty.

    It leaves out *Set-up* itself, too, once all steps are done. If nothing is published
    the menu is whole: each page gives the reason.
    """
    try:
        found = queries.standing(_published(looking))
    except (OSError, TriptychError, duckdb.Error):
        return frozenset()
    is_done = all(step.is_done for step in steps(found))
    folded = {name for name in folded_pages(found) if not _can_begin_there(name)}
    return frozenset(folded | ({"setup"} if is_done else set()))


def standing_now(looking: access.Visitor) -> queries.Standing:
    """Return the state of a workspace, also before anything is published."""
    try:
        return queries.standing(_published(looking))
    except NothingPublishedError:
        return queries.nothing_yet(_currency())


def _published(looking: access.Visitor) -> Snapshot:
    return access.as_seen_by(looking, access.reader().snapshot())


def _currency() -> str:
    """Return the currency of the settings; nothing where they cannot be read."""
    try:
        return load_settings(access.workspace_root()).currency
    except TriptychError:
        return ""


def is_folded(snapshot: Snapshot, name: str) -> bool:
    """Return True if a page has nothing to show yet."""
    if name not in NEEDS or _can_begin_there(name):
        return False
    return name in folded_pages(queries.standing(snapshot))


def _can_begin_there(name: str) -> bool:
    """Return True if the viewer can begin on a page with nothing to show."""
    return name in _BEGINNINGS and acting.is_offered(_BEGINNINGS[name])


def show(name: str) -> None:
    """Draw the data that a page needs, and the way to it."""
    need = NEEDS[name]
    with st.container(border=True):
        st.markdown(f"**{need.title} needs {need.what}.** None arrived yet.")
        page.link_to("setup", label=f"Set-up: {need.step}")
