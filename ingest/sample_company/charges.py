"""Charges, the monthly cost of a meter, and their lines on the bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from ingest.sample_company.money import MICRO, split
from ingest.sample_company.timeline import HOURS_PER_DAY, Month, epoch_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.sample_company.organisation import Account
    from ingest.sample_company.price_list import Sku

Source = Literal["aws", "gcp", "tidewater", "railway", "openai", "anthropic"]
Kind = Literal[
    "usage",
    "covered",
    "unused",
    "purchase",
    "subscription",
    "tax",
    "credit",
    "correction",
    "rounding",
    "estimate",
]
Grain = Literal["hour", "day", "month"]
Pattern = Literal["flat", "daytime", "workday"]
Component = Literal[
    "direct",
    "shared",
    "unused_commitment",
    "tax",
    "credit",
    "unallocated",
    "out_of_scope",
]
Tags = tuple[tuple[str, str], ...]

#: Providers that bill in dollars, by the day: their lines do not grow with the scale.
BY_DAY: Final[tuple[Source, ...]] = ("railway", "openai", "anthropic")
#: Railway's estimates have four decimals, so that a factor of two gives six.
RAILWAY_QUANTUM: Final = 100 * MICRO
GOOGLE_DAY_STARTS_AT: Final = 8
#: Days of the week count from Monday, 0.
SATURDAY: Final = 5
HOUR_SECONDS: Final = 3_600
DAY_SECONDS: Final = HOUR_SECONDS * HOURS_PER_DAY
_NOISE: Final = 0.12


@dataclass(frozen=True, slots=True)
class CreditRate:
    """A credit that Google grants on each line, as a part of its cost."""

    type: str
    name: str
    rate: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Placement that the company's own rules must give a charge."""

    component: Component
    kind: Literal["model", "feature", "team", "pool", "none"] = "none"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Surge:
    """Days of a month on which a meter counts a multiple of its usual value.

    ``first_day`` counts from 0. A growing surge reaches ``factor`` on its last day.
    """

    first_day: int
    day_count: int
    factor: float
    is_growing: bool = False

    def at(self, days: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the multiple at some days of the month."""
        number = days - self.first_day
        part = (number + 1) / self.day_count if self.is_growing else 1.0
        is_there = (number >= 0) & (number < self.day_count)
        return np.where(is_there, 1.0 + (self.factor - 1.0) * part, 1.0)


@dataclass(frozen=True, slots=True)
class Charge:
    """Cost of a meter in a single month.

    Parameters
    ----------
    name : str
        Resources are called after it.
    source, sku, account, kind
        Biller and billed account.
    month : Month
        Billing month.
    used_in : Month
        Month of use; an earlier month for late charges.
    amount : int
        Units of ``currency`` over all lines, before Google's credits.
    currency : str
        Billing currency.
    line_count : int
        Lines at scale 1.
    days : tuple of int or None
        First day of the month of use with any use, and the day after the last, from 0;
        all days by default.
    surges : tuple of Surge
        Days with more use than usual.
    """

    name: str
    source: Source
    sku: Sku
    account: Account
    kind: Kind
    month: Month
    used_in: Month
    amount: int
    currency: str
    line_count: int
    placement: Placement
    grain: Grain = "hour"
    pattern: Pattern = "flat"
    resource_count: int = 1
    tags: Tags = ()
    credits: tuple[CreditRate, ...] = ()
    commitment_id: str = ""
    discount: float = 0.0
    commitment_discount: float = 0.0
    description: str = ""
    days: tuple[int, int] | None = None
    surges: tuple[Surge, ...] = ()

    @property
    def quantum(self) -> int:
        """Return the smallest step of an amount.

        Google bills millionths. Amounts billed in dollars have six decimals, too, so
        that times a rate of four decimals they still have ten.
        """
        if self.source == "railway":
            return RAILWAY_QUANTUM
        return MICRO if self.source == "gcp" or self.currency != "EUR" else 1

    @property
    def starts_at_hour(self) -> int:
        """Return the UTC hour at which the days of the provider begin."""
        return GOOGLE_DAY_STARTS_AT if self.source == "gcp" else 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a charge, as columns.

    ``amount`` sums to the charge's amount exactly. ``started_at`` and ``ended_at``
    are seconds since 1970; ``resource`` counts from 0.
    """

    charge: Charge
    amount: NDArray[np.int64]
    started_at: NDArray[np.int64]
    ended_at: NDArray[np.int64]
    resource: NDArray[np.int64]
    credits: tuple[NDArray[np.int64], ...] = ()

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.amount)

    @property
    def net(self) -> NDArray[np.int64]:
        """Return the amounts after credits."""
        total = self.amount.copy()
        for credit in self.credits:
            total += credit
        return total

    @property
    def billed(self) -> NDArray[np.int64]:
        """Return the invoiced amount: 0 if covered, or only estimated."""
        covered = self.charge.kind in {"covered", "unused", "estimate"}
        return np.zeros_like(self.amount) if covered else self.net

    @property
    def effective(self) -> NDArray[np.int64]:
        """Return the accrued cost: nothing for the purchase of a commitment."""
        bought = self.charge.kind == "purchase"
        return np.zeros_like(self.amount) if bought else self.net

    def part(self, start: int, stop: int) -> Lines:
        """Return some of the lines."""
        where = slice(start, stop)
        return Lines(
            self.charge,
            self.amount[where],
            self.started_at[where],
            self.ended_at[where],
            self.resource[where],
            tuple(credit[where] for credit in self.credits),
        )


