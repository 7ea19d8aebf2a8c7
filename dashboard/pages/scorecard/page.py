"""Platform scorecard: criteria by platform, effects of a move, readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.scorecard import comparison as comparison_section
from dashboard.pages.scorecard import compliance as compliance_section
from dashboard.pages.scorecard import migrations as move_section
from dashboard.pages.scorecard import operations as operations_section
from dashboard.pages.scorecard import past, queries, sections
from dashboard.pages.scorecard import sentences as words
from dashboard.pages.scorecard import workloads as workload_section
from dashboard.shared import frame as page
from dashboard.shared import tabs

if TYPE_CHECKING:
    from dashboard.shared.context import Page


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    if not queries.has_scorecard(view.snapshot):
        show_nothing()
        return
    month, newest = (
        max(view.selection.period.months),
        queries.newest_month(view.snapshot),
    )
    if newest is not None and month < newest:
        past.show(view, month, newest)
        return
    show_all(view)
    st.caption("To date, whatever scope is chosen above.")


def show_all(view: Page) -> None:
    """Draw the migration, then platforms with workload, effort and gaps."""

    def show_platforms() -> None:
        sections.show_platforms(view)

        def draw() -> None:
            st.markdown(f"{words.NO_SCORE} {words.BAND}.")

        tabs.fold("Why no overall score; the band explained", "score", draw)

    def show_effort() -> None:
        st.header("Infra hours per deployment", anchor=False)
        operations_section.show_infra_hours(view, "platform")
        operations_section.show_training_times(view)

    def show_workloads() -> None:
        sections.show_composition(view)
        workload_section.show_workloads(view)
        sections.show_funnel(view)

    def show_readiness() -> None:
        compliance_section.show_controls(view)
        sections.show_readiness(view)
        compliance_section.show_open_controls(view)

    tabs.show(
        "scorecard",
        {
            "Migration": lambda: move_section.show_moves(view),
            "Platforms": show_platforms,
            "Same models": lambda: comparison_section.show_comparisons(view),
            "Effort": show_effort,
            "Workloads": show_workloads,
            "Readiness": show_readiness,
        },
    )


def show_nothing() -> None:
    """Show the data needed to fill the page."""
    st.info(
        "**No platform is known yet.** `platforms` in `catalog.yml` say which charges"
        " run on which platform, `placements` which model runs where, and `migrations`"
        " what was moved. Then run `triptych build`; a run of an earlier version has"
        " no scorecard."
    )


main()
