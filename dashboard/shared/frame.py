"""Common parts of every page: its run, its selection, and its states."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import streamlit as st

from dashboard.shared import (
    access,
    bar,
    filters,
    selection_queries,
)
from dashboard.shared import format as fmt
from dashboard.shared.context import STATE_KEY, Page
from triptych.core.errors import TriptychError
from triptych.core.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot


_LOG = logging.getLogger(__name__)
NOTHING_PUBLISHED = "**Nothing has been published here yet.**"
_POLL_SECONDS = 15
_MAX_REASON = 300


def current(file: str) -> Page:
    """Return the page that the router prepared for the current script.

    Parameters
    ----------
    file : str
        ``__file__`` of the page: it asks for itself whether it may be shown.

    Raises
    ------
    NotPermittedError
        It is not for this viewer, regardless of the router.
    """
    access.require_page(file)
    page: Page = st.session_state[STATE_KEY]
    return page


def current_or_none(file: str) -> Page | None:
    """Return the result of :func:`current`; None if nothing can be shown yet."""
    access.require_page(file)
    page: Page | None = st.session_state.get(STATE_KEY)
    return page


def prepare_without_run() -> None:
    """Prepare a page that has content before anything is published."""
    st.session_state[STATE_KEY] = None


def is_nothing_published(reader: PublishedReader) -> bool:
    """Return True if no run was ever published here."""
    try:
        reader.current_path()
    except NothingPublishedError:
        return True
    except PublishedFileError:
        pass  # the page says so itself
    return False


def link_to(name: str, *, label: str) -> None:
    """Draw a link to another page, or its words alone where it is not for them."""
    if access.visitor().may_open(name):
        st.page_link(f"../pages/{name}/page.py", label=label)
    else:
        st.markdown(label)


def prepare(
    snapshot: Snapshot, looking: access.Visitor, *, with_delivery: bool = False
) -> bool:
    """Draw the top of every page; return True if there is anything to show.

    ``with_delivery`` lets the bar choose items that ship without a bill too.
    """
    run = selection_queries.run(snapshot)
    if run.is_synthetic:
        bar.show_ribbon()
    page: Page | None = None
    with st.container(horizontal=True, key="bar", vertical_alignment="center"):
        selection = filters.bar(snapshot, with_delivery=with_delivery)
        if selection is not None:
            standing = selection_queries.standing(snapshot, selection)
            page = Page(snapshot, run, selection, standing)
            bar.show_standing(page, looking.cost_centers)
    if page is None:
        _show_no_charges(run)
        return False
    filters.warn_about_links(page.selection, page.scope)
    st.session_state[STATE_KEY] = page
    if page.currency != run.currency:
        st.info(
            f"These charges in {page.currency} have no exchange rate to"
            f" {run.currency}. No figure in {run.currency} includes them."
        )
    return True


@contextmanager
def told_in_words() -> Iterator[None]:
    """Report inner failures in a single paragraph; tracebacks go to the log."""
    try:
        yield
    except NothingPublishedError as error:
        st.info(
            f"{NOTHING_PUBLISHED} {fmt.markdown(error.where)}"
            " has no published run. Run `triptych run`; this page fills by itself"
            " when it is done. To look around first, run `triptych demo`."
        )
        link_to("setup", label="Set-up: upload a bill and start here")
    except TriptychError as error:
        _LOG.exception("The page cannot be shown.")
        st.error(f"**This page cannot be shown.** {fmt.markdown(str(error))}")
    except duckdb.Error as error:
        _LOG.exception("The published warehouse could not answer.")
        st.error(
            "**This page cannot be shown.** The published warehouse could not answer:"
            f" {fmt.markdown(_first_line(error))} Run `triptych build` to publish it"
            " again; earlier figures are not shown in its place."
        )
    except Exception:  # noqa: BLE001 - the last resort of a page, logged in full
        _LOG.exception("The page failed.")
        st.error(
            "**This page cannot be shown.** It failed in a way that was not expected."
            " The server's log has the details. Other pages may still work."
        )


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0][:_MAX_REASON].rstrip(".") + "."


def pointed_at(reader: PublishedReader) -> Path | None:
    """Return the published file that the pointer names, if there is a pointer."""
    try:
        return reader.current_path()
    except (OSError, TriptychError):
        return None


@st.fragment(run_every=_POLL_SECONDS)
def watch(reader: PublishedReader, shown: Path | None) -> None:
    """Draw the page again when another run has been published."""
    if pointed_at(reader) != shown:
        st.rerun()


def _show_no_charges(run: selection_queries.Run) -> None:
    st.info(
        f"**No charges yet.** Run {fmt.markdown(run.run_id)} is published, but it has"
        " no charge in any month. Ingest a bill with `triptych ingest`, then run"
        " `triptych build`. `triptych check` says whether the sources can be reached."
    )
