"""Sketches of charges, taken of those loads alone that others may repeat.

A sketch is the smallest hashes of a load's charges of a month and currency: two loads
with the same charges have the same small hashes (bottom-k sketches: Broder 1997; Cohen
and Kaplan 2007). Hashing every charge costs a fifth of landing a Parquet file. So it is
done only where another load may hold the same charges: first by start time and account
(:mod:`ingest.engine.overlapping_loads`), then by an outline of a few columns, which
landing takes. The sketch is taken from the files at rest.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import duckdb

from ingest.engine.charge_ranges import outermost, ranges_of
from ingest.engine.lake import ALL_STREAMS
from ingest.engine.located_loads import KnownFiles, Unread, located
from ingest.engine.overlapping_loads import (
    are_unlike,
    may_repeat,
    not_unlike,
    overlapping,
    side_by_side,
)
from ingest.engine.parquet_at_rest import charge_count_sql, outline_sql, sketch_sql
from ingest.engine.projection import quote
from triptych.core.errors import TransientSourceError
from triptych.core.file_names import literal, read_name
from triptych.core.lake.evidence_views import is_damage
from triptych.core.lake.loads import SKETCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

    from ingest.engine.charge_ranges import Ranges
    from ingest.engine.lake import LakePlaces
    from ingest.engine.landed_loads import LandedDelivery
    from ingest.streams import Stream
    from triptych.core.lake.charged_months import FilesOfLoad
    from triptych.core.lake.loads import ChargedMonth, LoadTotal, NewLoad

#: Load, billing month and currency.
_Place = tuple[str, str, str | None]
#: The smallest hashes of its charges, and how many charges they are of.
_Hashed = dict[_Place, tuple[tuple[int, ...], int]]
#: Load and file.
_Owned = tuple[str, str]
_Ask = Callable[[str], list[tuple[Any, ...]]]
#: Maximum number of files read by a single query.
_MOST_FILES: Final = 500
_FILE: Final = "_triptych_file"


class LoadsThatCount(KnownFiles, Protocol):
    """Catalogue data on the loads in force."""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a question to files."""

    def charged_months(self, months: Sequence[ChargedMonth]) -> list[ChargedMonth]:
        """Return their contents for the streams and months of new loads."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Basis on which a batch is compared.

    ``learnt`` are the months in force of which something was found out. ``unread`` has
    by its id why the charges of a load, new or in force, are not known.
    """

    landed: list[LandedDelivery]
    in_force: list[ChargedMonth]
    learnt: list[ChargedMonth]
    unread: Mapping[str, Unread]
    #: The months of those loads.
    unread_by_place: Mapping[Hashable, Sequence[ChargedMonth]]

    def refusal(
        self, load: NewLoad, committed: Sequence[NewLoad]
    ) -> TransientSourceError | None:
        """Return why a load is held back; None where nothing unread counts then.

        Parameters
        ----------
        load : NewLoad
            Load that is next to be committed.
        committed : sequence of NewLoad
            Those of this batch that are to be committed, before it.
        """
        if load.load_id in self.unread:
            return _unreadable(load, self.unread[load.load_id])
        if not self.unread:
            return None
        new = {each.load.load_id for each in self.landed}
        keys = {each.key for each in committed}
        counting = {each.load_id for each in committed}
        for month in load.charged_months():
            for other in self.unread_by_place.get(month.place, ()):
                is_new = other.load_id in new
                counts = other.load_id in counting if is_new else other.key not in keys
                if counts and _is_open(month, other):
                    return _refusal(month, other, self.unread[other.load_id])
        return None


def comparison(
    landed: Sequence[LandedDelivery], catalogue: LoadsThatCount, places: LakePlaces
) -> Comparison:
    """Return new loads and months in force, with the sketches that comparing takes.

    Parameters
    ----------
    landed : sequence of LandedDelivery
        Loads that may be committed, in the staging area.
    catalogue : LoadsThatCount
        Loads in force.
    places : LakePlaces
        Locations of the files.
    """
    comparing = _Comparing(landed, catalogue, places)
    before = list(comparing.in_force)
    comparing.find_ranges()
    comparing.take_outlines()
    comparing.take_sketches()
    pairs = zip(before, comparing.in_force, strict=True)
    return Comparison(
        comparing.landed,
        comparing.in_force,
        [new for old, new in pairs if new.total != old.total],
        comparing.unread,
        comparing.unread_by_place(),
    )


