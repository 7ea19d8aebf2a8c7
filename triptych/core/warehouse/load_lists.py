"""Lists the loads of a catalogue, shows a load's contents, compares two."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS
from triptych.core.warehouse.inspection import ask_catalogue

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CataloguedLoad:
    """A load and whether it counts: ``current``, ``superseded`` or ``withdrawn``."""

    load_id: str
    source: str
    stream: str
    scope: str
    label: str
    row_count: int
    quarantined_row_count: int
    loaded_at: datetime
    state: str

    @property
    def is_of_closed_month(self) -> bool:
        """Return True if it is a closed month's; only that month's acts open it."""
        return self.stream.startswith(LOCKED_STREAMS)


@dataclass(frozen=True, slots=True)
class MonthOfLoad:
    """Contents of a load for a month and currency.

    ``billed`` and ``effective`` are the two amounts of a bill; of a stream with other
    money, or none, they are its own, or ``None``.
    """

    billing_month: str
    currency: str | None
    row_count: int
    billed: Decimal | None
    effective: Decimal | None


@dataclass(frozen=True, slots=True)
class LoadContent:
    """A load with its months and the files that were delivered."""

    load: CataloguedLoad
    totals: tuple[MonthOfLoad, ...]
    origins: tuple[str, ...]


_LOADS = """
SELECT load_id, source, stream, scope, label, row_count, quarantined_row_count,
    loaded_at, CASE WHEN superseded_by = 'withdrawn' THEN 'withdrawn' ELSE status END
FROM catalogue.loads ORDER BY loaded_at, load_id
"""
_TOTALS = """
SELECT billing_month, currency, row_count, first_amount, second_amount
FROM catalogue.load_totals WHERE load_id = ? ORDER BY ALL
"""


def read_loads(raw_database: Path) -> list[CataloguedLoad]:
    """Return every load, oldest first."""
    return [CataloguedLoad(*row) for row in ask_catalogue(raw_database, _LOADS, [])]


def read_load(raw_database: Path, load_id: str) -> LoadContent:
    """Return the contents of a load.

    Raises
    ------
    UsageError
        There is no such load.
    """
    load = next(
        (load for load in read_loads(raw_database) if load.load_id == load_id), None
    )
    if load is None:
        raise UsageError(
            f"There is no load {load_id!r}.",
            next_step='"triptych loads list --all" lists all.',
        )
    totals = ask_catalogue(raw_database, _TOTALS, [load_id])
    [(origins,)] = ask_catalogue(
        raw_database,
        "SELECT origins FROM catalogue.loads WHERE load_id = ?",
        [load_id],
    )
    return LoadContent(load, tuple(MonthOfLoad(*row) for row in totals), tuple(origins))


def compare_loads(raw_database: Path, first: str, second: str) -> list[MonthOfLoad]:
    """Return the second load's excess over the first, by month and currency.

    Raises
    ------
    UsageError
        Either of them is not there.
    """
    before, after = (
        {
            (total.billing_month, total.currency): total
            for total in read_load(raw_database, load_id).totals
        }
        for load_id in (first, second)
    )
    keys = sorted(before.keys() | after.keys(), key=lambda key: (key[0], key[1] or ""))
    return [
        MonthOfLoad(
            *key,
            _count(after.get(key)) - _count(before.get(key)),
            _billed(after.get(key)) - _billed(before.get(key)),
            _effective(after.get(key)) - _effective(before.get(key)),
        )
        for key in keys
    ]


def _count(total: MonthOfLoad | None) -> int:
    return 0 if total is None else total.row_count


def _billed(total: MonthOfLoad | None) -> Decimal:
    return Decimal(0) if total is None else total.billed or Decimal(0)


def _effective(total: MonthOfLoad | None) -> Decimal:
    return Decimal(0) if total is None else total.effective or Decimal(0)
