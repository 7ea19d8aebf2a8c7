"""Sums of the generated data, as the truth that the pipeline must find.

Nothing here reads a file or shares code with the pipeline: lines are counted while
they are drawn, in whole units, and each is put where the company's own rules must
put it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.sample_company.charges import BY_DAY, DAY_SECONDS, HOUR_SECONDS
from ingest.sample_company.exchange import PRECISE_UNITS, RATE_UNITS
from ingest.sample_company.timeline import epoch_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.sample_company.charges import Charge, Lines
    from ingest.sample_company.exchange import Exchange
    from ingest.sample_company.timeline import Timeline

    Euros = tuple[int, int]

#: Pools with hourly charges that are divided hour by hour.
HOURLY_POOLS = ("gpu-cluster", "gpu-batch", "gpu-hybrid", "gpu-slices")
#: SKU → the kind of token that it is the price of; other SKUs name none.
TOKEN_KINDS = {
    "openai-in": "input",
    "openai-cached": "cached_input",
    "openai-out": "output",
    "gcp-tokens-in": "input",
    "gcp-tokens-out": "output",
    "anthropic-in": "input",
    "anthropic-cached": "cached_input",
    "anthropic-out": "output",
    "aws-bedrock": "input",
}
#: The pool of two types of GPU, and SKU → the type that it is the price of.
MIXED_POOL = "gpu-mixed"
MIXED_TYPES = {"aws-gpu-slices": "h100", "aws-gpu-batch": "t4"}


@dataclass(slots=True)
class Total:
    """Lines and money, in units of 1e-10."""

    line_count: int = 0
    billed: int = 0
    effective: int = 0

    def add(self, line_count: int, billed: int, effective: int) -> None:
        """Add to the total."""
        self.line_count += line_count
        self.billed += billed
        self.effective += effective


@dataclass(slots=True)
class PoolInflow:
    """Inflow of a pool in a billing month, by moment, in units of EUR.

    ``moments`` maps hour, day or month to arrays over the whole timeline; index zero is
    its first hour or day. A month's money is at its first day.
    """

    billed: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    effective: dict[str, NDArray[np.int64]] = field(default_factory=dict)


class DollarDay(NamedTuple):
    """Amount converted at once: dollars of a day, an owner and a bill.

    The warehouse adds up line items to this grain, and then converts and rounds.
    """

    source: str
    month: str
    day: int
    component: str
    kind: str
    target: str
    charged_kind: str


class Ledger:
    """Sums of everything that was drawn.

    Parameters
    ----------
    timeline : Timeline
        The months.
    exchange : Exchange
        Dollar exchange rates.
    """

    def __init__(self, timeline: Timeline, exchange: Exchange) -> None:
        self._timeline = timeline
        self._exchange = exchange
        self._rates = exchange.typed
        self._months = {month.label: month for month in timeline.months}
        self._dollar_days: dict[DollarDay, Total] = defaultdict(Total)
        #: By month, billed and effective cost of its dollar days in units of EUR.
        self._euros: dict[str, list[tuple[DollarDay, Euros]]] = defaultdict(list)
        self._start = epoch_seconds(timeline.first_day)
        self.totals: dict[tuple[str, str, str], Total] = defaultdict(Total)
        self.components: dict[tuple[str, str, str, str], Total] = defaultdict(Total)
        self.direct: dict[tuple[str, str, str, str], Total] = defaultdict(Total)
        #: Bills with lines that can be converted individually: nothing is rounded.
        self._direct_alike: dict[tuple[str, str, str, str], Total] = defaultdict(Total)
        #: Token charges on models' own lines, by month, currency, model and kind.
        self._direct_tokens: dict[tuple[str, str, str, str], Total] = defaultdict(Total)
        #: Fees on the first day of each month, by source, month and service.
        self.fees: dict[tuple[str, str, str, str], Total] = defaultdict(Total)
        #: By pool, month and kind of token or type of GPU.
        self.pools: dict[tuple[str, str, str], PoolInflow] = defaultdict(PoolInflow)
        self.accounts: dict[tuple[str, str, str], int] = defaultdict(int)
        self.direct_days: dict[str, NDArray[np.float64]] = {}

    def add(self, lines: Lines) -> None:
        """Count the lines of a charge."""
        charge = lines.charge
        month, placement = charge.month.label, charge.placement
        amounts = (len(lines), int(lines.billed.sum()), int(lines.effective.sum()))
        self.totals[charge.source, month, charge.currency].add(*amounts)
        self._add_to_components(lines)
        if charge.kind == "subscription":
            service = charge.sku.service
            self.fees[charge.source, month, charge.currency, service].add(*amounts)
        self.accounts[charge.source, month, charge.account.id] += amounts[1]
        if charge.source in BY_DAY:
            self._add_to_dollar_days(lines)
        elif placement.component == "shared":
            self._add_to_pool(lines)
        if placement.component == "direct":
            key = (month, charge.currency, placement.kind, placement.target)
            kept = lines.effective - _promotions(lines)
            billed = lines.billed - _promotions(lines)
            self.direct[key].add(len(lines), int(billed.sum()), int(kept.sum()))
            if charge.source not in BY_DAY:
                direct = self._direct_alike[key]
                direct.add(len(lines), int(billed.sum()), int(kept.sum()))
                of_kind = (*key[:2], placement.target, _charged_kind(charge))
                self._direct_tokens[of_kind].add(0, int(billed.sum()), int(kept.sum()))
            if placement.kind == "model":
                self._add_to_days(placement.target, lines)

    def _add_to_components(self, lines: Lines) -> None:
        """Count by component; a promotion is a credit against any charge."""
        charge = lines.charge
        key = (charge.source, charge.month.label, charge.currency)
        component = charge.placement.component
        promoted = int(_promotions(lines).sum())
        billed, effective = int(lines.billed.sum()), int(lines.effective.sum())
        if component == "out_of_scope":
            promoted = 0
        self.components[*key, component].add(
            len(lines), billed - promoted, effective - promoted
        )
        if promoted:
            self.components[*key, "credit"].add(0, promoted, promoted)

    def _add_to_dollar_days(self, lines: Lines) -> None:
        charge, placement = lines.charge, lines.charge.placement
        # Charges without an owner are distinguished by service.
        is_owned = placement.component != "unallocated"
        target = placement.target if is_owned else charge.sku.service
        day = (lines.started_at - self._start) // DAY_SECONDS
        for number, billed, effective in zip(
            day.tolist(), lines.billed.tolist(), lines.effective.tolist(), strict=True
        ):
            key = DollarDay(
                charge.source, charge.month.label, number, placement.component,
                placement.kind, target, _charged_kind(charge),
            )  # fmt: skip
            self._dollar_days[key].add(1, billed, effective)

    def settle(self) -> None:
        """Convert dollars, once every bill is counted; pools receive theirs."""
        size = self._timeline.day_count + 1
        for key, total in self._dollar_days.items():
            euros = self._converted(key, total)
            self._euros[key.month].append((key, euros))
            if key.component != "shared":
                continue
            inflow = self.pools[key.target, key.month, key.charged_kind]
            for sums, amount in zip(
                (inflow.billed, inflow.effective), euros, strict=True
            ):
                by_day = sums.setdefault("day", np.zeros(size, dtype=np.int64))
                by_day[key.day] += amount

    def _converted(self, key: DollarDay, total: Total) -> Euros:
        month = self._months[key.month]
        return (
            self._exchange.to_euros(month, total.billed),
            self._exchange.to_euros(month, total.effective),
        )

    def component_euros(
        self, source: str, month: str, currency: str, component: str
    ) -> tuple[int, int]:
        """Return billed and effective cost of a component in units of EUR."""
        if source not in BY_DAY:
            total = self.components[source, month, currency, component]
            index = self._months[month].index
            return (
                self.euros(index, currency, total.billed),
                self.euros(index, currency, total.effective),
            )
        parts = [
            euros
            for key, euros in self._euros[month]
            if (key.source, key.component) == (source, component)
        ]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def direct_euros(self, kind: str, target: str, month: str) -> tuple[int, int]:
        """Return the direct cost of an owner in a month in units of EUR."""
        index = self._months[month].index
        parts = [
            (self.euros(index, currency, total.billed),
             self.euros(index, currency, total.effective))
            for currency in ("EUR", "USD")
            for total in [self._direct_alike.get((month, currency, kind, target))]
            if total is not None
        ] + [
            euros
            for key, euros in self._euros[month]
            if (key.component, key.kind, key.target) == ("direct", kind, target)
        ]  # fmt: skip
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def token_euros(self, model: str, month: str, kind: str) -> int:
        """Return a model's own charges for a kind of token, in units of EUR."""
        index = self._months[month].index
        return sum(
            self.euros(index, currency, total.effective)
            for currency in ("EUR", "USD")
            for total in [self._direct_tokens.get((month, currency, model, kind))]
            if total is not None
        ) + sum(
            euros[1]
            for key, euros in self._euros[month]
            if (key.component, key.kind, key.target, key.charged_kind)
            == ("direct", "model", model, kind)
        )

    def fee_euros(self, source: str, month: str, currency: str, service: str) -> int:
        """Return monthly fees, in units of EUR."""
        total = self.fees[source, month, currency, service]
        of_month = self._months[month]
        if source in BY_DAY:
            return self._exchange.to_euros(of_month, total.effective)
        return self.euros(of_month.index, currency, total.effective)

    def _add_to_pool(self, lines: Lines) -> None:
        charge = lines.charge
        interval = "day"
        if charge.grain == "month":
            interval = "month"
        elif charge.grain == "hour" and charge.placement.target in HOURLY_POOLS:
            interval = "hour"
        length = HOUR_SECONDS if interval == "hour" else DAY_SECONDS
        moment = (lines.started_at - self._start) // length
        size = (self._timeline.day_count + 1) * (DAY_SECONDS // length)
        kind = _charged_kind(charge)
        inflow = self.pools[charge.placement.target, charge.month.label, kind]
        promoted = _promotions(lines)
        for sums, amounts in (
            (inflow.billed, lines.billed - promoted),
            (inflow.effective, lines.effective - promoted),
        ):
            target = sums.setdefault(interval, np.zeros(size, dtype=np.int64))
            np.add.at(target, moment, self._in_euros(charge, amounts))

    def _add_to_days(self, model: str, lines: Lines) -> None:
        days = self.direct_days.setdefault(
            model, np.zeros(self._timeline.day_count + 1)
        )
        day = (lines.started_at - self._start) // DAY_SECONDS
        amounts = self._in_euros(lines.charge, lines.effective - _promotions(lines))
        np.add.at(days, day, amounts.astype(np.float64))

    def _in_euros(self, charge: Charge, units: NDArray[np.int64]) -> NDArray[np.int64]:
        if charge.currency == "EUR":
            return units
        if charge.source in BY_DAY:
            # Only weighs; money is converted by the day and owner.
            rate = self._exchange.precise_rate(charge.month) / PRECISE_UNITS
            return np.asarray(np.rint(units * rate), dtype=np.int64)
        # A multiple of a millionth times four decimals: nothing is rounded.
        return units // RATE_UNITS * self._rates[charge.month.index]

    def euros(self, month_index: int, currency: str, units: int) -> int:
        """Return an amount in units of EUR at the rate of its billing month."""
        if currency == "EUR":
            return units
        return units // RATE_UNITS * self._rates[month_index]


def _charged_kind(charge: Charge) -> str:
    if charge.placement.component not in {"shared", "direct"}:
        return ""
    if charge.placement.target == MIXED_POOL:
        return MIXED_TYPES[charge.sku.key]
    return TOKEN_KINDS.get(charge.sku.key, "")


def _promotions(lines: Lines) -> NDArray[np.int64]:
    total = np.zeros(len(lines), dtype=np.int64)
    for rate, credit in zip(lines.charge.credits, lines.credits, strict=True):
        if rate.type == "PROMOTION":
            total += credit
    return total
