"""Kubernetes clusters, from the bill of their nodes and OpenCost's readings to models.

Each cluster is a pool with a bill of its own and one difficulty: MIG slices, a second
meter, an hour without readings, zeros, refunds, a node without a GPU label, a workload
that outruns its request; and a commitment that nobody used all month. All amounts are
worked out by hand; whatever happens, money in is money out.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.servers.opencost_cluster import (
    HOUR,
    answer,
    idle,
    mig,
    whole_gpu,
    workload,
)

if TYPE_CHECKING:
    from pathlib import Path

#: What is asked here.
MARTS = (
    *("core.mart_quarantine_reasons", "delivery.mart_accelerator_efficiency"),
    *("cost.fct_daily_model_costs", "cost.fct_daily_pool_costs"),
    *("cost.mart_commitments", "cost.mart_meter_gaps", "cost.mart_metered_nodes"),
    "cost.mart_model_unit_costs",
)
DAY = datetime(2026, 6, 28, tzinfo=UTC)
NOON = DAY + 12 * HOUR
TRIPTYCH_YML = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: aws, type: focus_files, path: bill.csv}
  - name: clusters
    type: opencost
    path: answers
    mapping:
      - {match: {labels.model: "*"}, model: "${labels.model}"}
    gpus:
      - {match: {cluster: mig}, per_node: 1}
  - {name: dcgm, type: tables, stream: accelerator_usage, path: dcgm.csv}
  - name: basement
    type: opencost
    path: basement
    use_prices: true
    provider: Basement
"""
POOLS = {
    "mig": "gpu_hours",
    "shared": "gpu_hours",
    "unmapped": "gpu_hours",
    "negative": "gpu_hours",
    "refund": "gpu_hours",
    "asleep": "gpu_hours",
    "spread": "gpu_hours",
    "unlabelled": "gpu_hours",
    "unseen": "gpu_hours",
    "zero": "cpu_memory_hours",
    "outrun": "cpu_memory_hours",
}
#: Pools whose idle cost their users bear; nobody used this one.
IDLE = {"spread": "distribute"}
ALLOCATION_YML = "\n".join(
    [
        "assignments:",
        "  - {name: node, match: {resource_id: i-gpu-node}, pool: gpu}",
        '  - {name: models, match: {tags: {model: "*"}}, model: "${tags.model}"}',
        *(
            f"  - {{name: {p}, match: {{tags: {{pool: {p}}}}}, pool: {p}}}"
            for p in POOLS
        ),
        "pools:",
        "  - {name: gpu, driver: gpu_hours, interval: hour}",
        *(
            f"  - {{name: {pool}, driver: {driver}, idle: {IDLE.get(pool, 'show')}}}"
            for pool, driver in POOLS.items()
        ),
    ]
)
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,ResourceId,Tags,"
    "CommitmentDiscountId,CommitmentDiscountStatus"
)
BILL = {
    "mig": "72",
    "shared": "3",
    "unmapped": "8",
    "negative": "5",
    "refund": "-7",
    "asleep": "4",
    "spread": "2",
    "unlabelled": "12",
    "unseen": "9",
    "zero": "6",
    "outrun": "10",
}
#: A plan for June, paid at once; none of its 100 covered anything.
PLAN = "savings-plan-1"
UNUSED_PLAN = [
    f"{billed},{effective},USD,2026-06-01,2026-06-01,2026-07-01,{category},"
    f'Compute Savings Plan,AWS,,"{{}}",{PLAN},{status}'
    for billed, effective, category, status in (
        (100, 0, "Purchase", ""),
        (0, 100, "Usage", "Unused"),
    )
]
#: What each hour of the node of the GPU cluster costs; on the 29th nobody metered it.
HOURS_OF_NODE = {NOON: "24", NOON + HOUR: "24", NOON + timedelta(days=1): "11"}


