"""Pool of two GPU types: its nodes, and the hours held of each type.

It is charged and metered by the day. Its H100 costs three times its T4s and has a
quarter of their hours: a split by all hours alike is wrong by most of the money.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.charges import SATURDAY, Placement
from ingest.sample_company.events import Draft, base_charge
from ingest.sample_company.formats.tables import write_csv
from ingest.sample_company.ledger import MIXED_POOL, MIXED_TYPES
from ingest.sample_company.organisation import AWS_PRODUCTION
from ingest.sample_company.price_list import SKUS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.sample_company.timeline import Month, Timeline

    Weights = dict[str, NDArray[np.float64]]

#: Euros per month of the hybrid for the nodes of a type.
_EUR: Final = {"h100": 720.0, "t4": 240.0}
#: GPU hours a day: 1 H100, 4 T4.
_CAPACITY: Final = {"h100": 24, "t4": 96}
_CALLED: Final = {"h100": "NVIDIA H100 80GB HBM3", "t4": "Tesla T4"}
#: Type, model, and GPU hours requested on a workday and on a day of the weekend.
_REQUESTED: Final = (
    ("h100", "care-assistant", 12, 12),
    ("h100", "eta-v2", 6, 0),
    ("t4", "eta-v2", 24, 24),
    ("t4", "invoice-reader", 48, 0),
)
#: Half of the request is used.
_USED_PART: Final = 2


def mixed_gpu_drafts(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield the cost of the nodes, a charge for each type."""
    if month.phase != "hybrid":
        return
    for sku, type_ in MIXED_TYPES.items():
        name = f"{MIXED_POOL}-{type_}"
        node = base_charge(name, "aws", SKUS[sku], AWS_PRODUCTION, month, timeline)
        yield Draft(
            _EUR[type_],
            replace(
                node,
                grain="day",
                line_count=month.day_count,
                placement=Placement("shared", "pool", MIXED_POOL),
                tags=(("cluster", MIXED_POOL), ("environment", "production")),
            ),
        )


def mixed_gpu_weights(
    type_: str, timeline: Timeline
) -> tuple[Weights, NDArray[np.float64]]:
    """Return hours of a type by model and day, and those that were there."""
    held: Weights = {}
    there = np.array([_is_there(day, timeline) for day in range(timeline.day_count)])
    for of_type, model, *_ in _REQUESTED:
        if of_type == type_:
            hours = [
                _requested(of_type, model, day, timeline)
                for day in range(timeline.day_count)
            ]
            held[model] = np.where(there, np.array(hours, dtype=np.float64), 0.0)
    return held, np.where(there, float(_CAPACITY[type_]), 0.0)


def write_mixed_gpus(path: Path, timeline: Timeline) -> int:
    """Write a row per day, type and model, plus a poolless row; return count."""
    header = (
        "day", "pool_id", "model_id", "gpu_type", "capacity_gpu_hours",
        "requested_gpu_hours", "used_gpu_hours",
    )  # fmt: skip
    rows = [
        row
        for day in range(timeline.day_count)
        if _is_there(day, timeline)
        for row in _rows(day, timeline)
    ]
    hostile = [rows[0][0], "", *rows[0][2:]]
    write_csv(path, header, [*rows, hostile])
    return len(rows)


def _rows(day: int, timeline: Timeline) -> Iterator[list[object]]:
    date = timeline.first_day + timedelta(days=day)
    for type_, hours in _CAPACITY.items():
        yield [date, MIXED_POOL, "", _CALLED[type_], hours, "", ""]
    for type_, model, *_ in _REQUESTED:
        hours = _requested(type_, model, day, timeline)
        if hours:
            used = hours // _USED_PART
            yield [date, MIXED_POOL, model, _CALLED[type_], "", hours, used]


def _requested(type_: str, model: str, day: int, timeline: Timeline) -> int:
    weekday = (timeline.first_day + timedelta(days=day)).weekday()
    [hours] = [row[2:] for row in _REQUESTED if row[:2] == (type_, model)]
    return hours[weekday >= SATURDAY]


def _is_there(day: int, timeline: Timeline) -> bool:
    return day >= timeline.day_offset(timeline.first_of("hybrid"))
