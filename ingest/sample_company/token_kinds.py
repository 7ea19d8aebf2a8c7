"""Expected split of token pools: each line among the users of its kind.

A line for cached input is divided by cached input. Where a bill has no such line,
cached input was charged as input. A line that names no kind, such as the gateway's own
server, weighs each kind by its cost in that month: its lines by its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.sample_company.ledger import Ledger
    from ingest.sample_company.metering import UsageSeries
    from ingest.sample_company.timeline import Timeline

    ByModel = dict[str, NDArray[np.float64]]

#: Unit of an amount, and the rounding of a price: millionths a million tokens.
_UNITS: Final = 10**10
_MILLION: Final = 10**6


class TokenSplit:
    """Weights of a single pool.

    Parameters
    ----------
    pool : str
        Name of the pool.
    ledger : Ledger
        Inflow of the pool, line by line.
    series : sequence of UsageSeries
        Tokens of each model by day.
    timeline : Timeline
        The months.
    """

    def __init__(
        self,
        pool: str,
        ledger: Ledger,
        series: Sequence[UsageSeries],
        timeline: Timeline,
    ) -> None:
        self._series = series
        self._timeline = timeline
        self._inflows: dict[str, list[NDArray[np.int64]]] = {}
        for (name, _, kind), inflow in ledger.pools.items():
            if name == pool and kind:
                found = self._inflows.setdefault(kind, [])
                found += inflow.effective.values()

    def weights(self, kind: str) -> ByModel:
        """Return weight by model and day for lines of a kind; empty: of none."""
        if kind:
            return {one.model: self._tokens(one, kind) for one in self._series}
        priced = {each: self._prices(each) for each in self._inflows}
        return {
            one.model: sum(
                (self._tokens(one, each) * price for each, price in priced.items()),
                np.zeros(self._timeline.day_count),
            )
            for one in self._series
        }

    def _tokens(self, series: UsageSeries, kind: str) -> NDArray[np.float64]:
        counted = (series.input_tokens, series.cached_tokens, series.output_tokens)
        whole, cached, output = (
            np.where(series.is_active, tokens, 0).astype(np.float64)
            for tokens in counted
            if tokens is not None
        )
        if kind == "input":
            return whole - cached if "cached_input" in self._inflows else whole
        return cached if kind == "cached_input" else output

    def _prices(self, kind: str) -> NDArray[np.float64]:
        """Return the daily price of a million tokens of a kind, fixed per month."""
        size = self._timeline.day_count
        charged = sum((each[:size] for each in self._inflows[kind]), np.zeros(size))
        used = sum((self._tokens(s, kind) for s in self._series), np.zeros(size))
        prices = np.zeros(size)
        for month in self._timeline.months:
            start = self._timeline.day_offset(month)
            days = slice(start, start + month.day_count)
            price = charged[days].sum() / _UNITS * _MILLION / used[days].sum()
            prices[days] = round(price, 6)
        return prices
