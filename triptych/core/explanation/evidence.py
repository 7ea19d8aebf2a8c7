"""Evidence behind a figure beyond its loads: files, refused rows, rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.lake.in_place import file_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from triptych.core.explanation.published_value import PublishedValue
    from triptych.core.warehouse.made_of import Load
    from triptych.core.warehouse.reader import Snapshot


@dataclass(frozen=True, slots=True)
class RefusedRows:
    """Rows beside those loads that could not be read, for a single reason."""

    source: str
    stream: str
    reason: str
    row_count: int


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """A rate that foreign charges of a month were converted at."""

    billing_month: str
    from_currency: str
    to_currency: str
    rate: Decimal | None
    rate_source: str | None
    rate_rule: str | None
    last_rate_date: date | None


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Comparison of the loads' files with their catalogue entries.

    ``unknown_count`` are files without a checksum from the time they came to rest, in
    place in a bucket or loaded before triptych recorded checksums.
    """

    checked_count: int
    unknown_count: int
    changed: tuple[str, ...]


def read_refused(snapshot: Snapshot, loads: Sequence[Load]) -> tuple[RefusedRows, ...]:
    """Return why rows were refused in the streams of these loads, by source."""
    beside = {
        (load.source, load.stream) for load in loads if load.quarantined_row_count > 0
    }
    rows = snapshot.query(
        "SELECT source, stream, reason, row_count FROM core.mart_quarantine_reasons"
        " ORDER BY ALL"
    ).to_pylist()
    return tuple(
        RefusedRows(**row) for row in rows if (row["source"], row["stream"]) in beside
    )


def read_rates(
    snapshot: Snapshot, published: PublishedValue, currencies: Sequence[str]
) -> tuple[ExchangeRate, ...]:
    """Return the rates at which charges in ``currencies`` were converted."""
    rows = snapshot.query(
        "SELECT billing_month, from_currency, to_currency, rate, rate_source,"
        " rate_rule, last_rate_date FROM cost.mart_exchange_rates"
        " WHERE list_contains($months, billing_month)"
        " AND list_contains($currencies, from_currency)"
        " AND to_currency = (SELECT currency FROM core.mart_run) ORDER BY ALL",
        {"months": list(published.months), "currencies": list(currencies)},
    ).to_pylist()
    return tuple(ExchangeRate(**row) for row in rows)


def check_files(snapshot: Snapshot, root: Path, loads: Sequence[Load]) -> FileCheck:
    """Compare the files of loads with the checksums they came to rest with."""
    rows = snapshot.query(
        "SELECT file, checksum FROM"
        " (SELECT load_id, unnest(files) AS file FROM lineage.loads)"
        " LEFT JOIN (SELECT file, checksum FROM lineage.files_at_rest"
        "   UNION ALL SELECT uri, checksum FROM lineage.files_in_place) USING (file)"
        " WHERE list_contains($loads, load_id) ORDER BY file",
        {"loads": [load.load_id for load in loads]},
    ).to_pylist()
    known = [row for row in rows if row["checksum"] and "://" not in row["file"]]
    changed = [f"{row['file']} {why}" for row in known if (why := _change(root, row))]
    return FileCheck(len(known), len(rows) - len(known), tuple(changed))


def _change(root: Path, row: dict[str, str]) -> str | None:
    try:
        checksum = file_checksum(root / row["file"])
    except OSError:
        return "cannot be read"
    return None if checksum == row["checksum"] else "was changed"
