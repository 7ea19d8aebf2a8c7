"""From parts that came to rest in the staging area to the load that is committed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Final

from ingest.engine.lake import ALL_STREAMS
from ingest.engine.parquet_at_rest import parquet
from ingest.engine.spark_projection import UNREADABLE_ON_SPARK, spark_columns
from triptych.core.errors import MalformedDeliveryError, SettingsError
from triptych.core.lake.in_place import FileInPlace, file_checksum
from triptych.core.lake.loads import SKETCH_SIZE, FileAtRest, LoadTotal, NewLoad
from triptych.core.lake.manifests import load_folder, write_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ingest.connector import Delivery
    from ingest.engine.lake import LakePlaces
    from ingest.engine.parquet_at_rest import LandedPart, PartTotal
    from ingest.engine.projection import Projection

_REFUSED_ABOVE_RATIO = 0.5
_DIGITS: Final = 76
SURVEY_STREAM: Final = "survey_responses"


@dataclass(frozen=True, slots=True)
class LandedDelivery:
    """A delivery that was read and judged, and the load that it would become.

    ``folder`` is its part of the staging area; ``copied`` is true if files there are to
    be moved into the lake. ``rows`` are queries for its rows, where they are compared
    with those of other deliveries.
    """

    delivery: Delivery
    load: NewLoad
    folder: Path
    copied: bool
    rows: tuple[str, ...] = ()

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
    """Return the load of a delivery after its parts landed in ``folder``.

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
    rows = tuple(
        f"SELECT {part.projection.select_list()} FROM {parquet(part.path)}"
        for part in parts
        if _is_compared(delivery.stream) and part.in_place is None
    )
    return LandedDelivery(delivery, load, folder, copied, rows)


def _is_compared(stream: str) -> bool:
    return stream == SURVEY_STREAM or bool(ALL_STREAMS[stream].one_value)


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
        # Only a run on Spark needs it, and reports this then.
        return json.dumps({UNREADABLE_ON_SPARK: error.what})
    return json.dumps(columns)


def _merge_totals(parts: Sequence[LandedPart]) -> tuple[LoadTotal, ...]:
    by_key: dict[tuple[str, str | None], list[PartTotal]] = defaultdict(list)
    for part in parts:
        for total in part.totals:
            by_key[total.month, total.currency].append(total)
    in_order = sorted(by_key.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return tuple(_merged(totals) for _, totals in in_order)


def _merged(totals: Sequence[PartTotal]) -> LoadTotal:
    is_outlined = all(total.outline for total in totals)
    counts = [t.charge_count for t in totals if t.charge_count is not None]
    return LoadTotal(
        totals[0].month,
        totals[0].currency,
        sum(total.money_row_count for total in totals),
        (
            _sum_of_known([total.amounts[0] for total in totals]),
            _sum_of_known([total.amounts[1] for total in totals]),
        ),
        _smallest(total.sketch for total in totals),
        outline=_smallest(total.outline for total in totals) if is_outlined else (),
        hash_function=totals[0].hash_function,
        charge_count=sum(counts) if len(counts) == len(totals) else None,
    )


def _smallest(hashes: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sorted({number for each in hashes for number in each})[:SKETCH_SIZE])


def _sum_of_known(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    with localcontext() as context:
        # As many digits as the amounts have; the usual 28 would round some away.
        context.prec = _DIGITS
        return sum(known, Decimal(0)) if known else None


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
