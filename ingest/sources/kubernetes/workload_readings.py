"""Readings of an allocation: hours of GPUs, and capacity of its node."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.sources.kubernetes.opencost_answers import Allocation

#: Cluster, node and begin of the window.
NodeHour = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class DeclaredGpus:
    """Configured facts of a node's GPUs, where the meter lacks them."""

    model: str = ""
    max_slices: int | None = None
    mig_profile: str = ""
    per_node: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity of a node: core-hours, GiB-hours and GPU hours."""

    cpu_core_hours: Decimal | None = None
    memory_gibibyte_hours: Decimal | None = None
    gpu_hours: Decimal | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Allocation with its results.

    Parameters
    ----------
    gpu_basis : str
        ``whole_gpu``, ``mig_slices``, ``shared_by_activity`` or ``shared_evenly``;
        empty without GPUs.
    mig_slices, max_slices : int, optional
        Of the instance and of the whole GPU.
    capacity : Capacity
        Of the whole node, on a single row of its hour.
    """

    allocation: Allocation
    refusal: str = ""
    requested_gpu_hours: Decimal | None = None
    used_gpu_hours: Decimal | None = None
    gpu_basis: str = ""
    gpu_model: str = ""
    mig_profile: str = ""
    mig_slices: int | None = None
    max_slices: int | None = None
    capacity: Capacity = Capacity()

    @property
    def node_hour(self) -> NodeHour:
        """Return the node and the hour that it ran on."""
        place = self.allocation.place
        return place.cluster, place.node, self.allocation.start

    @property
    def device_hours(self) -> Decimal:
        """Return the hours of devices that it held, as OpenCost counts them."""
        return self.allocation.gpu.hours or Decimal(0)

    @property
    def has_gpu(self) -> bool:
        """Return True if it held or used a GPU."""
        return bool(self.gpu_basis)
