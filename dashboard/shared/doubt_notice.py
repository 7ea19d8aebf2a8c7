"""A notice of closed months whose evidence is not as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import access
from dashboard.shared import format as fmt
from triptych.core.warehouse.journal_check import VERIFY, check_journal
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from triptych.core.warehouse.journal_check import Doubt

#: Changes are seen after this long; files are looked at by their size and times first.
_SECONDS = 30


def show(*, only_months: bool = False) -> None:
    """Draw what is in doubt; nothing where all is as it was written.

    Parameters
    ----------
    only_months : bool
        Leave out what puts no month in doubt, such as a key that is not here.
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


@st.cache_data(ttl=_SECONDS, max_entries=8, show_spinner=False)
def _doubts(root: str) -> tuple[Doubt, ...]:
    return check_journal(Workspace(Path(root)))
