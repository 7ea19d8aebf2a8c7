"""A pool is divided at the prices of its own lines: by kind of token, by type of GPU.

One key of OpenAI pays for two models on 1 March: 7.0 million of input at 1.25 for a
million, 95 million of cached input at 0.125 and 6.5 million of output at 10, which is
8.75 + 11.875 + 65 = 85.625. search-rag sent 100 million tokens, 95 of them cached, and
got 0.5 million: 5 x 1.25 + 95 x 0.125 + 0.5 x 10 = 23.125. report-writer sent 2 million
and got 6: 2 x 1.25 + 6 x 10 = 62.50.

One cluster has a node of 8 H100 for 2,359.68 a day, and of T4 for 104.448. On 1 March
chat holds 144 of the 192 hours of H100, in slices, and rank 96 hours of T4.
Nobody knows how many T4 there are, so that their idle time is unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceProviderName,ServiceName,SubAccountId,"
    "SkuMeter\n"
)
#: Amount, day of March, pool and what the line is the price of.
LINES = (
    ("8.75", 1, "key", "gpt-4.1, input"),
    ("11.875", 1, "key", "gpt-4.1, cached input"),
    ("65", 1, "key", "gpt-4.1, output"),
    ("0.60", 1, "key", "web search"),
    ("4.00", 2, "key", "gpt-4.1-mini, input"),
    ("2359.68", 1, "gpu", "BoxUsage:p5.48xlarge"),
    ("104.448", 1, "gpu", "BoxUsage:g4dn.metal"),
)
USAGE = """\
day,model_id,pool_id,provider_model,input_tokens,cached_input_tokens,output_tokens
2026-03-01,search-rag,key,gpt-4.1,100000000,95000000,500000
2026-03-01,report-writer,key,gpt-4.1,2000000,0,6000000
2026-03-02,search-rag,key,gpt-4.1,5,0,0
"""
GPUS = """\
day,pool_id,model_id,node_id,gpu_type,capacity_gpu_hours,requested_gpu_hours,used_gpu_hours
2026-03-01,gpu,,h1,NVIDIA H100 80GB HBM3,192,,
2026-03-01,gpu,chat,h1,NVIDIA H100 80GB HBM3 MIG 3g.40gb,,144,100
2026-03-01,gpu,rank,t1,Tesla T4,,96,96
"""
TRIPTYCH_YML = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: bills, type: focus_files, path: bills}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
  - {name: gpus, type: tables, stream: accelerator_usage, path: gpus.csv}
"""
ALLOCATION_YML = """\
assignments:
  - {name: key, match: {sub_account_id: key}, pool: key}
  - {name: gpu, match: {sub_account_id: gpu}, pool: gpu}
pools:
  - {name: key, driver: tokens}
  - {name: gpu, driver: gpu_hours}
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("split_by_kind")
    deliver(root)
    return ingest_and_build(
        root,
        *("cost.fct_daily_model_costs", "cost.fct_daily_pool_costs"),
        "cost.mart_meter_gaps",
    )


def deliver(root: Path) -> None:
    (root / "bills").mkdir()
    for name, text in {
        "bills/march.csv": HEADER + "".join(bill_line(*line) for line in LINES),
        "usage.csv": USAGE,
        "gpus.csv": GPUS,
        "triptych.yml": TRIPTYCH_YML,
        "allocation.yml": ALLOCATION_YML,
    }.items():
        (root / name).write_text(text, encoding="utf-8")


def bill_line(amount: str, day: int, pool: str, meter: str) -> str:
    dates = f"2026-03-01,2026-03-{day:02},2026-03-{day + 1:02}"
    rest = f'Usage,Vendor,Services,{pool},"{meter}"'
    return f"{amount},{amount},USD,{dates},{rest}\n"


def rows(snapshot: ChosenMarts, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in snapshot.query(sql).to_pylist()]


def parts(snapshot: ChosenMarts, pool: str) -> dict[tuple[str, str | None], Decimal]:
    """Return what a pool gave on 1 March, by component and model."""
    found = rows(
        snapshot,
        "select component, model_id, sum(billed_cost) from cost.fct_daily_model_costs"
        f" where pool_id = '{pool}' and charge_date = '2026-03-01' group by all",
    )
    return {(component, model): amount for component, model, amount in found}


def test_a_key_is_divided_by_what_each_models_tokens_cost(
    snapshot: ChosenMarts,
) -> None:
    found = parts(snapshot, "key")
    assert found["shared", "search-rag"] == Decimal("23.125")
    assert found["shared", "report-writer"] == Decimal("62.50")
    assert sum(found.values()) == Decimal("85.625") + Decimal("0.60")


def test_a_line_of_which_nobody_metered_the_kind_is_a_gap(
    snapshot: ChosenMarts,
) -> None:
    """Nobody counted searches, nor anything of another of the vendor's models."""
    found = rows(
        snapshot,
        "select pool_id, reason, sum(billed_cost) from cost.mart_meter_gaps"
        " group by all",
    )
    assert found == [("key", "no_reading_of_kind", Decimal("4.60"))]


def test_each_accelerator_is_divided_among_its_own_users(snapshot: ChosenMarts) -> None:
    """Chat holds 144 of 192 hours of H100, 1,769.76; rank all that is read of T4."""
    assert parts(snapshot, "gpu") == {
        ("shared", "chat"): Decimal("1769.76"),
        ("idle", None): Decimal("589.92"),
        ("shared", "rank"): Decimal("104.448"),
    }


def test_idle_of_an_unknown_capacity_is_unknown(snapshot: ChosenMarts) -> None:
    found = rows(
        snapshot,
        "select infrastructure_idle_billed_cost, capacity_unknown_billed_cost,"
        " idle_state from cost.fct_daily_pool_costs where pool_id = 'gpu'",
    )
    assert found == [(Decimal("589.92"), Decimal("104.448"), "at_least")]
