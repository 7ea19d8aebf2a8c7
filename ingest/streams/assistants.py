"""Coding assistants: seats and their use by team and day, counted before they land.

No person is in this stream, not even as a hash: a source counts people at the door.
"""

from __future__ import annotations

from ingest.streams.schema import (
    MONEY,
    QUANTITY,
    TEXT,
    TIMESTAMP,
    Column,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

_SEATS = ("assigned_seats", "active_seats", "ending_seats")
_COUNTS = (
    "active_people",
    "sessions",
    "suggestions",
    "acceptances",
    "accepted_lines",
    "agent_runs",
    "commits",
    "pull_requests",
    "tokens",
)

ASSISTANT_USE = Stream(
    name="assistant_use",
    period_column="period_start",
    keeps_declared_only=True,
    columns=(
        required(TIMESTAMP, "period_start", "day"),
        required(TEXT, "assistant"),
        *texts("organisation", "team_id", "plan"),
        *typed(QUANTITY, *_SEATS),
        *typed(QUANTITY, *_COUNTS),
        *typed(MONEY, "estimated_spend_amount"),
        Column("currency", TEXT, is_currency=True),
    ),
    checks=(
        starts_in_range("period_start"),
        (
            "negative_quantity",
            " OR ".join(f'"{name}" < 0' for name in (*_SEATS, *_COUNTS)),
        ),
        ("more_active_than_assigned", '"active_seats" > "assigned_seats"'),
    ),
)
