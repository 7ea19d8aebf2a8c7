"""Sample ``assumptions.yml``: values of outcomes. All made up.

Roles own and approve; a single value is a proposal that nobody approved, and counts
nowhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sample_company.timeline import Timeline

_CONTROLLING: Final = "Head of controlling"
_CFO: Final = "Chief financial officer"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An entry of the register; empty fields are left out of the file."""

    id: str
    kind: str
    applies_to: str
    value: float
    unit: str
    owner: str
    source: str
    low: float | None = None
    high: float | None = None
    better: str = ""
    cash: str = ""
    takes_margin: str = ""
    months: int | None = None
    approved_by: str = ""

    def lines(self, valid_from: str) -> Iterator[str]:
        """Yield the entry as YAML."""
        fields = {
            name: value
            for name in self.__dataclass_fields__
            if (value := getattr(self, name)) not in (None, "")
        }
        for number, (name, value) in enumerate(fields.items()):
            text = json.dumps(value) if name == "source" else value
            yield f"{'  - ' if number == 0 else '    '}{name}: {text}"
        yield f"    valid_from: {valid_from}"


ASSUMPTIONS: Final = (
    Assumption(
        "revenue-of-depots",
        "conversion",
        "{feature: eta-prediction, metric: revenue_per_depot_day}",
        1.0,
        "EUR/EUR",
        owner="Head of network planning",
        source="Revenue as it is invoiced",
        better="more",
        cash="true",
        takes_margin="true",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "contribution-margin",
        "margin",
        "all",
        0.11,
        "ratio",
        owner=_CONTROLLING,
        source="Contribution by lane, last full year",
        low=0.09,
        high=0.13,
        approved_by=_CFO,
    ),
    Assumption(
        "breakdown-cost",
        "conversion",
        "{feature: predictive-maintenance, metric: breakdown_cost_per_region_day}",
        1.0,
        "EUR/EUR",
        owner="Head of fleet operations",
        source="Invoices of workshops and towing",
        better="less",
        cash="true",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "handling-minute",
        "conversion",
        "{feature: support-assistant, metric: handling_minutes_per_case}",
        5.60,
        "EUR/minute per case, customer and month",
        owner="Head of customer care",
        source="Nine cases per customer and month, at the loaded rate of a minute",
        low=4.80,
        high=6.50,
        better="less",
        cash="false",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "handling-minute-with-less-churn",
        "conversion",
        "{feature: support-assistant, metric: handling_minutes_per_case}",
        12.50,
        "EUR/minute per case, customer and month",
        owner="Customer care AI",
        source="A proposal: shorter calls might keep customers",
        low=5.00,
        high=20.00,
        better="less",
        cash="true",
    ),
    Assumption(
        "margin-of-a-parcel",
        "conversion",
        "{feature: route-optimiser, metric: parcels_per_day}",
        0.85,
        "EUR/parcel",
        owner="Head of network planning",
        source="Contribution of one parcel more on a planned tour",
        low=0.70,
        high=1.00,
        better="more",
        cash="true",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "penalty-of-a-late-depot-day",
        "conversion",
        "{feature: driver-safety, metric: on_time_rate}",
        1_500.0,
        "EUR/depot-day on time",
        owner="Head of fleet operations",
        source="Penalties and credits if nothing of a depot's day were on time",
        low=1_200.0,
        high=1_900.0,
        better="more",
        cash="true",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "typing-minute",
        "conversion",
        "{feature: invoice-reading, metric: incoming-invoices}",
        0.55,
        "EUR/minute",
        owner="Head of accounting",
        source="Contract of the typing service, per minute",
        low=0.50,
        high=0.60,
        better="less",
        cash="true",
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "cameras-in-cabs",
        "integration",
        "{feature: driver-safety}",
        36_000.0,
        "EUR",
        owner="Head of fleet operations",
        source="Purchase and fitting of cameras",
        months=36,
        approved_by=_CONTROLLING,
    ),
    Assumption(
        "cost-of-capital",
        "discount_rate",
        "all",
        0.08,
        "ratio/year",
        owner="Treasury",
        source="Weighted cost of capital",
        low=0.065,
        high=0.095,
        approved_by=_CFO,
    ),
    Assumption(
        "hurdle",
        "hurdle_rate",
        "all",
        0.15,
        "ratio",
        owner="Treasury",
        source="Policy for investments",
        approved_by=_CFO,
    ),
)


def assumptions_text(timeline: Timeline) -> str:
    """Return ``assumptions.yml``; everything holds from the first day on."""
    lines = ["# What outcomes are worth. Everything in this workspace is made up."]
    lines.append("assumptions:")
    for assumption in ASSUMPTIONS:
        lines += assumption.lines(timeline.first_day.isoformat())
    return "\n".join(lines) + "\n"
