"""Convert OpenCost allocations to GPU hours and node capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.kubernetes.gpu_readings import own_reading, share_gpus
from ingest.sources.kubernetes.node_capacity import add_capacity
from ingest.sources.kubernetes.opencost_answers import last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sources.kubernetes.opencost_answers import Allocation
    from ingest.sources.kubernetes.workload_readings import DeclaredGpus, Reading


def readings_of(
    allocations: Sequence[Allocation],
    declared: Callable[[Allocation], DeclaredGpus],
) -> list[Reading]:
    """Return a reading for each distinct allocation, in their order.

    A duplicate would share its GPU with itself, and its node would have more.

    Parameters
    ----------
    allocations : sequence of Allocation
        All allocations of a delivery: prices are looked up among them.
    declared : callable
        Declaration about the node of an allocation.
    """
    readings = [own_reading(each, declared(each)) for each in last_words(allocations)]
    share_gpus(readings, declared)
    add_capacity(readings, declared)
    return readings
