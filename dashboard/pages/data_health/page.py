"""Data health: how fresh, how complete and how well covered the figures are."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.data_health import (
    alerts_section,
    gateways,
    queries,
    to_fix,
    withdrawn,
)
from dashboard.shared import access, acting, doubt_notice, explaining, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin
from dashboard.shared.selection_queries import AMOUNTS
from triptych.core.alert_outbox import read_alert_troubles
from triptych.core.warehouse.figures import ANY
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_COMMAND_LIMIT = 5


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    doubt_notice.show()
    doubt_notice.show_overlaps(view)
    doubt_notice.show_doubtful_inputs(view)
    show_alert_troubles()
    freshness = queries.freshness(view.snapshot)
    quarantine = queries.quarantine_reasons(view.snapshot)
    coverage = queries.coverage(view.snapshot, view.selection)
    show_tiles(view, freshness, coverage, quarantine)
    if not view.selection.covers_everything:
        st.caption("Evidence is of the whole organisation: no scope narrows it.")

    def show_to_fix() -> None:
        to_fix.show(view, quarantine)
        alerts_section.show(view)
        alerts_section.show_rules()
        show_quarantine(view, quarantine)
        show_completeness(view)
        show_issues(view)
        acting.offer("accept_proposal", acting.Form(listed=("proposal",), is_slow=True))
        acting.offer("upload_file", acting.Form(fixed={"folder": ""}))

    tabs.show(
        "health",
        {
            "What to fix": show_to_fix,
            "Freshness": lambda: show_freshness(view, freshness),
            "Coverage": lambda: show_coverage(view, coverage),
            "Gateways": lambda: gateways.show(view),
            "Loads": lambda: show_loads(view),
        },
    )


def show_alert_troubles() -> None:
    """Draw which channels of alerts fail; nothing where all work."""
    workspace = Workspace(access.workspace_root().resolve())
    for trouble in read_alert_troubles(workspace.runs_dir):
        st.warning(fmt.markdown(trouble))


def show_tiles(
    view: Page, freshness: pa.Table, coverage: pa.Table, quarantine: pa.Table
) -> None:
    """Draw the four figures on top."""
    states = [s for s in freshness["state"].to_pylist() if s != "not delivered"]
    set_aside = sum(quarantine["row_count"].to_pylist())
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        st.metric(
            view.tile_label("Fresh feeds"), f"{states.count('fresh')} of {len(states)}"
        )
        st.caption(_troubles(states))
        explaining.show(
            view,
            Origin(
                formula="Feeds that are loaded and within their expected lag, of all"
                " that are configured and deliver, or never did.",
                mart="core.mart_source_freshness",
                row_count=len(states),
            ),
        )
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        covered = view.coverage
        st.metric(view.tile_label("Coverage"), covered)
        st.caption(
            f"{view.without_ai_cost or 'No AI cost is known'}: accept rules in Set-up"
            if covered == fmt.UNKNOWN
            else f"of AI cost is assigned by rules and meters, {view.period}"
        )
        explaining.show(view, _coverage_origin(view, coverage))
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        st.metric(view.tile_label("Rows in quarantine"), fmt.count(set_aside))
        st.caption("set aside with a reason, in no figure")
        explaining.show(view, _quarantine_origin(quarantine))
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        st.metric(view.tile_label("Period"), view.standing.label.split(" · ")[0])
        st.caption(
            f"{view.standing.label}, {view.period}; built"
            f" {fmt.moment(view.run.started_at)}"
        )
        explaining.show(
            view,
            Origin(
                formula="Where the least final month of the period stands. Not"
                " complete: something is missing. Estimated: some charges are not"
                " final. Otherwise complete.",
                mart="cost.mart_period_states",
                row_count=len(view.standing.missing),
            ),
        )


def _coverage_origin(view: Page, table: pa.Table) -> Origin:
    amount = AMOUNTS[view.selection.basis]
    loaded = cost_by_model_queries.COMPONENTS["Fully loaded"]
    placed = tuple(part for part in loaded if part != "unused_commitment")
    usage = (*loaded, "unallocated", "remainder")
    costs = f"cost.fct_daily_model_costs/{amount}"
    of_models = view.figure(
        "Unused commitments of models (numerator, too)",
        costs,
        component="unused_commitment",
        model_id=ANY,
    )
    has_unused = any(table["has_unused_of_models"].to_pylist())
    return Origin(
        formula="Direct + shared + idle + overhead, and unused commitments that a"
        " policy gives to somebody, ÷ all AI cost but tax and credits.",
        mart="cost.fct_daily_model_costs",
        row_count=sum(table["row_count"].to_pylist()),
        figures=(
            view.figure("Placed (numerator)", costs, component=placed),
            *([of_models] if has_unused else []),
            view.figure("Usage cost (denominator)", costs, component=usage),
        )
        if view.standing.coverage_ratio is not None
        else (),
    )


def _quarantine_origin(table: pa.Table) -> Origin:
    return Origin(
        formula="Rows of current loads that failed a row check, counted by reason.",
        mart="core.mart_quarantine_reasons",
        row_count=table.num_rows,
    )


def _troubles(states: list[str]) -> str:
    found = [
        f"{states.count(state)} {state}"
        for state in ("never loaded", "stale")
        if state in states
    ]
    return ", ".join(found) or "no source is stale or missing"


def show_freshness(view: Page, freshness: pa.Table) -> None:
    """Draw the age of each feed."""
    st.header("Freshness", anchor=False)
    rows = freshness.to_pylist()
    st.markdown(_freshness_sentence(rows))
    if not rows:
        return
    tables.show(
        freshness,
        [
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("state", "State"),
            tables.Column("newest_evidence_at", "Newest data", "moment"),
            tables.Column("expected_lag_hours", "Expected lag, hours", "count"),
            tables.Column("last_loaded_at", "Last load", "moment"),
            tables.Column("load_count", "Loads", "count"),
            tables.Column("row_count", "Rows", "count"),
            tables.Column("quarantined_row_count", "Quarantined", "count"),
            tables.Column("settled_reason", "Another delivery counts", "prose"),
        ],
        page=view,
        name="freshness",
        caption="Feeds, the worrying ones first",
        origin=Origin(
            formula="Stale: the newest data is older than the lag that the source is"
            " expected to have, by the month where it comes by the month. Ended: every"
            " platform on the bill was left. Not delivered: a stream that the source"
            " does not send.",
            mart="core.mart_source_freshness",
        ),
    )


def _freshness_sentence(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No source is configured. Add one to `triptych.yml`."
    stale = [row["source"] for row in rows if row["state"] == "stale"]
    missing = [row["source"] for row in rows if row["state"] == "never loaded"]
    if not stale and not missing:
        return "Every source is as new as it is expected to be."
    parts = []
    if stale:
        parts.append(f"{_names(stale)} older than expected")
    if missing:
        parts.append(f"nothing has ever been loaded from {_names(missing)}")
    return (
        f"{'; '.join(parts).capitalize()}. `triptych ingest` reads them again;"
        " `triptych check` says whether they can be reached."
    )


def _names(sources: list[str]) -> str:
    return ", ".join(fmt.markdown(source) for source in dict.fromkeys(sources))


def show_completeness(view: Page) -> None:
    """Draw which months lack something."""
    st.header("Months", anchor=False)
    table = queries.month_completeness(view.snapshot)
    lacking = [row for row in table.to_pylist() if row["state"] != "complete"]
    if lacking:
        named = "; ".join(
            f"{fmt.month(row['billing_month'])}, {fmt.markdown(row['source'])}:"
            f" {fmt.markdown(row['missing'] or 'not stated')}"
            for row in lacking
        )
        count = len({row["billing_month"] for row in lacking})

        def draw() -> None:
            st.markdown(
                f"**Not complete:** {named}. Charges that cannot be converted keep"
                " their own currency and are in no total of another one."
            )

        tabs.fold(f"{fmt.plural(count, 'month')} not complete", "not-complete", draw)
    else:
        st.markdown("No month is known to lack anything.")
    tables.show(
        table,
        [
            tables.Column("billing_month", "Month", "month"),
            tables.Column("source", "Source"),
            tables.Column("state", "State"),
            tables.Column("missing_amount", "At most", "money", "why_no_amount"),
            tables.Column("missing_row_count", "Refused rows", "count"),
            tables.Column("missing", "Missing", "prose"),
            tables.Column("day_count", "Days with charges", "count"),
            tables.Column("newest_charge_date", "Newest charge", "day"),
        ],
        page=view,
        name="month-completeness",
        is_folded=True,
        caption="Completeness by month and source, unknown amounts first, then the"
        " most money",
        origin=Origin(
            formula="Not complete: a rate of the month is missing, or charges of it"
            " were refused. At most: as the rows state, or as the largest of 19 or more"
            " rows like them.",
            mart="core.mart_month_completeness",
        ),
    )


def show_coverage(view: Page, table: pa.Table) -> None:
    """Draw assigned and unassigned cost, by source."""
    st.header("Coverage", anchor=False)
    st.markdown(
        f"**{view.coverage}** of the AI cost of {view.period} is assigned to a model, a"
        " team, a pool or a commitment; the rest is unallocated, unused commitment or"
        " remainder. A pool's idle cost is assigned, and has no team."
        " *Cost by model* names the rules that would catch it."
    )
    tables.show(
        table,
        [
            tables.Column("source", "Source"),
            tables.Column("usage_cost", "Usage cost", "money"),
            tables.Column("placed_cost", "Placed", "money"),
            tables.Column("unallocated_cost", "Unallocated", "money"),
            tables.Column("unused_cost", "Unused commitment", "money"),
            tables.Column("remainder_cost", "Remainder", "money"),
            tables.Column("coverage_ratio", "Coverage", "coverage"),
        ],
        page=view,
        name="coverage",
        caption="By source, the least covered first; usage is all but tax and credits",
        origin=_coverage_origin(view, table),
    )


def show_quarantine(view: Page, table: pa.Table) -> None:
    """Draw why rows were set aside and how to see them."""
    st.header("Quarantine", anchor=False)
    rows = table.to_pylist()
    if not rows:
        st.markdown("No row of the current loads was set aside.")
        return
    total = sum(row["row_count"] for row in rows)
    st.markdown(
        f"**{fmt.plural(total, 'row')}** set aside, with the reason, and in no figure."
    )
    commands = [
        f"triptych quarantine show {shlex.quote(row['source'])}"
        f" --reason {shlex.quote(row['reason'])}"
        for row in rows[:_COMMAND_LIMIT]
    ]

    def draw() -> None:
        st.code(
            "\n".join([*commands, "triptych quarantine retry"]),
            "bash",
            wrap_lines=True,
        )

    tabs.fold("Commands", "commands", draw)
    tables.show(
        table,
        [
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("reason", "Reason", "prose"),
            tables.Column("amount", "At most", "money", "money"),
            tables.Column("row_count", "Rows", "count"),
            tables.Column("example", "Example"),
            tables.Column("last_seen_at", "Last seen", "moment"),
        ],
        page=view,
        name="quarantine",
        is_folded=True,
        caption="Reasons, unknown amounts first, then the most money",
        origin=_quarantine_origin(table),
    )
    # After a correction: another delivery of the file, or another mapping.
    acting.offer("retry_quarantine", acting.Form(listed=("source",)))


def show_issues(view: Page) -> None:
    """Draw where the providers' own numbers do not agree."""
    st.header("Data quality", anchor=False)
    table = queries.quality_issues(view.snapshot, view.selection)
    if table.num_rows == 0:
        st.markdown(
            f"What was delivered for {view.period} keeps every rule that is checked."
        )
        return
    st.markdown(
        f"{fmt.plural(table.num_rows, 'finding')} in what was delivered for"
        f" {view.period}. Amounts are used as delivered."
    )
    tables.show(
        table,
        [
            tables.Column("rule_id", "Rule"),
            tables.Column("description", "What is odd", "prose"),
            tables.Column("source", "Source"),
            tables.Column("billing_month", "Month", "month"),
            tables.Column("row_count", "Rows", "count"),
            tables.Column("affected_billed_cost", "Billed cost affected", "money"),
        ],
        page=view,
        name="data-quality",
        is_folded=True,
        caption="Rules that deliveries break",
        origin=Origin(
            formula="One row per rule, source and month with at least one such row.",
            mart="core.mart_data_quality_issues",
        ),
    )


