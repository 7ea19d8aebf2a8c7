"""A GPU node and a serving pool, from the bill and recorded samples to models.

Worked out by hand. The node costs 80 on a day of which one hour was metered: two GPUs.
One was held for 45 minutes, a third of them active, and not observed for 15; the other
was free. Serving costs 12, by 300 requests of a model and 600 of nobody that is known.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build

if TYPE_CHECKING:
    from pathlib import Path

TRIPTYCH_YML = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: vendor, type: focus_files, path: bill.csv}
  - name: metrics
    type: prometheus
    path: samples.om
    accelerators: {pool: gpu, window_seconds: 60}
    usage: {requests: requests_total, pool: serving}
    mapping:
      - {match: {pod: {prefix: fraud-}}, model: fraud}
      - {match: {app: eta}, model: eta}
"""
ALLOCATION_YML = """\
assignments:
  - {name: node, match: {resource_id: i-gpu}, pool: gpu}
  - {name: front, match: {resource_id: i-front}, pool: serving}
pools:
  - {name: gpu, driver: gpu_hours}
  - {name: serving, driver: requests}
"""
BILL = """\
BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,\
ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,ResourceId
80,80,USD,2026-06-01,2026-06-28,2026-06-29,Usage,Compute,Vendor,i-gpu
12,12,USD,2026-06-01,2026-06-28,2026-06-29,Usage,Compute,Vendor,i-front
"""
NOON = int(datetime(2026, 6, 28, 12, tzinfo=UTC).timestamp())
GPU = 'modelName="NVIDIA H100 80GB HBM3",hostname="i-gpu"'


def samples() -> str:
    """Return OpenMetrics text, as Prometheus dumps it."""
    lines = []
    for minute in range(60):
        moment = NOON + minute * 60 + 30
        free = f'{{UUID="GPU-b",{GPU}}}'
        lines.append(f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{free} 0 {moment}")
        if not 30 <= minute < 45:
            held = f'{{UUID="GPU-a",{GPU},namespace="ml",pod="fraud-1"}}'
            value = 1 if minute < 15 else 0
            lines.append(f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{held} {value} {moment}")
    for minute in range(61):
        moment = NOON + minute * 60
        lines.append(f'requests_total{{app="eta"}} {minute * 5} {moment}')
        lines.append(f'requests_total{{app="other"}} {minute * 10} {moment}')
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root: Path = tmp_path_factory.mktemp("prometheus")
    (root / "triptych.yml").write_text(TRIPTYCH_YML, "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    (root / "bill.csv").write_text(BILL, "utf-8")
    (root / "samples.om").write_text(samples(), "utf-8")
    return ingest_and_build(
        root,
        "cost.fct_daily_model_costs",
        "cost.fct_daily_pool_costs",
        "cost.mart_meter_gaps",
    )


def rows(snapshot: ChosenMarts, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in snapshot.query(sql).to_pylist()]


def parts(snapshot: ChosenMarts, pool: str) -> dict[tuple[str, str | None], Decimal]:
    """Return what a pool gave, by component and model."""
    found = rows(
        snapshot,
        "select component, model_id, sum(billed_cost) from cost.fct_daily_model_costs"
        f" where pool_id = '{pool}' group by all",
    )
    return {(component, model): amount for component, model, amount in found}


def test_a_gpu_that_nobody_observed_is_neither_idle_nor_the_models(
    snapshot: ChosenMarts,
) -> None:
    assert parts(snapshot, "gpu") == {
        ("shared", "fraud"): Decimal(30),
        ("unallocated", None): Decimal(10),
        ("idle", None): Decimal(40),
    }
    idle = rows(
        snapshot,
        "select requested_idle_billed_cost, infrastructure_idle_billed_cost"
        " from cost.fct_daily_pool_costs where pool_id = 'gpu'",
    )
    assert idle == [(Decimal(20), Decimal(40))]


def test_requests_that_no_rule_maps_raise_no_models_cost(snapshot: ChosenMarts) -> None:
    found = parts(snapshot, "serving")
    assert {key: round(amount, 6) for key, amount in found.items()} == {
        ("shared", "eta"): Decimal(4),
        ("unallocated", None): Decimal(8),
    }
    assert sum(found.values()) == 12


def test_the_reason_stands_beside_the_money(snapshot: ChosenMarts) -> None:
    found = rows(
        snapshot,
        "select pool_id, reason, round(billed_cost, 6) from cost.mart_meter_gaps"
        " order by pool_id",
    )
    assert found == [
        ("gpu", "unmapped_workload", Decimal(10)),
        ("serving", "unmapped_workload", Decimal(8)),
    ]
