"""Find loads that may hold the same charges, without reading them.

Equal charges are of the same stream, month and currency and begin at the same time, and
in files of the same source they are of the same billing account. Loads that differ in
any of these cannot repeat each other: nothing more is looked at, and that is so for
nearly all bills. Outlines, hashes of a few of their columns, separate nearly all
others.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from triptych.core.lake.loads import SKETCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from triptych.core.lake.loads import ChargedMonth, LoadTotal

#: So many of the small hashes must be in both: few charges may be alike by chance.
LEAST_COMMON: Final = 20

#: Loads with enough known charges have less than this part of their outlines in common
#: if neither repeats the other.
_UNLIKE_BELOW: Final = 0.1
#: An outline counts charges that are alike in its columns once, however many they are:
#: where half of the charges may be few of its hashes it is not informative enough.
_LEAST_DISTINCT: Final = 0.65
#: Hashes are below this.
_HASHES: Final = 2**63
#: With more loads in the same place, outlines are not compared pairwise.
_MOST_PAIRED: Final = 200

_OWNERS_KEPT: Final = 2


def side_by_side(months: Iterable[ChargedMonth]) -> Iterator[ChargedMonth]:
    """Yield those of the months in which another load has charges, too."""
    for place in _shared_places(months):
        yield from place


def overlapping(months: Iterable[ChargedMonth]) -> list[ChargedMonth]:
    """Return those of the months that may have charges in common with another."""
    found = {
        id(month): month
        for place in _shared_places(months)
        for month in _of_a_place(place)
    }
    return list(found.values())


def not_unlike(months: Iterable[ChargedMonth]) -> Iterator[ChargedMonth]:
    """Yield the months with outlines that allow them to repeat another."""
    for place in _shared_places(months):
        if len(place) > _MOST_PAIRED:
            yield from place
            continue
        for one in place:
            others = (other for other in place if other.key != one.key)
            if not all(are_unlike(one.total, other.total) for other in others):
                yield one


def are_unlike(one: LoadTotal, other: LoadTotal) -> bool:
    """Return True if outlines show that two loads share few charges."""
    if not (_is_told_by_its_outline(one) and _is_told_by_its_outline(other)):
        return False
    # Beyond the largest hash that either has kept, nothing is known of it.
    full = [max(o) for o in (one.outline, other.outline) if len(o) >= SKETCH_SIZE]
    known = [
        {h for h in outline if not full or h <= min(full)}
        for outline in (one.outline, other.outline)
    ]
    fewest = min(map(len, known))
    common = len(known[0] & known[1])
    return fewest >= LEAST_COMMON and common < fewest * _UNLIKE_BELOW


def _is_told_by_its_outline(total: LoadTotal) -> bool:
    """Return True if most charges have a separate hash in a load's outline."""
    if not total.outline or not total.charge_count:
        return False
    kept = set(total.outline)
    is_whole = len(total.outline) < SKETCH_SIZE
    # So close lie the smallest of so many even numbers (Bar-Yossef et al. 2002).
    distinct = len(kept) if is_whole else (len(kept) - 1) * _HASHES / max(kept)
    return distinct >= _LEAST_DISTINCT * total.charge_count


def may_repeat(one: ChargedMonth, other: ChargedMonth) -> bool:
    """Return True if two months may have charges in common.

    It is the rule by which :func:`overlapping` finds them among many in a single pass.
    """
    if one.key == other.key or one.place != other.place:
        return False
    if min(one.total.row_count, other.total.row_count) < LEAST_COMMON:
        return False
    (start, end), (other_start, other_end) = _span_seconds(one), _span_seconds(other)
    if end < other_start or other_end < start:
        return False
    return one.source != other.source or not _are_of_other_accounts(one, other)


def _are_of_other_accounts(one: ChargedMonth, other: ChargedMonth) -> bool:
    (first, last), (other_first, other_last) = one.total.accounts, other.total.accounts
    if first is None or last is None or other_first is None or other_last is None:
        return False
    return last < other_first or other_last < first


def _shared_places(months: Iterable[ChargedMonth]) -> Iterator[list[ChargedMonth]]:
    """Yield the months of each place that are of several keys.

    A load never repeats the load that it replaces, which has its source, stream and
    scope.
    """
    by_place: dict[Hashable, list[ChargedMonth]] = defaultdict(list)
    for month in months:
        if month.total.row_count >= LEAST_COMMON:
            by_place[month.place].append(month)
    for place in by_place.values():
        if len({month.key for month in place}) > 1:
            yield place


def _of_a_place(months: Sequence[ChargedMonth]) -> Iterator[ChargedMonth]:
    """Yield months that may repeat others, of another source or their own.

    Two sources may write the same account in two ways, so it only separates files of
    the same source.
    """
    yield from _at_one_time(months, _source)
    sources: dict[str, list[ChargedMonth]] = defaultdict(list)
    for month in months:
        sources[month.source].append(month)
    for source in sources.values():
        for group in _by_account(source):
            yield from _at_one_time(group, _key)


def _by_account(months: Sequence[ChargedMonth]) -> Iterator[Sequence[ChargedMonth]]:
    named = [
        (first, last, month)
        for month in months
        for first, last in [month.total.accounts]
        if first is not None and last is not None
    ]
    if len(named) < len(months):
        yield months
        return
    group: list[ChargedMonth] = []
    greatest = ""
    for first, last, month in sorted(named, key=itemgetter(0)):
        if group and first > greatest:
            yield group
            group, greatest = [], ""
        group.append(month)
        greatest = max(greatest, last)
    yield group


def _at_one_time(
    months: Sequence[ChargedMonth], owner: Callable[[ChargedMonth], Hashable]
) -> Iterator[ChargedMonth]:
    """Yield the months with spans that share a moment with another owner's."""
    spans = sorted(((*_span_seconds(m), m) for m in months), key=itemgetter(0))
    latest_end, latest_start = _BestOfOthers(), _BestOfOthers()
    for start, end, month in spans:
        end_before = latest_end.of_others(owner(month), end)
        if end_before is not None and end_before >= start:
            yield month
    for start, end, month in reversed(spans):
        start_after = latest_start.of_others(owner(month), -start)
        if start_after is not None and -start_after <= end:
            yield month


def _key(month: ChargedMonth) -> Hashable:
    return month.key


def _source(month: ChargedMonth) -> Hashable:
    return month.source


class _BestOfOthers:
    """Largest number of all owners except a given owner, over numbers put."""

    def __init__(self) -> None:
        # Of two owners: for any owner asked about, at least the other remains.
        self._best: dict[Hashable, float] = {}

    def of_others(self, owner: Hashable, number: float) -> float | None:
        """Return the largest number of other owners, and put this owner's."""
        others = max((n for of, n in self._best.items() if of != owner), default=None)
        self._best[owner] = max(number, self._best.get(owner, number))
        if len(self._best) > _OWNERS_KEPT:
            del self._best[min(self._best, key=self._best.__getitem__)]
        return others


def _span_seconds(month: ChargedMonth) -> tuple[float, float]:
    """Return when charges began, as Unix time [s]; all of time where it is unknown."""
    start, end = month.total.span
    return (
        -inf if start is None else start.replace(tzinfo=UTC).timestamp(),
        inf if end is None else end.replace(tzinfo=UTC).timestamp(),
    )
