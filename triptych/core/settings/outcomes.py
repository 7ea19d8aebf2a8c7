"""``catalog.yml``: subject and better direction of delivered metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint
from triptych.core.settings.names import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OutcomeKind = Literal["revenue", "cost", "customer_experience", "risk", "other"]


class OutcomeMetric(Declared):
    """Metric of the stream ``outcomes``, its subject and better direction."""

    metric: Name
    name: Name | None = None
    kind: OutcomeKind
    better: Literal["higher", "lower"]


def repeated_outcomes(outcomes: Sequence[OutcomeMetric]) -> Iterable[Complaint]:
    """Yield a complaint for each metric that is declared a second time."""
    metrics = [entry.metric for entry in outcomes]
    for position, metric in enumerate(metrics):
        if metric in metrics[:position]:
            text = f"outcome {metric!r} is declared twice."
            yield Complaint(("outcomes", position), text)