def show_loads(view: Page) -> None:
    """Draw the loads, and the loads that they replaced."""
    st.header("Loads", anchor=False)
    table = queries.loads(view.snapshot)
    rows = table.to_pylist()
    if not rows:
        st.markdown("Nothing has been loaded. Run `triptych ingest`.")
        return
    count = rows[0]["total_count"]
    shown = "" if count == len(rows) else f" The newest {len(rows):,} are shown."
    st.markdown(
        f"**{fmt.plural(count, 'load')}**. A superseded load was replaced by a newer"
        f" delivery of the same period and is in no figure; it is kept.{shown}"
    )
    loads = table.drop_columns(["total_count"])
    st.dataframe(
        loads,
        hide_index=True,
        column_config={
            "loaded_at": st.column_config.DatetimeColumn(
                "Loaded, UTC", format="YYYY-MM-DD HH:mm"
            ),
            "source": "Source",
            "stream": "Stream",
            "scope": "Scope",
            "period": "Period",
            "status": "Status",
            "row_count": "Rows",
            "quarantined_row_count": "Quarantined",
            "label": "Label",
            "load_id": "Load",
        },
        placeholder=fmt.UNKNOWN,
        alt="Loads, newest first. The same rows are in the download.",
    )
    tables.show_footer(
        loads,
        page=view,
        name="loads",
        origin=Origin(
            formula="The catalogue of loads as it was when the run was built.",
            mart="core.mart_loads",
            row_count=count,
        ),
    )
    withdrawn.show(view)


main()