def pod(cluster: str, model: str, start: datetime = NOON, **said: Any) -> Any:
    """Return an allocation of a cluster; ``model`` may be nobody's."""
    labels = {"model": model} if model else {}
    name = f"{model or 'unknown'}-0"
    return workload(
        start, name, cluster=cluster, node=f"{cluster}-node", labels=labels, **said
    )


def rest(cluster: str, start: datetime = NOON, **had: Any) -> Any:
    return idle(start, cluster=cluster, node=f"{cluster}-node", **had)


def slices(model: str, profile: str, hours: int) -> list[Any]:
    return [
        pod("mig", model, DAY + hour * HOUR, gpus=1, gpu=mig(profile))
        for hour in range(hours)
    ]


def entries() -> list[Any]:
    nothing: dict[str, Any] = {"cores": (0, 0), "gibibytes": (0, 0)}
    return [
        *slices("train", "4g.20gb", 2),
        *slices("infer", "1g.5gb", 6),
        *slices("serve", "2g.10gb", 2),
        *(rest("mig", DAY + hour * HOUR) for hour in range(24)),
        pod("gpu", "eta", gpus=4, gpu=whole_gpu(0.5)),
        pod("gpu", "vision", gpus=2, gpu=whole_gpu(1)),
        rest("gpu", gpus=2),
        pod("shared", "eta", gpus=1, gpu=whole_gpu(0.5, shared=True)),
        pod("shared", "vision", gpus=1, gpu=whole_gpu(0.25, shared=True)),
        pod("unmapped", "eta", gpus=1),
        pod("unmapped", "", gpus=3),
        {**pod("negative", "eta", gpus=1), "gpuHours": -1},
        pod("refund", "eta", gpus=3),
        pod("refund", "vision", gpus=1),
        pod("asleep", "eta", gpus=0),
        {**rest("asleep"), "gpuHours": 8},
        pod("spread", "eta", gpus=0),
        {**rest("spread"), "gpuHours": 8},
        {**pod("unlabelled", "eta", gpus=1), "gpuCost": 0},
        {**pod("unlabelled", "vision", gpus=3), "gpuCost": 0},
        rest("unlabelled", cores=4),
        pod("unseen", "eta"),
        pod("unseen", "vision"),
        rest("unseen", cores=4),
        pod("zero", "eta", **nothing),
        pod("zero", "", **nothing),
        pod("outrun", "eta", cores=(0, 2), gibibytes=(0, 0)),
        pod("outrun", "vision", cores=(1, 3), gibibytes=(0, 0)),
        rest("outrun"),
    ]


def bill_lines() -> list[str]:
    lines = [line(DAY, DAY + 24 * HOUR, cost, pool) for pool, cost in BILL.items()]
    lines += UNUSED_PLAN
    for start, cost in HOURS_OF_NODE.items():
        lines.append(line(start, start + HOUR, cost, "", "i-gpu-node"))
    return lines


def line(start: datetime, end: datetime, cost: str, pool: str, node: str = "") -> str:
    tags = json.dumps({"pool": pool} if pool else {}).replace('"', '""')
    times = f"2026-06-01,{start:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ}"
    return f'{cost},{cost},USD,{times},Usage,Amazon EC2,AWS,{node},"{tags}",,'


