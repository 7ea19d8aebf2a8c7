"""Turns counters of model servers into hourly use per model: requests, tokens, latency.

The count of an hour is the difference of raw samples of each series, resets healed,
added over series; nothing is extrapolated. An increase between two samples in different
hours is spread evenly over the time between them. Samples further apart than the
longest gap carry no information on the time between, so an hour without a reading has
no row, and never a zero.

A latency histogram is the increase of each cumulative bucket, added over series, with
bounds in seconds. Percentiles are taken from it later; none is averaged. Series with
different bounds are joined on the bounds that they have in common, which is exact.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ingest.sources.prometheus.series import (
    HOUR_MS,
    Series,
    heal,
    increases,
    refuse_gauge,
    spread,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    import pyarrow as pa

    from ingest.reading.label_mapping import LabelMapping, Target
    from ingest.sources.prometheus.selector import Selector
    from ingest.sources.prometheus.series import Samples

MEASURES = (
    "requests",
    "successful_requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
)
_ZERO = Decimal(0)
Bound = TypeVar("Bound", Decimal, str)
_BOUND = "le"
_INFINITE = "+Inf"


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, typed."""
    import pyarrow as pa

    quantity = pa.decimal128(38, 18)
    return pa.schema(
        [
            ("period_start", pa.timestamp("us")),
            ("period_end", pa.timestamp("us")),
            ("model_id", pa.string()),
            ("pool_id", pa.string()),
            *((name, quantity) for name in MEASURES),
            ("latency_histogram", pa.string()),
        ]
    )


class Latency(NamedTuple):
    """Series of buckets, and how many of their unit are a second."""

    selectors: Sequence[Selector]
    units_per_second: int


class Span(NamedTuple):
    """Half-open range of time [ms since the epoch]; ``None`` has no end."""

    start: int | None
    end: int | None

    def holds(self, moment: int) -> bool:
        """Return True if a moment lies inside."""
        return (self.start is None or self.start <= moment) and (
            self.end is None or moment < self.end
        )


class Cell(NamedTuple):
    """Subject of a row: hour [ms], model and pool."""

    hour: int
    model_id: str | None
    pool_id: str | None

    @property
    def order(self) -> tuple[int, str, str]:
        """Return the sort key of rows."""
        return self.hour, self.model_id or "", self.pool_id or ""


@dataclass(frozen=True, slots=True)
class UsageReading:
    """Metrics that are read, and their interpretation.

    ``measures`` are selectors by column; ``renamed`` are further spellings of labels;
    ``pool`` is that of series which no rule places.
    """

    measures: Mapping[str, Sequence[Selector]]
    latency: Latency | None
    mapping: LabelMapping
    pool: str | None
    renamed: Mapping[str, tuple[str, ...]]
    step_ms: int
    longest_gap_ms: int

    def selectors(self) -> list[Selector]:
        """Return every selector that is asked for."""
        latency = self.latency.selectors if self.latency else ()
        return [*(one for many in self.measures.values() for one in many), *latency]

    def silent(self, found: Container[Selector]) -> list[str]:
        """Return the metrics without series, where ``found`` are those with."""
        return [str(selector) for selector in self.selectors() if selector not in found]

    def rows(self, samples: Samples, span: Span) -> pa.RecordBatch:
        """Return the rows of the hours in ``span``, ordered by hour, model and pool."""
        import pyarrow as pa

        cells: defaultdict[Cell, _Totals] = defaultdict(_Totals)
        for measure, selectors in self.measures.items():
            for series in self._series(samples, selectors):
                target = self._target(series)
                for hour, increase in self._by_hour(series, span).items():
                    cells[Cell(hour, *target)].add(measure, increase)
        if self.latency is not None:
            self._add_latency(samples, self.latency, span, cells)
        ordered = sorted(cells.items(), key=lambda item: item[0].order)
        return pa.RecordBatch.from_pylist(
            [_row(cell, totals) for cell, totals in ordered], schema=_schema()
        )

    def _series(self, samples: Samples, selectors: Iterable[Selector]) -> list[Series]:
        """Return the distinct series of several selectors."""
        by_labels = {}
        for selector in selectors:
            answered = samples.series(selector, step_ms=self.step_ms)
            healed = heal(answered, renamed=self.renamed)
            refuse_gauge(healed, str(selector))
            for series in healed:
                by_labels[tuple(sorted(series.labels.items()))] = series
        return list(by_labels.values())

    def _by_hour(self, series: Series, span: Span) -> dict[int, Decimal]:
        totals: dict[int, Decimal] = {}
        for start, end, increase in increases(
            series.points, longest_gap_ms=self.longest_gap_ms
        ):
            for hour, part in spread(start, end, increase):
                before = totals.get(hour)
                totals[hour] = part if before is None else _added(before, part)
        return {hour: total for hour, total in totals.items() if span.holds(hour)}

    def _target(self, series: Series) -> Target:
        """Return the target that all samples of a series belong to."""
        target = self.mapping.target(
            {label: (value,) for label, value in series.labels.items()}
        )
        return target._replace(pool_id=target.pool_id or self.pool)

    def _add_latency(
        self,
        samples: Samples,
        latency: Latency,
        span: Span,
        cells: defaultdict[Cell, _Totals],
    ) -> None:
        bounded = [
            (_bound(series, latency.units_per_second), series)
            for series in self._series(samples, latency.selectors)
        ]
        histograms: dict[
            tuple[Target, frozenset[tuple[str, str]]], dict[int, dict[str, Decimal]]
        ] = {}
        # The smallest bound first, which is then the order in each histogram.
        for bound, series in sorted(bounded, key=itemgetter(0)):
            rest = series.labels.items() - {(_BOUND, series.labels[_BOUND])}
            labels, text = frozenset(rest), _bound_text(bound)
            by_hour = histograms.setdefault((self._target(series), labels), {})
            for hour, increase in self._by_hour(series, span).items():
                buckets = by_hour.setdefault(hour, {})
                buckets[text] = _added(buckets.get(text, _ZERO), increase)
        for (target, _), by_hour in histograms.items():
            for hour, buckets in by_hour.items():
                cells[Cell(hour, *target)].histograms.append(buckets)


