"""Takes what the sources offer, and commits what is new, whole or not at all.

For each delivery: read → land as Parquet → judge every row → move into the lake →
one catalogue transaction. A crash before the transaction leaves the old load
current and, at most, files that no catalogue entry names; the next run sweeps them
away. Only this module writes loads.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import structlog

from ingest.connector import RemembersLoads, Window
from ingest.landing import LandedPart, Lander
from ingest.report import CommittedLoad, IngestReport, SourceFailure
from ingest.spark_projection import UNREADABLE_ON_SPARK, spark_columns
from ingest.streams import STREAMS
from ingest.streams.locked_months import LOCKED_STREAMS
from triptych.errors import (
    MalformedDeliveryError,
    SettingsError,
    TriptychError,
)
from triptych.warehouse.catalogue import (
    Catalogue,
    FileAtRest,
    LoadTotal,
    NewLoad,
    QuarantinedRow,
    StreamView,
)
from triptych.warehouse.in_place import FileInPlace, file_checksum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from ingest.connector import Connector, Delivery, LandingOptions
    from triptych.progress import Progress
    from triptych.warehouse.audit_log import AuditEntry

log = structlog.get_logger(__name__)

#: Changing how rows are judged or converted makes every delivery new again.
_LANDING_VERSION = 1
_CONCURRENT_DELIVERIES = 2
_ALL_STREAMS = STREAMS | LOCKED_STREAMS
_REFUSED_ABOVE_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class LakePlaces:
    """Where evidence rests: the workspace, its lake, staging area and catalogue."""

    root: Path
    lake: Path
    staging: Path
    raw_database: Path


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What the embedded engine may use while landing."""

    memory_limit: str = "2GB"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class _Landed:
    delivery: Delivery
    fingerprint: str
    parts: tuple[LandedPart, ...]
    folder: Path


