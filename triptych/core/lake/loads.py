"""A load: everything that a commit records about a landed delivery.

The catalogue writes these down (:mod:`triptych.core.lake.catalogue`); only the ingest
runner makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (pydantic reads the annotations)
from decimal import Decimal
from typing import Final

from triptych.core.lake.in_place import FileInPlace  # noqa: TC001

#: So many of the smallest hashes of a load's charges of a month are kept.
SKETCH_SIZE: Final = 256
#: SQL that identifies an engine's hash function, which may change with its release:
#: from then on equal charges have other hashes, and earlier hashes are no longer
#: comparable.
HASH_FUNCTION: Final = (
    "CAST(hash(TIMESTAMP '2026-03-01 01:02:03', CAST(1.5 AS DECIMAL(38, 18)),"
    " 'longer than twelve characters') >> 1 AS BIGINT)"
)
#: Hash function of charges before loads recorded their hash function.
FIRST_HASH_FUNCTION: Final = 2421641290103404210


@dataclass(frozen=True, slots=True)
class LoadTotal:
    """Contents of a load for a single billing month and currency.

    ``sketch`` has the smallest hashes of its charges, if other loads may have the same
    charges; ``outline`` those of a few of their columns, and ``charge_count`` the
    number of non-zero charges: NULL where an earlier version hashed other columns, in
    an outline that is not comparable with this version's. ``span`` is the time in which
    its first and its last charge began at the most, UTC, without zone, and ``accounts``
    are the first and the last by name of those that it bills: NULL where no other load
    of the month is there, or a charge names no account. ``hash_function`` is the value
    of :data:`HASH_FUNCTION` where its hashes were taken.
    """

    billing_month: str
    currency: str | None
    row_count: int
    amounts: tuple[Decimal | None, Decimal | None]
    sketch: tuple[int, ...] = ()
    span: tuple[datetime | None, datetime | None] = (None, None)
    accounts: tuple[str | None, str | None] = (None, None)
    outline: tuple[int, ...] = ()
    hash_function: int = FIRST_HASH_FUNCTION
    charge_count: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class ChargedMonth:
    """The charges of a load in a month and currency, as far as others are compared."""

    load_id: str
    source: str
    stream: str
    scope: str
    label: str
    total: LoadTotal

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope

    @property
    def place(self) -> tuple[str, str, str | None]:
        """Return stream, billing month and currency: only there charges repeat."""
        return self.stream, self.total.billing_month, self.total.currency

    @property
    def amount(self) -> Decimal:
        """Return its money."""
        return self.total.amounts[0] or Decimal(0)

    @property
    def sketch(self) -> tuple[int, ...]:
        """Return the smallest hashes of its charges; empty: they are not known."""
        return self.total.sketch


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was refused, whole, with the reason and the place it came from.

    ``is_charge`` is True if it would have been a charge; then ``billing_month`` and
    ``subject`` (the thing charged for) are known where they could be read. ``amount``
    is at most its cost: ``amount_basis`` states if the row has the amount, or if it is
    the largest of ``compared_row_count`` rows of the same item or file.
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

    A delivery's own checksum is of the delivered bytes, which a text file no longer has
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
    #: For use if the refused rows themselves are gone: a pruned load keeps their
    #: number.
    quarantined_row_count: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope: the key by which later loads replace."""
        return self.source, self.stream, self.scope

    def charged_months(self) -> list[ChargedMonth]:
        """Return its months, as far as others are compared with them."""
        return [
            ChargedMonth(self.load_id, *self.key, self.label, total)
            for total in self.totals
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
    load_id: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return source, stream and scope."""
        return self.source, self.stream, self.scope


@dataclass(frozen=True, slots=True)
class Renewal:
    """A current load with content offered under a new fingerprint.

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
    """Attempt of a source and its outcome; ``at`` is UTC, without zone."""

    source: str
    source_type: str
    streams: tuple[str, ...]
    expected_lag_hours: int
    at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class StreamView:
    """Name and typed columns of a stream, for its evidence view.

    ``named_into`` is the column of tags that takes the delivered columns which rules
    name; empty where rules look at no row of the stream.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    named_into: str = ""
