"""Fit studies in separate processes: rows go in, results come out.

Light to import, as :mod:`attribution.estimates.fitting_processes` is, and for the same
reason.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from attribution.estimates.fitting_processes import pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future, ProcessPoolExecutor

    import pandas as pd
    import pyarrow as pa

    from attribution.causal.estimating import Attempt
    from attribution.estimates.fitting_processes import ProcessAhead
    from attribution.studies.asked import Asked

    Tables = Mapping[str, pa.Table]

#: Studies that wait for a process, for each that is being fitted.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class StudyJob:
    """A study that is to be fitted.

    Attributes
    ----------
    asked : Asked
        Question of the study.
    rows : Table
        Its data, as :func:`attribution.studies.panels.study_frame` reads it.
    digest : str
        Data that it is estimated from.
    """

    asked: Asked
    rows: pa.Table
    digest: str


def fitted(
    jobs: Iterable[StudyJob], *, processes: int, ahead: ProcessAhead | None = None
) -> Iterator[tuple[StudyJob, Tables]]:
    """Yield each study with its results, as they are done.

    No more studies are read than wait for a process, so memory does not grow with their
    number. If a process dies, its study is tried once more, alone; if that process
    dies, too, the study has failed and the others go on.

    Parameters
    ----------
    jobs : iterable of StudyJob
        Read singly.
    processes : int
        Number of studies fitted at the same time.
    ahead : ProcessAhead, optional
        Studies that were begun before, which are not fitted again.
    """
    begun: dict[Future[Tables], StudyJob] = {}
    left = iter(jobs) if ahead is None else _not_begun(jobs, ahead, begun)
    first = next(left, None)
    if first is not None:
        yield from _fitted_in_pool(chain([first], left), processes)
    for future, job in begun.items():
        wait([future])
        yield job, _alone(future, job)


def _not_begun(
    jobs: Iterable[StudyJob],
    ahead: ProcessAhead,
    begun: dict[Future[Tables], StudyJob],
) -> Iterator[StudyJob]:
    """Yield the studies still to begin, and put aside those begun."""
    for job in jobs:
        future = ahead.begun(fit_study, job)
        if future is None:
            yield job
        else:
            begun[future] = job


def _fitted_in_pool(
    jobs: Iterable[StudyJob], processes: int
) -> Iterator[tuple[StudyJob, Tables]]:
    waiting: dict[Future[Tables], StudyJob] = {}
    workers = pool(processes)
    try:
        for job in jobs:
            while len(waiting) >= processes * (1 + _AHEAD):
                workers, done = _finished(workers, waiting, processes)
                yield from done
            waiting[workers.submit(fit_study, job)] = job
        while waiting:
            workers, done = _finished(workers, waiting, processes)
            yield from done
    finally:
        workers.shutdown(wait=True, cancel_futures=True)


def _finished(
    workers: ProcessPoolExecutor,
    waiting: dict[Future[Tables], StudyJob],
    processes: int,
) -> tuple[ProcessPoolExecutor, list[tuple[StudyJob, Tables]]]:
    """Remove finished studies from the waiting; replace a broken pool."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    if any(isinstance(one.exception(), BrokenProcessPool) for one in done):
        workers.shutdown(wait=True, cancel_futures=True)
        survived = [(job, _alone(one, job)) for one, job in waiting.items()]
        waiting.clear()
        return pool(processes), survived
    return workers, [(waiting.pop(one), one.result()) for one in done]


def _alone(before: Future[Tables], job: StudyJob) -> Tables:
    """Return results of a study with a broken pool, from a separate process."""
    if before.done() and not before.cancelled() and before.exception() is None:
        return before.result()
    with pool(1) as alone:
        try:
            return alone.submit(fit_study, job).result()
        except BrokenProcessPool:
            from attribution.studies.rows import rows_of_failure  # noqa: PLC0415

            return rows_of_failure(
                job.asked, "The process that fitted it ended; memory may have run out."
            )


def fit_study(job: StudyJob) -> Tables:
    """Return the rows of a study: estimated, refused, or failed with the error."""
    from attribution.causal.estimating import attempt  # noqa: PLC0415  (see the pool)
    from attribution.causal.refusal import Refusal  # noqa: PLC0415
    from attribution.causal.sensitivity import sensitivity_of  # noqa: PLC0415
    from attribution.studies.rows import (  # noqa: PLC0415
        rows_of_attempt,
        rows_of_failure,
    )

    asked, plan = job.asked, job.asked.plan
    try:
        frame = job.rows.to_pandas()
        found = attempt(
            frame,
            plan,
            seed=asked.seed,
            is_registered=not asked.registered.is_exploratory,
            draw=asked.registered.draw,
        )
        if isinstance(found.result, Refusal) or found.panel is None:
            return rows_of_attempt(asked, _advised(found, frame, asked))
        runs = sensitivity_of(frame, plan, found.result, found.panel, seed=asked.seed)
        return rows_of_attempt(asked, found, runs)
    except Exception as error:  # noqa: BLE001  (no study may stop the others)
        return rows_of_failure(asked, f"{type(error).__name__}: {error}")


def _advised(refused: Attempt, frame: pd.DataFrame, asked: Asked) -> Attempt:
    """Return a refused study with advice that was tried."""
    from attribution.causal.refusal import Refusal  # noqa: PLC0415  (see the pool)
    from attribution.studies.next_step import with_next_step  # noqa: PLC0415

    if not isinstance(refused.result, Refusal):
        return refused
    advised = with_next_step(frame, asked.plan, refused.result, seed=asked.seed)
    return replace(refused, result=advised)