class IngestRunner:
    """Runs connectors against one lake.

    Parameters
    ----------
    places : LakePlaces
        Where to put things.
    run_id : str
        Run that the loads will belong to.
    limits : EngineLimits
        Memory and threads for landing.
    progress : Progress
        Where to report.
    """

    def __init__(
        self,
        places: LakePlaces,
        *,
        run_id: str,
        limits: EngineLimits,
        progress: Progress,
    ) -> None:
        self._places = places
        self._run_id = run_id
        self._limits = limits
        self._progress = progress
        self._load_count = 0

    def run(self, connectors: Sequence[Connector], window: Window) -> IngestReport:
        """Ingest every source; one source's failure does not stop another's."""
        report = IngestReport()
        self.sweep()
        for connector in connectors:
            with self._progress.task(f"ingest {_name(connector)}") as task:
                failures_before = len(report.failures)
                for landed in self._land_new(connector, window, report):
                    self._commit(connector, landed, report)
                    task.advance(1)
                self._record(connector, report.failures[failures_before:])
        return report

    def commit_together(
        self, connector: Connector, *, event: str, detail: Mapping[str, object]
    ) -> AuditEntry:
        """Commit all that ``connector`` offers with an entry of the audit log.

        One transaction has every load and the entry: a crash leaves all or nothing.

        Raises
        ------
        MalformedDeliveryError
            A row cannot count; nothing was committed.
        """
        self.sweep()
        landed = [
            self._land(connector, delivery, delivery.fingerprint, self._next_folder())
            for delivery in connector.deliveries(Window())
        ]
        _refuse_rejected(landed)
        with self._catalogue() as catalogue:
            loads = [self._to_the_lake(_name(connector), one) for one in landed]
            entry = catalogue.commit_together(loads, event=event, detail=detail)
        shutil.rmtree(self._places.staging, ignore_errors=True)
        return entry

    def sweep(self) -> None:
        """Remove what a crashed run left: staging folders and unnamed loads."""
        shutil.rmtree(self._places.staging, ignore_errors=True)
        with self._catalogue() as catalogue:
            known = catalogue.known_load_ids()
        for folder in self._places.lake.glob("*/*/*/*"):
            if folder.is_dir() and folder.name not in known:
                log.info("swept_unnamed_load", folder=folder.name)
                shutil.rmtree(folder)

    def _land_new(
        self, connector: Connector, window: Window, report: IngestReport
    ) -> Iterator[_Landed]:
        """Yield landed deliveries in the order offered, two being read at a time."""
        with ThreadPoolExecutor(_CONCURRENT_DELIVERIES) as pool:
            pending: deque[Future[_Landed]] = deque()
            for delivery, fingerprint in self._new_deliveries(
                connector, window, report
            ):
                folder = self._next_folder()
                pending.append(
                    pool.submit(self._land, connector, delivery, fingerprint, folder)
                )
                if len(pending) > _CONCURRENT_DELIVERIES:
                    yield from self._result(pending.popleft(), connector, report)
            while pending:
                yield from self._result(pending.popleft(), connector, report)

    def _new_deliveries(
        self, connector: Connector, window: Window, report: IngestReport
    ) -> Iterator[tuple[Delivery, str]]:
        with self._catalogue() as catalogue:
            known = catalogue.current_fingerprints(source=_name(connector))
        if isinstance(connector, RemembersLoads):
            connector.remember({key: _memo(text) for key, text in known.items()})
        try:
            for delivery in connector.deliveries(window):
                if delivery.skip_reason:
                    report.notes.append(f"{delivery.label}: {delivery.skip_reason}")
                    continue
                options = connector.landing(delivery.stream)
                fingerprint = _fingerprint(delivery, options)
                if known.get((delivery.stream, delivery.scope)) == fingerprint:
                    report.skipped_count += 1
                else:
                    yield delivery, fingerprint
        except TriptychError as error:
            report.failures.append(SourceFailure(_name(connector), error))

    def _result(
        self, future: Future[_Landed], connector: Connector, report: IngestReport
    ) -> Iterator[_Landed]:
        try:
            yield future.result()
        except TriptychError as error:
            report.failures.append(SourceFailure(_name(connector), error))

    def _land(
        self,
        connector: Connector,
        delivery: Delivery,
        fingerprint: str,
        folder: Path,
    ) -> _Landed:
        stream = _ALL_STREAMS[delivery.stream]
        workdir, out = folder / "work", folder / "parts"
        workdir.mkdir(parents=True)
        out.mkdir()
        with self._engine() as engine:
            lander = Lander(
                engine, stream=stream, options=connector.landing(stream.name)
            )
            parts = tuple(
                lander.land(part, out / f"part-{number:05d}.parquet")
                for number, part in enumerate(connector.read(delivery, workdir))
            )
        _refuse_if_mostly_bad(delivery, parts)
        return _Landed(delivery, fingerprint, parts, folder)

    def _commit(
        self, connector: Connector, landed: _Landed, report: IngestReport
    ) -> None:
        delivery, source = landed.delivery, _name(connector)
        checksums = tuple(part.checksum for part in landed.parts)
        with self._catalogue() as catalogue:
            if self._is_nothing_new(catalogue, source, landed, checksums, report):
                shutil.rmtree(landed.folder, ignore_errors=True)
                return
            load = self._to_the_lake(source, landed)
            catalogue.commit(load)
        shutil.rmtree(landed.folder, ignore_errors=True)
        report.committed.append(
            CommittedLoad(
                load.load_id,
                source,
                delivery.stream,
                delivery.label,
                load.row_count,
                len(load.quarantined),
            )
        )
        log.info(
            "load_committed",
            source=source,
            stream=delivery.stream,
            scope=delivery.scope,
            rows=load.row_count,
            quarantined=len(load.quarantined),
        )

    def _is_nothing_new(
        self,
        catalogue: Catalogue,
        source: str,
        landed: _Landed,
        checksums: tuple[str, ...],
        report: IngestReport,
    ) -> bool:
        delivery = landed.delivery
        scope = {"source": source, "stream": delivery.stream, "scope": delivery.scope}
        projection = _projection_text(landed.parts)
        in_place = _files_in_place(landed.parts)
        if catalogue.has_same_content(
            **scope, checksums=checksums, projection=projection, files_in_place=in_place
        ):
            catalogue.renew_fingerprint(
                **scope, fingerprint=landed.fingerprint, files_in_place=in_place
            )
            report.skipped_count += 1
            return True
        twin = catalogue.find_duplicate(**scope, checksums=checksums)
        if twin is not None:
            report.notes.append(
                f"{delivery.label}: duplicate delivery, byte for byte the same as"
                f" {twin}, which is already loaded; it was not counted twice."
            )
            report.skipped_count += 1
            return True
        if not sum(_row_count(part) for part in landed.parts):
            return self._keeps_previous(catalogue, scope, delivery, report)
        return False

    def _keeps_previous(
        self,
        catalogue: Catalogue,
        scope: dict[str, str],
        delivery: Delivery,
        report: IngestReport,
    ) -> bool:
        if catalogue.current_row_count(**scope):
            report.failures.append(
                SourceFailure(
                    scope["source"],
                    MalformedDeliveryError(
                        "The delivery holds no rows, though the load it would"
                        " replace does.",
                        where=delivery.label,
                        next_step="What was loaded before stays current; deliver"
                        " it again.",
                    ),
                )
            )
        else:
            report.notes.append(f"{delivery.label}: holds no rows.")
        return True

    def _to_the_lake(self, source: str, landed: _Landed) -> NewLoad:
        load = self._new_load(source, landed)
        if any(part.in_place is None for part in landed.parts):
            final = self._places.root / self._lake_folder(source, landed)
            final.parent.mkdir(parents=True, exist_ok=True)
            (landed.folder / "parts").rename(final)
        return load

    def _new_load(self, source: str, landed: _Landed) -> NewLoad:
        delivery, parts = landed.delivery, landed.parts
        folder = self._lake_folder(source, landed)
        return NewLoad(
            load_id=landed.folder.name,
            run_id=self._run_id,
            stream=delivery.stream,
            source=source,
            scope=delivery.scope,
            period=delivery.period,
            fingerprint=landed.fingerprint,
            label=delivery.label,
            files=tuple(
                (folder / part.path.name).as_posix()
                if part.in_place is None
                else part.in_place.uri
                for part in parts
            ),
            origins=tuple(part.origin for part in parts),
            checksums=tuple(part.checksum for part in parts),
            byte_count=sum(part.byte_count for part in parts),
            projections=tuple(_projection_json(part) for part in parts),
            spark_projections=tuple(_spark_projection_json(part) for part in parts),
            signatures=tuple(part.signature for part in parts),
            absent_columns=parts[0].projection.absent_columns if parts else (),
            row_count=sum(_row_count(part) for part in parts),
            quarantined=tuple(
                QuarantinedRow(
                    row.origin,
                    row.row_number,
                    row.reason,
                    row.content,
                    row.billing_month,
                    row.subject,
                    row.is_charge,
                )
                for part in parts
                for row in part.rejected
            ),
            totals=_merge_totals(parts),
            files_in_place=_files_in_place(parts),
            files_at_rest=_files_at_rest(parts, folder),
        )

    def _lake_folder(self, source: str, landed: _Landed) -> Path:
        """Return the folder of a load in the lake, below the workspace."""
        delivery = landed.delivery
        lake = self._places.lake.relative_to(self._places.root)
        place = lake / delivery.stream / source / delivery.period
        return place / landed.folder.name

    def _record(self, connector: Connector, failures: list[SourceFailure]) -> None:
        config = connector.config
        with self._catalogue() as catalogue:
            catalogue.record_source(
                source=config.name,
                source_type=config.type,
                streams=tuple(connector.streams()),
                expected_lag_hours=config.expected_lag_hours,
                error=str(failures[0].error) if failures else None,
            )

    def _next_folder(self) -> Path:
        self._load_count += 1
        return self._places.staging / f"{self._run_id}-{self._load_count:05d}"

    def _catalogue(self) -> Catalogue:
        return open_catalogue(self._places)

    def _engine(self) -> duckdb.DuckDBPyConnection:
        engine = duckdb.connect(":memory:")
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute("SET preserve_insertion_order = true")
        engine.execute(f"SET memory_limit = '{self._limits.memory_limit}'")
        engine.execute(f"SET temp_directory = '{self._places.staging / 'spill'}'")
        if self._limits.threads is not None:
            engine.execute(f"SET threads = {self._limits.threads}")
        return engine


