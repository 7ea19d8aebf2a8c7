"""Assumptions & lineage: what figures rest on, and what they are made of."""

from __future__ import annotations

import streamlit as st

from dashboard.pages.lineage import assumptions as register_section
from dashboard.pages.lineage import figure as figure_section
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared import tabs

_LINEAGE = "Where a figure comes from"


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    tabs.show(
        "lineage",
        {
            "Assumptions": lambda: register_section.show_assumptions(here),
            _LINEAGE: lambda: figure_section.show(here),
            "Versions": lambda: register_section.show_versions(here),
        },
        first=_LINEAGE if "figure" in st.query_params else None,
    )
    st.caption(
        f"Run {fmt.markdown(here.run.run_id)} of triptych {here.run.triptych_version},"
        f" data as of {fmt.moment(here.run.evidence_as_of)}."
    )


main()
