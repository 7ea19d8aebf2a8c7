"""Plans how the company ships: slowly and with fires, then quickly and without.

The properties of a phase are in :data:`PACES`. A deployment that goes wrong either
fails at once, and the next deployment repairs it, or is rolled back after an incident.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.delivery.events import (
    Commit,
    Delivery,
    Deployment,
    Incident,
    TrainingRun,
)
from ingest.sample_company.delivery.people import plan_people
from ingest.sample_company.organisation import MODELS

if TYPE_CHECKING:
    from datetime import date

    from ingest.sample_company.delivery.events import Kind
    from ingest.sample_company.organisation import Model
    from ingest.sample_company.timeline import Phase, Timeline


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of delivery in a phase; typical values, times in hours."""

    days_between_deployments: float
    change_lead_hours: float
    failing_part: float
    hours_to_restore: float
    promotion_lead_hours: float
    days_between_trainings: float
    quiet_incidents_per_month: float


PACES: Final[dict[Phase, Pace]] = {
    "managed_kubernetes": Pace(6.0, 90.0, 0.24, 5.0, 260.0, 9.0, 1.2),
    "migration": Pace(7.0, 80.0, 0.18, 4.0, 200.0, 10.0, 0.9),
    "hybrid": Pace(3.5, 26.0, 0.07, 1.5, 60.0, 6.0, 0.3),
}
_ARCHITECTURES: Final = {
    "maintenance-vision": ("resnet", 11.0, 4),
    "driver-camera": ("resnet", 9.0, 4),
    "care-assistant": ("transformer", 20.0, 8),
    "invoice-reader": ("transformer", 14.0, 8),
}
_TREES: Final = ("gradient-boosting", 1.5, 1)
#: Every so many of a model's deployments repeat the deployment before.
_REDEPLOYED: Final = 17
_SECONDS_PER_HOUR: Final = 3600


def plan_delivery(timeline: Timeline, seed: int) -> Delivery:
    """Plan every event of every model.

    Parameters
    ----------
    timeline : Timeline
        The months and their phases.
    seed : int
        Another seed gives other events; the same seed the same.
    """
    delivery = Delivery(timeline.months)
    for number, model in enumerate(MODELS):
        sequence = np.random.SeedSequence(seed, spawn_key=(61, number))
        _ModelPlan(model, number, timeline, np.random.default_rng(sequence)).add_to(
            delivery
        )
    sequence = np.random.SeedSequence(seed, spawn_key=(62,))
    plan_people(delivery, timeline, np.random.default_rng(sequence))
    return delivery


