"""Commit landed deliveries, many in a single transaction.

A transaction costs tens of milliseconds however little it holds, so deliveries that
land within a moment are committed together, in the order in which they were offered.
Each delivery is still a separate load. A delivery that a crash keeps from being
committed lands again at the next run.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.engine import unknown_loads
from ingest.engine.agreed_values import AgreedValues
from ingest.engine.late_answers import late_answers
from ingest.engine.repeated_charges import SketchesInForce, ways_out
from ingest.engine.report import CommittedLoad, SourceFailure, withdrawn_note
from ingest.storage.file_contents import FILE_CONTENTS
from triptych.core.errors import MalformedDeliveryError
from triptych.core.lake.loads import LoadInForce, Renewal, SourceAttempt
from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.connector import Connector
    from ingest.engine.charge_sketches import Comparison
    from ingest.engine.lake import HeldCatalogue, LakePlaces
    from ingest.engine.landed_loads import LandedDelivery
    from ingest.engine.report import IngestReport
    from triptych.core.lake.catalogue import Catalogue
    from triptych.core.lake.loads import ChargedMonth, NewLoad

log = logging.getLogger(__name__)

#: The most that waits, and for how long, for the transaction that commits it.
_MOST_DELIVERIES, _LONGEST_WAIT_SECONDS = 1_000, 2.0


class CommitBatches:
    """Deliveries that have landed in a run and are not committed yet.

    Parameters
    ----------
    held : HeldCatalogue
        The catalogue.
    places : LakePlaces
        Locations of the files.
    report : IngestReport
        Report that receives the result of each delivery.
    """

    def __init__(
        self, held: HeldCatalogue, places: LakePlaces, report: IngestReport
    ) -> None:
        self._held = held
        self._places = places
        self._report = report
        self._landed: list[LandedDelivery] = []
        self._finished: list[tuple[Connector, datetime]] = []
        self._waiting_since = 0.0
        self._may_repeat: set[str] = set()

    def begin(self, connector: Connector) -> None:
        """Accept deliveries of a source from now on."""
        if connector.config.may_repeat:
            self._may_repeat.add(connector.config.name)

    def add(self, landed: LandedDelivery) -> None:
        """Take a delivery that has landed; commits when enough has."""
        if not self._landed:
            self._waiting_since = time.monotonic()
        self._landed.append(landed)
        waited = time.monotonic() - self._waiting_since
        if len(self._landed) >= _MOST_DELIVERIES or waited >= _LONGEST_WAIT_SECONDS:
            self.flush()
            self._held.let_go()

    def finish(self, connector: Connector) -> None:
        """Remember that a source has offered all it has, or failed."""
        self._finished.append((connector, datetime.now(UTC).replace(tzinfo=None)))

    def flush(self) -> None:
        """Commit landed deliveries and the results of finished sources."""
        landed, self._landed = self._landed, []
        finished, self._finished = self._finished, []
        if landed or finished:
            with self._held.opened() as catalogue:
                new, renewals, learnt = self._judged(catalogue, landed)
                unknown_loads.move_together(new, self._places)
                catalogue.commit(
                    [each.load for each in new],
                    renewals=renewals,
                    attempts=[self._attempt(*each) for each in finished],
                    seen_files=FILE_CONTENTS.unsaved(self._places.root),
                    compared=learnt,
                )
                unknown_loads.settle(self._places)
            self._tell(new)
        for each in landed:
            shutil.rmtree(each.folder, ignore_errors=True)

    def _judged(
        self, catalogue: Catalogue, landed: Sequence[LandedDelivery]
    ) -> tuple[list[LandedDelivery], list[Renewal], list[ChargedMonth]]:
        """Return loads to commit, loads already in force, and months learnt.

        Each delivery is compared with the state that the deliveries before it leave in
        force.
        """
        new: list[LandedDelivery] = []
        renewals: list[Renewal] = []
        if not landed:
            return new, renewals, []
        # An ingest that finds nothing new compares nothing.
        from ingest.engine.charge_sketches import comparison

        in_force = LoadsInForce(
            catalogue.loads_in_force([each.load for each in landed])
        )
        compared = comparison(landed, catalogue, self._places)
        sketches = SketchesInForce(compared.in_force)
        agreed = AgreedValues(catalogue.ask, landed)
        withdrawn = {(w.key, w.checksums): w for w in catalogue.withdrawn_loads()}
        for each in compared.landed:
            taken_back = withdrawn.get((each.load.key, each.load.checksums))
            if taken_back is not None:
                self._report.notes.append(withdrawn_note(taken_back, each.load.label))
                self._report.skipped_count += 1
                continue
            same = in_force.same_content(each.load)
            if same is not None:
                renewals.append(same)
                self._report.skipped_count += 1
            elif not (
                self._is_set_aside(each.load, in_force)
                or self._is_not_compared(each.load, compared, new)
                or self._is_repeated(each.load, sketches)
                or self._is_contradicted(each, agreed)
                or self._is_held_back(catalogue, each)
            ):
                in_force.put(each.load)
                sketches.put(each.load)
                new.append(each)
        return new, renewals, compared.learnt

    def _is_set_aside(self, load: NewLoad, in_force: LoadsInForce) -> bool:
        """Return True if a load is not to be committed, and report the reason."""
        twin = in_force.twin(load)
        if twin is not None and twin.source == load.source:
            self._report.notes.append(
                f"{load.label}: duplicate delivery, byte for byte the same as"
                f" {twin.label}, which is already loaded; it was not counted twice."
            )
            self._report.skipped_count += 1
            return True
        if twin is not None and self._would_count_twice(load):
            self._report.failures.append(
                SourceFailure(load.source, _same_bill(load, twin))
            )
            return True
        if load.row_count:
            return False
        if in_force.row_count(load):
            self._report.failures.append(SourceFailure(load.source, _emptied(load)))
        else:
            self._report.notes.append(f"{load.label}: holds no rows.")
        return True

    def _would_count_twice(self, load: NewLoad) -> bool:
        """Return True if a load has money and may not repeat another source's."""
        has_money = any(any(total.amounts) for total in load.totals)
        return has_money and load.source not in self._may_repeat

    def _is_not_compared(
        self, load: NewLoad, compared: Comparison, new: Sequence[LandedDelivery]
    ) -> bool:
        """Hold a load back, returning True, if its charges may count already."""
        refusal = compared.refusal(load, [each.load for each in new])
        if refusal is None or load.source in self._may_repeat:
            return False
        self._report.failures.append(SourceFailure(load.source, refusal))
        return True

    def _is_repeated(self, load: NewLoad, sketches: SketchesInForce) -> bool:
        """Refuse a load, returning True, if its charges count already."""
        if load.source in self._may_repeat:
            return False
        repetition = sketches.repetition(load)
        if repetition is None:
            return False
        self._report.failures.append(SourceFailure(load.source, repetition.error()))
        return True

    def _is_contradicted(self, landed: LandedDelivery, agreed: AgreedValues) -> bool:
        """Refuse a load, returning True, if it contradicts loads in force."""
        refusal = agreed.refusal(landed.load.load_id)
        if refusal is None:
            return False
        self._report.failures.append(SourceFailure(landed.load.source, refusal))
        return True

    def _is_held_back(self, catalogue: Catalogue, landed: LandedDelivery) -> bool:
        """Return True, and report it, if answers of few people would show."""
        why = late_answers(catalogue.ask, landed)
        if why is None:
            return False
        self._report.notes.append(why)
        self._report.skipped_count += 1
        return True

    def _attempt(self, connector: Connector, at: datetime) -> SourceAttempt:
        config = connector.config
        failures = (f for f in self._report.failures if f.source == config.name)
        failure = next(failures, None)
        return SourceAttempt(
            source=config.name,
            source_type=config.type,
            streams=tuple(connector.streams()),
            expected_lag_hours=config.expected_lag_hours,
            at=at,
            error=None if failure is None else str(failure.error),
        )

    def _tell(self, committed: Iterable[LandedDelivery]) -> None:
        for load in (each.load for each in committed):
            refused_count = len(load.quarantined)
            self._report.committed.append(
                CommittedLoad(
                    load.load_id,
                    load.source,
                    load.stream,
                    load.label,
                    load.row_count,
                    refused_count,
                )
            )
            log.info(
                LogEvent(
                    "load_committed",
                    source=load.source,
                    stream=load.stream,
                    scope=load.scope,
                    rows=load.row_count,
                    quarantined=refused_count,
                )
            )