def write_json(path: Path, *steps: list[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(answer(steps)), "utf-8")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("kubernetes")
    (root / "triptych.yml").write_text(TRIPTYCH_YML, "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    (root / "bill.csv").write_text("\n".join([HEADER, *bill_lines(), ""]), "utf-8")
    (root / "dcgm.csv").write_text(
        "period_start,pool_id,model_id,node_id,used_gpu_hours\n"
        "2026-06-28T12:00:00Z,gpu,eta,gpu-node,3\n"
        "2026-06-28T12:00:00Z,gpu,vision,gpu-node,2\n",
        "utf-8",
    )
    write_json(root / "answers" / "28.json", *([each] for each in entries()))
    at_home = [
        pod("basement", "eta", cores=(2, 1), gibibytes=(0, 0)),
        rest("basement", cores=2),
    ]
    write_json(root / "basement" / "28.json", at_home)
    return ingest_and_build(root, *MARTS)


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


def test_a_mig_node_is_divided_by_slices_as_published(snapshot: ChosenMarts) -> None:
    """72 a day over 168 slice-hours, of which 8, 6 and 4 were held."""
    found = parts(snapshot, "mig")
    assert {key: round(amount, 2) for key, amount in found.items()} == {
        ("shared", "train"): Decimal("3.43"),
        ("shared", "infer"): Decimal("2.57"),
        ("shared", "serve"): Decimal("1.71"),
        ("idle", None): Decimal("64.29"),
    }
    assert sum(found.values()) == 72
    # Sevenths of an hour weigh in eight decimals.
    assert abs(found["shared", "train"] - Decimal("3.4285714286")) < Decimal("1e-7")


def test_a_gpu_node_shows_what_was_requested_and_idle_and_what_nobody_requested(
    snapshot: ChosenMarts,
) -> None:
    """24 an hour for 8 GPUs: eta 4 and vision 2 are 12 and 6, two idle GPUs 6.

    OpenCost saw eta use 2 and the second meter 3, so 1 of 4 was requested and idle: 3.
    The hour after has no reading, so the day's divide it alike.
    """
    assert parts(snapshot, "gpu") == {
        ("shared", "eta"): Decimal(24),
        ("shared", "vision"): Decimal(12),
        ("idle", None): Decimal(12),
        ("unallocated", None): Decimal(11),
    }
    idle_costs = rows(
        snapshot,
        "select requested_idle_billed_cost, infrastructure_idle_billed_cost"
        " from cost.fct_daily_pool_costs where pool_id = 'gpu'"
        " and charge_date = date '2026-06-28'",
    )
    assert idle_costs == [(Decimal(6), Decimal(12))]


def test_a_node_stands_beside_what_its_bill_charges_for_it(
    snapshot: ChosenMarts,
) -> None:
    """24 and 24 on the 28th and 11 on the 29th; the others have no id on the bill."""
    found = rows(
        snapshot,
        "select node_id, node_name, status, billed_cost, capacity_gpu_hours"
        " from cost.mart_metered_nodes where cluster = 'gpu'",
    )
    node = ("i-gpu-node", "gpu-node", "matched", Decimal(59), Decimal(8))
    assert found == [node]


def test_pods_that_take_turns_pay_by_their_activity(snapshot: ChosenMarts) -> None:
    """0.5 and 0.25 of one GPU: two thirds and one third of 3."""
    found = parts(snapshot, "shared")
    assert {key: round(amount, 6) for key, amount in found.items()} == {
        ("shared", "eta"): Decimal(2),
        ("shared", "vision"): Decimal(1),
    }
    assert sum(found.values()) == 3


def test_a_refund_is_divided_like_what_it_refunds(snapshot: ChosenMarts) -> None:
    assert parts(snapshot, "refund") == {
        ("shared", "eta"): Decimal("-5.25"),
        ("shared", "vision"): Decimal("-1.75"),
    }


def test_a_workload_that_outruns_its_request_pays_for_what_it_used(
    snapshot: ChosenMarts,
) -> None:
    """Requested 0 and 1, used 2 and 3 of cores: 2 and 3 parts of 10."""
    assert parts(snapshot, "outrun") == {
        ("shared", "eta"): Decimal(4),
        ("shared", "vision"): Decimal(6),
    }


def test_a_node_that_is_there_and_used_by_nobody_is_idle(snapshot: ChosenMarts) -> None:
    assert parts(snapshot, "asleep") == {("idle", None): Decimal(4)}


def test_idle_that_its_users_bear_stays_idle_where_nobody_used_anything(
    snapshot: ChosenMarts,
) -> None:
    """All weights are zero, so there is nobody to give the 2 to; they do not vanish."""
    assert parts(snapshot, "spread") == {("idle", None): Decimal(2)}


def test_a_node_without_a_gpu_label_is_divided_by_requests_and_its_idle_is_unknown(
    snapshot: ChosenMarts,
) -> None:
    """1 and 3 GPUs are requested of who knows how many: 3 and 9 of 12, and no idle."""
    assert parts(snapshot, "unlabelled") == {
        ("shared", "eta"): Decimal(3),
        ("shared", "vision"): Decimal(9),
    }
    hours = rows(
        snapshot,
        "select sum(allocated_gpu_hours), sum(capacity_gpu_hours),"
        " sum(infrastructure_idle_gpu_hours), sum(infrastructure_idle_billed_cost)"
        " from delivery.mart_accelerator_efficiency where pool_id = 'unlabelled'",
    )
    assert hours == [(Decimal(4), None, None, None)]


def test_a_commitment_that_nobody_used_all_month_is_unused_and_nobodys(
    snapshot: ChosenMarts,
) -> None:
    """100 paid and 100 unused: on either basis unused, once each, and of no model."""
    found = rows(
        snapshot,
        "select purchased_billed_cost, committed_effective_cost, used_effective_cost,"
        " unused_effective_cost, utilisation_ratio from cost.mart_commitments",
    )
    assert found == [(Decimal(100), Decimal(100), Decimal(0), Decimal(100), 0)]
    unused = rows(
        snapshot,
        "select model_id, sum(billed_cost), sum(effective_cost)"
        " from cost.fct_daily_model_costs where component = 'unused_commitment'"
        " group by model_id",
    )
    assert unused == [(None, Decimal(100), Decimal(100))]


def test_what_no_reading_divides_is_unallocated_with_its_reason(
    snapshot: ChosenMarts,
) -> None:
    """Three of four GPUs are nobody's; a negative reading is none at all.

    On the node without a label OpenCost sees no GPU, whatever the pods do with them.
    """
    found = rows(
        snapshot,
        "select pool_id, reason, billed_cost, interval_count from cost.mart_meter_gaps"
        " order by pool_id",
    )
    assert found == [
        ("gpu", "no_reading", Decimal(11), 1),
        ("negative", "no_reading", Decimal(5), 1),
        ("unmapped", "unmapped_workload", Decimal(6), 1),
        ("unseen", "all_readings_zero", Decimal(9), 1),
        ("zero", "all_readings_zero", Decimal(6), 1),
    ]
    assert parts(snapshot, "unmapped")["shared", "eta"] == Decimal(2)
    refused = rows(
        snapshot, "select source, reason, row_count from core.mart_quarantine_reasons"
    )
    assert refused == [("clusters", "negative_quantity", 1)]


def test_money_in_is_money_out(snapshot: ChosenMarts) -> None:
    amounts = ["100", *BILL.values(), *HOURS_OF_NODE.values()]
    billed = sum(map(Decimal, amounts), Decimal(0))
    found = rows(
        snapshot,
        "select sum(billed_cost), sum(effective_cost) from cost.fct_daily_model_costs"
        " where source = 'aws'",
    )
    assert found == [(billed, billed)]


def test_a_cluster_without_a_bill_is_estimated_and_never_billed(
    snapshot: ChosenMarts,
) -> None:
    """2 core-hours held and 2 idle at 0.031611: 0.06322 each as OpenCost rounds."""
    found = rows(
        snapshot,
        "select component, model_id, provider, is_estimated, billed_cost,"
        " effective_cost from cost.fct_daily_model_costs where source = 'basement'"
        " order by component",
    )
    assert found == [
        ("direct", "eta", "Basement", True, 0, Decimal("0.0632200000")),
        ("unallocated", None, "Basement", True, 0, Decimal("0.0632200000")),
    ]


def test_gpu_hours_of_a_model_are_what_it_held(snapshot: ChosenMarts) -> None:
    """Train held 8 slice-hours of 7 slices; the pool's cost is 3.4285714286."""
    found = rows(
        snapshot,
        "select gpu_hours, round(gpu_cost_per_gpu_hour, 6)"
        " from cost.mart_model_unit_costs where model_id = 'train'",
    )
    assert found == [(Decimal("1.1428571429"), pytest.approx(3.0))]
