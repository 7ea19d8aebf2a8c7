"""Tasks of agents: cost per success, cost of failure, and every part of the bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.cost_by_model import sentences, task_queries
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_MART = "cost.mart_task_costs"


def show_tasks(view: Page) -> None:
    """Draw tasks by agent, and the parts of the bill of their models."""
    st.header("Tasks", anchor=False)
    summary = task_queries.task_summary(view.snapshot, view.selection)
    st.markdown(sentences.tasks(view, summary))
    if summary.cost is None:
        return
    agents = task_queries.task_costs(view.snapshot, view.selection)
    if agents.num_rows:
        _show_agents(view, agents)
    tables.show(
        task_queries.task_parts(view.snapshot, view.selection),
        [
            tables.Column("part", "Part of the bill"),
            tables.Column("amount", "Cost", "money"),
            tables.Column("share_ratio", "Share", "percent"),
        ],
        page=view,
        name="task-parts",
        caption="Parts add up to the cost of models with spans, to the last digit",
        origin=Origin(
            formula="Cost of each day of a model, divided by the tokens of spans at the"
            " prices of their kinds. What another meter or the bill counts beyond them,"
            " and days without spans, are not metered.",
            mart=_MART,
        ),
    )


def _show_agents(view: Page, agents: pa.Table) -> None:
    """Draw the table of agents."""
    tables.show(
        agents,
        [
            tables.Column("agent", "Agent"),
            tables.Column("success_count", "Successes", "count"),
            tables.Column("failed_count", "Failed", "count"),
            tables.Column("per_success", "Per success", "unit_cost", "reason"),
            tables.Column("ended_cost", "Cost of attempts", "money"),
            tables.Column("failure_cost", "Cost of failure", "money"),
        ],
        page=view,
        name="task-costs",
        caption="Tasks by agent",
        origin=Origin(
            formula="Cost of attempts that ended, failed ones, retries and tools"
            " included ÷ tasks that succeeded. A task counts once, in the month of its"
            " last attempt or of the one that succeeded.",
            mart=_MART,
        ),
    )
