"""Lines of a CUR 2.0 export with split cost allocation data switched on.

An instance is billed as ever. Beside it stand lines for each pod, hour and kind of
resource, which repeat its money: what the pod reserved and used, its part of the cost,
and its part of what nobody used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOUR = timedelta(hours=1)
_TAGS = pa.map_(pa.string(), pa.string())
_USAGE_TYPES = {
    "cpu": "EUC1-EKS-EC2-vCPU-Hours",
    "memory": "EUC1-EKS-EC2-GB-Hours",
    "gpu": "EUC1-EKS-EC2-Accelerator-Hours",
}
_COLUMNS = {
    "line_item_unblended_cost": pa.float64(),
    "line_item_currency_code": pa.string(),
    "bill_billing_period_start_date": pa.timestamp("ms"),
    "line_item_usage_start_date": pa.timestamp("ms"),
    "line_item_usage_end_date": pa.timestamp("ms"),
    "line_item_line_item_type": pa.string(),
    "line_item_product_code": pa.string(),
    "line_item_operation": pa.string(),
    "line_item_resource_id": pa.string(),
    "line_item_usage_account_id": pa.string(),
    "line_item_usage_type": pa.string(),
    "split_line_item_parent_resource_id": pa.string(),
    "split_line_item_reserved_usage": pa.float64(),
    "split_line_item_actual_usage": pa.float64(),
    "split_line_item_split_usage": pa.float64(),
    "split_line_item_split_cost": pa.float64(),
    "split_line_item_unused_cost": pa.float64(),
    "resource_tags": _TAGS,
}


@dataclass(frozen=True, slots=True)
class Pod:
    """What a pod reserved and used of its instance in an hour, by kind of resource.

    ``None`` stands for what AWS does not measure: the use of accelerators.
    """

    namespace: str
    node: str
    hour: datetime
    reserved: dict[str, float]
    used: dict[str, float | None] = field(default_factory=dict)
    cluster: str = "prod"
    tags: dict[str, str] = field(default_factory=dict)

    def held(self, kind: str) -> float:
        """Return what AWS splits by: the greater of both."""
        return max(self.reserved[kind], self.used.get(kind) or 0)


def instance(
    node: str, hour: datetime, cost: float, tags: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the line of an instance for one hour."""
    return {
        **_line(hour, cost),
        "line_item_operation": "RunInstances",
        "line_item_resource_id": node,
        "line_item_usage_type": "EUC1-BoxUsage:p5.48xlarge",
        "resource_tags": tags or {},
    }


def split_lines(
    pods: Sequence[Pod], *, capacities: dict[str, float], price: float
) -> Iterator[dict[str, Any]]:
    """Yield the lines of pods of one instance and hour, split as AWS does.

    Parameters
    ----------
    pods : sequence of Pod
        All that ran on the instance in the hour.
    capacities : dict
        What the instance had, by kind of resource.
    price : float
        Cost of an hour of one unit; it divides nothing here, and is only repeated.
    """
    for kind, capacity in capacities.items():
        own = [pod for pod in pods if kind in pod.reserved]
        held = sum((Fraction(pod.held(kind)) for pod in own), Fraction())
        unused = max(Fraction(capacity) - held, Fraction()) * Fraction(price)
        for pod in own:
            share = Fraction(pod.held(kind)) / held if held else Fraction()
            cost = round(float(Fraction(pod.held(kind)) * Fraction(price)), 10)
            yield _split_line(pod, kind, cost, round(float(unused * share), 10))


def cur2_split_table(lines: Sequence[dict[str, Any]]) -> pa.Table:
    """Return lines as a table of CUR 2.0, with its types."""
    columns = {}
    for name, type_ in _COLUMNS.items():
        values = [line.get(name) for line in lines]
        if type_ == _TAGS:
            values = [list(line["resource_tags"].items()) for line in lines]
        columns[name] = pa.array(values, type_)
    return pa.table(columns)


def _split_line(pod: Pod, kind: str, cost: float, unused: float) -> dict[str, Any]:
    arn = f"arn:aws:eks:eu-central-1:1:pod/{pod.cluster}/{pod.namespace}/pod-0/u-0"
    return {
        **_line(pod.hour, cost),
        "line_item_operation": "EKSPod-EC2",
        "line_item_resource_id": arn,
        "line_item_usage_type": _USAGE_TYPES[kind],
        "split_line_item_parent_resource_id": pod.node,
        "split_line_item_reserved_usage": pod.reserved[kind],
        "split_line_item_actual_usage": pod.used.get(kind),
        "split_line_item_split_usage": pod.held(kind),
        "split_line_item_split_cost": cost,
        "split_line_item_unused_cost": unused,
        "resource_tags": pod.tags,
    }


def _line(hour: datetime, cost: float) -> dict[str, Any]:
    first = hour.astimezone(UTC).replace(tzinfo=None)
    return {
        "line_item_unblended_cost": cost,
        "line_item_currency_code": "USD",
        "bill_billing_period_start_date": first.replace(day=1, hour=0),
        "line_item_usage_start_date": first,
        "line_item_usage_end_date": first + HOUR,
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_account_id": "123456789012",
    }
