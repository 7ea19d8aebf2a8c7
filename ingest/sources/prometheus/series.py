"""Samples of Prometheus as they are meant: labels healed, absent values absent.

Values that are not numbers (``NaN``, an infinity) and blank values (DCGM's, from 9.2e18
up) are ``None``: missing, and never zero. A gap is samples that are not there; nothing
here fills a gap.

Times are whole milliseconds since the epoch, as Prometheus keeps them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ingest.sources.prometheus.selector import NAME_LABEL
from triptych.core.errors import MalformedDeliveryError

#: Changes of a series from which it shows whether it is a counter, and the part of them
#: that are falls by less than half in a gauge.
_CHANGES_TO_TELL, _FALLS_OF_A_GAUGE = 20, 0.2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingest.sources.prometheus.selector import Selector

    #: Moment [ms since the epoch] and value, if there is a value; oldest first.
    Points = Sequence[tuple[int, Decimal | None]]

MILLISECONDS = 1_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

#: DCGM's blank 64-bit integers begin at 9223372036854775792; a server prints a
#: nearby double, such as 9223372036854776000.
_BLANK_FROM = Decimal("9.2e18")

#: Label → its other spellings. dcgm-exporter wrote ``Hostname`` until May 2026.
RENAMED_LABELS: Mapping[str, tuple[str, ...]] = {"hostname": ("Hostname",)}
#: Labels of a workload. Where a scrape has its own labels under these names, Prometheus
#: puts the exporter's under ``exported_…``.
WORKLOAD_LABELS = ("namespace", "pod", "container")
_EXPORTED = "exported_"


@dataclass(frozen=True, slots=True)
class Series:
    """Series with its samples; ``labels`` include the metric's name."""

    labels: Mapping[str, str]
    points: Points

    @property
    def metric(self) -> str:
        """Return the name of the metric; empty after a function."""
        return self.labels.get(NAME_LABEL, "")


class Samples(Protocol):
    """Origin of samples: a server, or recordings."""

    def series(self, selector: Selector, *, step_ms: int) -> list[Series]:
        """Return raw samples, at most ``step_ms`` apart where there are any."""

    def windows(self, selector: Selector, *, window_ms: int) -> list[WindowSeries]:
        """Return mean and number of samples per window."""


class WindowSeries(NamedTuple):
    """Mean and number of a series' samples, by the end [ms] of each window."""

    labels: Mapping[str, str]
    windows: Mapping[int, tuple[Decimal | None, int]]


def read_value(text: object, *, where: str) -> Decimal | None:
    """Return the value of a sample, or ``None`` for a blank value.

    Raises
    ------
    MalformedDeliveryError
        It is no text of a number.

    Examples
    --------
    >>> read_value("0.3007", where="x")
    Decimal('0.3007')
    >>> [read_value(text, where="x") for text in ("NaN", "+Inf", "-Inf")]
    [None, None, None]
    >>> read_value("9223372036854775794", where="x") is None
    True
    """
    try:
        value = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        value = None
    if value is None:
        raise MalformedDeliveryError(
            f"A sample has the value {text!r}, which is no number in quotes.",
            where=where,
            next_step="Compare it with what Prometheus answers; nothing was loaded.",
        )
    return value if value.is_finite() and -_BLANK_FROM < value < _BLANK_FROM else None


def heal(
    series: Iterable[Series], *, renamed: Mapping[str, tuple[str, ...]]
) -> list[Series]:
    """Join series that differ only in the spelling of their labels.

    Parameters
    ----------
    series : iterable of Series
        As they were answered or recorded.
    renamed : mapping of str to tuple of str
        Label → other spellings, over those of :data:`RENAMED_LABELS`.

    Returns
    -------
    list of Series
        Each set of labels once, ordered by them. Where two of the joined series have
        a sample of the same moment, that of the series that began later counts.
    """
    given = list(series)
    joined: defaultdict[tuple[tuple[str, str], ...], list[Points]] = defaultdict(list)
    labels_of_all = healed_labels([one.labels for one in given], renamed=renamed)
    for one, labels in zip(given, labels_of_all, strict=True):
        joined[tuple(sorted(labels.items()))].append(one.points)
    return [
        Series(dict(labels), _joined(parts)) for labels, parts in sorted(joined.items())
    ]


def healed_labels(
    given: Sequence[Mapping[str, str]], *, renamed: Mapping[str, tuple[str, ...]]
) -> list[dict[str, str]]:
    """Return each set of labels as it is meant, in the order given.

    A label has its canonical spelling, an empty label is absent, and a workload's
    labels are those that the exporter gave, not those of the scrape of the exporter.
    """
    spellings = {**RENAMED_LABELS, **renamed}
    exporting = {_scrape(labels) for labels in given if _has_exported(labels)}
    return [
        _own_workload(
            _respelled(labels, spellings), is_exporting=_scrape(labels) in exporting
        )
        for labels in given
    ]


