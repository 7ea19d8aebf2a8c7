"""What a load is: everything that a commit records about a delivery that came to rest.

The catalogue writes these down (:mod:`triptych.warehouse.catalogue`); only the ingest
runner makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from triptych.warehouse.in_place import FileInPlace  # noqa: TC001

if TYPE_CHECKING:
    from datetime import datetime


#: So many of the smallest hashes of a load's charges of a month are kept.
SKETCH_SIZE: Final = 256


@dataclass(frozen=True, slots=True)
class LoadTotal:
    """What a load holds for one billing month and currency."""

    billing_month: str
    currency: str | None
    row_count: int
    amounts: tuple[Decimal | None, Decimal | None]
    sketch: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class SketchedMonth:
    """The charges of a load in a month and currency, as far as others are compared.

    ``sketch`` has the smallest hashes of its charges, ``amount`` is their money.
    """

    load_id: str
    source: str
    stream: str
    scope: str
    label: str
    billing_month: str
    currency: str | None
    amount: Decimal
    sketch: tuple[int, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was refused, whole, with the reason and the place it came from.

    ``is_charge`` tells whether it would have been a charge; then ``billing_month`` and
    ``subject`` (what it is for) are known where they could be read. ``amount`` is at
    most what it would have cost: ``amount_basis`` says whether the row states it, or it
    is the largest of ``compared_row_count`` rows of the same item or file.
    """

    origin: str
    row_number: int | None
    reason: str
    row_content: str
    billing_month: str | None = None
    subject: str | None = None
    is_charge: bool = False
    amount: Decimal | None = None
    currency: str | None = None
    amount_basis: str | None = None
    compared_row_count: int | None = None


@dataclass(frozen=True, slots=True)
class FileAtRest:
    """A file of the lake as it was written: path below the workspace, SHA-256 [hex].

    A delivery's own checksum is of what was delivered, which a text file no longer is
    once it rests as Parquet.
    """

    file: str
    byte_count: int
    checksum: str


@dataclass(frozen=True, slots=True)
class NewLoad:
    """Everything a commit records about a load; see ``catalogue.loads``.

    ``files`` are paths below the workspace, or the addresses of ``files_in_place``.
    """

    load_id: str
    run_id: str
    stream: str
    source: str
    scope: str
    period: str
    fingerprint: str
    label: str
    files: tuple[str, ...]
    origins: tuple[str, ...]
    checksums: tuple[str, ...]
    byte_count: int
    projections: tuple[str, ...]
    spark_projections: tuple[str, ...]
    signatures: tuple[str, ...]
    absent_columns: tuple[str, ...]
    row_count: int
    quarantined: tuple[QuarantinedRow, ...]
    totals: tuple[LoadTotal, ...]
    files_in_place: tuple[FileInPlace, ...] = ()
    files_at_rest: tuple[FileAtRest, ...] = ()
    #: Where the refused rows themselves are gone: a pruned load keeps their number.
    quarantined_row_count: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope: what a later load of them replaces."""
        return self.source, self.stream, self.scope

    def sketched_months(self) -> list[SketchedMonth]:
        """Return its months that another load may repeat."""
        return [
            SketchedMonth(
                self.load_id,
                *self.key,
                self.label,
                total.billing_month,
                total.currency,
                total.amounts[0] or Decimal(0),
                total.sketch,
            )
            for total in self.totals
            if total.sketch
        ]


@dataclass(frozen=True, slots=True)
class LoadInForce:
    """A current load, as far as a new delivery is compared with it.

    ``reading`` is a digest of its projections, ``uris`` are its files in place.
    """

    source: str
    stream: str
    scope: str
    label: str
    fingerprint: str
    checksums: tuple[str, ...]
    reading: str
    row_count: int
    uris: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


@dataclass(frozen=True, slots=True)
class Renewal:
    """A current load whose content was offered under a new fingerprint.

    ``files_in_place`` are its files in place as they are now.
    """

    source: str
    stream: str
    scope: str
    fingerprint: str
    files_in_place: tuple[FileInPlace, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A delivered file as it was when its content was last read.

    ``path`` is below the workspace where the file lies inside. ``version`` changes with
    its times, ``checksum`` is the SHA-256 of its bytes [hex].
    """

    path: str
    byte_count: int
    version: str
    checksum: str


@dataclass(frozen=True, slots=True)
class SourceAttempt:
    """That a source was tried, and how that ended; ``at`` is UTC, without zone."""

    source: str
    source_type: str
    streams: tuple[str, ...]
    expected_lag_hours: int
    at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class StreamView:
    """Name and typed columns of a stream, for its evidence view."""

    name: str
    columns: tuple[tuple[str, str], ...]
