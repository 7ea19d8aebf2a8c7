"""A run from the menu: start it, see how far it is, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import access, acting
from dashboard.shared import format as fmt
from triptych.core.run_record import is_somebody_at_it, read_last_run
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from triptych.core.run_record import LastRun

_SECONDS = 3
_MINUTE = 60
_ENDS = {
    "published": "published new figures",
    "unchanged": "found nothing new",
    "ingested": "read what is new",
}
#: The run that this visitor saw under way, and the duration of the run before it [s].
_WATCHED, _BEFORE = "run:watched", "run:seconds"


def show() -> None:
    """Offer to start a run, or report the progress of the current run."""
    if acting.is_offered("start_run"):
        _show_progress()
        acting.offer("start_run")


@st.fragment(run_every=_SECONDS)
def _show_progress() -> None:
    workspace = Workspace(access.workspace_root().resolve())
    last = read_last_run(workspace.runs_dir)
    if is_somebody_at_it(workspace.lock_file):
        _show_under_way(last)
    elif last is not None:
        _show_end(last)


def _show_under_way(last: LastRun | None) -> None:
    if last is None or last.is_over:
        st.caption("The workspace is busy: a run begins, or somebody acts.")
        return
    st.session_state[_WATCHED] = last.run_id
    passed = seconds_since(last.started_at)
    st.caption(
        f"A run is under way: **{fmt.markdown(last.state)}**, for {lasting(passed)}."
    )
    usual = st.session_state.get(_BEFORE)
    if usual:
        # It may take longer than the run before, and never looks done.
        st.progress(min(passed / usual, 0.95), f"The last one took {lasting(usual)}.")


def _show_end(last: LastRun) -> None:
    seconds = last.duration_seconds
    took = "" if seconds is None else f", after {lasting(seconds)}"
    when = f"{datetime.fromisoformat(last.at):%H:%M} UTC" if last.at else "some time"
    if last.state == "failed":
        why = fmt.markdown(last.error or "its log says why")
        st.caption(f":red[**The last run failed**] at {when}{took}: {why}")
        return
    if not last.is_over:
        st.caption(f"The last run was stopped while {fmt.markdown(last.state)}.")
        return
    if seconds is not None:
        st.session_state[_BEFORE] = seconds
    st.caption(f"The last run {_ENDS[last.state]} at {when}{took}.")
    if st.session_state.get(_WATCHED) == last.run_id and st.button("Show its figures"):
        del st.session_state[_WATCHED]
        st.rerun()


def seconds_since(started_at: str) -> float:
    """Return how long ago a run began [s]; never less than nothing."""
    passed = datetime.now(UTC) - datetime.fromisoformat(started_at)
    return max(passed.total_seconds(), 0.0)


def lasting(seconds: float) -> str:
    """Write how long something took, e.g. ``42 s`` or ``3 min 5 s``."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
