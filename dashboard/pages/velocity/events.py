"""Events: promotions, single events, and events without an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.velocity import queries
from dashboard.pages.velocity import sentences as words
from dashboard.shared import filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.pages.velocity.queries import (
        VelocityScope,
    )
    from dashboard.shared.context import Page

_EVENTS = "delivery.mart_velocity_events"


def show_promotions(view: Page, scope: VelocityScope) -> None:
    """Draw how each version came from training into production."""
    st.header("Training to production", anchor=False)
    if scope.kind == "service":
        st.markdown("Versions belong to models: choose one above.")
        return
    table = queries.promotions(view.snapshot, scope)
    if table.num_rows == 0:
        st.markdown(
            f"No version of {fmt.markdown(scope.shown)} came into production in"
            f" {view.period}."
        )
        return
    imprecise = sum((row["precision_seconds"] or 0) > 1 for row in table.to_pylist())
    note = (
        f" Of {fmt.plural(imprecise, 'version')} the time is only known to lie between"
        " two looks at the registry."
        if imprecise
        else ""
    )
    came = fmt.plural(table.num_rows, "version came", "versions came")
    st.markdown(f"**{came}** into production in {view.period}.{note}")
    tables.show(
        table,
        [
            tables.Column("registered_model", "Registered model"),
            tables.Column("model_version", "Version"),
            tables.Column("event_time", "In production", "moment"),
            tables.Column("change_kind", "Change"),
            tables.Column("training_hours", "Training, h", "decimal"),
            tables.Column("end_to_registered_hours", "To registered, h", "decimal"),
            tables.Column(
                "registered_to_production_hours", "To production, h", "decimal"
            ),
            tables.Column(
                "training_to_production_hours",
                "End to production, h",
                "decimal",
                "exclusion_reason",
            ),
            tables.Column("precision_seconds", "± s", "decimal"),
            tables.Column("how", "Known from"),
        ],
        page=view,
        name="promotions",
        caption=f"{view.period}; legs are shown and never summed",
        origin=Origin(
            formula=words.METRICS["training_to_production"][1],
            mart="delivery.fct_promotions",
        ),
    )


def show_events(view: Page, scope: VelocityScope) -> None:
    """Draw the events of a figure, the open events and the excluded events."""
    st.header("Behind a figure", anchor=False)
    # Days of a week are counted from the same events as deployments.
    names = {
        name: metric
        for metric, (name, _) in words.METRICS.items()
        if metric != "deployment_days"
    }
    chosen = filters.choice("Events of", "behind", list(names), width=320)
    table = queries.velocity_events(view.snapshot, scope, names[chosen])
    rows = table.to_pylist()
    counts = {
        state: sum(row["state"] == state for row in rows)
        for state in ("used", "open", "excluded")
    }
    st.markdown(
        f"**{counts['used']:,} used**, {counts['open']:,} open and"
        f" {counts['excluded']:,} left out, of {fmt.markdown(scope.shown)} in"
        f" {view.period}."
    )
    if not rows:
        return
    tables.show(
        table,
        [
            tables.Column("event_kind", "What"),
            tables.Column("event_key", "Key"),
            tables.Column("state", "State"),
            tables.Column("exclusion_reason", "Why left out"),
            tables.Column("started_at", "Began", "moment"),
            tables.Column("ended_at", "Ended", "moment"),
            tables.Column("event_value", "Adds", "decimal"),
        ],
        page=view,
        name=f"events-{names[chosen]}",
        caption=f"{chosen}, {view.period}; durations in hours",
        origin=Origin(formula=words.METRICS[names[chosen]][1], mart=_EVENTS),
    )


def show_unmapped(view: Page) -> None:
    """Draw the names without an owner, and the mappings that would fix them."""
    st.header("Names without an owner", anchor=False)
    table = queries.unmapped_identities(view.snapshot)
    if table.num_rows == 0:
        st.markdown("Every name in the events belongs to a model, feature or team.")
        return
    names = fmt.plural(table.num_rows, "name belongs", "names belong")
    st.markdown(
        f"**{names} to nobody**, so their events are in no figure of a model or team."
        " Each line below can be copied under `identities` in `catalog.yml`."
    )
    tables.show(
        table,
        [
            tables.Column("name", "Name"),
            tables.Column("kind", "Kind"),
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("row_count", "Events", "count"),
            tables.Column("catalog_entry", "Entry that would map it"),
        ],
        page=view,
        name="unmapped-identities",
        caption="All sources",
        origin=Origin(
            formula="Names of services, repositories, registered models and projects"
            " that no identity maps and no row names an owner for.",
            mart="delivery.mart_unmapped_identities",
        ),
    )