class _Comparing:
    """New loads and loads in force, as far as the new may repeat the others."""

    def __init__(
        self,
        landed: Sequence[LandedDelivery],
        catalogue: LoadsThatCount,
        places: LakePlaces,
    ) -> None:
        self.landed = list(landed)
        self.in_force = catalogue.charged_months(self._new_months())
        self._catalogue = catalogue
        self._places = places
        self.unread: dict[str, Unread] = {}

    def find_ranges(self) -> None:
        """Read footers of the files of loads that stand side by side in a month."""
        lacking = {
            month.load_id: ALL_STREAMS[month.place[0]]
            for month in side_by_side([*self._new_months(), *self.in_force])
            if month.total.span[0] is None
        }
        ranges: dict[str, Ranges] = {}
        loads, self.unread = self._located(lacking)
        for load in loads:
            forms = zip(load.files, map(json.loads, load.projections), strict=True)
            stream = lacking[load.load_id]
            ranges[load.load_id] = outermost(
                [ranges_of(file, projection, stream) for file, projection in forms]
            )
        self._put(lambda load_id, total: _with_ranges(total, ranges.get(load_id)))

    def take_outlines(self) -> None:
        """Hash a few columns of loads that may be the same and have no outline.

        Not where sketches are there already.
        """
        lacking = {
            month.load_id: month.place[0]
            for month in self._overlapping()
            if not month.total.outline and not month.sketch
        }
        taken = self._taken(lacking, outline_sql)
        self._put(lambda load_id, total: _with_outline(load_id, total, taken))

    def take_sketches(self) -> None:
        """Hash the charges of loads that may be the same."""
        lacking = {
            month.load_id: month.place[0]
            for month in not_unlike(self._overlapping())
            if not month.sketch
        }
        taken = self._taken(lacking, sketch_sql)
        self._put(lambda load_id, total: _with_sketch(load_id, total, taken))

    def _overlapping(self) -> list[ChargedMonth]:
        return overlapping([*self._new_months(), *self.in_force])

    def _taken(
        self, streams: Mapping[str, str], hashes: Callable[[Stream], str]
    ) -> _Hashed:
        loads, self.unread = self._located(streams)
        return _take(self._catalogue.ask, loads, streams, self.unread, hashes)

    def _located(
        self, load_ids: Collection[str]
    ) -> tuple[list[FilesOfLoad], dict[str, Unread]]:
        return located(load_ids, self.landed, self._catalogue, self._places.root)

    def unread_by_place(self) -> dict[Hashable, list[ChargedMonth]]:
        """Return the months of loads with unknown charges."""
        by_place: dict[Hashable, list[ChargedMonth]] = defaultdict(list)
        for month in [*self._new_months(), *self.in_force]:
            if month.load_id in self.unread:
                by_place[month.place].append(month)
        return by_place

    def _new_months(self) -> list[ChargedMonth]:
        return [
            month
            for each in self.landed
            if ALL_STREAMS[each.load.stream].identity_columns
            for month in each.load.charged_months()
        ]

    def _put(self, known: Callable[[str, LoadTotal], LoadTotal]) -> None:
        self.in_force = [
            replace(month, total=known(month.load_id, month.total))
            for month in self.in_force
        ]
        self.landed = [_with_totals(each, known) for each in self.landed]


def _is_open(month: ChargedMonth, other: ChargedMonth) -> bool:
    """Return True if two months may share charges, as far as is known."""
    return may_repeat(month, other) and not are_unlike(month.total, other.total)


def _with_totals(
    landed: LandedDelivery, known: Callable[[str, LoadTotal], LoadTotal]
) -> LandedDelivery:
    load = landed.load
    totals = tuple(known(load.load_id, total) for total in load.totals)
    return replace(landed, load=replace(load, totals=totals))


def _with_ranges(total: LoadTotal, ranges: Ranges | None) -> LoadTotal:
    if ranges is None or total.span[0] is not None:
        return total
    return replace(total, span=ranges[0], accounts=ranges[1])


def _with_sketch(load_id: str, total: LoadTotal, taken: _Hashed) -> LoadTotal:
    sketch, _ = taken.get((load_id, total.billing_month, total.currency), ((), 0))
    return total if total.sketch or not sketch else replace(total, sketch=sketch)