def draw_lines(
    charge: Charge, rng: np.random.Generator, *, scale: float, end: int
) -> Lines:
    """Split a charge into lines.

    Parameters
    ----------
    charge : Charge
        Charge to split.
    rng : numpy.random.Generator
        Source of chance of this charge alone.
    scale : float
        Multiplies the number of lines, never the money.
    end : int
        No line starts at or after it (seconds since 1970).
    """
    starts, length = _periods(charge, end)
    is_scaled = charge.grain != "month" and charge.source not in BY_DAY
    lines = charge.line_count if charge.source in BY_DAY else 1
    # Days that the provider has not delivered yet have no lines either.
    there = len(starts) / len(_all_periods(charge)[0])
    count = max(1, round(charge.line_count * scale * there)) if is_scaled else lines
    number = np.arange(count, dtype=np.int64)
    # Fewer lines than periods are spread from the first to the last.
    spread = number * (len(starts) - 1) // max(count - 1, 1)
    period = spread if count < len(starts) else number % len(starts)
    weights = _pattern_weights(charge, starts)[period]
    if charge.kind not in {"purchase", "unused"}:
        weights = weights * np.exp(rng.normal(0.0, _NOISE, count))
    amount = split(charge.amount, weights, quantum=charge.quantum)
    return Lines(
        charge,
        amount,
        starts[period],
        starts[period] + length,
        number // len(starts) % charge.resource_count,
        tuple(_credit(amount, credit.rate) for credit in charge.credits),
    )


def _periods(charge: Charge, end: int) -> tuple[NDArray[np.int64], int]:
    starts, length = _all_periods(charge)
    return starts[starts < end], length


def _all_periods(charge: Charge) -> tuple[NDArray[np.int64], int]:
    month = charge.used_in
    first = epoch_seconds(month.first_day) + charge.starts_at_hour * HOUR_SECONDS
    if charge.grain == "month":
        return np.array([epoch_seconds(month.first_day)]), month.day_count * DAY_SECONDS
    length = HOUR_SECONDS if charge.grain == "hour" else DAY_SECONDS
    starts = first + length * np.arange(month.day_count * DAY_SECONDS // length)
    if charge.days:
        per_day = DAY_SECONDS // length
        starts = starts[charge.days[0] * per_day : charge.days[1] * per_day]
    return starts, length


def surge_ratio(charge: Charge, end: int) -> float:
    """Return the cost of a month with its surges over that without."""
    starts, _ = _periods(charge, end)
    usual = _usual_weights(charge, starts)
    return float((usual * _surged(charge, starts)).sum() / usual.sum())


def _pattern_weights(charge: Charge, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    return _usual_weights(charge, starts) * _surged(charge, starts)


def _usual_weights(charge: Charge, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    return activity(starts) if charge.pattern != "flat" else np.ones(len(starts))


def _surged(charge: Charge, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    first = epoch_seconds(charge.used_in.first_day)
    found = np.ones(len(starts))
    for surge in charge.surges:
        found *= surge.at((starts - first) // DAY_SECONDS)
    return found


def activity(instants: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how busy the company is: most by day, less at the weekend.

    Parameters
    ----------
    instants : array of int
        Seconds since 1970.
    """
    hour = instants // HOUR_SECONDS % HOURS_PER_DAY
    weekday = (instants // DAY_SECONDS + 3) % 7
    by_hour = 1.0 + 0.55 * np.sin((hour - 7) / HOURS_PER_DAY * 2 * np.pi)
    return np.asarray(
        by_hour * np.where(weekday >= SATURDAY, 0.6, 1.0), dtype=np.float64
    )


def _credit(amount: NDArray[np.int64], rate: float) -> NDArray[np.int64]:
    steps = np.rint(amount * (rate / MICRO)).astype(np.int64)
    return np.asarray(-steps * MICRO, dtype=np.int64)
