"""Nodes on bills and on meters, and nodes known to a single side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.measured import measured_as, relation, whole
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Columns that describe a node, as named by meters and by bills.
_DESCRIBED = (
    *("node_name", "cluster", "explanation", "suggested_rule", "bills", "meters"),
    *("service_names", "billed_pool_ids", "metered_pool_id"),
)


@dataclass(frozen=True, slots=True)
class NodeHeadline:
    """Match between the machines on bills and the nodes on meters.

    ``unmetered`` is the money of machines in pools of metered nodes that no meter
    names, ``unmetered_ratio`` its part of all that bills charge for these nodes.
    """

    node_count: int
    matched_count: int
    unmetered_count: int
    other_pool_count: int
    unbilled_count: int
    unmetered: Decimal | None
    unmetered_ratio: float | None
    other_pool: Decimal | None
    row_count: int


@per_run
def node_headline(snapshot: Snapshot, selection: Selection) -> NodeHeadline:
    """Return how many nodes only a bill or only a meter knows, and their money."""
    names = {
        "node_count": "nodes",
        "matched_count": "matched_nodes",
        "unmetered_count": "unmetered_nodes",
        "other_pool_count": "other_pool_nodes",
        "unbilled_count": "unbilled_nodes",
        "unmetered": "unmetered_node_cost",
        "unmetered_ratio": "unmetered_node_ratio",
        "other_pool": "other_pool_node_cost",
    }
    whose = {"currency": _currencies(selection)}
    return measured_as(NodeHeadline, snapshot, whole(selection), names, whose)


@per_run
def nodes_apart(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return nodes with a mismatch of bill and meter, the most money first."""
    nodes = relation(
        whole(selection),
        {
            "cost": "node_cost",
            "capacity_gpu_hours": "node_capacity_hours",
            "node": "nodes",
        },
        by=("node_id", "status"),
        where={"currency": _currencies(selection)},
        months="chosen",
        labels=_DESCRIBED,
        conditions=("status <> 'matched'",),
        counted=True,
    )
    return table(
        snapshot,
        f"""
        select
            coalesce(node_name, node_id) as node,
            replace(status, '_', ' ') as state,
            cost,
            case when status = 'not_billed' then 'no bill' end as cost_reason,
            capacity_gpu_hours,
            case when status = 'not_metered' then 'not read' end as hours_reason,
            node_id,
            {", ".join(_DESCRIBED[1:6])},
            service_names as services,
            billed_pool_ids as billed_pool,
            metered_pool_id as metered_pool,
            row_count
        from {nodes}
        order by cost desc nulls last, state, node
        """,
    )


def _currencies(selection: Selection) -> tuple[str | None, ...]:
    """Return the chosen currency and none, which a node without a bill has."""
    return (selection.currency, None)
