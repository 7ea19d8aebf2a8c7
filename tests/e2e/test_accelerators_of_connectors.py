"""Two types of GPU in one pool, metered by a connector: each pays for its own users.

By hand: in one hour Prometheus saw an H100 held by chat for 45 minutes and free for 15,
and a T4 held by rank for all of it. The H100's node costs 80.00 and the T4's 6.00: chat
pays 60.00, rank 6.00, and 20.00 are idle. With all GPU hours alike chat would pay 36.86
(45 of 105 minutes of 86.00).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.pipeline import run
from triptych.progress import SilentProgress
from triptych.settings import load_settings
from triptych.warehouse.reader import PublishedReader
from triptych.workspace import Workspace

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


def test_a_line_of_each_type_is_divided_among_its_own_users(tmp_path: Path) -> None:
    for name, text in (
        ("triptych.yml", TRIPTYCH_YML),
        ("allocation.yml", ALLOCATION_YML),
        ("bill.csv", BILL),
        ("samples.om", samples()),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    run(Workspace(tmp_path), load_settings(tmp_path), progress=SilentProgress())
    rows = (
        PublishedReader(tmp_path)
        .snapshot()
        .query(
            "SELECT component, model_id, sum(billed_cost) AS cost"
            " FROM cost.fct_daily_model_costs WHERE pool_id = 'gpu' GROUP BY ALL"
        )
    )
    assert {
        (row["component"], row["model_id"]): row["cost"] for row in rows.to_pylist()
    } == {
        ("shared", "chat"): Decimal(60),
        ("shared", "rank"): Decimal(6),
        ("idle", None): Decimal(20),
    }
