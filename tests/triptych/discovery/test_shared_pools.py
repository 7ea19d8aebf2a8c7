"""Accelerators that nobody owns are proposed as a pool, and may go to another."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.cli.discover_command import merged
from triptych.core.settings import load_settings
from triptych.core.workspace import initialise
from triptych.discovery.discover import discover
from triptych.run.pipeline import bound_connectors

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,"
    "SubAccountId,ChargeDescription,Tags\n"
)


def node(account: str, cost: str, tags: str = "") -> str:
    return (
        f"{cost},{cost},EUR,2026-05-01,2026-06-01,2026-05-02,2026-05-03,Usage,"
        f"AmazonEC2,AWS,{account},p5.48xlarge instance hour,{tags}\n"
    )


def test_accelerators_that_nobody_owns_are_proposed_as_a_pool_of_their_account(
    tmp_path: Path,
) -> None:
    """90 of 100 in one account; 9.50 has a model, and 0.50 is less than a hundredth."""
    workspace = initialise(tmp_path / "w")
    tagged = '"{""model"": ""eta""}"'
    rows = (node("111", "90"), node("222", "9.50", tagged), node("333", "0.50"))
    (workspace.root / "bills" / "may.csv").write_text(HEADER + "".join(rows))
    settings = load_settings(workspace.root)
    found = discover(bound_connectors(workspace, settings), settings)

    pool, rule = (each for each in found.proposals if each.group == "pools")

    assert pool.entry == {"name": "gpu-111", "driver": "gpu_hours"}
    assert (rule.entry["pool"], rule.entry["match"]["sub_account_id"]) == (
        *("gpu-111", "111"),
    )
    assert (pool.evidence.cost, pool.evidence.line_count) == (Decimal(90), 1)
    assert round(pool.evidence.share_of_ai, 3) == 0.9
    assert merged(rule, "training").entry == {**rule.entry, "pool": "training"}
