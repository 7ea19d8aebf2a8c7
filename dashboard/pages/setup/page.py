"""Set-up: state of a workspace, next steps, and the result of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard.pages.setup import card, pictures, queries
from dashboard.pages.setup.steps import NEEDS, Step, folded_pages, steps
from dashboard.shared import access, acting
from dashboard.shared import format as fmt
from dashboard.shared import frame as page

if TYPE_CHECKING:
    from dashboard.pages.setup.queries import Standing

#: Settings of the forms of each act.
_FORMS: Final = {
    "upload_file": acting.Form(fixed={"folder": ""}),
    "set_currency": acting.Form(listed=("currency",), is_slow=True),
    "accept_proposal": acting.Form(listed=("proposal",), is_slow=True),
    "name_model": acting.Form(listed=("id", "team")),
    "name_team": acting.Form(listed=("id", "cost_center")),
    "withdraw_load": acting.Form(listed=("load",), is_slow=True),
    "rename_source": acting.Form(listed=("old", "new"), is_slow=True),
}
#: Steps from a bill to named models, in order.
_FIRST: Final = ("Bills", "Currency", "Models")
_STYLE = """
<style>
.st-key-steps [data-testid="stExpander"] summary p {font-size: .95rem}
.thumbnail {margin: 0; max-width: 320px}
.thumbnail img {width: 100%; height: auto; border-radius: .3rem;
  border: 1px solid rgba(128, 128, 128, .4)}
.thumbnail figcaption {font-size: .78rem; opacity: .76}
</style>
"""


def main() -> None:
    """Draw the page."""
    view = page.current_or_none(__file__)
    found = (
        queries.standing(view.snapshot) if view else card.standing_now(access.visitor())
    )
    all_steps = steps(found)
    st.html(_STYLE)
    show_answer(found, all_steps)
    open_steps = _opened(found, all_steps)
    with st.container(key="steps", gap="xsmall"):
        for step in all_steps:
            show_step(step, is_open=step.name in open_steps)
            if step.name == _FIRST[-1] and not found.months:
                show_first_run()
    show_folded(found)


def _opened(found: Standing, all_steps: list[Step]) -> tuple[str, ...]:
    """Return the steps to take: the next, or all that the first run needs."""
    if not found.months:
        return _FIRST
    return tuple(step.name for step in all_steps if not step.is_done)[:1]


def show_answer(found: Standing, all_steps: list[Step]) -> None:
    """Report the progress of the workspace, and the AI part of its bills."""
    done = sum(each.is_done for each in all_steps)
    text = f"**{done} of {len(all_steps)} steps** are done."
    if not found.months:
        text += " Upload bills, look at the currency, accept proposals, start a run."
    if found.ai_cost is not None:
        amount = fmt.money(found.ai_cost, found.currency)
        text += f" AI cost of all months is **{amount}**"
        for cost, name in ((found.ai_tax, "tax"), (found.ai_credits, "credits")):
            if cost:
                text += f"; {name} on it: {fmt.money(cost, found.currency)}"
        if found.not_ai_cost:
            other = fmt.money(found.not_ai_cost, found.currency)
            text += f"; {other} of the bills, tax and credits included, is not AI"
        text += "."
    st.markdown(text)


def show_step(step: Step, *, is_open: bool) -> None:
    """Draw a step as a line; the instructions open beneath it."""
    mark = ":material/check_circle:" if step.is_done else ":material/circle:"
    label = f"**{step.name}** · {fmt.markdown(step.there)}"
    with st.expander(label, icon=mark, expanded=is_open):
        doing, seeing = st.columns([5, 2], gap="medium")
        if picture := pictures.thumbnail(step.picture, step.title):
            seeing.html(picture)
        with doing:
            st.markdown(f"Unlocks {step.unlocks}.")
            _show_acts(step, step.acts, is_open=is_open)
            _show_by_hand(step)
        if step.back:
            st.caption("Wrong? Nothing is lost by taking it back:")
            st.code(step.back, None, wrap_lines=True)
            _show_acts(step, step.back_acts, is_open=False)


def _show_acts(step: Step, names: tuple[str, ...], *, is_open: bool) -> None:
    """Offer the possible acts; of several the first is open."""
    for name in names:
        form = _FORMS.get(name, acting.Form())
        acting.offer(name, form, is_open=is_open and name == step.acts[0])


def _show_by_hand(step: Step) -> None:
    if step.where:
        st.caption(f"In {step.where}, then *triptych run*:")
    # In a single colour: those of a syntax are too pale to read.
    st.code(step.command, None, wrap_lines=True)
    if step.guide:
        st.caption(f"Guide: {fmt.markdown(f'docs/how_to/{step.guide}.md')}")


def show_first_run() -> None:
    """Offer the run that publishes the first figures."""
    acting.offer("start_run", acting.Form(variant=":first"), is_open=True)


def show_folded(found: Standing) -> None:
    """Name the pages that wait for a step."""
    folded = folded_pages(found)
    if folded:
        waiting = ", ".join(
            f"*{need.title}* ({need.step})"
            for name, need in NEEDS.items()
            if name in folded
        )
        st.caption(f"Pages that come with these steps: {waiting}.")


main()
