"""Two figures of the sample company, worked out from its raw files by other code.

Six months are those of the company that other tests share; eighteen take a build.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ingest_and_build
from tests.e2e.cases.raw_files import ai_cost, aws_rows, slice_hours
from triptych.core.warehouse.reader import PublishedReader
from triptych.sample_company import write_sample_company

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chosen_marts import ChosenMarts
    from triptych.core.warehouse.reader import Snapshot

_MOVE = "roi.mart_platform_migration_months"
_HOURS = "delivery.mart_accelerator_efficiency"
_IDLE = "delivery.mart_accelerator_idle_costs"
_LAST = "2026-10"


@dataclass(frozen=True)
class Company:
    """Raw files, what was made of them, and the months that its move is judged by."""

    root: Path
    marts: Snapshot | ChosenMarts
    before: tuple[str, ...]
    since: tuple[str, ...]
    change_ratio: float

    def rows(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        """Return rows of the marts."""
        return self.marts.query(sql, list(parameters)).to_pylist()


@pytest.fixture(
    scope="module", params=[6, pytest.param(18, marks=pytest.mark.full)], ids=str
)
def company(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Company:
    """Return the company of six months, or of eighteen."""
    if request.param == 6:
        root = request.getfixturevalue("sample_company")
        before, since = ("2026-05", "2026-06"), ("2026-08", "2026-09")
        return Company(root, PublishedReader(root).snapshot(), before, since, -0.3780)
    root = tmp_path_factory.mktemp("eighteen") / "nordhafen"
    write_sample_company(root, months=18, scale=0.02)
    marts = ingest_and_build(root, _MOVE, _HOURS, _IDLE, is_all_loaded=False)
    before = tuple(f"2025-{month:02}" for month in range(5, 11))
    since = tuple(f"2026-{month:02}" for month in range(2, 8))
    return Company(root, marts, before, since, -0.3849)


def test_the_change_of_a_migration_is_that_of_its_raw_bills(company: Company) -> None:
    """Six months since February 2026 cost 38.5 % less than six to October 2025."""
    usual, since = (
        sum((ai_cost(company.root, month) for month in months), Decimal(0))
        / len(months)
        for months in (company.before, company.since)
    )
    [row] = company.rows(
        f"SELECT * FROM {_MOVE} WHERE metric = 'spend_per_month' AND billing_month = ?",
        company.since[-1],
    )
    compared = tuple(
        (row[f"{side}_first_month"], row[f"{side}_last_month"])
        for side in ("before", "since")
    )
    assert compared == tuple(
        (months[0], months[-1]) for months in (company.before, company.since)
    )
    change = float(since / usual - 1)
    assert change == pytest.approx(company.change_ratio, abs=5e-5)
    # Railway rounds an invoice to cents: 1e-7 of a month's cost.
    assert row["before_figure"] == pytest.approx(float(usual), rel=1e-7)
    assert row["since_figure"] == pytest.approx(float(since), rel=1e-7)
    assert row["since_change_ratio"] == pytest.approx(change, abs=1e-7)


def test_hours_of_slices_that_no_meter_measured_are_those_of_the_meter(
    company: Company,
) -> None:
    """744 + 434 hours of one seventh, 308 of two and 124 of three are 309.43 of a GPU.

    Route planner's 124 at three sevenths are 53.14 hours; their money is that of the
    node in each of these hours, unmeasured, and none of it is known as idle.
    """
    held = slice_hours(company.root, _LAST)
    of_models: dict[str, Decimal] = defaultdict(Decimal)
    for (model, _), hours in held.items():
        of_models[model] += hours
    assert sum(of_models.values()) == pytest.approx(Decimal(2166) / 7)
    assert of_models["route-planner"] == pytest.approx(Decimal(372) / 7)
    [hours] = company.rows(
        f"SELECT sum(unmeasured_gpu_hours) AS unmeasured FROM {_HOURS}"
        " WHERE billing_month = ? AND pool_id = 'gpu-slices'",
        _LAST,
    )
    assert hours["unmeasured"] == pytest.approx(Decimal(2166) / 7, abs=Decimal("1e-6"))


def test_money_of_slices_is_that_of_the_bill_and_not_idle(company: Company) -> None:
    """EUR 116.80 where each hour of the node has its line, and no idle of zero."""
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in aws_rows(company.root / "bills", _LAST):
        if dict(row["Tags"] or ()).get("cluster") == "gpu-slices":
            billed[f"{row['ChargePeriodStart']:%Y-%m-%dT%H:%M:%SZ}"] += row[
                "EffectiveCost"
            ]
    expected = sum(
        (
            hours * billed[hour]
            for (model, hour), hours in slice_hours(company.root, _LAST).items()
            if model == "route-planner"
        ),
        Decimal(0),
    )
    assert expected > 100
    [idle] = company.rows(
        "SELECT sum(unmeasured_effective_cost) AS unmeasured,"
        " sum(total_effective_cost) AS total, bool_or(is_idle_known) AS is_known"
        f" FROM {_IDLE} WHERE billing_month = ? AND model_id = 'route-planner'",
        _LAST,
    )
    assert idle["unmeasured"] == pytest.approx(expected, abs=Decimal("1e-4"))
    assert (idle["total"], idle["is_known"]) == (idle["unmeasured"], False)