def open_catalogue(places: LakePlaces) -> Catalogue:
    """Open the catalogue with a view for every stream that triptych knows."""
    places.lake.mkdir(parents=True, exist_ok=True)
    return Catalogue(places.raw_database, root=places.root, streams=stream_views())


def stream_views() -> list[StreamView]:
    """Return every stream with its columns, as evidence views need them."""
    return [
        StreamView(name, tuple((c.name, c.type) for c in stream.columns))
        for name, stream in _ALL_STREAMS.items()
    ]


def _name(connector: Connector) -> str:
    return connector.config.name


def _fingerprint(delivery: Delivery, options: LandingOptions) -> str:
    reading = json.dumps(
        [_LANDING_VERSION, options.mapping, options.defaults]
        + ["in place"] * delivery.is_in_place,
        sort_keys=True,
    )
    text = f"{delivery.fingerprint}\n{reading}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest} {delivery.memo}" if delivery.memo else digest


def _memo(fingerprint: str) -> str:
    """Return what the connector wrote beside the fingerprint of a load."""
    return fingerprint.partition(" ")[2]


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
        FileAtRest(
            (folder / part.path.name).as_posix(),
            part.byte_count,
            file_checksum(part.path),
        )
        for part in parts
        if part.in_place is None
    )


def _row_count(part: LandedPart) -> int:
    return sum(total.row_count for total in part.totals)