def _respelled(
    labels: Mapping[str, str], spellings: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Return the labels under canonical names; an empty label is absent."""
    found = {name: value for name, value in labels.items() if value}
    for name, others in spellings.items():
        for other in others:
            value = found.pop(other, None)
            if value is not None:
                found.setdefault(name, value)
    return found


def _own_workload(labels: dict[str, str], *, is_exporting: bool) -> dict[str, str]:
    """Return the labels with the workload that the exporter means, if any.

    If a series of a scrape has ``exported_pod``, then ``pod`` is the pod of the
    exporter itself in all of them.
    """
    if not is_exporting:
        return labels
    own = {name: labels.pop(f"{_EXPORTED}{name}", None) for name in WORKLOAD_LABELS}
    rest = {name: value for name, value in labels.items() if name not in own}
    return {**rest, **{name: value for name, value in own.items() if value}}


def _has_exported(labels: Mapping[str, str]) -> bool:
    return any(labels.get(f"{_EXPORTED}{name}") for name in WORKLOAD_LABELS)


def _scrape(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get(NAME_LABEL, ""), labels.get("job", "")


def _joined(parts: list[Points]) -> Points:
    if len(parts) == 1:
        return parts[0]
    by_moment: dict[int, Decimal | None] = {}
    for points in sorted(parts, key=_beginning):
        for moment, value in points:
            if value is not None or moment not in by_moment:
                by_moment[moment] = value
    return sorted(by_moment.items())


def _beginning(points: Points) -> tuple[int, int]:
    return (points[0][0], points[-1][0]) if points else (0, 0)


def refuse_gauge(series: Iterable[Series], selector: str) -> None:
    """Refuse series that go up and down: they are no counters.

    A counter that begins again falls to nearly zero. Falls by less than half indicate a
    gauge.

    Raises
    ------
    MalformedDeliveryError
        More than a fifth of the changes are such falls.
    """
    changes = falls = 0
    for each in series:
        known = [value for _, value in each.points if value is not None]
        for before, after in pairwise(known):
            changes += before != after
            falls += before / 2 < after < before
    if changes >= _CHANGES_TO_TELL and falls > _FALLS_OF_A_GAUGE * changes:
        raise MalformedDeliveryError(
            f"It falls in {falls:,} of {changes:,} changes: a gauge, and no counter.",
            where=selector,
            next_step="Name a counter, such as one whose name ends in _total.",
        )


def increases(
    points: Points, *, longest_gap_ms: int
) -> Iterator[tuple[int, int, Decimal]]:
    """Yield the increase of a counter between neighbouring samples.

    Parameters
    ----------
    points : sequence of (int, Decimal)
        Samples of a single counter, oldest first.
    longest_gap_ms : int
        Maximum gap between samples [ms] for them to be compared.

    Yields
    ------
    tuple of (int, int, Decimal)
        Start and end [ms since the epoch], and the increase. A value below the value
        before is a reset: the counter began again at zero, so the increase is the new
        value. The count of a series before its first sample is not known and not
        counted.

    Examples
    --------
    >>> points = [(0, Decimal(5)), (60, Decimal(9)), (120, Decimal(2))]
    >>> [int(increase) for _, _, increase in increases(points, longest_gap_ms=60)]
    [4, 2]
    """
    known = [(moment, value) for moment, value in points if value is not None]
    for (start, before), (end, after) in pairwise(known):
        if end - start <= longest_gap_ms:
            yield start, end, after - before if after >= before else after


def spread(
    start: int, end: int, increase: Decimal, *, bucket_ms: int = HOUR_MS
) -> list[tuple[int, Decimal]]:
    """Return the parts of an increase that fall into each bucket, evenly over time.

    The parts add up to the increase exactly, and none depends on which others are
    looked at: each is a difference of the rounded running total.

    Examples
    --------
    >>> parts = spread(3_000_000, 4_200_000, Decimal(90))
    >>> [(bucket, int(part)) for bucket, part in parts]
    [(0, 45), (3600000, 45)]
    """
    first, last = start // bucket_ms, (end - 1) // bucket_ms
    if first == last:
        return [(first * bucket_ms, increase)]
    parts = []
    told = Decimal(0)
    for bucket in range(first, last + 1):
        until = min((bucket + 1) * bucket_ms, end)
        total = increase
        if until < end:
            total = (increase * (until - start) / (end - start)).quantize(_PRECISION)
        parts.append((bucket * bucket_ms, total - told))
        told = total
    return parts


def windows_of(series: Sequence[Series], window_ms: int) -> list[WindowSeries]:
    """Return mean and number of recorded samples per window, as a server would.

    A window does not hold the moment at which it begins. A mean is only over samples
    that have a value.
    """
    return [WindowSeries(one.labels, _windows(one, window_ms)) for one in series]


def _windows(series: Series, window_ms: int) -> dict[int, tuple[Decimal | None, int]]:
    samples: defaultdict[int, list[Decimal | None]] = defaultdict(list)
    for moment, value in series.points:
        samples[-(-moment // window_ms) * window_ms].append(value)
    return {end: (_mean(values), len(values)) for end, values in samples.items()}


def _mean(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) / len(known) if known else None


_PRECISION = Decimal("0.000001")
