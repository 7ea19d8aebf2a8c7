"""The bar above every page: status of its figures, gaps, and origin.

A single row that never wraps: on a phone it scrolls sideways, the state first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard.shared import format as fmt
from dashboard.shared import gap_chip, tabs

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from dashboard.shared.selection_queries import Standing

#: Added to the page once by the router. 48 px is the most that the bar may take.
STYLE: Final = """
<style>
.st-key-bar {flex-wrap: nowrap; overflow-x: auto; overflow-y: hidden; height: 46px;
  min-height: 46px; gap: .5rem; scrollbar-width: none; padding: 0 2px}
.st-key-bar > * {flex-shrink: 0}
.st-key-bar button {min-height: 2.25rem; padding-top: 0; padding-bottom: 0}
.st-key-bar [data-testid="stPopover"] p {white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; max-width: 15rem}
.st-key-bar [data-testid="stMarkdownContainer"] {margin-bottom: 0}
.st-key-bar [data-testid="stMarkdownContainer"] p {white-space: nowrap; margin: 0}
[data-testid="stElementContainer"]:has(> div > .ribbon) {position: absolute}
.ribbon {position: fixed; top: 0; left: 50%; transform: translateX(-50%);
  z-index: 999991; padding: 0 .9rem; border-radius: 0 0 .4rem .4rem; font-size: .7rem;
  line-height: 1.15rem; font-weight: 650; letter-spacing: .06em; white-space: nowrap;
  background: #5B3FA0; color: #fff; pointer-events: none}
@media (max-width: 640px) {
  .st-key-bar > :nth-child(n+2):nth-child(-n+4) {order: 2}
}
</style>
"""
_STATES: Final = (
    "Open: the period is not over. Estimated: an invoice is missing, is a draft or does"
    " not tie. Reconciled: every invoice ties. Locked: closed by two people, its"
    " figures no longer change. Restated: something came to light after it was closed;"
    " it is in the adjustments and not in the figures. Coverage: the share of usage"
    " cost that rules and meters assigned to a model, a team, a pool or a commitment;"
    " the rest is unallocated or remainder."
)


def show_ribbon() -> None:
    """Mark the page on top as showing simulated data."""
    st.html('<div class="ribbon" role="note">SYNTHETIC · simulated data</div>')


def show_standing(page: Page, cost_centers: tuple[str, ...] | None) -> None:
    """Draw state, gaps in money, and all else behind *About*."""
    standing = page.standing
    is_in_doubt = standing.is_partial or standing.is_estimated
    colour = "orange" if is_in_doubt and not standing.is_closed else "green"
    st.markdown(f":{colour}-badge[{standing.label}]", width="content")
    if cost_centers is not None:
        noun = "cost centre" if len(cost_centers) == 1 else "cost centres"
        limits = fmt.markdown(", ".join(cost_centers))
        st.markdown(f":blue-badge[{noun} {limits} only]", width="content")
    if standing.stale_sources:
        _show_stale(standing)
    if standing.is_partial:
        gap_chip.show(page)
    with st.popover("About", icon=":material/info:", type="tertiary", width="content"):
        st.markdown(_about(page))
        if cost_centers is not None:
            st.markdown(
                f"You see {noun} **{limits}** only. Figures and totals exclude other"
                " cost centres and unassigned cost."
            )
        st.caption(_STATES)


def _show_stale(standing: Standing) -> None:
    """Draw a chip of the sources that are older than expected."""
    count = fmt.plural(len(standing.stale_sources), "source")
    with st.popover(f"Stale: {count}", icon=":material/history:", width="content"):
        lines = [
            f"- {fmt.markdown(source)} (newest data {fmt.moment(newest)})"
            for source, newest in standing.stale_sources
        ]
        st.markdown("\n".join(["**Older than expected:**", *lines]))
        st.caption(
            "Every figure may still grow. *Data health* shows each source;"
            " run `triptych ingest` to refresh."
        )


def _about(page: Page) -> str:
    run = page.run
    lines = [
        f"State **{page.standing.label}**",
        f"Data as of **{fmt.moment(run.evidence_as_of)}**",
        f"coverage **{page.coverage}**",
        f"run **{fmt.markdown(run.run_id)}**",
        fmt.markdown(run.organisation),
    ]
    if run.is_synthetic:
        lines.append("SYNTHETIC: simulated data, no figure is real")
    lines.append("[Glossary](glossary) of the terms on this page")
    lines.append(f"[All tabs and tables at once, to print]({tabs.whole_link()})")
    return "\n".join(f"- {line}" for line in lines)
