"""Notices of evidence in doubt: closed months, and money that is probably not meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import access, acting
from dashboard.shared import format as fmt
from triptych.core.doubtful_inputs import read_doubtful_inputs
from triptych.core.warehouse.coverage_overlaps import read_open_overlaps
from triptych.core.warehouse.journal_check import VERIFY, check_journal
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Collection

    from dashboard.shared.context import Page
from triptych.core.warehouse.journal_check import Doubt

#: Changes are seen after this long; files are looked at by their size and times first.
_SECONDS = 30
_MOST_SHOWN = 5


def show(*, only_months: bool = False) -> None:
    """Draw records in doubt; nothing where all is as it was written.

    Parameters
    ----------
    only_months : bool
        Leave out doubts that affect no month, such as a key that is not here.
    """
    doubts = [
        doubt
        for doubt in _doubts(str(access.workspace_root().resolve()))
        if doubt.billing_month or not only_months
    ]
    if not doubts:
        return
    months = sorted({doubt.billing_month for doubt in doubts if doubt.billing_month})
    named = ", ".join(fmt.month(month) for month in months)
    head = f"**In doubt: {named}.**" if months else "**The audit log is in doubt.**"
    texts = dict.fromkeys(fmt.markdown(doubt.what) for doubt in doubts)
    st.error(f"{head} {' '.join(texts)} {VERIFY}")


def show_overlaps(view: Page, months: Collection[str] = ()) -> None:
    """Draw possible double counts, in red, and offer to settle them.

    Parameters
    ----------
    view : Page
        The page.
    months : collection of str
        Only of these months; of all where none is given.
    """
    overlaps = [
        overlap
        for overlap in read_open_overlaps(view.snapshot)
        if not months or overlap.billing_month in months
    ]
    for overlap in overlaps[:_MOST_SHOWN]:
        what, command = fmt.markdown(overlap.what), overlap.next_step
        st.error(f"{what} Settle it: `{command}`.")
    if len(overlaps) > _MOST_SHOWN:
        st.error(f"{fmt.plural(len(overlaps), 'overlap')}: `triptych loads overlaps`.")
    if overlaps and acting.is_offered("settle_overlap"):
        acting.offer("settle_overlap", acting.Form(listed=("overlap",)))


def show_doubtful_inputs(view: Page, months: Collection[str] = ()) -> None:
    """Draw money, rates and quantities that are probably not meant, in red.

    Parameters
    ----------
    view : Page
        The page.
    months : collection of str
        Only of these months; of all where none is given.
    """
    doubts = [
        doubt for doubt in read_doubtful_inputs(view.snapshot, months) if doubt.is_red
    ]
    for doubt in doubts[:_MOST_SHOWN]:
        st.error(f"{fmt.markdown(doubt.what)} Then run `triptych run`.")
    if len(doubts) > _MOST_SHOWN:
        st.error(f"{fmt.plural(len(doubts), 'figure')} in doubt: `triptych health`.")


@st.cache_data(ttl=_SECONDS, max_entries=8, show_spinner=False)
def _doubts(root: str) -> tuple[Doubt, ...]:
    return check_journal(Workspace(Path(root)))
