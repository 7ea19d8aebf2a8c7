"""Planted anomalies of daily cost, which must be found.

Each is of a realistic size: a sweep that trains three times as much, logging left on
debug for a week, a list price that rises by a fifth, a node that nobody tagged. Months
are counted back from the last month, so that a shorter company has the later anomalies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from ingest.sample_company.charges import Placement, Surge
from ingest.sample_company.organisation import (
    AWS_PRODUCTION,
    AWS_RESEARCH,
    HYBRID_WORKSPACE,
    Account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from ingest.sample_company.charges import Charge, Source, Tags
    from ingest.sample_company.timeline import Month, Timeline

Driver = Literal["price", "volume", "new_resource"]

_NOBODY: Final = Placement("unallocated")


@dataclass(frozen=True, slots=True)
class NewResource:
    """Resource that appears out of nowhere, in euros per day."""

    sku: str
    account: Account
    eur_per_day: float
    placement: Placement
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Planted anomaly.

    Parameters
    ----------
    name : str
        Description, in a few words.
    source, meter : str, str
        The bill, and the meter of the table of spending; for a new resource its name,
        for a price the key of the SKU that costs more.
    months_before_end : int
        Month in which it begins, counted back from the last.
    first_day : int
        Day of that month, from 1.
    day_count : int
        Duration, within that month; for a price, which stays, until its month ends.
    factor : float
        The meter's cost of a day as a multiple of its cost without the anomaly.
    driver : str
        Reason.
    is_growing : bool
        The factor is reached on the last day only.
    new : NewResource or None
        Resource that appears, instead of a meter that rises.
    """

    name: str
    source: Source
    meter: str
    months_before_end: int
    first_day: int
    day_count: int
    factor: float
    driver: Driver = "volume"
    is_growing: bool = False
    new: NewResource | None = None

    def month(self, timeline: Timeline) -> Month | None:
        """Return the month in which it begins, if the company is that old."""
        index = len(timeline.months) - 1 - self.months_before_end
        return timeline.months[index] if index >= 0 else None

    def days(self, month: Month) -> tuple[date, date]:
        """Return its first and its last day, given the month in which it begins."""
        last = min(self.first_day + self.day_count - 1, month.day_count)
        return (
            month.first_day.replace(day=self.first_day),
            month.first_day.replace(day=last),
        )


def _new(
    name: str,
    source: Source,
    meter: str,
    begins: tuple[int, int],
    day_count: int,
    new: NewResource,
) -> Anomaly:
    return Anomaly(
        name, source, meter, *begins, day_count, 1.0, "new_resource", new=new
    )


def _price(
    name: str, source: Source, meter: str, begins: int, factor: float
) -> Anomaly:
    return Anomaly(name, source, meter, begins, 1, 31, factor, "price")


PLANTED: Final = (
    Anomaly("sweep of a model", "aws", "train-maintenance-vision", 15, 15, 3, 3.0),
    Anomaly("logging left on debug", "aws", "logs", 14, 11, 9, 1.6),
    _new(
        "copy of the vector store", "aws", "vectors-copy", (13, 9), 12,
        NewResource("aws-opensearch", AWS_PRODUCTION, 60.0,
                    Placement("shared", "pool", "vector-database"),
                    (("purpose", "vectors"),)),
    ),
    Anomaly("query without a filter", "gcp", "features-route-planner", 12, 15, 1, 6.0),
    Anomaly("data copied twice in the migration", "aws", "transfer", 10, 15, 5, 2.0),
    Anomaly("loop of prompts", "gcp", "gateway-out", 7, 10, 8, 3.0, is_growing=True),
    _price("dearer search instances", "aws", "aws-opensearch", 6, 1.22),
    Anomaly("jobs that do not end", "aws", "train-driver-camera", 5, 14, 4, 4.0),
    _price("dearer analysis", "gcp", "gcp-bigquery", 4, 1.35),
    _new(
        "training cluster that nobody tagged", "aws", "train-sandbox", (4, 11), 10,
        NewResource("aws-sagemaker", AWS_RESEARCH, 45.0, _NOBODY),
    ),
    Anomaly("key of research in a script", "openai", "research-out", 4, 23, 3, 8.0),
    Anomaly("memory that is not freed", "railway", "vision-endpoint-production-memory",
            3, 6, 6, 3.0, is_growing=True),
    Anomaly("a day of traces", "aws", "logs", 3, 21, 1, 3.0),
    _new(
        "node that nobody tagged", "tidewater", "gpu-burst", (2, 11), 7,
        NewResource("hybrid-gpu", HYBRID_WORKSPACE, 100.0, _NOBODY),
    ),
    Anomaly("retention switched off", "aws", "data-maintenance-vision", 2, 8, 20, 1.8),
    Anomaly("snapshots never removed", "aws", "apps-volume", 1, 9, 8, 2.0),
    Anomaly("evaluation on every commit", "aws", "evaluation", 1, 17, 6, 5.0),
    Anomaly("prompts that grow", "gcp", "gateway-in", 0, 23, 9, 3.0, is_growing=True),
)  # fmt: skip


def surges(
    source: Source, meter: str, month: Month, timeline: Timeline
) -> tuple[Surge, ...]:
    """Return when a meter counts more than usual in a month."""
    return tuple(
        Surge(one.first_day - 1, one.day_count, one.factor, is_growing=one.is_growing)
        for one in PLANTED
        if (one.source, one.meter) == (source, meter)
        and one.driver == "volume"
        and one.month(timeline) == month
    )


def price_factor(sku: str, month: Month, timeline: Timeline) -> float:
    """Return a month's price as a multiple of the first price."""
    found = 1.0
    for one in PLANTED:
        begins = one.month(timeline)
        if (one.meter, one.driver) == (sku, "price") and begins:
            found *= one.factor if month.index >= begins.index else 1.0
    return found


def appearing(month: Month, timeline: Timeline) -> tuple[Anomaly, ...]:
    """Return the anomalies that appear in a month."""
    return tuple(
        one for one in PLANTED if one.new is not None and one.month(timeline) == month
    )


def planted_in(
    charges: Sequence[Sequence[Charge]], timeline: Timeline
) -> Iterator[tuple[Anomaly, Charge]]:
    """Yield the anomalies of a company of this age, each with its charge."""
    for one in PLANTED:
        month = one.month(timeline)
        if month is None:
            continue
        for charge in charges[month.index]:
            called = charge.sku.key if one.driver == "price" else charge.name
            if (charge.source, called) == (one.source, one.meter):
                yield one, charge
                break
