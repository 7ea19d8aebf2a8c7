"""The tiles of GPU & idle: money, hours and commitments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.gpu_idle import sentences as accelerator_sentences
from dashboard.shared import explaining
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin, Stated
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    from dashboard.pages.gpu_idle import queries
    from dashboard.shared.context import Page

COSTS = "delivery.mart_accelerator_idle_costs"
_EFFICIENCY = "delivery.mart_accelerator_efficiency"
COMMITMENTS = "cost.mart_commitments"


def show_tiles(
    view: Page,
    headline: queries.AcceleratorHeadline,
    hours: queries.AcceleratorHours,
    unused: queries.CommitmentHeadline,
) -> None:
    """Draw the four figures on top."""
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_idle(view, headline)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_used(view, headline)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_hours(view, hours)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        _tile_commitments(view, unused)


def _tile_idle(view: Page, headline: queries.AcceleratorHeadline) -> None:
    st.metric(
        view.total_label("Idle GPU money", headline.idle),
        fmt.money(headline.idle, view.currency),
        delta=None
        if headline.idle_ratio is None
        else f"{fmt.percent(headline.idle_ratio)} of {_whole(view, headline)}",
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(accelerator_sentences.idle_parts(view, headline))
    explaining.show(
        view,
        Origin(
            formula=f"Sum of requested_idle_{column_of(view)} and"
            f" infrastructure_idle_{column_of(view)}. What was requested while nobody"
            " measured its use is not called idle.",
            mart=COSTS,
            row_count=headline.row_count,
            figures=_money_figures(
                view,
                {
                    "Requested, idle": "requested_idle",
                    "Infrastructure idle": "infrastructure_idle",
                },
            ),
        ),
    )


def _money_figures(view: Page, names: dict[str, str]) -> tuple[Stated, ...]:
    return tuple(
        view.scoped_figure(label, f"{COSTS}/{part}_{column_of(view)}")
        for label, part in names.items()
    )


def _whole(view: Page, headline: queries.AcceleratorHeadline) -> str:
    measured = fmt.compact(headline.measured, view.currency)
    of = "GPUs" if headline.measured == headline.total else "measured GPUs"
    return f"{measured} for {of}"


def _tile_used(view: Page, headline: queries.AcceleratorHeadline) -> None:
    st.metric(
        view.total_label("Used GPU money", headline.used),
        fmt.money(headline.used, view.currency),
    )
    unknown = {
        "use not measured": headline.unmeasured,
        "used by no known model": headline.unmapped,
        "not observed": headline.unobserved,
    }
    said = [
        f"{fmt.money(amount, view.currency)} {name}"
        for name, amount in unknown.items()
        if amount
    ]
    observed = (
        f"everything else of {view.period} is observed"
        if headline.row_count
        else "no GPU was metered in this scope"
    )
    st.caption("; ".join(said) or observed)
    explaining.show(
        view,
        Origin(
            formula=f"Sum of used_{column_of(view)}. Used, idle, not measured, of no"
            " known model and not observed add up to what went into the pools.",
            mart=COSTS,
            row_count=headline.row_count,
            figures=_money_figures(view, {"Used": "used", "All of it": "total"}),
        ),
    )


def _tile_hours(view: Page, hours: queries.AcceleratorHours) -> None:
    st.metric(view.tile_label("GPU hours available"), fmt.hours(hours.capacity))
    st.caption(
        f"{fmt.hours(hours.allocated)} held by workloads,"
        f" {fmt.hours(hours.active)} of them active"
        if hours.row_count
        else "no meter read GPU hours"
    )
    explaining.show(
        view,
        Origin(
            formula="Sum of capacity_gpu_hours of whole pools, whatever the scope. A"
            " dash is what no meter reads.",
            mart=_EFFICIENCY,
            row_count=hours.row_count,
            figures=tuple(
                view.figure(label, f"{_EFFICIENCY}/{column}")
                for label, column, value in (
                    ("There", "capacity_gpu_hours", hours.capacity),
                    ("Held", "allocated_gpu_hours", hours.allocated),
                    ("Active", "active_gpu_hours", hours.active),
                )
                if value is not None
            ),
        ),
    )


def _tile_commitments(view: Page, unused: queries.CommitmentHeadline) -> None:
    st.metric(
        view.total_label("Unused commitments", unused.unused),
        fmt.money(unused.unused, view.currency),
    )
    st.caption(accelerator_sentences.unused_commitments(view, unused))
    explaining.show(
        view,
        Origin(
            formula="Sum of unused_effective_cost less"
            " out_of_scope_unused_effective_cost: always amortised, since what is"
            " unused is billed as a purchase. It is in no pool.",
            mart=COMMITMENTS,
            row_count=unused.row_count,
            figures=(
                view.figure("Unused", f"{COMMITMENTS}/unused_effective_cost"),
                view.figure(
                    "of that outside AI scope",
                    f"{COMMITMENTS}/out_of_scope_unused_effective_cost",
                ),
            )
            if unused.unused is not None
            else (),
        ),
    )


def column_of(view: Page) -> str:
    """Return the column of money that the chosen basis reads."""
    return AMOUNTS[view.selection.basis]