class _ModelPlan:
    """Events of a model, in chronological order."""

    def __init__(
        self, model: Model, number: int, timeline: Timeline, rng: np.random.Generator
    ) -> None:
        self._model = model
        self._timeline = timeline
        self._rng = rng
        self._next_id = 1_000_000 * (number + 1)
        starts = (
            timeline.renamed_on if model.starts_with_migration else timeline.first_day
        )
        ends = timeline.retired_on if model.ends_with_migration else timeline.end
        # The last days are left alone: nothing is planned past the end of time.
        self._start = _midnight(starts)
        self._end = _midnight(ends) - timedelta(days=2)
        self._deployments: list[Deployment] = []
        self._incidents: list[Incident] = []

    def add_to(self, delivery: Delivery) -> None:
        self._deploy()
        self._have_quiet_incidents()
        delivery.deployments += self._deployments
        delivery.incidents += self._incidents
        delivery.runs += self._train()

    def _pace(self, moment: datetime) -> Pace:
        day = moment.date()
        months = self._timeline.months
        return PACES[next(m.phase for m in reversed(months) if m.first_day <= day)]

    def _deploy(self) -> None:
        moment = self._at_work(self._start + timedelta(days=1))
        while moment < self._end:
            pace = self._pace(moment)
            count = len(self._deployments)
            if count and count % _REDEPLOYED == 0 and self._is_up(-1):
                last = self._deployments[-1]
                ended = self._add(moment, last.sha, "redeploy").finished_at
            else:
                ended = self._release(moment, pace)
            gap = pace.days_between_deployments * self._rng.uniform(0.7, 1.4)
            moment = self._at_work(ended + timedelta(days=gap))

    def _release(self, moment: datetime, pace: Pace) -> datetime:
        """Plan a deployment and its follow-ups; return the moment they are done."""
        fate = self._rng.random()
        # A deployment that can be rolled back needs an earlier deployment.
        can_go_back = len(self._deployments) > 0 and self._is_up(-1)
        if fate < pace.failing_part / 2 and len(self._deployments) > 0:
            broken = self._add(moment, self._sha(), "new", succeeds=False, pace=pace)
            repaired = broken.finished_at + self._hours(pace.hours_to_restore)
            return self._add(repaired, self._sha(), "new", pace=pace).finished_at
        if fate < pace.failing_part and can_go_back:
            good = self._deployments[-1].sha
            bad = self._add(moment, self._sha(), "new", pace=pace)
            felt = bad.finished_at + self._hours(1.0)
            back = felt + self._hours(pace.hours_to_restore)
            restored = self._add(back, good, "rollback").finished_at
            self._suffer(felt, restored, bad.id)
            return restored
        return self._add(moment, self._sha(), "new", pace=pace).finished_at

    def _is_up(self, position: int) -> bool:
        return self._deployments[position].has_succeeded

    def _add(
        self,
        moment: datetime,
        sha: str,
        kind: Kind,
        *,
        succeeds: bool = True,
        pace: Pace | None = None,
    ) -> Deployment:
        self._next_id += 1
        deployment = Deployment(
            id=self._next_id,
            model=self._model,
            sha=sha,
            kind=kind,
            created_at=moment,
            finished_at=moment + timedelta(seconds=int(self._rng.integers(300, 1500))),
            has_succeeded=succeeds,
            commits=self._commits(moment, sha, pace) if pace is not None else (),
        )
        self._deployments.append(deployment)
        return deployment

    def _commits(self, moment: datetime, sha: str, pace: Pace) -> tuple[Commit, ...]:
        count = int(self._rng.integers(1, 6))
        hours = pace.change_lead_hours * self._rng.lognormal(0.0, 0.6, count)
        times = sorted(moment - timedelta(hours=float(hour) + 0.5) for hour in hours)
        shas = [*(self._sha() for _ in times[1:]), sha]
        return tuple(
            Commit(
                sha=one,
                committed_at=_whole(committed),
                pull_request=int(self._next_id % 1_000_000) * 10 + position,
                opened_at=_whole(committed + timedelta(minutes=7)),
                merged_at=_whole(committed + (moment - committed) * 0.8),
            )
            for position, (one, committed) in enumerate(zip(shas, times, strict=True))
        )

    def _have_quiet_incidents(self) -> None:
        """Plan incidents without a deployment: none ended within a day before."""
        ends = sorted(deployment.finished_at for deployment in self._deployments)
        for month in self._timeline.months:
            expected = PACES[month.phase].quiet_incidents_per_month
            for _ in range(int(self._rng.poisson(expected))):
                hours = float(self._rng.uniform(0.0, month.hour_count))
                felt = _whole(_midnight(month.first_day) + timedelta(hours=hours))
                day_before = felt - timedelta(hours=25)
                is_quiet = not any(day_before < end < felt for end in ends)
                if self._start < felt < self._end - timedelta(days=2) and is_quiet:
                    typical = PACES[month.phase].hours_to_restore
                    self._suffer(felt, felt + self._hours(typical), None)

    def _suffer(
        self, felt: datetime, restored: datetime, deployment_id: int | None
    ) -> None:
        people = int(self._rng.integers(2, 5))
        seconds = int((restored - felt).total_seconds()) * people
        name = f"Q{self._next_id % 10_000_000:07d}{len(self._incidents):04d}"
        self._incidents.append(
            Incident(name, self._model, felt, restored, seconds, deployment_id)
        )

    def _train(self) -> list[TrainingRun]:
        runs: list[TrainingRun] = []
        moment = self._at_work(self._start + timedelta(hours=6))
        version = 0
        # So many are tried before the feature first goes live.
        first_after = int(self._rng.integers(3, 8))
        while moment < self._end - timedelta(days=1):
            run = self._run(moment)
            if run.status == "FINISHED" and len(runs) >= first_after - 1:
                version += 1
                run = self._registered(run, version)
            runs.append(run)
            days = self._pace(moment).days_between_trainings
            if len(runs) < first_after:
                days /= 4
            gap = timedelta(days=days * self._rng.uniform(0.6, 1.4))
            moment = self._at_work(run.ended_at + gap)
        return _in_order_of_promotion(runs)

    def _run(self, moment: datetime) -> TrainingRun:
        architecture, hours, gpus = _ARCHITECTURES.get(self._model.id, _TREES)
        has_failed = bool(self._rng.random() < 0.1)  # noqa: PLR2004  (one in ten)
        return TrainingRun(
            id=self._sha()[:32],
            model=self._model,
            started_at=moment,
            ended_at=moment + self._hours(hours * (0.3 if has_failed else 1.0)),
            status="FAILED" if has_failed else "FINISHED",
            sha=self._sha(),
            architecture=architecture,
            gpu_count=gpus,
        )

    def _registered(self, run: TrainingRun, version: int) -> TrainingRun:
        promoted: datetime | None = None
        lead = self._hours(self._pace(run.ended_at).promotion_lead_hours)
        if version == 1 or self._rng.random() < 0.7:  # noqa: PLR2004  (most are)
            promoted = run.ended_at + lead
        if promoted is not None and promoted >= self._end:
            promoted = None
        return replace(run, version=version, promoted_at=promoted)

    def _hours(self, typical: float) -> timedelta:
        hours = typical * float(self._rng.lognormal(0.0, 0.5))
        return timedelta(seconds=int(hours * _SECONDS_PER_HOUR) + 60)

    def _sha(self) -> str:
        return self._rng.bytes(20).hex()

    def _at_work(self, moment: datetime) -> datetime:
        """Return a time between 8 and 15 o'clock of the day, or of the next Monday."""
        day = moment.date()
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)  # noqa: PLR2004
        seconds = int(self._rng.integers(8 * 3600, 15 * 3600))
        return max(_midnight(day) + timedelta(seconds=seconds), moment)


def _in_order_of_promotion(runs: list[TrainingRun]) -> list[TrainingRun]:
    """Leave out promotions that would put an older version over a newer."""
    newest = None
    kept: list[TrainingRun] = []
    for run in runs:
        if run.promoted_at is None or newest is None or run.promoted_at > newest:
            newest = run.promoted_at or newest
            kept.append(run)
        else:
            kept.append(replace(run, promoted_at=None))
    return kept


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
