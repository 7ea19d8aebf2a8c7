"""From what OpenCost says to hours of GPUs, and to what each node had."""

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
    """Return a reading for each allocation, in their order; of one said twice, one.

    What came twice would share its GPU with itself, and its node would have more.

    Parameters
    ----------
    allocations : sequence of Allocation
        Everything that one delivery holds: prices are looked up among them.
    declared : callable
        What is declared about the node of an allocation.
    """
    readings = [own_reading(each, declared(each)) for each in last_words(allocations)]
    share_gpus(readings, declared)
    add_capacity(readings, declared)
    return readings
