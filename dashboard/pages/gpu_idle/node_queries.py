"""Nodes that bills charge and meters read, and those that only one of the two knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.published import one, per_run, ratio, table
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: A node without a bill has no currency, and is shown beside those of any.
_CHOSEN = (
    "coalesce(currency, $currency) = $currency"
    " and list_contains($months, billing_month)"
)


@dataclass(frozen=True, slots=True)
class NodeHeadline:
    """How far the bills' machines and the meters' nodes are the same ones.

    ``unmetered`` is the money of machines in pools of metered nodes that no meter
    names, ``unmetered_ratio`` its part of all that bills charge for these nodes.
    """

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
    amount = AMOUNTS[selection.basis]

    def count(status: str) -> str:
        return f"count(distinct node_id) filter (status = '{status}')"

    def money(status: str) -> str:
        return f"sum({amount}) filter (status = '{status}')"

    figures = one(
        snapshot,
        f"""
        select
            {count("matched")} as matched_count,
            {count("not_metered")} as unmetered_count,
            {count("other_pool")} as other_pool_count,
            {count("not_billed")} as unbilled_count,
            {money("not_metered")} as unmetered,
            {ratio(money("not_metered"), f"sum({amount})")} as unmetered_ratio,
            {money("other_pool")} as other_pool,
            count(*) as row_count
        from cost.mart_metered_nodes
        where {_CHOSEN}
        """,
        **_parameters(selection),
    )
    return NodeHeadline(**figures)


@per_run
def nodes_apart(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return nodes whose bill and meter do not agree, the most money first."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            coalesce(max(node_name), node_id) as node,
            replace(status, '_', ' ') as state,
            max(cluster) as cluster,
            max(service_names) as services,
            max(billed_pool_ids) as billed_pool,
            max(metered_pool_id) as metered_pool,
            sum({amount}) as cost,
            case when status = 'not_billed' then 'no bill' end as cost_reason,
            sum(capacity_gpu_hours) as capacity_gpu_hours,
            case when status = 'not_metered' then 'not read' end as hours_reason,
            max(explanation) as explanation,
            max(suggested_rule) as suggested_rule,
            node_id,
            max(bills) as bills,
            max(meters) as meters,
            count(*) as row_count
        from cost.mart_metered_nodes
        where {_CHOSEN} and status <> 'matched'
        group by node_id, status
        order by cost desc nulls last, state, node
        """,
        **_parameters(selection),
    )


def _parameters(selection: Selection) -> dict[str, Any]:
    return {"currency": selection.currency, "months": list(selection.period.months)}