@dataclass(slots=True)
class _Totals:
    """Totals of a single row."""

    measures: dict[str, Decimal] = field(default_factory=dict)
    #: Bound [s] → increase, in this order, of each set of labels without the bound.
    histograms: list[dict[str, Decimal]] = field(default_factory=list)

    def add(self, measure: str, increase: Decimal) -> None:
        """Add an increase to a single measure."""
        self.measures[measure] = _added(self.measures.get(measure, _ZERO), increase)


def _added(total: Decimal, increase: Decimal) -> Decimal:
    """Return the sum; a negative value stays, so that the row is refused."""
    if total >= _ZERO and increase >= _ZERO:
        return total + increase
    return min(total, increase)


def merge_histograms(
    histograms: Iterable[Mapping[Bound, Decimal]],
) -> dict[Bound, Decimal]:
    """Return the sum of cumulative histograms on the bounds they have in common.

    The bounds stay in their order.

    A cumulative count at a bound does not depend on other bounds, so that leaving
    bounds out loses detail and no request.

    Examples
    --------
    >>> one, two, inf = Decimal("0.1"), Decimal("0.5"), Decimal("Infinity")
    >>> merged = merge_histograms([{one: 3, inf: 9}, {one: 1, two: 4, inf: 5}])
    >>> [(str(bound), int(merged[bound])) for bound in merged]
    [('0.1', 4), ('Infinity', 14)]
    """
    filled = [histogram for histogram in histograms if any(histogram.values())] or [{}]
    if len(filled) == 1:
        return dict(filled[0])
    common = set(filled[0]).intersection(*filled[1:])
    return {
        bound: sum((one[bound] for one in filled), _ZERO)
        for bound in filled[0]
        if bound in common
    }


def _bound(series: Series, units_per_second: int) -> Decimal:
    text = series.labels.get(_BOUND, "")
    try:
        bound = Decimal(text)
    except InvalidOperation:
        bound = Decimal("NaN")
    if bound.is_nan():
        raise MalformedDeliveryError(
            f"A series of {series.metric} has the bound {text!r}, which is none.",
            where="latency",
            next_step="Select the histogram's '_bucket', whose series have 'le'.",
        )
    return bound / units_per_second if bound.is_finite() else bound


def _row(cell: Cell, totals: _Totals) -> dict[str, object]:
    return {
        "period_start": cell.hour * 1_000,
        "period_end": (cell.hour + HOUR_MS) * 1_000,
        "model_id": cell.model_id,
        "pool_id": cell.pool_id,
        **{name: totals.measures.get(name) for name in MEASURES},
        "latency_histogram": _histogram_text(totals),
    }


def _histogram_text(totals: _Totals) -> str | None:
    merged = merge_histograms(totals.histograms)
    if not merged:
        return None
    return json.dumps({bound: _number(count) for bound, count in merged.items()})


def _bound_text(bound: Decimal) -> str:
    return f"{bound.normalize():f}" if bound.is_finite() else _INFINITE


def _number(count: Decimal) -> int | float:
    # Whole but for an increase that was spread over the turn of an hour.
    return int(count) if count == count.to_integral_value() else float(count)
