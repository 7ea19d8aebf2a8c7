"""Two types of GPU in one pool, metered by a connector: each pays for its own users.

By hand: in one hour Prometheus saw an H100 held by chat for 45 minutes and free for 15,
and a T4 held by rank for all of it. The H100's node costs 80.00 and the T4's 6.00: chat
pays 60.00, rank 6.00, and 20.00 are idle. With all GPU hours alike chat would pay 36.86
(45 of 105 minutes of 86.00).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.chosen_marts import ingest_and_build
from tests.ingest.servers.opencost_cluster import answer, whole_gpu, workload

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: vendor, type: focus_files, path: bill.csv}
"""
OPENCOST = """\
  - name: clusters
    type: opencost
    path: answers
    mapping:
      - {match: {labels.model: "*"}, model: "${labels.model}"}
"""
PROMETHEUS = """\
  - name: metrics
    type: prometheus
    path: samples.om
    accelerators: {pool: gpu, window_seconds: 60}
    mapping:
      - {match: {pod: {prefix: chat-}}, model: chat}
      - {match: {pod: {prefix: rank-}}, model: rank}
"""
ALLOCATION_YML = """\
assignments:
  - {name: nodes, match: {service_name: Compute}, pool: gpu}
pools:
  - {name: gpu, driver: gpu_hours}
"""
BILL = """\
BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,\
ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,ResourceId,SkuMeter
80,80,USD,2026-06-01,2026-06-28,2026-06-29,Usage,Compute,Vendor,i-h,BoxUsage:p5.48xlarge
6,6,USD,2026-06-01,2026-06-28,2026-06-29,Usage,Compute,Vendor,i-t,BoxUsage:g4dn.xlarge
"""
NOON = int(datetime(2026, 6, 28, 12, tzinfo=UTC).timestamp())


def samples() -> str:
    """Return OpenMetrics text, as Prometheus dumps it."""
    h100 = 'UUID="GPU-h",modelName="NVIDIA H100 80GB HBM3",hostname="i-h"'
    t4 = 'UUID="GPU-t",modelName="Tesla T4",hostname="i-t"'
    lines = []
    for minute in range(60):
        moment = NOON + minute * 60 + 30
        chat = ',namespace="ml",pod="chat-1"' if minute < 45 else ""
        rank = ',namespace="ml",pod="rank-1"'
        for labels, value in ((h100 + chat, int(minute < 45)), (t4 + rank, 1)):
            name = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
            lines.append(f"{name}{{{labels}}} {value} {moment}")
    return "\n".join([*lines, "# EOF", ""])


def allocations() -> str:
    """Return an answer of OpenCost: chat holds four H100 and rank a T4, for an hour."""
    start = datetime(2026, 6, 28, 12, tzinfo=UTC)
    entries = []
    for name, node, gpus, product in (
        ("chat", "i-h", 4, "NVIDIA H100 80GB HBM3"),
        ("rank", "i-t", 1, "Tesla T4"),
    ):
        device = {**whole_gpu(1.0), "gpuModel": product}
        labels = {"model": name}
        entries.append(
            workload(
                start, f"{name}-0", node=node, labels=labels, gpus=gpus, gpu=device
            )
        )
    return json.dumps(answer([entries]))


def given(root: Path, *, source: str) -> dict[tuple[str, str | None], Decimal]:
    """Return what the pool gave on the day, by component and model."""
    (root / "triptych.yml").write_text(f"{HEAD}{source}", "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    (root / "bill.csv").write_text(BILL, "utf-8")
    rows = ingest_and_build(root, "cost.fct_daily_model_costs").query(
        "SELECT component, model_id, sum(billed_cost) AS cost"
        " FROM cost.fct_daily_model_costs WHERE pool_id = 'gpu' GROUP BY ALL"
    )
    return {
        (row["component"], row["model_id"]): row["cost"] for row in rows.to_pylist()
    }


def test_prometheus_tells_types_of_a_pool_apart(tmp_path: Path) -> None:
    (tmp_path / "samples.om").write_text(samples(), "utf-8")
    assert given(tmp_path, source=PROMETHEUS) == {
        ("shared", "chat"): Decimal(60),
        ("shared", "rank"): Decimal(6),
        ("idle", None): Decimal(20),
    }


def test_opencost_tells_types_of_a_pool_apart(tmp_path: Path) -> None:
    """By hours alike, chat would pay four fifths of 86.00."""
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "day.json").write_text(allocations(), "utf-8")
    found = given(tmp_path, source=OPENCOST)
    assert found["shared", "chat"] == Decimal(80)
    assert found["shared", "rank"] == Decimal(6)
    assert sum(found.values()) == 86
