"""Kubernetes clusters as OpenCost and Kubecost see them: readings, and their prices.

``opencost_allocation`` is a meter: the requests and use of each workload in an hour,
and the capacity of its node. Its costs are OpenCost's own and only ever a ratio; the
money of a node is in the bill of its seller. ``opencost_costs`` is for a cluster that
nobody bills: OpenCost's prices as charges, all of them estimates.

Source: OpenCost API, ``/allocation``; OpenCost specification 0.1.
"""

from __future__ import annotations

from ingest.streams.schema import (
    LATEST_END,
    MONEY,
    QUANTITY,
    TAGS,
    TEXT,
    TIMESTAMP,
    Column,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

#: Subject of a row. All except a workload are pools of OpenCost's, not owners.
KINDS = ("workload", "idle", "unmounted", "shared", "external")

#: Reasons that a connector can make no reading of a row; given in ``refusal``.
REFUSALS = (
    "unknown_gpu_model_with_mig",
    "unknown_mig_profile",
    "gpu_usage_is_no_ratio",
    "unreadable_quantity",
    "negative_quantity",
    "not_an_allocation",
)

_QUANTITIES = (
    "minutes",
    "cpu_core_hours",
    "requested_cpu_core_hours",
    "used_cpu_core_hours",
    "capacity_cpu_core_hours",
    "memory_gibibyte_hours",
    "requested_memory_gibibyte_hours",
    "used_memory_gibibyte_hours",
    "capacity_memory_gibibyte_hours",
    "gpu_count",
    "gpu_hours",
    "gpu_usage_ratio",
    "mig_slices",
    "gpu_max_slices",
    "requested_gpu_hours",
    "used_gpu_hours",
    "capacity_gpu_hours",
)
_IDENTITY = (
    "cluster",
    "node",
    "provider_id",
    "namespace",
    "controller",
    "controller_kind",
    "pod",
    "container",
)


def _checks() -> tuple[tuple[str, str], ...]:
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    return (
        ("unknown_kind", f'"kind" NOT IN ({kinds})'),
        starts_in_range("period_start"),
        ("date_out_of_range", f'"period_end" >= {LATEST_END}'),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
    )


OPENCOST_ALLOCATION = Stream(
    name="opencost_allocation",
    period_column="period_start",
    columns=(
        Column("refusal"),
        required(TIMESTAMP, "period_start"),
        required(TIMESTAMP, "period_end"),
        required(TEXT, "allocation_name"),
        required(TEXT, "kind"),
        *texts(*_IDENTITY),
        *typed(TAGS, "labels"),
        *texts("model_id", "pool_id"),
        *typed(QUANTITY, *_QUANTITIES),
        *texts("gpu_model", "gpu_device", "mig_profile", "gpu_basis", "capacity_basis"),
        *typed("BOOLEAN", "is_gpu_shared"),
        *typed(QUANTITY, "cpu_cost", "memory_cost", "gpu_cost", "total_cost"),
        Column("raw"),
    ),
    key=("cluster", "allocation_name", "period_start"),
    checks=(
        *((reason, f"\"refusal\" = '{reason}'") for reason in REFUSALS),
        *_checks(),
        (
            "negative_quantity",
            " OR ".join(f'"{name}" < 0' for name in _QUANTITIES),
        ),
    ),
)

OPENCOST_COSTS = Stream(
    name="opencost_costs",
    period_column="period_start",
    money_columns=("billed_cost", "effective_cost"),
    currency_column="currency",
    key=("cluster", "allocation_name", "period_start"),
    subject_columns=("allocation_name",),
    columns=(
        required(TIMESTAMP, "period_start"),
        required(TIMESTAMP, "period_end"),
        required(TEXT, "allocation_name"),
        required(TEXT, "kind"),
        required(MONEY, "billed_cost"),
        required(MONEY, "effective_cost"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        *texts("provider", *_IDENTITY),
        *typed(TAGS, "tags"),
    ),
    checks=_checks(),
)
