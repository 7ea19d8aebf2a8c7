"""Figures that still differ from the truth, by company and surface."""

from __future__ import annotations

from typing import Final

OPEN: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("api", "marts"): frozenset(
        [
            "2026-09.cost_per_thousand_requests.contract-reader",
            "2026-10.cost_per_thousand_requests.contract-reader",
        ]
    ),
    ("api", "assistant"): frozenset(
        [
            "2026-09.cost_per_thousand_requests.contract-reader",
            "2026-10.cost_per_thousand_requests.contract-reader",
        ]
    ),
    ("api", "pages"): frozenset(
        [
            "summary: 2026-10.cost_per_thousand_requests.all",
        ]
    ),
}
