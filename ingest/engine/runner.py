"""Run ingest: take deliveries and commit each new delivery as a whole.

For each delivery: read → land as Parquet → judge every row → move into the lake →
catalogue transaction. A crash before the transaction leaves the old load current and,
at most, files that no catalogue entry names; the next run sweeps them away.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ingest.connector import RemembersLoads, Window
from ingest.engine import unknown_loads
from ingest.engine.commit_batches import CommitBatches
from ingest.engine.delivery_landing import (
    DeliveryLanding,
    EngineLimits,
    NewDelivery,
)
from ingest.engine.lake import HeldCatalogue, LakePlaces, open_catalogue, stream_views
from ingest.engine.report import (
    CommittedLoad,
    IngestReport,
    SourceFailure,
    withdrawn_note,
)
from ingest.reading.malformed import BAD_DATA, as_failed
from ingest.storage.file_contents import FILE_CONTENTS
from triptych.core.errors import MalformedDeliveryError, TriptychError
from triptych.core.log_events import LogEvent
from triptych.core.personal import places_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ingest.connector import Connector, Delivery, LandingOptions
    from ingest.engine.landed_loads import LandedDelivery
    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.lake.withdrawals import WithdrawnLoad
    from triptych.core.progress import Progress

log = logging.getLogger(__name__)

#: Changing how rows are judged or converted makes every delivery new again.
_LANDING_VERSION = 2
_CONCURRENT_DELIVERIES = 2
#: Of small files; a batch is landed before the first of it can be committed.
_MOST_TOGETHER = 50
#: A delivery of a file up to this size is read together with others of its kind.
_MOST_BYTES = 256 * 1024
#: Deliveries with their fingerprints, and the result of each.
_Batch = list[tuple["Delivery", str]]
_Outcomes = list["LandedDelivery | Exception"]
#: Fingerprint of each current load by source, stream and scope.
_Known = dict[tuple[str, str, str], str]


class IngestRunner:
    """Runner of connectors against a single lake.

    Parameters
    ----------
    places : LakePlaces
        Target locations.
    run_id : str
        Run that the loads will belong to.
    limits : EngineLimits
        Memory and threads for landing.
    progress : Progress
        Report that receives the results.
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
        self._landing = DeliveryLanding(places, run_id=run_id, limits=limits)
        self._progress = progress

    def run(self, connectors: Sequence[Connector], window: Window) -> IngestReport:
        """Ingest every source; a failed source does not stop the others."""
        report = IngestReport()
        with HeldCatalogue(self._places) as held, self._landing:
            known, withdrawn = self._sweep(held)
            ingest = _Ingest(self._landing, held, report, known, withdrawn)
            batches = CommitBatches(held, self._places, report)
            try:
                for connector in connectors:
                    batches.begin(connector)
                    with self._progress.task(f"ingest {_name(connector)}") as task:
                        for landed in ingest.land_new(connector, window):
                            batches.add(landed)
                            task.advance(1)
                    batches.finish(connector)
            finally:
                # Landed deliveries count, regardless of the result of later deliveries.
                batches.flush()
        shutil.rmtree(self._places.staging, ignore_errors=True)
        return report

    def commit_together(
        self, connector: Connector, *, event: str, detail: Mapping[str, object]
    ) -> AuditEntry:
        """Commit all that ``connector`` offers with an entry of the audit log.

        A single transaction has every load and the entry: a crash leaves all or
        nothing.

        Raises
        ------
        MalformedDeliveryError
            A row cannot count; nothing was committed.
        """
        with HeldCatalogue(self._places) as held, self._landing:
            self._sweep(held)
            landed = [
                self._landing.land(
                    connector, each, each.fingerprint, self._landing.next_folder()
                )
                for each in connector.deliveries(Window())
            ]
            _refuse_rejected(landed)
            with held.opened() as catalogue:
                unknown_loads.move_together(landed, self._places)
                entry = catalogue.commit_together(
                    [each.load for each in landed], event=event, detail=detail
                )
                unknown_loads.settle(self._places)
        shutil.rmtree(self._places.staging, ignore_errors=True)
        return entry

    def land_again(
        self, connector: Connector, wanted: Collection[tuple[str, str]]
    ) -> Iterator[LandedDelivery]:
        """Yield a source's deliveries of streams and scopes without committing.

        The files are in the staging area until the next is asked for.
        """
        with self._landing:
            for delivery in connector.deliveries(Window()):
                if (delivery.stream, delivery.scope) in wanted:
                    landed = self._landing.land(
                        connector, delivery, "", self._landing.next_folder()
                    )
                    yield landed
                    shutil.rmtree(landed.folder, ignore_errors=True)

    def _sweep(self, held: HeldCatalogue) -> tuple[_Known, list[WithdrawnLoad]]:
        """Remove leftovers of a crashed run: staging folders and unnamed loads."""
        shutil.rmtree(self._places.staging, ignore_errors=True)
        with held.opened() as catalogue:
            load_ids = catalogue.known_load_ids()
            at_rest = catalogue.loads_at_rest()
            known = catalogue.current_fingerprints()
            withdrawn = catalogue.withdrawn_loads()
            FILE_CONTENTS.learn(catalogue.seen_files(), self._places.root)
        unknown_loads.sweep(self._places, load_ids, at_rest)
        return known, withdrawn


