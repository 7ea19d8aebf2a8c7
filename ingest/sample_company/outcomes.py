"""Business outcomes, with planted and known effects.

Six features, six designs: a staggered rollout, a single treated region, a randomised
experiment, a launch together with two others that has no effect, a staggered rollout
that does harm, and a counted process that is automated.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.charges import SATURDAY
from ingest.sample_company.organisation import DEPOT_COUNT, REGION_COUNT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.sample_company.timeline import Timeline

    Values = NDArray[np.float64]

ETA_EFFECT: Final = 0.042
MAINTENANCE_EFFECT: Final = -0.18
ASSISTANT_EFFECT: Final = -0.22
SAFETY_EFFECT: Final = -0.015
ROUTE_EFFECT: Final = 0.0
PROMOTION_EFFECT: Final = 0.044
REDESIGN_EFFECT: Final = 0.016
AUTOMATED_PART: Final = 0.71
MINUTES_PER_DOCUMENT: Final = 6.5

EXPERIMENT_CUSTOMERS: Final = 600
#: The experiment, and how long its customers were watched before, in months.
EXPERIMENT_MONTHS: Final = 3
EXPERIMENT_HISTORY_MONTHS: Final = 6
_EXPERIMENT_FROM: Final = 0.6
#: Part of the customers with an app redesigned in a trial, long before the launch.
_TRIAL_PART: Final = 0.5
_DAILY_MINUTES_SD: Final = 0.03
_CONTACT_PART: Final = 0.30
_NEVER_TREATED: Final = 4
_COHORT_SIZE: Final = 4
_COHORT_STEP: Final = 0.02


@dataclass(frozen=True, slots=True)
class Metric:
    """Measured quantity; ``feature`` is empty for a metric without a feature."""

    name: str
    feature: str
    unit_of_measure: str
    currency: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeSeries:
    """Rows of a metric, per unit and day; ``day`` counts from the first day."""

    metric: Metric
    units: tuple[str, ...]
    unit: NDArray[np.int64]
    day: NDArray[np.int64]
    value: Values
    is_treated: NDArray[np.bool_] | None = None
    arms: tuple[str, ...] = ()
    arm: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class ProcessSeries:
    """A counted process by day."""

    day: NDArray[np.int64]
    volume: NDArray[np.int64]
    automated: NDArray[np.int64]
    minutes: Values


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Everything that happened, and the days on which features started.

    ``starts`` maps a feature to unit → day number of its start.
    """

    series: tuple[OutcomeSeries, ...]
    process: ProcessSeries
    starts: dict[str, dict[str, int]]


def observe(timeline: Timeline, seed: int) -> Outcomes:
    """Draw every outcome over the whole timeline."""
    return _Observer(timeline, seed).observe()


