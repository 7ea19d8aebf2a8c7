"""Tiles of a scenario: gain, chance, payback and monthly cost, with its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.scenarios import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared.return_sentences import between, chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

    Result = dict[str, Any]


def show(result: Result) -> None:
    """Draw gain, chance, payback and monthly cost of a scenario as tiles."""
    summary, currency = result["summary"], result["currency"]
    if summary["difference_reason"] or not (
        summary["npv_difference"] or result["changes"]
    ):
        st.markdown(words.outcome(result))
        return
    months, late = words.payback(summary)
    cost = fmt.estimate(summary["base_monthly_cost"], currency)
    horizon = fmt.plural(result["horizon_months"], "month")
    st.markdown(f"**{fmt.markdown(result['name'])}** against carrying on")
    drawn = (
        (
            f"Gain over {horizon}",
            fmt.estimate(summary["npv_difference"], currency),
            between(summary, "npv_difference", currency),
        ),
        ("Chance of a gain", chance(summary["probability_difference_positive"]), ""),
        ("Likely paid back in", months, late),
        (
            "Cost a month",
            fmt.estimate(summary["monthly_cost"], currency),
            f"in place of {cost}",
        ),
    )
    for column, (label, figure, note) in zip(st.columns(4), drawn, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            st.metric(label, figure)
            st.caption(fmt.markdown(note))


def show_notes(view: Page, chosen: Sequence[Result]) -> None:
    """Draw the total value of each scenario, with its notes and gaps."""
    for result in chosen:
        name = fmt.markdown(result["name"])
        st.markdown(f"**{name}.** {words.level(result)}{_standing(view, result)}")


def _standing(view: Page, one: Result) -> str:
    """Report mismatches of a result with the published run, and its gaps."""
    parts = [f" {fmt.markdown(note)}" for note in one["notes"]]
    if one["base_run_id"] != view.run.run_id:
        parts.append(
            f" Worked out on run {fmt.markdown(one['base_run_id'])}, not on the one"
            " that is published now: run it again to compare it with today's figures."
        )
    unknown = one["summary"]["benefit_unknown_of"]
    if unknown:
        named = fmt.markdown(", ".join(unknown))
        parts.append(f" The benefit of {named} is not known, and in no value.")
    return "".join(parts)
