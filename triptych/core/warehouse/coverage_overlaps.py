"""Money that may count twice in the published run, and the command that settles it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.warehouse.gate import open_published
from triptych.core.warehouse.reader import NothingPublishedError, PublishedFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

_OPEN = """
    SELECT overlap_id, billing_month, vendor, currency, repeated_amount, first_day,
        last_day, first_source, first_load_id, is_first_one_load,
        is_first_repeated_whole, second_source, second_load_id, is_second_one_load,
        is_second_repeated_whole, next_step
    FROM core.mart_coverage_overlaps WHERE NOT is_settled
    ORDER BY repeated_amount DESC, overlap_id
"""
_SERVICES = """
    SELECT coalesce(provider, '') AS provider,
        coalesce(service_name, '') AS service_name
    FROM core.mart_coverage_parts WHERE overlap_id = ? AND delivery = ? ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class CoverageOverlap:
    """Two deliveries of a vendor and month that may be the same money.

    ``repeated_amount`` is in ``currency``. A delivery of several loads has the id of
    its first load. A delivery that is a single load without other money is repeated
    whole.
    """

    overlap_id: str
    billing_month: str
    vendor: str
    currency: str
    repeated_amount: Decimal
    first_day: date
    last_day: date
    first_source: str
    first_load_id: str
    is_first_one_load: bool
    is_first_repeated_whole: bool
    second_source: str
    second_load_id: str
    is_second_one_load: bool
    is_second_repeated_whole: bool
    next_step: str

    @property
    def what(self) -> str:
        """The money that may count twice, with both deliveries."""
        first = _delivery(
            self.first_source, self.first_load_id, is_one=self.is_first_one_load
        )
        second = _delivery(
            self.second_source, self.second_load_id, is_one=self.is_second_one_load
        )
        return (
            f"Maybe counted twice: {self.currency} {self.repeated_amount:,.2f} of"
            f" {self.vendor}, {self.first_day} to {self.last_day}, by {first} and by"
            f" {second}."
        )

    def __str__(self) -> str:
        """Return the money that may count twice, and the command that settles it."""
        return f"{self.what} Settle it: {self.next_step}."


class OpenOverlapsError(TriptychError):
    """Money may count twice, and nobody settled it."""


def read_open_overlaps(snapshot: Snapshot) -> list[CoverageOverlap]:
    """Return possible double counts of a run, the most money first."""
    try:
        rows = snapshot.query(_OPEN).to_pylist()
    except duckdb.CatalogException:
        return []  # published by a version that had no such mart
    return [CoverageOverlap(**row) for row in rows]


def read_repeated_services(
    snapshot: Snapshot, overlap_id: str, delivery: str
) -> tuple[Mapping[str, str], ...]:
    """Return the services that are the vendor's in a delivery that is repeated whole.

    ``delivery`` is ``first`` or ``second``. Nothing where it has other money of the
    vendor and month.
    """
    try:
        rows = snapshot.query(_SERVICES, [overlap_id, delivery]).to_pylist()
    except duckdb.CatalogException:
        return ()  # published by a version that had no such mart
    return tuple(rows)


def published_overlaps(root: Path) -> list[CoverageOverlap]:
    """Return possible double counts of a workspace's published run."""
    try:
        return read_open_overlaps(open_published(root))
    except (NothingPublishedError, PublishedFileError):
        return []


def refuse_open_overlaps(overlaps: Sequence[CoverageOverlap]) -> None:
    """End a check where money may count twice.

    Raises
    ------
    OpenOverlapsError
        It may; the error has the command that settles the largest amount.
    """
    if overlaps:
        first, count = overlaps[0], len(overlaps)
        raise OpenOverlapsError(
            f"Overlaps that are not settled: {count}, the largest of {first.currency}"
            f" {first.repeated_amount:,.2f} of {first.vendor}.",
            next_step=f"Settle it: {first.next_step}.",
        )


def _delivery(source: str, load_id: str, *, is_one: bool) -> str:
    return f"{source} (load {load_id})" if is_one else f"{source} (several loads)"
