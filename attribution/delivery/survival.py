"""Times to an event of which some have not come yet: the Kaplan-Meier estimator.

An item that is still open has lasted at least so long, and how long it will last nobody
knows. To close it now would invent an end, to leave it out would flatter the figure.
The estimator uses it for as long as it was seen, and not beyond. It is right where
items are open for no other reason than that too little time has passed.

E. L. Kaplan and P. Meier, *Nonparametric estimation from incomplete observations*,
1958; the curve and its standard errors (Greenwood's) are to the last bit those of
``statsmodels.duration.survfunc.SurvfuncRight``, which takes seconds to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Fewer items have no median: they are listed.
FEWEST_FOR_A_MEDIAN: Final = 5
#: A share that products of quotients miss a half by is no more than this.
_ROUNDING: Final = 1e-9
#: Every interval is a 90 % interval.
_NORMAL_95: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class TimeToEvent:
    """Time to an event, of items that began together.

    Attributes
    ----------
    item_count, event_count : int
        All items, and those with an event.
    median, median_low, median_high : float or None
        Kaplan-Meier median with its interval of 90 %, in the unit of the times.
        ``None`` where it is not reached, not bounded, or where there are too few items.
    median_of_ended : float or None
        Plain median of those with an event, which flatters while others wait.
    longest : float
        Longest time that an item was seen.
    """

    item_count: int
    event_count: int
    median: float | None
    median_low: float | None
    median_high: float | None
    median_of_ended: float | None
    longest: float


@dataclass(frozen=True, slots=True)
class ShareByThen:
    """Share of items with an event within a time.

    Attributes
    ----------
    share, low, high : float or None
        The share with its interval of 90 %. ``None`` where nothing was seen so long.
    event_count : int
        Events within the time.
    followed_count : int
        Items that were seen so long, or had their event before.
    """

    share: float | None
    low: float | None
    high: float | None
    event_count: int
    followed_count: int


def time_to_event(
    times: NDArray[np.float64], has_ended: NDArray[np.bool_]
) -> TimeToEvent:
    """Estimate the median time until an event.

    Parameters
    ----------
    times : ndarray, shape (items,)
        Until the event, or until the item was seen last. Not negative, at least a
        single item.
    has_ended : ndarray of bool, shape (items,)
        True if the event has come.
    """
    ended = times[has_ended]
    is_enough = len(times) >= FEWEST_FOR_A_MEDIAN
    median, low, high = _median(times, has_ended) if is_enough else (None, None, None)
    of_ended = median
    if len(ended) < len(times):
        enough_ended = len(ended) >= FEWEST_FOR_A_MEDIAN
        of_ended = float(np.median(ended)) if enough_ended else None
    return TimeToEvent(
        item_count=len(times),
        event_count=len(ended),
        median=median,
        median_low=low,
        median_high=high,
        median_of_ended=of_ended,
        longest=float(times.max()),
    )


def share_by(
    times: NDArray[np.float64], has_ended: NDArray[np.bool_], limit: float
) -> ShareByThen:
    """Estimate the share of items with an event within ``limit``.

    If every item was followed so long, it is a plain share with Wilson's interval.
    Otherwise it is 1 minus the Kaplan-Meier curve (cumulative incidence), with the
    interval of its logarithm's logarithm.
    """
    count = int(np.sum(has_ended & (times <= limit)))
    followed = int(np.sum((has_ended & (times <= limit)) | (times >= limit)))
    if followed == len(times):
        return ShareByThen(count / followed, *_wilson(count, followed), count, followed)
    if times.max() < limit:
        return ShareByThen(None, None, None, count, followed)
    curve = _kaplan_meier(times, has_ended)
    place = int(np.searchsorted(curve.times, limit, side="right")) - 1
    if place < 0:
        return ShareByThen(0.0, None, None, count, followed)
    survival = float(curve.survival[place])
    low, high = _log_log_interval(survival, float(curve.error[place]))
    return ShareByThen(
        1 - survival,
        None if high is None else 1 - high,
        None if low is None else 1 - low,
        count,
        followed,
    )


def _median(
    times: NDArray[np.float64], has_ended: NDArray[np.bool_]
) -> tuple[float | None, float | None, float | None]:
    if not has_ended.any():
        return None, None, None
    if has_ended.all():
        return _median_of_ended(times)
    curve = _kaplan_meier(times, has_ended)
    median, (low, high) = _half(curve), _bounds_of_half(curve)
    if median is not None and low is None:
        # A single step leads past both bounds.
        return median, median, median
    return median, low, high


def _median_of_ended(times: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the same where nothing is open, without a fit.

    Most groups have nothing open, and their curve needs none: after ``gone`` of
    ``count`` events ``1 - gone / count`` are left, and Greenwood's sum is
    ``gone / (count (count - gone))``.
    """
    count = len(times)
    steps, events = np.unique(times, return_counts=True)
    # Without the last step, which leaves nobody.
    gone = np.cumsum(events)[:-1]
    loss = -np.log1p(-gone / count)
    error = np.sqrt(gone / (count * (count - gone)))
    distance = (np.log(loss) - np.log(np.log(2))) * loss / error
    median = float(np.median(times))
    inside = np.flatnonzero(np.abs(distance) <= _NORMAL_95)
    if len(inside) == 0:
        return median, median, median
    return median, float(steps[inside[0]]), float(steps[inside[-1] + 1])


