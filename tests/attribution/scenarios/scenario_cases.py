"""Runs whose scenarios can be worked out on paper: no spread, a euro a minute.

Care saves 1,000 minutes a month at EUR 1 each, and costs EUR 600: 400 of its own and
200 of a pool. The pool has EUR 100 more that nobody held, and works half of its hours.
Everything is certain, and nothing is discounted, unless a test says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.scenarios.base_run import BaseRun, CostLine, MonthOfBills
from attribution.scenarios.results import result_of
from attribution.scenarios.scenario_file import Scenario
from tests.attribution.roi.roi_cases import assumed, claim, inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.roi.claims import Claim
    from attribution.roi.register import Assumed

Row = dict[str, Any]
OWN = CostLine("care", "assistant", "cloud", None, "direct", 400.0)
SHARED = CostLine("care", "assistant", "cloud", "gpus", "shared", 200.0)
IDLE = CostLine(None, None, "cloud", "gpus", "idle", 100.0)
#: A bill that doubles when usage does, over 12 months.
BILLS = tuple(
    MonthOfBills(f"2025-{month:02d}", 100.0 + 10 * month, 10.0 + month)
    for month in range(1, 13)
)
MINUTE = assumed("conversion", 1.0, id="minute", better="more", metric="minutes")
NO_INTEREST = assumed("discount_rate", 0.0, id="interest", unit="ratio/year")


def run_of(
    claims: Sequence[Claim] | None = None,
    *,
    lines: Sequence[CostLine] = (OWN, SHARED, IDLE),
    register: Sequence[Assumed] = (MINUTE, NO_INTEREST),
    hours: float = 0.0,
    bills: tuple[MonthOfBills, ...] = BILLS,
    is_measured_to_the_end: bool = True,
    **given: Any,
) -> BaseRun:
    """Return a run as it is read from what is published.

    Effects are measured up to the end of a year's horizon, so that none fades, unless a
    test says otherwise.
    """
    said = [claim(effects=(1000.0, 1000.0))] if claims is None else claims
    if is_measured_to_the_end:
        said = [_measured_to_the_end(one) for one in said]
    features = {line.feature_id for line in lines if line.feature_id}
    months = ("2025-10", "2025-11", "2025-12")
    told: Row = {
        "run_id": "run-1",
        "currency": "EUR",
        "is_synthetic": False,
        "months": months,
        "lines": tuple(lines),
        "inputs": inputs(
            said,
            register,
            {name: dict.fromkeys(months, 1.0) for name in features},
            hours={name: dict.fromkeys(months, hours) for name in features},
        ),
        "unconverted": frozenset(),
        "utilisations": {"gpus": 0.5, "unmeasured": None},
        "tokens": {"assistant": 50_000_000.0},
        "bills": bills,
        "version": "v1",
    } | given
    return BaseRun(**told)


def _measured_to_the_end(one: Claim) -> Claim:
    """Return a claim of the last months of the horizon of a year: nothing fades."""
    return replace(one, months=("2026-11", "2026-12")[: len(one.months)])


def scenario(*changes: Row, **given: Any) -> Scenario:
    """Return a scenario of a year."""
    told = {"name": "what if", "horizon_months": 12, "changes": list(changes)} | given
    return Scenario.model_validate(told)


def result(*changes: Row, base: BaseRun | None = None, **given: Any) -> Row:
    """Return what a scenario comes to on a run."""
    return result_of(scenario(*changes, **given), base or run_of())


def monthly(found: Row, measure: str) -> list[float]:
    """Return the means of a measure by month."""
    return [row["value"] for row in found["months"] if row["measure"] == measure]


def driver(found: Row, name: str) -> Row:
    """Return the row of the tornado of an assumption."""
    [row] = [row for row in found["tornado"] if row["driver"] == name]
    return dict(row)
