"""A loopback server that answers the query API of Prometheus from raw samples.

It knows the handful of questions that the connector asks, answers them in the shapes of
Prometheus 2.53, keeps its limit of points per series, and misbehaves like any
:class:`~tests.ingest.servers.http_server.ScriptedServer`. What PromQL really means is
shown by the tests that run a real server.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.sources.prometheus.selector import Selector
from tests.ingest.servers.http_server import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.ingest.servers.http_server import Request

LOOKBACK_MS = 300_000
TOO_MANY_POINTS = (
    "exceeded maximum resolution of 11,000 points per timeseries."
    " Try decreasing the query resolution (?step=XX)"
)
_FUNCTION = re.compile(r"(\w+)\((.*)\)")
_RANGE = re.compile(r"(.*)\[(\d+)ms\]")


@dataclass
class Recorded:
    """Raw samples of one series: moments [ms] and texts."""

    labels: dict[str, str]
    moments: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, moment: int, value: object) -> None:
        """Put a sample where it belongs in time."""
        position = bisect_left(self.moments, moment)
        self.moments.insert(position, moment)
        self.texts.insert(position, str(value))

    def newest(self, moment: int) -> str | None:
        """Return the newest sample, if it is not too old."""
        position = bisect_right(self.moments, moment) - 1
        is_there = position >= 0 and self.moments[position] > moment - LOOKBACK_MS
        return self.texts[position] if is_there else None

    def between(self, first: int, last: int) -> list[str]:
        """Return the samples of a range, both ends included."""
        start, end = bisect_left(self.moments, first), bisect_right(self.moments, last)
        return self.texts[start:end]


class LoopbackPrometheus(ScriptedServer):
    """Answers ``query`` and ``query_range``."""

    def __init__(self, *, most_points: int = 11_000) -> None:
        super().__init__()
        self.series: list[Recorded] = []
        self.warnings: list[str] = []
        self._most_points = most_points
        self._first_range: tuple[int, int] | None = None
        self.route("GET", "/api/v1/query_range", self._range)
        self.route("GET", "/api/v1/query", self._instant)

    def record(self, metric: str, **labels: str) -> Recorded:
        """Return a new series to add samples to."""
        series = Recorded({"__name__": metric, **labels})
        self.series.append(series)
        return series

    def ranges(self, query: str) -> list[tuple[int, int]]:
        """Return first and last moment [ms] of the ranges asked for."""
        return [
            (_milliseconds(asked, "start"), _milliseconds(asked, "end"))
            for asked in self.asked("/api/v1/query_range")
            if asked.one("query") == query
        ]

    def _range(self, request: Request) -> Answer:
        start, end, step = (
            _milliseconds(request, name) for name in ("start", "end", "step")
        )
        if (end - start) // step + 1 > self._most_points:
            return _refusal("bad_data", TOO_MANY_POINTS, 400)
        if self.page_fault == "loop":
            self._first_range = self._first_range or (start, end)
            start, end = self._first_range
        moments = range(start, end + 1, step)
        result = [
            {"metric": labels, "values": [[_seconds(m), text] for m, text in values]}
            for labels, values in self._evaluate(request.one("query") or "", moments)
            if values
        ]
        return self._success("matrix", self._disturbed(result))

    def _instant(self, request: Request) -> Answer:
        # Now is when the newest sample was taken.
        now = max((s.moments[-1] for s in self.series if s.moments), default=0)
        result = [
            {"metric": labels, "value": [_seconds(now), values[0][1]]}
            for labels, values in self._evaluate(request.one("query") or "", [now])
            if values
        ]
        return self._success("vector", result)

    def _success(self, kind: str, result: list[dict[str, Any]]) -> Answer:
        body: dict[str, object] = {
            "status": "success",
            "data": {"resultType": kind, "result": result},
        }
        if self.warnings:
            body["warnings"] = self.warnings
        return Answer(body)

    def _disturbed(self, result: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.page_fault == "duplicate":
            return [*result, *result]
        if self.page_fault == "disorder":
            return [
                {**series, "values": series["values"][::-1]} for series in result[::-1]
            ]
        return result

    def _evaluate(
        self, query: str, moments: Sequence[int]
    ) -> list[tuple[dict[str, str], list[tuple[int, str]]]]:
        function = _FUNCTION.fullmatch(query)
        if function is None:
            return [
                (one.labels, _present(moments, [one.newest(m) for m in moments]))
                for one in self._selected(query)
            ]
        inside = self._evaluate if function[1] in {"sum", "count"} else None
        if inside is not None:
            return _added(inside(function[2], moments), function[1])
        found = _RANGE.fullmatch(function[2])
        assert found, query
        window = int(found[2])
        return [
            (
                {k: v for k, v in one.labels.items() if k != "__name__"},
                _present(
                    moments,
                    [_folded(function[1], one.between(m - window, m)) for m in moments],
                ),
            )
            for one in self._selected(found[1])
        ]

    def _selected(self, text: str) -> list[Recorded]:
        selector = Selector.parse(text)
        return [one for one in self.series if selector.selects(one.labels)]


def _folded(function: str, texts: list[str]) -> str | None:
    if not texts:
        return None
    if function == "count_over_time":
        return str(len(texts))
    if function == "last_over_time":
        return texts[-1]
    assert function == "avg_over_time"
    mean = sum(map(Decimal, texts), Decimal(0)) / len(texts)
    return f"{mean.normalize():f}" if mean.is_finite() else "NaN"


def _added(
    series: list[tuple[dict[str, str], list[tuple[int, str]]]], function: str
) -> list[tuple[dict[str, str], list[tuple[int, str]]]]:
    totals: dict[int, int] = {}
    for _, values in series:
        for moment, text in values:
            part = 1 if function == "count" else int(text)
            totals[moment] = totals.get(moment, 0) + part
    return [({}, [(m, str(total)) for m, total in sorted(totals.items())])]


def _present(
    moments: Sequence[int], texts: Sequence[str | None]
) -> list[tuple[int, str]]:
    pairs = zip(moments, texts, strict=True)
    return [(moment, text) for moment, text in pairs if text is not None]


def _refusal(kind: str, message: str, status: int) -> Answer:
    body = {"status": "error", "errorType": kind, "error": message}
    return Answer(body, status)


def _milliseconds(request: Request, name: str) -> int:
    return int(Decimal(request.one(name) or "") * 1_000)


def _seconds(milliseconds: int) -> object:
    whole, rest = divmod(milliseconds, 1_000)
    return Decimal(milliseconds) / 1_000 if rest else whole
