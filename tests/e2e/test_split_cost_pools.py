"""A cluster on AWS, from a CUR 2.0 export with split cost rows to models.

Everything is worked out by hand, as the command line is used. The GPU node i-gpu has 8
GPUs for 24.00 an hour, 3.00 each. At 12:00 chat reserves 4 of them and rank 2; at 13:00
chat reserves 4 and a pod of nobody 3. DCGM saw chat use 3 at 12:00. i-spare of the same
pool costs 16.00 at 14:00, when no pod ran, so the day's readings divide it: of 16
GPU-hours chat held 8, rank 2, nobody 3, and 3 were free.

i-cpu has 16 cores and 64 GiB, which weigh 16 + 0.134 x 64 = 24.576, for 24.576. search
reserves 4 cores and 8 GiB and uses 1 and 8: it weighs 5.072, of which 3 are idle. gate
reserves nothing and uses 2 cores and 4 GiB: 2.536. i-gone is in no bill.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder
from tests.ingest.layouts.aws_split_rows import (
    HOUR,
    Pod,
    cur2_split_table,
    instance,
    split_lines,
)
from tests.ingest.servers.opencost_cluster import answer, idle, workload

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 6, 28, 12, tzinfo=UTC)
TRIPTYCH_YML = """\
organisation: Example GmbH
currency: USD
sources:
  - name: aws
    type: aws_data_exports
    path: copy
    prefix: exports
    export: cur
    split_usage:
      - {match: {namespace: {prefix: "model-"}}, model: "${namespace}"}
      - {match: {"tag:user_app": "*"}, model: "${tag:user_app}"}
      - {match: {node: i-cpu}, pool: services}
      - {match: {cluster: prod}, pool: training}
  - {name: dcgm, type: tables, stream: accelerator_usage, path: dcgm.csv}
"""
OPENCOST = """\
  - name: clusters
    type: opencost
    path: answers
    mapping:
      - {match: {namespace: {prefix: "model-"}}, model: "${namespace}"}
      - {match: {node: cpu}, pool: services}
      - {match: {cluster: prod}, pool: training}
"""
ALLOCATION_YML = """\
assignments:
  - {name: training, match: {tags: {user_pool: training}}, pool: training}
  - {name: services, match: {tags: {user_pool: services}}, pool: services}
pools:
  - {name: training, driver: gpu_hours, interval: hour}
  - {name: services, driver: cpu_memory_hours}
