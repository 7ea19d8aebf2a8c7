"""Seats of coding assistants, their cost, and what is charged beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared.measured import measured_row, relation, whole
from dashboard.shared.published import per_run, table, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_NAMES: Final = {
    "seats": "assistant_seats",
    "active": "active_assistant_seats",
    "idle": "idle_assistant_seats",
    "idle_ratio": "idle_seat_ratio",
    "cost": "seat_cost",
    "idle_cost": "idle_seat_cost",
    "price": "seat_price",
    "cost_per_active": "cost_per_active_seat",
    "day_count": "seat_days_read",
}
_USE: Final = {
    "people": "active_assistant_people",
    "prompts": "assistant_prompts",
    "suggestions": "assistant_suggestions",
    "acceptance_ratio": "assistant_acceptance_ratio",
    "lines": "assistant_lines",
}
#: Group of seats without a team → the words for it.
_GROUPS: Final = {
    "no_team": "of no team",
    "small_teams": "small teams together",
    "not_counted": "not counted",
}
_ORDER: Final = "idle_cost desc nulls last, cost desc nulls last"
_SERVICE: Final = "{'source': source, 'service': service_name}"
_LARGEST_ROWS: Final = 200


@per_run
def has_seats(snapshot: Snapshot) -> bool:
    """Return True if any month has seats of an assistant, counted or billed."""
    seats = "select 1 from cost.mart_assistant_seats limit 1"
    return table_of(snapshot, "cost.mart_assistant_seats", seats).num_rows > 0


@per_run
def all_seats(snapshot: Snapshot, selection: Selection) -> dict[str, Any]:
    """Return seats, active and idle ones and their cost, over all groups."""
    return measured_row(
        snapshot, _owned(selection), _NAMES, months="chosen", counted=True
    )


@per_run
def seats_by_team(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return seats and their cost by assistant and team, the most idle money first.

    ``team_reason`` describes a group without a team, ``use_reason`` and ``cost_reason``
    what is unknown of it.
    """
    rows = relation(
        _owned(selection),
        _NAMES,
        by=("assistant", "group_kind", "team_id"),
        months="chosen",
        labels=("use_reason", "cost_reason", "idle_reason"),
        counted=True,
    )
    words = " ".join(f"when '{kind}' then '{text}'" for kind, text in _GROUPS.items())
    return table(
        snapshot,
        f"""
        select *, case group_kind {words} end as team_reason
        from {rows}
        order by {_ORDER}, assistant, team_id, group_kind
        """,
    )


@per_run
def use_by_week(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the use of each team in each week of a period, the newest first."""
    rows = relation(
        _owned(selection),
        _USE,
        by=("week_begin", "team_id", "assistant"),
        months="chosen",
        labels=("reason",),
        counted=True,
    )
    return table_of(
        snapshot,
        "delivery.mart_assistant_weeks",
        f"""
        select *, 'of none or several' as team_reason
        from {rows}
        order by week_begin desc, people desc nulls last, team_id
        """,
    )


@per_run
def spend_by_source(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the AI cost of each source that counts seats, as *Models* has it."""
    costs = relation(
        whole(selection),
        {"amount": "ai_cost"},
        by=("source",),
        months="chosen",
        counted=True,
    )
    return table(
        snapshot,
        f"""
        select source, assistant, amount, row_count
        from {costs}
        inner join (
            select distinct source, assistant
            from cost.mart_assistant_seats
            where group_kind <> 'not_counted'
        ) using (source)
        order by amount desc, source
        """,
    )


@per_run
def use_by_model(snapshot: Snapshot, selection: Selection) -> pa.Table | None:
    """Return what bills charge beside seats, by line; None if no source counts any."""
    services = [
        {"source": row["source"], "service": row["assistant"]}
        for row in spend_by_source(snapshot, selection).to_pylist()
    ]
    if not services:
        return None
    amounts = relation(
        whole(selection),
        {"amount": "effective_cost"},
        by=("charge_description", "currency"),
        months="all",
        source="chosen",
        within=(),
    )
    return snapshot.query_line_items(
        f"""
        with chosen as materialized (
            select charge_description, billing_currency as currency, billed_cost,
                effective_cost
            from line_items
            where list_contains($months, billing_month) and is_ai_cost
                and list_contains($services, {_SERVICE})
        )
        select charge_description, currency, amount, amount_rows as row_count
        from {amounts}
        order by amount desc, charge_description
        limit {_LARGEST_ROWS}
        """,
        {"months": list(selection.period.months), "services": services},
    )


def _owned(selection: Selection) -> Selection:
    """Return a selection without a model, for a seat belongs to none."""
    return whole(selection) if selection.scope_kind == "model" else selection
