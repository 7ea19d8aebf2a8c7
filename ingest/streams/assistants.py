"""Coding assistants: seats by team and day, and their use by team and week.

No person is in this stream, not even as a hash: a source counts people at the door.
Use by fewer than five people is not in it either; its counts are empty.
"""

from __future__ import annotations

from ingest.streams.schema import (
    QUANTITY,
    TEXT,
    TIMESTAMP,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

_SEATS = ("assigned_seats", "active_seats", "ending_seats")
_COUNTS = (
    *("read_days", "active_people", "prompts"),
    *("suggestions", "acceptances", "accepted_lines"),
)

ASSISTANT_USE = Stream(
    name="assistant_use",
    period_column="period_start",
    keeps_declared_only=True,
    columns=(
        required(TIMESTAMP, "period_start", "day"),
        required(TEXT, "assistant"),
        *texts("team_id", "plan"),
        *typed(QUANTITY, *_SEATS),
        *typed(QUANTITY, *_COUNTS),
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