class LoadsInForce:
    """The current loads that matter to a batch, as they are after each of its loads.

    Parameters
    ----------
    found : iterable of LoadInForce
        As they were before the batch.
    """

    def __init__(self, found: Iterable[LoadInForce]) -> None:
        self._by_key: dict[tuple[str, str, str], LoadInForce] = {}
        self._alike: dict[tuple[object, ...], dict[tuple[str, str], LoadInForce]]
        self._alike = defaultdict(dict)
        for load in found:
            self._remember(load)

    def same_content(self, load: NewLoad) -> Renewal | None:
        """Return a renewal if the load in force holds these bytes, read alike.

        The same bytes in another place are another load: a copy is not the object that
        rests in the bucket. A load that is to be read again (it has no fingerprint) is
        read, even though its bytes are the same.
        """
        current = self._by_key.get(load.key)
        if current is None or not current.fingerprint:
            return None
        given = load.checksums, _reading(load), _uris(load)
        if given != (current.checksums, current.reading, current.uris):
            return None
        return Renewal(*load.key, load.fingerprint, load.files_in_place)

    def twin(self, load: NewLoad) -> LoadInForce | None:
        """Return a load of the same bytes under another scope, rather of its source."""
        alike = self._alike[_content(load)]
        of_source = [one for one in alike.values() if one.source == load.source]
        if of_source:
            others = (one for one in of_source if one.scope != load.scope)
            return next(others, None)
        return next(iter(alike.values()), None)

    def row_count(self, load: NewLoad) -> int:
        """Return the number of rows of the load in force; 0 without a load."""
        current = self._by_key.get(load.key)
        return 0 if current is None else current.row_count

    def put(self, load: NewLoad) -> None:
        """Replace the load in force with a load."""
        replaced = self._by_key.get(load.key)
        if replaced is not None:
            del self._alike[_content(replaced)][load.source, load.scope]
        self._remember(
            LoadInForce(
                *load.key,
                load.label,
                load.fingerprint,
                load.checksums,
                _reading(load),
                load.row_count,
                _uris(load),
                load.load_id,
            )
        )

    def _remember(self, load: LoadInForce) -> None:
        self._by_key[load.key] = load
        self._alike[_content(load)][load.source, load.scope] = load


def _content(load: NewLoad | LoadInForce) -> tuple[object, ...]:
    return load.stream, load.checksums


def _reading(load: NewLoad) -> str:
    text = "\n".join(load.projections)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _uris(load: NewLoad) -> frozenset[str]:
    return frozenset(file.uri for file in load.files_in_place)


def _same_bill(load: NewLoad, twin: LoadInForce) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It is byte for byte the same as {twin.label} (source {twin.source!r}, load"
        f" {twin.load_id}), which counts. It was not loaded.",
        where=load.label,
        next_step=ways_out(load, twin.source, twin.load_id),
    )


def _emptied(load: NewLoad) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        "The delivery holds no rows, though the load it would replace does.",
        where=load.label,
        next_step="What was loaded before stays current; deliver it again.",
    )
