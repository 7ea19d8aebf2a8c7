"""From parts that came to rest in the staging area to the load that is committed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.spark_projection import UNREADABLE_ON_SPARK, spark_columns
from triptych.errors import MalformedDeliveryError, SettingsError
from triptych.warehouse.in_place import FileInPlace, file_checksum
from triptych.warehouse.loads import (
    SKETCH_SIZE,
    FileAtRest,
    LoadTotal,
    NewLoad,
)
from triptych.warehouse.manifests import load_folder, write_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from ingest.connector import Delivery
    from ingest.lake import LakePlaces
    from ingest.landing import LandedPart
    from ingest.projection import Projection

_REFUSED_ABOVE_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class LandedDelivery:
    """A delivery that was read and judged, and the load that it would become.

    ``folder`` is its part of the staging area; ``copied`` tells whether files there
    are to be moved into the lake.
    """

    delivery: Delivery
    load: NewLoad
    folder: Path
    copied: bool

    def move_into(self, places: LakePlaces) -> None:
        """Move its files into the lake with its manifest; nothing names them yet."""
        final = load_folder(places.lake, self.load)
        if not self.copied:
            write_manifest(final, self.load)
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(self.folder / "parts", self.load)
        (self.folder / "parts").rename(final)


def landed_delivery(
    delivery: Delivery,
    parts: Sequence[LandedPart],
    *,
    source: str,
    run_id: str,
    fingerprint: str,
    folder: Path,
    places: LakePlaces,
) -> LandedDelivery:
    """Return what a delivery becomes, once its parts have landed in ``folder``.

    Raises
    ------
    MalformedDeliveryError
        More of its rows are bad than good.
    """
    _refuse_if_mostly_bad(delivery, parts)
    lake = _folder(delivery.stream, source, delivery.period, folder.name, places)
    load = NewLoad(
        load_id=folder.name,
        run_id=run_id,
        stream=delivery.stream,
        source=source,
        scope=delivery.scope,
        period=delivery.period,
        fingerprint=fingerprint,
        label=delivery.label,
        files=tuple(_file(part, lake) for part in parts),
        origins=tuple(part.origin for part in parts),
        checksums=tuple(part.checksum for part in parts),
        byte_count=sum(part.byte_count for part in parts),
        projections=tuple(_projection_json(part.projection) for part in parts),
        spark_projections=tuple(
            _spark_projection_json(part.projection) for part in parts
        ),
        signatures=tuple(part.signature for part in parts),
        absent_columns=parts[0].projection.absent_columns if parts else (),
        row_count=sum(_row_count(part) for part in parts),
        quarantined=tuple(row for part in parts for row in part.rejected),
        totals=_merge_totals(parts),
        files_in_place=_files_in_place(parts),
        files_at_rest=_files_at_rest(parts, lake),
    )
    copied = any(part.in_place is None for part in parts)
    return LandedDelivery(delivery, load, folder, copied)


def _folder(
    stream: str, source: str, period: str, load_id: str, places: LakePlaces
) -> Path:
    lake = places.lake.relative_to(places.root)
    return lake / stream / source / period / load_id


def _file(part: LandedPart, folder: Path) -> str:
    if part.in_place is not None:
        return part.in_place.uri
    return (folder / part.path.name).as_posix()


def _files_in_place(parts: Sequence[LandedPart]) -> tuple[FileInPlace, ...]:
    return tuple(
        FileInPlace(
            part.in_place.uri, part.byte_count, part.in_place.version, part.checksum
        )
        for part in parts
        if part.in_place is not None
    )


def _files_at_rest(parts: Sequence[LandedPart], folder: Path) -> tuple[FileAtRest, ...]:
    return tuple(
        FileAtRest(_file(part, folder), part.byte_count, file_checksum(part.path))
        for part in parts
        if part.in_place is None
    )


def _row_count(part: LandedPart) -> int:
    return sum(total.row_count for total in part.totals)


def _projection_json(projection: Projection) -> str:
    return json.dumps({p.column.name: p.value for p in projection.columns})


def _spark_projection_json(projection: Projection) -> str:
    try:
        columns = spark_columns(projection)
    except SettingsError as error:
        # Only a run on Spark needs it, and says this then.
        return json.dumps({UNREADABLE_ON_SPARK: error.what})
    return json.dumps(columns)


def _merge_totals(parts: Sequence[LandedPart]) -> tuple[LoadTotal, ...]:
    rows: Counter[tuple[str, str | None]] = Counter()
    money: dict[tuple[str, str | None], list[Decimal | None]] = defaultdict(
        lambda: [None, None]
    )
    hashes: dict[tuple[str, str | None], set[int]] = defaultdict(set)
    for part in parts:
        for total in part.totals:
            key = (total.month, total.currency)
            rows[key] += total.money_row_count
            hashes[key].update(total.sketch)
            sums = money[key]
            for position, amount in enumerate(total.amounts):
                if amount is not None:
                    sums[position] = (sums[position] or 0) + amount
    return tuple(
        LoadTotal(
            month,
            currency,
            count,
            (money[key][0], money[key][1]),
            tuple(sorted(hashes[key])[:SKETCH_SIZE]),
        )
        for (month, currency), count in sorted(
            rows.items(), key=lambda item: (item[0][0], item[0][1] or "")
        )
        for key in [(month, currency)]
    )


def _refuse_if_mostly_bad(delivery: Delivery, parts: Sequence[LandedPart]) -> None:
    reasons = Counter(row.reason for part in parts for row in part.rejected)
    bad, good = reasons.total(), sum(_row_count(part) for part in parts)
    if bad == 0 or bad / (bad + good) <= _REFUSED_ABOVE_RATIO:
        return
    shown = ", ".join(f"{reason} ({n})" for reason, n in reasons.most_common(3))
    first = next(row for part in parts for row in part.rejected)
    raise MalformedDeliveryError(
        f"{bad} of {bad + good} rows cannot count: {shown}.",
        where=f"{delivery.label}:{first.row_number or '?'}",
        next_step="Nothing of it was loaded; what was loaded before stays current."
        " Correct the file or the source's mapping and run again.",
    )
