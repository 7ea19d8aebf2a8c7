"""Scenario forms: turn numbers, preview the outcome, save and run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.scenarios import sentences as words
from dashboard.shared import access, acting
from dashboard.shared import format as fmt
from triptych.core.errors import TriptychError
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.acts import Dial

_FIRST = """\
name: Stay where we are
horizon_months: 36
changes: []
"""
_NEW = "a new one, as YAML"
_WIDE = 2


def are_offered() -> bool:
    """Return True if the viewer may save scenarios."""
    return acting.is_offered("save_scenario")


def show() -> None:
    """Offer to change or clone a scenario by its numbers, to write and run."""
    if not are_offered():
        return
    st.header("Change, save, run", anchor=False)
    folder = Workspace(access.workspace_root().resolve()).scenarios_dir
    names = sorted(path.stem for path in folder.glob("*.yml"))
    start = st.selectbox("Start from", (*names, _NEW), key="scenario-start")
    if start == _NEW:
        defaults = {"text": _FIRST, "file": "stay"}
        acting.offer("save_scenario", acting.Form(defaults=defaults), is_open=True)
    else:
        _show_numbers(str(start), names)
    if names:
        acting.offer("run_scenario", acting.Form(listed=("file",)))


@st.fragment
def _show_numbers(start: str, names: Sequence[str]) -> None:
    """Draw a slider per number of a scenario, and the resulting outcome."""
    fixed = {"start": start}
    try:
        dials = acting.dials("change_scenario", fixed)
    except TriptychError as error:
        st.warning(fmt.markdown(str(error)))
        return
    values = _turned(start, dials)
    _show_outcome({**fixed, "file": start, "values": values})
    form = acting.Form(
        fixed=fixed,
        live={"values": values},
        defaults={"file": _free_name(start, names)},
        title=f"Save it with these numbers, as {start} or under a new name",
    )
    acting.offer("change_scenario", form)


def _turned(start: str, dials: Sequence[Dial]) -> str:
    """Draw the sliders; return the changed numbers, a line each."""
    columns = st.columns(_WIDE)
    lines = []
    for number, dial in enumerate(dials):
        with columns[number % _WIDE]:
            chosen = _slider(start, dial)
        if chosen != dial.value:
            lines.append(f"{dial.name} = {_written(chosen)}")
    return "\n".join(lines)


def _written(number: float) -> str:
    """Write a number without an exponent: 0.00004, and 12 for 12.0."""
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _slider(start: str, dial: Dial) -> float:
    key = f"dial:{start}:{dial.name}:{dial.value:g}"
    if dial.step == int(dial.step) and dial.least == int(dial.least):
        whole = int(dial.least), int(dial.most), int(dial.value), int(dial.step)
        is_whole = dial.value == int(dial.value)
        if is_whole:
            return float(st.slider(dial.label, *whole, key=key))
    return st.slider(
        *(dial.label, dial.least, dial.most, dial.value, dial.step),
        key=key,
        format="%.6g",
    )


def _show_outcome(given: dict[str, str]) -> None:
    try:
        preview = acting.look("change_scenario", given)
    except TriptychError as error:
        st.warning(fmt.markdown(str(error)))
        return
    if preview.result is None:
        st.caption(fmt.markdown(preview.says))
        return
    result = dict(preview.result)
    st.markdown(words.monthly_cost(result))
    st.markdown(words.outcome(result))
    if not result["summary"]["npv_reason"]:
        st.caption(words.level(result))


def _free_name(start: str, names: Sequence[str]) -> str:
    """Return a plain name that no file has."""
    plain = re.sub(r"[^a-z0-9]+", "_", start.lower()).strip("_") or "scenario"
    number = 2
    while f"{plain}_{number}" in names:
        number += 1
    return f"{plain}_{number}"
