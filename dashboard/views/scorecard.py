"""Platform scorecard: three criteria by platform, what a move changed, readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import (
    comparison_section,
    compliance_section,
    data,
    move_section,
    operations_section,
    page,
    workload_section,
)
from dashboard import scorecard_sections as sections
from dashboard import scorecard_sentences as words

if TYPE_CHECKING:
    from dashboard.page import Page


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    if not data.has_scorecard(here.snapshot):
        show_nothing()
        return
    st.caption(
        "Everything to date, whatever period and scope stand above: a platform is"
        f" described by all of its months. {words.NO_SCORE}"
    )
    show_all(here)


def show_all(here: Page) -> None:
    """Draw the sections, the figures of platforms first."""
    sections.show_platforms(here)
    comparison_section.show_comparisons(here)
    move_section.show_moves(here)
    st.header("Infra hours per deployment", anchor=False)
    operations_section.show_infra_hours(here, "platform")
    operations_section.show_training_times(here)
    sections.show_composition(here)
    workload_section.show_workloads(here)
    sections.show_funnel(here)
    compliance_section.show_controls(here)
    sections.show_readiness(here)
    compliance_section.show_open_controls(here)


def show_nothing() -> None:
    """Say what would fill the page."""
    st.info(
        "**No platform is known yet.** `platforms` in `catalog.yml` say which charges"
        " run on which platform, `placements` which model runs where, and `pivots`"
        " what was moved. Then run `triptych build`; a run of an earlier version has"
        " no scorecard."
    )


main()