"""
DCGM = """\
period_start,pool_id,model_id,node_id,used_gpu_hours
2026-06-28T12:00:00Z,training,chat,i-gpu,3
"""
TRAINING, SERVICES = {"user_pool": "training"}, {"user_pool": "services"}


def bill() -> list[dict[str, Any]]:
    at_one = NOON + HOUR
    gpus, node = {"gpu": 8.0}, {"cpu": 16.0, "memory": 64.0}
    search = Pod(
        namespace="search",
        node="i-cpu",
        hour=NOON,
        reserved={"cpu": 4, "memory": 8},
        used={"cpu": 1, "memory": 8},
        tags={"user_app": "search"},
    )
    gate = Pod(
        namespace="model-gate",
        node="i-cpu",
        hour=NOON,
        reserved={"cpu": 0, "memory": 0},
        used={"cpu": 2, "memory": 4},
    )
    noon = [Pod("model-chat", "i-gpu", NOON, {"gpu": 4})]
    noon.append(Pod("model-rank", "i-gpu", NOON, {"gpu": 2}))
    one = [Pod("model-chat", "i-gpu", at_one, {"gpu": 4})]
    one.append(Pod("batch", "i-gpu", at_one, {"gpu": 3}))
    gone = [Pod("model-rank", "i-gone", NOON, {"gpu": 8})]
    return [
        instance("i-gpu", NOON, 24, TRAINING),
        instance("i-gpu", at_one, 24, TRAINING),
        instance("i-spare", at_one + HOUR, 16, TRAINING),
        instance("i-cpu", NOON, 24.576, SERVICES),
        *split_lines(noon, capacities=gpus, price=2.5),
        *split_lines(one, capacities=gpus, price=2.5),
        *split_lines(gone, capacities=gpus, price=2.5),
        *split_lines([search, gate], capacities=node, price=0.1),
    ]


def opencost_answers() -> list[Any]:
    """Return the same GPU node as OpenCost sees it, by its name in the cluster."""
    held = [(NOON, "model-chat", 4), (NOON, "model-rank", 2)]
    held += [(NOON + HOUR, "model-chat", 4), (NOON + HOUR, "batch", 3)]
    gpus: dict[str, Any] = {"cluster": "prod", "node": "gpu"}
    cpus: dict[str, Any] = {"cluster": "prod", "node": "cpu"}
    return [
        *(
            workload(hour, f"{name}-0", namespace=name, gpus=count, **gpus)
            for hour, name, count in held
        ),
        idle(NOON, gpus=2, **gpus),
        idle(NOON + HOUR, gpus=1, **gpus),
        workload(
            *(NOON, "gate-0"),
            namespace="model-gate",
            cores=(0, 2),
            gibibytes=(0, 4),
            **cpus,
        ),
    ]


def run_in(root: Path, *, with_opencost: bool) -> ChosenMarts:
    """Deliver, and return the marts that are made of it."""
    (root / "triptych.yml").write_text(
        TRIPTYCH_YML + (OPENCOST if with_opencost else ""), "utf-8"
    )
    (root / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    (root / "dcgm.csv").write_text(DCGM, "utf-8")
    layout = ExportLayout(Folder(root / "copy"), export="cur")
    layout.overwrite("2026-06", [cur2_split_table(bill())])
    if with_opencost:
        (root / "answers").mkdir()
        body = json.dumps(answer([[each] for each in opencost_answers()]))
        (root / "answers" / "28.json").write_text(body, "utf-8")
    return ingest_and_build(
        root,
        *("cost.fct_daily_model_costs", "cost.fct_daily_pool_costs"),
        *("cost.mart_meter_gaps", "cost.mart_metered_nodes"),
        "cost.mart_model_unit_costs",
    )


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    return run_in(tmp_path_factory.mktemp("split"), with_opencost=False)


@pytest.fixture(scope="module")
def metered_twice(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    return run_in(tmp_path_factory.mktemp("twice"), with_opencost=True)


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


GPU_PARTS = {
    ("shared", "chat"): Decimal(12 + 12 + 8),
    ("shared", "rank"): Decimal(6 + 2),
    ("idle", None): Decimal(6 + 3 + 3),
    ("unallocated", None): Decimal(9 + 3),
}
CPU_PARTS = {
    ("shared", "search"): Decimal("5.072"),
    ("shared", "gate"): Decimal("2.536"),
    ("idle", None): Decimal("24.576") - Decimal("5.072") - Decimal("2.536"),
}


def test_a_gpu_cluster_is_divided_by_what_its_pods_reserved(
    snapshot: ChosenMarts,
) -> None:
    assert parts(snapshot, "training") == GPU_PARTS


def test_cores_and_memory_are_divided_by_what_was_reserved_or_used(
    snapshot: ChosenMarts,
) -> None:
    assert parts(snapshot, "services") == CPU_PARTS


def test_requested_idle_and_infrastructure_idle_are_shown_apart(
    snapshot: ChosenMarts,
) -> None:
    """Chat left 1 of 4 GPUs unused: 3.00, and 1/16 of 16.00 of i-spare."""
    found = rows(
        snapshot,
        "select pool_id, requested_idle_billed_cost, infrastructure_idle_billed_cost"
        " from cost.fct_daily_pool_costs order by pool_id",
    )
    assert found == [
        ("services", Decimal(3), CPU_PARTS["idle", None]),
        ("training", Decimal(3 + 1), Decimal(12)),
    ]


def test_split_rows_are_no_money(snapshot: ChosenMarts) -> None:
    found = rows(
        snapshot,
        "select sum(billed_cost), sum(effective_cost) from cost.fct_daily_model_costs",
    )
    assert found == [(Decimal("88.576"), Decimal("88.576"))]


def test_a_pod_that_no_rule_maps_is_a_gap_with_its_reason(
    snapshot: ChosenMarts,
) -> None:
    found = rows(
        snapshot,
        "select pool_id, reason, sum(billed_cost) from cost.mart_meter_gaps"
        " group by all",
    )
    assert found == [("training", "unmapped_workload", Decimal(12))]


NODES = (
    "select node_id, status, meters, metered_pool_id, billed_pool_ids, billed_cost,"
    " capacity_gpu_hours, requested_gpu_hours, metered_period_count"
    " from cost.mart_metered_nodes order by node_id"
)
BILLED_NODES = [
    ("i-cpu", "matched", "aws", "services", "services", Decimal("24.576"), *(None,) * 2)
]


def test_each_node_says_whether_a_bill_and_a_meter_know_it(
    snapshot: ChosenMarts,
) -> None:
    found = [
        (*row[:6], row[6] and round(row[6], 6), *row[7:])
        for row in rows(snapshot, NODES)
    ]
    assert found == [
        (*BILLED_NODES[0], 1),
        ("i-gone", "not_billed", "aws", "parent-not-found", None, None, 8, 8, 1),
        ("i-gpu", "matched", "aws", "training", "training", Decimal(48), 16, 13, 2),
        ("i-spare", "not_metered", None, None, "training", Decimal(16), *(None,) * 3),
    ]


def test_gpu_hours_are_what_a_model_used_or_else_requested(
    snapshot: ChosenMarts,
) -> None:
    """3 used at 12:00 of 4, and 4 requested at 13:00, whose use nobody read."""
    found = rows(
        snapshot,
        "select gpu_hours from cost.mart_model_unit_costs where model_id = 'chat'",
    )
    assert found == [(Decimal(7),)]


def test_a_cluster_that_opencost_meters_too_is_divided_once(
    metered_twice: ChosenMarts,
) -> None:
    """OpenCost calls i-gpu gpu; it, AWS and DCGM look at the same eight GPUs."""
    assert parts(metered_twice, "training") == GPU_PARTS
    assert parts(metered_twice, "services") == CPU_PARTS
    found = rows(
        metered_twice,
        "select node_name, meters, capacity_gpu_hours from cost.mart_metered_nodes"
        " where node_id = 'i-gpu'",
    )
    assert found == [("gpu", "aws, clusters", Decimal(16))]
    hours = rows(
        metered_twice,
        "select model_id, gpu_hours from cost.mart_model_unit_costs"
        " where model_id = 'chat'",
    )
    assert hours == [("chat", Decimal(7))]