def _with_outline(load_id: str, total: LoadTotal, taken: _Hashed) -> LoadTotal:
    outline, count = taken.get((load_id, total.billing_month, total.currency), ((), 0))
    if total.outline or not outline:
        return total
    return replace(total, outline=outline, charge_count=count)


def _unreadable(load: NewLoad, unread: Unread) -> TransientSourceError:
    return TransientSourceError(
        "Its charges cannot be compared with those of other loads:"
        f" {unread.reason}. It was not loaded.",
        where=load.label,
        next_step="Deliver it again and run again.",
    )


def _refusal(
    month: ChargedMonth, other: ChargedMonth, unread: Unread
) -> TransientSourceError:
    newer = (
        f" If it has new content, load that first: triptych ingest {other.source}."
        if unread.is_in_place
        else ""
    )
    return TransientSourceError(
        f"Whether it repeats charges of {other.total.billing_month} in {other.label}"
        f" (source {other.source!r}, load {other.load_id}) cannot be told:"
        f" {unread.reason}. It was not loaded.",
        where=month.label,
        next_step=f"Restore that file and run again.{newer} Or take that load back:"
        f" triptych withdraw {other.load_id} --because TEXT.",
    )


def _take(
    ask: _Ask,
    loads: Iterable[FilesOfLoad],
    streams: Mapping[str, str],
    unread: dict[str, Unread],
    hashes: Callable[[Stream], str],
) -> _Hashed:
    """Return small hashes of loads, reading files of the same form together."""
    groups: dict[tuple[str, str, str], list[_Owned]] = defaultdict(list)
    for load in loads:
        forms = zip(load.projections, load.signatures, load.files, strict=True)
        for projection, signature, file in forms:
            form = streams[load.load_id], projection, signature
            groups[form].append((load.load_id, file))
    smallest: dict[_Place, set[int]] = defaultdict(set)
    counts: Counter[_Place] = Counter()
    for (stream, projection, _), owned in groups.items():
        named = ALL_STREAMS[stream]
        asked = f"{hashes(named)}, {charge_count_sql(named)}"
        reading = partial(_query, named, projection, asked)
        for start in range(0, len(owned), _MOST_FILES):
            files = owned[start : start + _MOST_FILES]
            for *place, sketch, count in _asked(ask, reading, files, unread):
                load_id, month, currency = place
                smallest[load_id, month, currency].update(sketch or ())
                counts[load_id, month, currency] += count
    return {
        place: (tuple(sorted(of)[:SKETCH_SIZE]), counts[place])
        for place, of in smallest.items()
        if place[0] not in unread
    }


def _asked(
    ask: _Ask,
    reading: Callable[[Sequence[_Owned]], str],
    owned: Sequence[_Owned],
    unread: dict[str, Unread],
) -> list[tuple[Any, ...]]:
    """Return rows of a query; an unreadable file leaves its load out."""
    try:
        return ask(reading(owned))
    except duckdb.Error as error:
        if len(owned) == 1:
            if not is_damage(error):
                raise
            load_id, file = owned[0]
            reason = str(error).splitlines()[0].rstrip(".")
            unread[load_id] = Unread(f"{file}: {reason}")
            return []
    # By halves: a damaged file among hundreds is found by a few queries.
    middle = len(owned) // 2
    halves = owned[:middle], owned[middle:]
    return [row for half in halves for row in _asked(ask, reading, half, unread)]


def _query(stream: Stream, projection: str, asked: str, owned: Sequence[_Owned]) -> str:
    values = json.loads(projection)
    columns = ", ".join(
        f"{values.get(c.name, f'CAST(NULL AS {c.type})')} AS {quote(c.name)}"
        for c in stream.columns
    )
    files = ", ".join(read_name(file) for _, file in owned)
    owners = ", ".join(f"({literal(load)}, {literal(file)})" for load, file in owned)
    month = f"date_trunc('month', {quote(stream.period_column)})"
    currency = quote(stream.currency_column)
    # The text of a month is made of each group, not of each row.
    return (
        f"SELECT owners.load_id, strftime({month}, '%Y-%m'), {currency}, {asked}"
        f" FROM (SELECT {columns}, {_FILE} FROM read_parquet([{files}],"
        f" filename = '{_FILE}', hive_partitioning = false))"
        f" JOIN (VALUES {owners}) AS owners (load_id, file) ON owners.file = {_FILE}"
        f" GROUP BY owners.load_id, {month}, {currency}"
    )
