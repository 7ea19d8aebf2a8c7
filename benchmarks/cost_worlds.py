"""Daily costs whose future and whose disturbances are known, to measure methods on.

Worlds were written before the methods that are measured in them and are frozen by
digests (``tests/benchmarks/frozen_cost_worlds.json``): a method is tuned to a world,
never a world to a method. Those of :data:`UNSEEN` nothing was tuned on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Floats

#: Of a landing: days that may be known, and that come.
LONGEST_HISTORY_DAYS: Final = 540
SHORTEST_HISTORY_DAYS: Final = 180
FUTURE_DAYS: Final = 366
#: Of an anomaly: days before anything is judged, and a year that is.
WARM_UP_DAYS: Final = 90
YEAR_DAYS: Final = 365
_DAYS_OF_MONTH: Final = 30.4375
_LEVEL: Final = 100.0
#: How often a sporadic job runs, and a batch of every other week slips.
_JOBS_A_DAY, _SLIPS = 0.15, 0.2


@dataclass(frozen=True, eq=False, slots=True)
class CostWorld:
    """One draw of a world.

    Attributes
    ----------
    first_day : date
        Of ``values``.
    values : ndarray, shape (days,)
        Money per day.
    known_days : int
        How many of them are known; what follows is the truth of a landing.
    disturbed : tuple of int or None
        First and last day of what was planted; ``None`` where nothing was.
    """

    first_day: date
    values: Floats
    known_days: int
    disturbed: tuple[int, int] | None = None

    @property
    def days(self) -> list[date]:
        """Every day of the values."""
        return [self.first_day + timedelta(days=n) for n in range(len(self.values))]


@dataclass(frozen=True, slots=True)
class _Nature:
    """How a steady meter varies.

    Attributes
    ----------
    growth : float
        Part of itself that it grows by in a month.
    wander : float
        Standard deviation of a day's lasting change, relative.
    noise : float
        Standard deviation of a day, relative.
    weekend : float
        What a Saturday costs of a working day.
    """

    growth: float = 0.0
    wander: float = 0.006
    noise: float = 0.07
    weekend: float = 0.7


def _meter(
    rng: np.random.Generator, first_day: date, count: int, of: _Nature
) -> Floats:
    """Return a meter that runs every day."""
    number = np.arange(count)
    weekday = (number + first_day.weekday()) % 7
    week = np.where(weekday >= 5, of.weekend, 1.0)  # noqa: PLR2004  (Saturday)
    shocks = rng.normal(0.0, of.noise * np.sqrt(1.0 - 0.3**2), count)
    noise = np.empty(count)
    last = 0.0
    for day in range(count):
        last = noise[day] = 0.3 * last + shocks[day]
    lasting = np.cumsum(rng.normal(0.0, of.wander, count))
    growth = number / _DAYS_OF_MONTH * np.log1p(of.growth)
    meter: Floats = _LEVEL * week * np.exp(growth + lasting + noise)
    return meter


def _bursts(
    rng: np.random.Generator, count: int, every_days: float, longest: int
) -> Floats:
    """Return runs of some days, each of its own size in multiples of the level."""
    found = np.zeros(count)
    for day in np.flatnonzero(rng.random(count) < 1.0 / every_days):
        length = int(rng.integers(1, longest + 1))
        found[day : day + length] += rng.lognormal(np.log(2.0), 0.5)
    return _LEVEL * found


def _firsts(days: list[date]) -> Floats:
    return np.array([day.day == 1 for day in days], dtype=float)


def _month_ends(days: list[date], count: int = 2) -> Floats:
    return np.array(
        [(day + timedelta(days=count)).month != day.month for day in days], dtype=float
    )


def _quarter_ends(days: list[date]) -> Floats:
    at = [day + timedelta(days=5) for day in days]
    return np.array(
        [
            later.month != day.month and later.month % 3 == 1
            for day, later in zip(days, at, strict=True)
        ],
        dtype=float,
    )


def _beginning(rng: np.random.Generator) -> date:
    return date(2024, 1, 1) + timedelta(days=int(rng.integers(0, 365)))


# Landings: what is known is cut at random, so that every part of a quarter is tried.

_Draw = tuple[np.random.Generator, date, int, int]


def _landing(draw: Callable[[_Draw], Floats]) -> Callable[[int], CostWorld]:
    def world(seed: int) -> CostWorld:
        rng = np.random.default_rng([2026, seed])
        first_day = _beginning(rng)
        known = int(rng.integers(SHORTEST_HISTORY_DAYS, LONGEST_HISTORY_DAYS + 1))
        count = known + FUTURE_DAYS
        values = draw((rng, first_day, count, known))
        begins = int(np.flatnonzero(values)[0])
        return CostWorld(
            first_day + timedelta(days=begins), values[begins:], known - begins
        )

    return world


def _steady(**nature: float) -> Callable[[_Draw], Floats]:
    return lambda draw: _meter(draw[0], draw[1], draw[2], _Nature(**nature))


def _days(draw: _Draw) -> list[date]:
    return [draw[1] + timedelta(days=n) for n in range(draw[2])]


def _with_fees(draw: _Draw) -> Floats:
    rng = draw[0]
    fee = _LEVEL * rng.uniform(1.5, 5.0)
    amounts = fee * (1.0 + rng.normal(0.0, 0.02, draw[2]))
    return _meter(*draw[:3], _Nature()) + _firsts(_days(draw)) * amounts


def _with_month_ends(draw: _Draw) -> Floats:
    rng = draw[0]
    size = _LEVEL * rng.uniform(2.0, 5.0)
    amounts = size * rng.lognormal(0.0, 0.15, draw[2])
    return _meter(*draw[:3], _Nature()) + _month_ends(_days(draw)) * amounts


def _with_bursts(draw: _Draw) -> Floats:
    return _meter(*draw[:3], _Nature()) + _bursts(draw[0], draw[2], 12.0, 6)


def _bursts_alone(draw: _Draw) -> Floats:
    rng, _, count, known = draw
    values = _bursts(rng, count, 20.0, 5)
    if not values[known - 28 : known].any():
        values[known - int(rng.integers(1, 29))] = 2.0 * _LEVEL
    return values


def _jobs(draw: _Draw) -> Floats:
    rng, _, count, known = draw
    values: Floats = (
        (rng.random(count) < _JOBS_A_DAY) * _LEVEL * rng.lognormal(0, 0.6, count)
    )
    if not values[known - 28 : known].any():
        values[known - int(rng.integers(1, 29))] = _LEVEL
    return values


def _new_model(draw: _Draw) -> Floats:
    rng, first_day, count, known = draw
    age = int(rng.integers(10, 56))
    ramp_days = rng.uniform(7.0, 40.0)
    since = np.arange(count) - (known - age)
    ramp = np.where(since >= 0, 1.0 - 0.9 * np.exp(-since / ramp_days), 0.0)
    return _meter(rng, first_day, count, _Nature()) * ramp


def _falls(draw: _Draw) -> Floats:
    values = _meter(*draw[:3], _Nature())
    values[draw[3] - int(draw[0].integers(3, 28)) :] = 0.0
    return values


def _three_days_more(draw: _Draw) -> Floats:
    values = _meter(*draw[:3], _Nature())
    values[draw[3] - 3 : draw[3]] *= 1.25
    return values


def _a_lasting_rise(draw: _Draw) -> Floats:
    values = _meter(*draw[:3], _Nature())
    values[draw[3] - int(draw[0].integers(5, 60)) :] *= 1.15
    return values


def _saturating(draw: _Draw) -> Floats:
    middle = draw[3] + draw[0].integers(-90, 60)
    curve = 0.1 + 1.0 / (1.0 + np.exp(-(np.arange(draw[2]) - middle) / 60.0))
    return _meter(*draw[:3], _Nature()) * curve


def _price_cut(draw: _Draw) -> Floats:
    values = _meter(*draw[:3], _Nature(growth=0.03))
    values[draw[3] - int(draw[0].integers(20, 150)) :] *= 0.6
    return values


def _holidays(draw: _Draw) -> Floats:
    is_off = [
        (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 4)
        for day in _days(draw)
    ]
    return _meter(*draw[:3], _Nature()) * np.where(is_off, 0.5, 1.0)


def _capped(draw: _Draw) -> Floats:
    return np.minimum(_meter(*draw[:3], _Nature(growth=0.05)), 1.4 * _LEVEL)


def _with_quarter_ends(draw: _Draw) -> Floats:
    more = 1.0 + 0.8 * _quarter_ends(_days(draw))
    return _meter(*draw[:3], _Nature()) * more


LANDING_WORLDS: Final[dict[str, Callable[[int], CostWorld]]] = {
    "growth 0 % a month": _landing(_steady()),
    "growth 3 % a month": _landing(_steady(growth=0.03)),
    "growth 5 % a month": _landing(_steady(growth=0.05)),
    "growth 10 % a month": _landing(_steady(growth=0.10)),
    "weekly season": _landing(_steady(weekend=0.1)),
    "month-start fees": _landing(_with_fees),
    "bursts": _landing(_with_bursts),
    "sparse bursts": _landing(_bursts_alone),
    "new model": _landing(_new_model),
    "month-end batches": _landing(_with_month_ends),
    "sporadic jobs": _landing(_jobs),
    "falls to zero": _landing(_falls),
    "+25 % on the last three days": _landing(_three_days_more),
    "+15 % that lasts": _landing(_a_lasting_rise),
    "growth that saturates": _landing(_saturating),
    "price cut of 40 %": _landing(_price_cut),
    "holidays": _landing(_holidays),
    "capped by a quota": _landing(_capped),
    "quarter-end push": _landing(_with_quarter_ends),
    "random walk of 2 % a day": _landing(_steady(wander=0.02)),
}

# Anomalies: a warm-up, then a year. Within it something is planted, or nothing is.

_YEAR: Final = _Nature(wander=0.003, noise=0.06)


def _year(
    draw: Callable[[_Draw], Floats],
    plant: Callable[[Floats, int], tuple[int, int]] | None = None,
) -> Callable[[int], CostWorld]:
    def world(seed: int) -> CostWorld:
        rng = np.random.default_rng([2027, seed])
        first_day = _beginning(rng)
        count = WARM_UP_DAYS + YEAR_DAYS
        values = draw((rng, first_day, count, WARM_UP_DAYS))
        day = int(rng.integers(WARM_UP_DAYS + 14, count - 28))
        disturbed = plant(values, day) if plant is not None else None
        return CostWorld(first_day, values, WARM_UP_DAYS, disturbed)

    return world


def _ordinary(**changed: float) -> Callable[[_Draw], Floats]:
    nature = {"wander": _YEAR.wander, "noise": _YEAR.noise} | changed

    def draw(of: _Draw) -> Floats:
        weekend = {"weekend": of[0].uniform(0.3, 0.9)} | nature
        return _meter(*of[:3], _Nature(**weekend))

    return draw


def _added(extra: Callable[[_Draw], Floats]) -> Callable[[_Draw], Floats]:
    return lambda draw: _ordinary()(draw) + extra(draw)


def _heavy_tails(draw: _Draw) -> Floats:
    rng = draw[0]
    noise = 0.04 * rng.standard_t(4, draw[2])
    return _ordinary(noise=0.01)(draw) * np.exp(noise)


def _plant_three_days(values: Floats, day: int) -> tuple[int, int]:
    values[day : day + 3] *= 1.25
    return day, day + 2


def _plant_lasting(values: Floats, day: int) -> tuple[int, int]:
    values[day:] *= 1.15
    return day, day + 9


def _plant_zero(values: Floats, day: int) -> tuple[int, int]:
    values[day:] = 0.0
    return day, day + 9


def _fees(draw: _Draw) -> Floats:
    return _firsts(_days(draw)) * _LEVEL * draw[0].uniform(1.5, 5.0)


def _batches(draw: _Draw) -> Floats:
    size = _LEVEL * draw[0].uniform(2.0, 5.0)
    return _month_ends(_days(draw)) * size * draw[0].lognormal(0.0, 0.15, draw[2])


def _biweekly(draw: _Draw) -> Floats:
    """Return a batch every other week that slips by a day now and then."""
    rng, _, count, _ = draw
    biweekly = np.zeros(count)
    for day in range(int(rng.integers(0, 14)), count, 14):
        biweekly[min(day + int(rng.random() < _SLIPS), count - 1)] = _LEVEL
    return biweekly


ORDINARY_WORLDS: Final[dict[str, Callable[[int], CostWorld]]] = {
    "growth 5 % a month": _year(_ordinary(growth=0.05)),
    "month-end batches": _year(_added(_batches)),
    "sporadic jobs": _year(_jobs),
    "weekly season": _year(_ordinary(weekend=0.05)),
    "month-start fees": _year(_added(_fees)),
    "heavy tails": _year(_heavy_tails),
    "growth 10 % a month": _year(_ordinary(growth=0.10)),
    "bursts": _year(_added(lambda draw: _bursts(draw[0], draw[2], 12.0, 6))),
    "holidays": _year(_holidays),
    "random walk of 1 % a day": _year(_ordinary(wander=0.01)),
    "batch every other week": _year(_added(_biweekly)),
}

DISTURBED_WORLDS: Final[dict[str, Callable[[int], CostWorld]]] = {
    "+25 % for three days": _year(_ordinary(), _plant_three_days),
    "+15 % that lasts": _year(_ordinary(), _plant_lasting),
    "falls to zero": _year(_ordinary(), _plant_zero),
    "+25 % for three days, growing": _year(_ordinary(growth=0.05), _plant_three_days),
    "+15 % that lasts, growing": _year(_ordinary(growth=0.05), _plant_lasting),
    "falls to zero, with fees": _year(_added(_fees), _plant_zero),
}

#: Worlds that no method was tuned on: measured last, reported whatever they say.
UNSEEN: Final = frozenset(
    {
        "growth that saturates",
        "price cut of 40 %",
        "capped by a quota",
        "quarter-end push",
        "random walk of 2 % a day",
        "random walk of 1 % a day",
        "batch every other week",
        "+25 % for three days, growing",
        "+15 % that lasts, growing",
        "falls to zero, with fees",
    }
)


def digest(world: Callable[[int], CostWorld], seeds: int = 3) -> str:
    """Return a text that differs whenever a world does, to seven digits of a day."""
    found = hashlib.sha256()
    for seed in range(seeds):
        drawn = world(seed)
        named = f"{drawn.first_day}|{drawn.known_days}|{drawn.disturbed}|"
        found.update(named.encode())
        found.update(",".join(f"{value:.6e}" for value in drawn.values).encode())
    return found.hexdigest()[:16]