def _wilson(count: int, total: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, as ``delivery.mart_velocity`` has it."""
    square, share = _NORMAL_95**2, count / total
    centre = share + square / (2 * total)
    spread = (share * (1 - share) + square / (4 * total)) / total
    half = _NORMAL_95 * spread**0.5
    whole = 1 + square / total
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


@dataclass(frozen=True, eq=False, slots=True)
class _Curve:
    """The share that is left after each time of an event, and its standard error."""

    times: NDArray[np.float64]
    survival: NDArray[np.float64]
    error: NDArray[np.float64]


def _kaplan_meier(times: NDArray[np.float64], has_ended: NDArray[np.bool_]) -> _Curve:
    steps, places = np.unique(times, return_inverse=True)
    events = np.bincount(places, weights=has_ended)
    at_risk = np.cumsum(np.bincount(places)[::-1])[::-1]
    is_step = events > 0
    steps, events, at_risk = steps[is_step], events[is_step], at_risk[is_step]
    # The last step may leave nobody, and then nothing is known.
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.exp(np.cumsum(np.log(1 - events / at_risk)))
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)))
        return _Curve(steps, survival, np.sqrt(greenwood) * survival)


def _bounds_of_half(curve: _Curve) -> tuple[float | None, float | None]:
    """Return the interval of the median: steps with a possible share of 1/2.

    By the logarithm of the curve's logarithm, as SAS has it.
    """
    # If nobody is left, the logarithms have no value.
    with np.errstate(all="ignore"):
        log = np.log(curve.survival)
        distance = np.log(-log) - np.log(-np.log(0.5))
        distance /= -1 / (curve.survival * log) * curve.error
        inside = np.flatnonzero(np.abs(distance) <= _NORMAL_95)
    if len(inside) == 0:
        return None, None
    beyond = inside[-1] + 1
    is_bounded = beyond < len(curve.times)
    return (
        float(curve.times[inside[0]]),
        float(curve.times[beyond]) if is_bounded else None,
    )


def _half(curve: _Curve) -> float | None:
    """Return where the curve crosses 1/2; ``None`` if it never falls below.

    If it lies on 1/2 for a while, the middle of that: so the estimate is the plain
    median where nothing is open.
    """
    below = np.flatnonzero(curve.survival < 0.5 - _ROUNDING)
    if len(below) == 0:
        return None
    first = int(below[0])
    crossed = float(curve.times[first])
    lies_on = first > 0 and abs(curve.survival[first - 1] - 0.5) <= _ROUNDING
    return (float(curve.times[first - 1]) + crossed) / 2 if lies_on else crossed


def _log_log_interval(
    survival: float, error: float
) -> tuple[float | None, float | None]:
    """Return the interval of a share that lasts, by the log of its log."""
    if not 0 < survival < 1 or not np.isfinite(error):
        return None, None
    width = _NORMAL_95 * error / abs(survival * np.log(survival))
    return (
        float(survival ** np.exp(width)),
        float(survival ** np.exp(-width)),
    )
