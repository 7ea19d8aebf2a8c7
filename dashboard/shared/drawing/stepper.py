"""A stepper: steps of a thing, with actors, times, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final, Literal

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Added to the page once by the router. A phone has the steps in a column.
STYLE: Final = """
<style>
ol.triptych-steps {display: grid; gap: .6rem; list-style: none;
  padding: 0 !important; margin: .2rem 0 .4rem !important;
  grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr))}
.triptych-steps li {margin: 0 !important; padding: .5rem .7rem !important;
  font-size: .88rem;
  border: 1px solid color-mix(in srgb, currentColor 22%, transparent);
  border-top-width: 4px; border-radius: .4rem}
.triptych-steps li.done {border-top-color: #009E73}
.triptych-steps li.next {border-color: #0072B2}
.triptych-steps b, .triptych-steps span {display: block}
.triptych-steps b {font-size: .95rem}
.triptych-steps .state {font-weight: 600}
</style>
"""
_WORDS: Final = {"done": "\u2713 done", "next": "\u2192 next", "later": "\u25cb later"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its goal, its completion, its actor, time and details.

    ``date`` and ``note`` may be empty: a day that nobody recorded is none.
    """

    title: str
    state: Literal["done", "next", "later"]
    owner: str
    date: str = ""
    note: str = ""


def show(steps: Sequence[Step], *, label: str) -> None:
    """Draw steps in their order.

    Parameters
    ----------
    steps : sequence of Step
        The first that is not done is the next.
    label : str
        Subject of the steps, for those who hear the page.
    """
    st.html(html_steps(steps, label=label))


def html_steps(steps: Sequence[Step], *, label: str) -> str:
    """Return steps as a list of HTML, every text escaped."""
    items = "".join(_item(number, step) for number, step in enumerate(steps, start=1))
    return f'<ol class="triptych-steps" aria-label="{escape(label)}">{items}</ol>'


def _item(number: int, step: Step) -> str:
    current = ' aria-current="step"' if step.state == "next" else ""
    lines = filter(None, (step.owner, step.date, step.note))
    said = "".join(f"<span>{escape(line)}</span>" for line in lines)
    return (
        f'<li class="{step.state}"{current}><b>{number}. {escape(step.title)}</b>'
        f'<span class="state">{_WORDS[step.state]}</span>{said}</li>'
    )
