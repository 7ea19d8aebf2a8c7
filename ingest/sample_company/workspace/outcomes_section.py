"""Subjects of the business metrics in ``catalog.yml``."""

from __future__ import annotations

from typing import Final

#: Metric, its name, its subject, and the better direction.
_OUTCOMES: Final = (
    ("on_time_rate", "Deliveries on time", "customer_experience", "higher"),
    (
        *("handling_minutes_per_case", "Minutes until a case is solved"),
        *("customer_experience", "lower"),
    ),
    ("revenue_per_depot_day", "Revenue per depot and day", "revenue", "higher"),
    (
        *("breakdown_cost_per_region_day", "Cost of breakdowns per region and day"),
        *("cost", "lower"),
    ),
)


def outcomes_text() -> str:
    """Return the section ``outcomes``."""
    entries = [
        f"  - {{metric: {metric}, name: {name}, kind: {kind}, better: {better}}}"
        for metric, name, kind, better in _OUTCOMES
    ]
    return "\n".join(["outcomes:", *entries]) + "\n"
