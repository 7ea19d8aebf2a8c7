"""Asks a Prometheus server for samples over a range of time, piece by piece.

A server answers at most 11,000 points per series, so a range is cut into pieces that
have no moment in common; each point of the grid is requested once. The answer is
compared with the request: a moment that was not requested is an answer to another
query, and a part that the server reports missing is never taken for the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.prometheus.answer import Answer, read_answer
from ingest.sources.prometheus.selector import NAME_LABEL
from ingest.sources.prometheus.series import MILLISECONDS, Series, WindowSeries
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from ingest.http.client import HttpClient
    from ingest.sources.prometheus.selector import Selector

#: Maximum points that Prometheus answers per series and query.
MOST_POINTS = 11_000

_RANGE = "/api/v1/query_range"
_INSTANT = "/api/v1/query"
_LIMITS = ("maximum resolution", "too many samples", "limit")


def pieces(start: int, end: int, step: int, *, most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last moment of each piece of a grid.

    Parameters
    ----------
    start, end, step : int
        The grid: ``start``, ``start + step``, … up to and including ``end``.
    most : int
        Points of a piece, at most.

    Examples
    --------
    >>> list(pieces(0, 70, 10, most=3))
    [(0, 20), (30, 50), (60, 70)]
    """
    last = start + (end - start) // step * step
    for first in range(start, last + 1, step * most):
        yield first, min(first + step * (most - 1), last)


class PrometheusApi:
    """Query API of a single server.

    Parameters
    ----------
    client : HttpClient
        Open client of the server.
    source : str
        Name of the source, for messages.
    points_per_query : int
        Points per series that a single query may request.
    """

    def __init__(
        self, client: HttpClient, *, source: str, points_per_query: int = MOST_POINTS
    ) -> None:
        self._client = client
        self._source = source
        self._points_per_query = points_per_query

    def over_range(
        self, query: str, *, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Series]:
        """Return the values of ``query`` at each moment of a grid.

        Parameters
        ----------
        query : str
            PromQL.
        start_ms, end_ms, step_ms : int
            The grid, both ends included [ms].

        Raises
        ------
        TransientSourceError
            The server did not answer, or with a part of the data missing.
        FatalSourceError
            The server refused the query, or answered another query.
        """
        found: dict[tuple[tuple[str, str], ...], dict[int, Decimal | None]] = {}
        most = self._points_per_query
        for first, last in pieces(start_ms, end_ms, step_ms, most=most):
            answer = self._ask(
                _RANGE,
                {
                    "query": query,
                    "start": _seconds(first),
                    "end": _seconds(last),
                    "step": _seconds(step_ms),
                },
            )
            for series in answer.series:
                self._refuse_other_moments(series, first, last, step_ms)
                samples = found.setdefault(_identity(series), {})
                for moment, value in series.points:
                    if samples.setdefault(moment, value) != value:
                        raise self._contradiction(series)
        return [
            Series(dict(labels), sorted(samples.items()))
            for labels, samples in found.items()
        ]

    def now(self, query: str) -> list[Series]:
        """Return the value of ``query`` now, by the server's clock."""
        return list(self._ask(_INSTANT, {"query": query}).series)

    def _ask(self, path: str, params: dict[str, str]) -> Answer:
        where = f"{self._source} ({params['query']})"
        try:
            answer = read_answer(
                self._client.get_json(path, params=params), where=where
            )
        except (MalformedDeliveryError, SourceAccessError):
            raise
        except FatalSourceError as error:
            if any(word in error.what for word in _LIMITS):
                raise FatalSourceError(
                    error.what,
                    where=where,
                    next_step="Lower 'points_per_query', or narrow the selectors.",
                ) from error
            raise
        if answer.shortfalls:
            raise TransientSourceError(
                f"The server answered only in part: {'; '.join(answer.shortfalls)}.",
                where=where,
                next_step="Nothing of it was loaded, because missing use would look"
                " like none. Run again when all its stores respond.",
            )
        return answer

    def _refuse_other_moments(
        self, series: Series, first: int, last: int, step: int
    ) -> None:
        for moment, _ in series.points:
            if not first <= moment <= last or (moment - first) % step:
                raise MalformedDeliveryError(
                    f"Asked for {_seconds(first)} to {_seconds(last)}, the server"
                    f" answered for {_seconds(moment)}.",
                    where=self._source,
                    next_step="A cache or a proxy before it may repeat old answers."
                    " Nothing of this answer was loaded.",
                )

    def _contradiction(self, series: Series) -> MalformedDeliveryError:
        return MalformedDeliveryError(
            f"A series of {series.metric or 'the query'} has two values at one moment.",
            where=self._source,
            next_step="Several servers may answer at this address in turn; use one"
            " that removes duplicates. Nothing of this answer was loaded.",
        )


class DaySamples:
    """The samples of a span of time, with some before and after, from a server.

    Parameters
    ----------
    api : PrometheusApi
        Whom to ask.
    start_ms, end_ms : int
        The span, on full hours [ms].
    margin_ms : int
        Minimum time before and after that is requested [ms].
    """

    def __init__(
        self, api: PrometheusApi, *, start_ms: int, end_ms: int, margin_ms: int
    ) -> None:
        self._api = api
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._margin_ms = margin_ms

    def series(self, selector: Selector, *, step_ms: int) -> list[Series]:
        """Return the newest sample of each series within each step.

        Not a plain selector, to which a server answers with samples of the five
        minutes before, so that a series that ended would seem to stand still.
        """
        start, end = self._bounds(step_ms)
        answered = self._api.over_range(
            f"last_over_time({_range(selector, step_ms)})",
            start_ms=start,
            end_ms=end,
            step_ms=step_ms,
        )
        # Some servers leave the name out after a function.
        return [
            Series({**series.labels, NAME_LABEL: selector.metric}, series.points)
            for series in answered
        ]

    def windows(self, selector: Selector, *, window_ms: int) -> list[WindowSeries]:
        """Return mean and number of samples of each series per window."""
        start, end = self._bounds(window_ms)
        grid = {"start_ms": start + window_ms, "end_ms": end, "step_ms": window_ms}
        window = _range(selector, window_ms)
        means = {
            _identity(series): dict(series.points)
            for series in self._api.over_range(f"avg_over_time({window})", **grid)
        }
        return [
            WindowSeries(
                series.labels,
                {
                    end: (means.get(_identity(series), {}).get(end), int(count))
                    for end, count in series.points
                    if count
                },
            )
            for series in self._api.over_range(f"count_over_time({window})", **grid)
        ]

    def _bounds(self, step_ms: int) -> tuple[int, int]:
        margin = -(-self._margin_ms // step_ms) * step_ms
        return self._start_ms - margin, self._end_ms + margin


def _range(selector: Selector, length_ms: int) -> str:
    # A millisecond less: older servers count a sample at either end.
    return f"{selector}[{length_ms - 1}ms]"


def _identity(series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series.labels.items()))


def _seconds(milliseconds: int) -> str:
    whole, rest = divmod(milliseconds, MILLISECONDS)
    return f"{whole}.{rest:03d}" if rest else str(whole)
