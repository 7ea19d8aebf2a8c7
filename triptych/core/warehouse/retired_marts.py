"""Renamed marts that answer to their former name for a release."""

from __future__ import annotations

from typing import Final

#: Former name → name. A view in SQL cannot warn, so the reader of a name that somebody
#: wrote reports it.
RETIRED_MARTS: Final = {
    "cost.mart_cost_landings": "cost.mart_cost_outturns",
    "roi.mart_platform_pivots": "roi.mart_platform_migrations",
    "roi.mart_platform_pivot_costs": "roi.mart_platform_migration_costs",
}


def warnings_about(text: str) -> list[str]:
    """Return a warning for each former name of a mart that a text uses."""
    return [
        f"{former} is called {name} now. The former name leaves with the next release."
        for former, name in RETIRED_MARTS.items()
        if former.partition(".")[2] in text
    ]