def _projection_json(part: LandedPart) -> str:
    return json.dumps({p.column.name: p.value for p in part.projection.columns})


def _spark_projection_json(part: LandedPart) -> str:
    try:
        columns = spark_columns(part.projection)
    except SettingsError as error:
        # Only a run on Spark needs it, and says this then.
        return json.dumps({UNREADABLE_ON_SPARK: error.what})
    return json.dumps(columns)


def _projection_text(parts: Sequence[LandedPart]) -> str:
    return "\n".join(_projection_json(part) for part in parts)


def _merge_totals(parts: Sequence[LandedPart]) -> tuple[LoadTotal, ...]:
    rows: Counter[tuple[str, str | None]] = Counter()
    money: dict[tuple[str, str | None], list[Decimal | None]] = defaultdict(
        lambda: [None, None]
    )
    for part in parts:
        for total in part.totals:
            key = (total.month, total.currency)
            rows[key] += total.money_row_count
            sums = money[key]
            for position, amount in enumerate(total.amounts):
                if amount is not None:
                    sums[position] = (sums[position] or 0) + amount
    return tuple(
        LoadTotal(month, currency, count, (money[key][0], money[key][1]))
        for (month, currency), count in sorted(
            rows.items(), key=lambda item: (item[0][0], item[0][1] or "")
        )
        for key in [(month, currency)]
    )


def _refuse_rejected(landed: Sequence[_Landed]) -> None:
    for one in landed:
        for row in (row for part in one.parts for row in part.rejected):
            raise MalformedDeliveryError(
                f"A row cannot count: {row.reason}.",
                where=f"{one.delivery.label}:{row.row_number}",
                next_step="Nothing was committed.",
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


__all__ = [
    "CommittedLoad",
    "EngineLimits",
    "IngestReport",
    "IngestRunner",
    "LakePlaces",
    "SourceFailure",
    "open_catalogue",
]
