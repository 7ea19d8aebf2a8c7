"""The part of *GPU & idle* about nodes that only a bill or only a meter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.gpu_idle import node_queries
from dashboard.shared import format as fmt
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.pages.gpu_idle.node_queries import NodeHeadline
    from dashboard.shared.context import Page

_NODES = "cost.mart_metered_nodes"


def show(view: Page) -> None:
    """Draw the nodes with a mismatch of bill and meter, with their money."""
    st.header("Nodes", anchor=False)
    headline = node_queries.node_headline(view.snapshot, view.selection)
    st.markdown(sentence(view, headline))
    table = node_queries.nodes_apart(view.snapshot, view.selection)
    if table.num_rows == 0:
        return
    tables.show(
        table,
        [
            tables.Column("node", "Node"),
            tables.Column("state", "State", "month"),
            tables.Column("cost", "Cost", "amount", "cost_reason"),
            tables.Column("capacity_gpu_hours", "GPU hours", "hours", "hours_reason"),
            tables.Column("billed_pool", "Billed to"),
            tables.Column("metered_pool", "Metered in"),
            tables.Column("explanation", "That is", "prose"),
        ],
        page=view,
        name="nodes-apart",
        caption=f"{view.period}, {view.currency}, {view.selection.basis.lower()}",
        origin=Origin(
            formula="Charges of machines, matched with the nodes of meters by the id"
            " under which a node is billed. Machines count where a meter names them or"
            " a rule sends them into a pool of metered nodes. The download has a rule"
            " to paste for each node that is billed to another pool.",
            mart=_NODES,
            row_count=headline.row_count,
        ),
    )


def sentence(view: Page, nodes: NodeHeadline) -> str:
    """Report the share of money in metered pools on unmetered nodes."""
    if not nodes.row_count:
        return f"In {view.period} no meter of Kubernetes or ECS nodes was read."
    text = _unmetered(view, nodes)
    if nodes.other_pool_count:
        text += (
            f" {fmt.money(nodes.other_pool, view.currency)} of"
            f" {fmt.plural(nodes.other_pool_count, 'metered node')} is billed to"
            " another pool than its meter divides, or to none."
        )
    if nodes.unbilled_count:
        text += (
            f" {fmt.plural(nodes.unbilled_count, 'metered node')}"
            f" {'is' if nodes.unbilled_count == 1 else 'are'} not on any bill."
        )
    return text


def _unmetered(view: Page, nodes: NodeHeadline) -> str:
    if nodes.unmetered_count:
        share = fmt.percent(nodes.unmetered_ratio)
        return (
            f"**{fmt.money(nodes.unmetered, view.currency)}** is charged for"
            f" {fmt.plural(nodes.unmetered_count, 'node')} that no meter saw, {share}"
            " of what bills charge for nodes. The readings of the others divide it."
        )
    if nodes.matched_count or nodes.other_pool_count:
        return (
            f"In {view.period} a meter saw every node that bills charge to its pools"
            f" ({nodes.matched_count} matched)."
        )
    return "No metered node matches a bill."
