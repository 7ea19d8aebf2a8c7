"""Assumptions & lineage: the basis of figures and their derivation."""

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
    view = page.current(__file__)
    tabs.show(
        "lineage",
        {
            "Assumptions": lambda: register_section.show_assumptions(view),
            _LINEAGE: lambda: figure_section.show(view),
            "Versions": lambda: register_section.show_versions(view),
        },
        first=_LINEAGE if "figure" in st.query_params else None,
    )
    st.caption(
        f"Run {fmt.markdown(view.run.run_id)} of triptych {view.run.triptych_version},"
        f" data as of {fmt.moment(view.run.evidence_as_of)}."
    )


main()