class _Observer:
    def __init__(self, timeline: Timeline, seed: int) -> None:
        self._timeline = timeline
        self._seed = seed
        self._days = np.arange(timeline.day_count)
        self._weekday = (self._days + timeline.first_day.weekday()) % 7
        self._starts: dict[str, dict[str, int]] = {}

    def observe(self) -> Outcomes:
        series = (
            self._revenue(),
            self._breakdowns(),
            self._handling(),
            self._on_time(),
            *self._parcels(),
        )
        return Outcomes(series, self._invoices(), self._starts)

    def _rng(self, name: str) -> np.random.Generator:
        key = zlib.crc32(name.encode())
        return np.random.default_rng(
            np.random.SeedSequence(self._seed, spawn_key=(2, key))
        )

    def _season(self) -> Values:
        """Return the year's course and the quieter weekend, around 1."""
        year = 1 + 0.06 * np.sin(2 * np.pi * (self._days + 40) / 365.25)
        return np.asarray(year * np.where(self._weekday >= SATURDAY, 0.72, 1.0))

    def _depots(self) -> tuple[str, ...]:
        return tuple(f"depot-{number:02d}" for number in range(1, DEPOT_COUNT + 1))

    def _staggered(self, feature: str, first: float, never: int) -> NDArray[np.int64]:
        """Return each depot's day of start; beyond the end if it never starts."""
        rng = self._rng(f"rollout/{feature}")
        order = rng.permutation(DEPOT_COUNT)
        start = np.full(DEPOT_COUNT, self._timeline.day_count)
        for place, depot in enumerate(order[: DEPOT_COUNT - never]):
            cohort = place // _COHORT_SIZE
            start[depot] = self._timeline.day(first + _COHORT_STEP * cohort)
        depots = self._depots()
        self._starts[feature] = {
            depots[depot]: int(day)
            for depot, day in enumerate(start)
            if day < self._timeline.day_count
        }
        return start

    def _panel(
        self,
        value: Values,
        treated: NDArray[np.bool_],
        units: tuple[str, ...],
        metric: Metric,
    ) -> OutcomeSeries:
        unit, day = np.indices(value.shape)
        return OutcomeSeries(
            units=units,
            unit=unit.ravel(),
            day=day.ravel(),
            value=value.ravel(),
            is_treated=treated.ravel(),
            metric=metric,
        )

    def _revenue(self) -> OutcomeSeries:
        """Draw revenue of depots: each depot's level times the common movement."""
        rng = self._rng("revenue")
        start = self._staggered("eta-prediction", 0.36, _NEVER_TREATED)
        treated = self._days >= start[:, None]
        level = rng.uniform(19_000, 34_000, (DEPOT_COUNT, 1))
        common = self._season() * np.exp(rng.normal(0, 0.02, len(self._days)))
        noise = np.exp(rng.normal(0, 0.045, treated.shape))
        value = level * common * noise * np.where(treated, 1 + ETA_EFFECT, 1.0)
        return self._panel(
            np.round(value, 2),
            treated,
            self._depots(),
            metric=Metric("revenue_per_depot_day", "eta-prediction", "EUR", "EUR"),
        )

    def _breakdowns(self) -> OutcomeSeries:
        """Draw regions driven by two factors; an average region is treated."""
        rng = self._rng("breakdowns")
        start = self._timeline.day(0.52)
        units = tuple(f"region-{number}" for number in range(1, REGION_COUNT + 1))
        self._starts["predictive-maintenance"] = {units[0]: start}
        treated = np.zeros((REGION_COUNT, len(self._days)), dtype=np.bool_)
        treated[0, start:] = True
        steps = rng.normal(0, 0.006, (2, len(self._days)))
        factors = np.cumsum(steps, axis=1) + 0.1 * np.sin(
            2 * np.pi * self._days / 365.25
        )
        loadings = rng.uniform(0.3, 0.7, (REGION_COUNT, 2))
        loadings[0] = loadings[1:].mean(axis=0)
        level = rng.uniform(5_200, 7_400, (REGION_COUNT, 1))
        level[0] = level[1:].mean()
        noise = rng.normal(0, 0.06, treated.shape)
        value = level * np.exp(loadings @ factors + noise)
        value = value * np.where(treated, 1 + MAINTENANCE_EFFECT, 1.0)
        return self._panel(
            np.round(value, 2),
            treated,
            units,
            metric=Metric(
                "breakdown_cost_per_region_day", "predictive-maintenance", "EUR", "EUR"
            ),
        )

    def _handling(self) -> OutcomeSeries:
        """Draw the experiment: customers are randomised, each with its own level.

        It begins with a month and lasts three, after six in which nobody had the
        assistant. A customer's arm is on all of its rows.
        """
        rng = self._rng("handling")
        start, first, end = self._experiment_days()
        arm = rng.permutation(np.arange(EXPERIMENT_CUSTOMERS) % 2)
        level = 14.0 * np.exp(rng.normal(0, 0.25, EXPERIMENT_CUSTOMERS))
        contacts = rng.random((EXPERIMENT_CUSTOMERS, end - first)) < _CONTACT_PART
        unit, day = np.nonzero(contacts)
        treated = (arm[unit] == 1) & (day + first >= start)
        effect = np.where(treated, 1 + ASSISTANT_EFFECT, 1.0)
        value = level[unit] * effect * np.exp(rng.normal(0, 0.30, len(unit)))
        units = tuple(f"customer-{n:04d}" for n in range(1, EXPERIMENT_CUSTOMERS + 1))
        self._starts["support-assistant"] = {"treatment arm": start}
        return OutcomeSeries(
            metric=Metric("handling_minutes_per_case", "support-assistant", "minutes"),
            units=units,
            unit=unit,
            day=day + first,
            value=np.round(value, 2),
            is_treated=treated,
            arms=("control", "treatment"),
            arm=arm[unit],
        )

    def _experiment_days(self) -> tuple[int, int, int]:
        """Return first days of the experiment and of its pre-period, and its end."""
        months = self._timeline.months
        at = round(len(months) * _EXPERIMENT_FROM)
        last = min(at + EXPERIMENT_MONTHS, len(months)) - 1
        offset = self._timeline.day_offset
        return (
            offset(months[at]),
            offset(months[max(at - EXPERIMENT_HISTORY_MONTHS, 0)]),
            offset(months[last]) + months[last].day_count,
        )

    def _on_time(self) -> OutcomeSeries:
        """Draw a small harm: drivers slow down where cameras watch."""
        rng = self._rng("on time")
        start = self._staggered("driver-safety", 0.66, _COHORT_SIZE * 2)
        treated = self._days >= start[:, None]
        level = rng.uniform(0.915, 0.945, (DEPOT_COUNT, 1))
        common = 0.008 * np.sin(2 * np.pi * self._days / 365.25)
        common = common + rng.normal(0, 0.004, len(self._days))
        value = level + common + rng.normal(0, 0.010, treated.shape)
        value = np.clip(value + np.where(treated, SAFETY_EFFECT, 0.0), 0.0, 1.0)
        return self._panel(
            np.round(value, 5),
            treated,
            self._depots(),
            metric=Metric("on_time_rate", "driver-safety", "ratio"),
        )

    def _parcels(self) -> tuple[OutcomeSeries, ...]:
        """Draw effects of a promotion and redesign, launched with the optimiser.

        Both happened before on their own: a promotion of four weeks, and a trial of the
        redesign with half of the customers.
        """
        rng = self._rng("parcels")
        launch = self._timeline.day(0.56)
        self._starts["route-optimiser"] = {"company": launch}
        after = self._days >= launch
        earlier = self._timeline.day(0.22)
        earlier_promotion = (self._days >= earlier) & (self._days < earlier + 28)
        price = np.where(after | earlier_promotion, 0.92, 1.0)
        redesign = np.clip((self._days - launch + 7) / 14, 0.0, 1.0)
        trial = self._timeline.day(0.32), self._timeline.day(0.42)
        in_trial = (self._days >= trial[0]) & (self._days < trial[1])
        redesign[in_trial] = _TRIAL_PART
        weekly = np.where(self._weekday >= SATURDAY, 0.72, 1.0)
        value = 41_000 * weekly * np.exp(rng.normal(0, 0.02, len(self._days)))
        value = value * (1 + PROMOTION_EFFECT * (price < 1.0))
        value = value * (1 + REDESIGN_EFFECT * redesign) * (1 + ROUTE_EFFECT * after)
        units = ("company",)
        return tuple(
            self._panel(
                values[None, :],
                after[None, :],
                units,
                metric=Metric(metric, feature, measure),
            )
            for metric, feature, measure, values in (
                ("parcels_per_day", "route-optimiser", "parcels", np.round(value)),
                ("price_index", "", "ratio", price),
                ("app_redesign_share", "", "ratio", np.round(redesign, 4)),
                ("route_optimiser_share", "", "ratio", after.astype(np.float64)),
            )
        )

    def _invoices(self) -> ProcessSeries:
        """Count invoices on working days; from the start a part is read alone."""
        rng = self._rng("invoices")
        start = self._timeline.day(0.45)
        self._starts["invoice-reading"] = {"company": start}
        day = self._days[self._weekday < SATURDAY]
        volume = rng.poisson(1_150, len(day)).astype(np.int64)
        automated = rng.binomial(volume, AUTOMATED_PART).astype(np.int64)
        automated = np.where(day >= start, automated, 0)
        # Some days' documents are harder than others'.
        each = MINUTES_PER_DOCUMENT * (1 + rng.normal(0, _DAILY_MINUTES_SD, len(day)))
        minutes = np.round((volume - automated) * each, 2)
        return ProcessSeries(day, volume, automated, minutes)