class _Ingest:
    """A single ingest: the known loads, and the landing of new deliveries."""

    def __init__(
        self,
        landing: DeliveryLanding,
        held: HeldCatalogue,
        report: IngestReport,
        known: _Known,
        withdrawn: Sequence[WithdrawnLoad],
    ) -> None:
        self._landing = landing
        self._held = held
        self._report = report
        self._known = known
        self._withdrawn = {(load.key, load.fingerprint): load for load in withdrawn}

    def land_new(
        self, connector: Connector, window: Window
    ) -> Iterator[LandedDelivery]:
        """Yield landed deliveries in the order offered, two batches being read."""
        with ThreadPoolExecutor(_CONCURRENT_DELIVERIES) as pool:
            pending: deque[tuple[_Batch, Future[_Outcomes]]] = deque()
            for batch in _read_together(self._new(connector, window)):
                new = [
                    NewDelivery(delivery, fingerprint, self._landing.next_folder())
                    for delivery, fingerprint in batch
                ]
                future = pool.submit(self._landing.land_together, connector, new)
                pending.append((batch, future))
                if len(pending) > _CONCURRENT_DELIVERIES:
                    yield from self._results(*pending.popleft(), connector)
            while pending:
                yield from self._results(*pending.popleft(), connector)

    def _new(
        self, connector: Connector, window: Window
    ) -> Iterator[tuple[Delivery, str]]:
        """Yield offered deliveries that are not loaded, with their fingerprints."""
        source = _name(connector)
        if isinstance(connector, RemembersLoads):
            connector.remember(self._memos(source))
        try:
            for delivery in connector.deliveries(window):
                if delivery.skip_reason:
                    self._report.notes.append(
                        f"{delivery.label}: {delivery.skip_reason}"
                    )
                    continue
                options = connector.landing(delivery.stream)
                fingerprint = _fingerprint(delivery, options)
                key = source, delivery.stream, delivery.scope
                withdrawn = self._withdrawn.get((key, fingerprint))
                if self._known.get(key, "") == fingerprint:
                    self._report.skipped_count += 1
                elif withdrawn is not None:
                    self._report.notes.append(withdrawn_note(withdrawn, delivery.label))
                    self._report.skipped_count += 1
                else:
                    yield delivery, fingerprint
        # A library error on the data of a source must not stop the others.
        except BAD_DATA as error:
            self._fail(source, as_failed(error, f"source {source!r}"), error)

    def _memos(self, source: str) -> dict[tuple[str, str], str]:
        return {
            (stream, scope): _memo(text)
            for (of_source, stream, scope), text in self._known.items()
            if of_source == source
        }

    def _results(
        self, batch: _Batch, future: Future[_Outcomes], connector: Connector
    ) -> Iterator[LandedDelivery]:
        try:
            outcomes = future.result()
        except BAD_DATA as error:
            outcomes = [error for _ in batch]
        for (delivery, _), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                failed = as_failed(outcome, delivery.label)
                self._fail(_name(connector), failed, outcome)
            else:
                yield outcome

    def _fail(self, source: str, failed: TriptychError, cause: Exception) -> None:
        if failed is not cause:
            at = places_of(cause)
            log.debug(LogEvent("delivery_failed", source=source, at=at))
        self._report.failures.append(SourceFailure(source, failed))


def _read_together(new: Iterable[tuple[Delivery, str]]) -> Iterator[_Batch]:
    """Yield batches that land together, in order: small files of a stream.

    Anything else is a separate batch, and is not delayed further.
    """
    batch: _Batch = []
    for delivery, fingerprint in new:
        is_small = _is_small(delivery)
        goes_on = is_small and batch and batch[0][0].stream == delivery.stream
        if batch and (not goes_on or len(batch) == _MOST_TOGETHER):
            yield batch
            batch = []
        batch.append((delivery, fingerprint))
        if not is_small:
            yield batch
            batch = []
    if batch:
        yield batch


def _is_small(delivery: Delivery) -> bool:
    return delivery.byte_count is not None and delivery.byte_count <= _MOST_BYTES


def _name(connector: Connector) -> str:
    return connector.config.name


def _fingerprint(delivery: Delivery, options: LandingOptions) -> str:
    reading = json.dumps(
        [_LANDING_VERSION, options.mapping, options.defaults]
        + [options.notation.decimal, options.notation.dates]
        + ["in place"] * delivery.is_in_place,
        sort_keys=True,
    )
    text = f"{delivery.fingerprint}\n{reading}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest} {delivery.memo}" if delivery.memo else digest


def _memo(fingerprint: str) -> str:
    """Return the connector's memo stored beside the fingerprint of a load."""
    return fingerprint.partition(" ")[2]


def _refuse_rejected(landed: Sequence[LandedDelivery]) -> None:
    for load in (each.load for each in landed):
        for row in load.quarantined:
            raise MalformedDeliveryError(
                f"A row cannot count: {row.reason}.",
                where=f"{load.label}:{row.row_number}",
                next_step="Nothing was committed.",
            )


__all__ = [
    "CommittedLoad",
    "EngineLimits",
    "IngestReport",
    "IngestRunner",
    "LakePlaces",
    "SourceFailure",
    "open_catalogue",
    "stream_views",
]
