"""Rules about Kubernetes workloads and their nodes, by place and labels.

Both kinds match the fields of
:class:`~ingest.sources.kubernetes.opencost_rows.WorkloadLabels`: the mapping names a
workload's model and pool, ``gpus`` describes the GPUs of a node where the meter does
not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.kubernetes.opencost_answers import PLACE_LABELS
from ingest.sources.kubernetes.opencost_rows import LABEL_PREFIX, once_per_workload
from ingest.sources.kubernetes.workload_readings import DeclaredGpus
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sources.kubernetes.opencost_answers import Allocation
    from ingest.sources.kubernetes.opencost_rows import WorkloadLabels

_NOTHING_DECLARED = DeclaredGpus()


class GpuRule(Declared):
    """Rule for the GPUs of some nodes, where the meter does not report them."""

    match: dict[str, Any] = Field(
        description="Label → what its value must be, as in 'mapping'."
    )
    model: str = Field(default="", description="Model of the GPUs, such as A100.")
    slices: int | None = Field(
        default=None, ge=1, description="MIG slices of a whole GPU of that model."
    )
    mig_profile: str = Field(
        default="", description="MIG profile of each device, such as 1g.5gb."
    )
    per_node: Decimal | None = Field(
        default=None, ge=0, description="Whole GPUs that each such node has."
    )

    @model_validator(mode="after")
    def _matches_what_exists(self) -> GpuRule:
        refuse_unknown_places([self.match])
        _as_mapping([self])
        return self


class GpuRules:
    """Declarations about the GPUs of nodes: the first matching rule applies.

    Parameters
    ----------
    rules : sequence of GpuRule
        As they stand in ``triptych.yml``.
    """

    def __init__(self, rules: Sequence[GpuRule]) -> None:
        self._rules = rules
        self._mapping = _as_mapping(rules)
        self._declared = once_per_workload(self._first_said)

    def __call__(self, allocation: Allocation) -> DeclaredGpus:
        """Return the declared GPUs of an allocation's node."""
        return self._declared(allocation) if self._rules else _NOTHING_DECLARED

    def _first_said(self, labels: WorkloadLabels) -> DeclaredGpus:
        position = self._mapping.target(labels).pool_id
        if position is None:
            return _NOTHING_DECLARED
        rule = self._rules[int(position)]
        return DeclaredGpus(rule.model, rule.slices, rule.mig_profile, rule.per_node)


def refuse_unknown_places(matches: Sequence[dict[str, Any]]) -> None:
    """Raise :class:`ValueError` if a rule matches places no workload has."""
    for label in (label for match in matches for label in match):
        if label not in PLACE_LABELS and not label.startswith(LABEL_PREFIX):
            known = ", ".join((*PLACE_LABELS, f"{LABEL_PREFIX}<name>"))
            message = f"a rule matches {label!r}; known labels: {known}"
            raise ValueError(message)


def _as_mapping(rules: Sequence[GpuRule]) -> LabelMapping:
    """Return rules with their positions as targets."""
    return LabelMapping(
        [
            MappingRule(match=rule.match, pool=f"{position}")
            for position, rule in enumerate(rules)
        ]
    )
