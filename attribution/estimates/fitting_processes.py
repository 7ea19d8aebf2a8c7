"""Where series are fitted: on one thread each, and in processes where there are many.

A series is short. Several threads of linear algebra wait for each other longer than
they compute, and two cores are better used by two series. One thread also makes the
result independent of the number of cores.

Light to import: a new process sets what numerical libraries read when they start, and
loads them then.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from threadpoolctl import threadpool_limits

    Job = TypeVar("Job")
    Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Each process loads the libraries anew, about half as long: less is not worth it.
_LEAST_SAVED_SECONDS = 3.0
_limit_lock = Lock()
_limits: list[threadpool_limits] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute linear algebra on one thread while a block runs.

    Blocks of several threads may overlap: the limit ends with the last of them.
    """
    # Only libraries that are loaded can be limited, and both of these have their own.
    import scipy.linalg  # noqa: F401, PLC0415  (slow to load)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    with _limit_lock:
        _limits.append(threadpool_limits(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _limit_lock:
            # The first limit, left to the end, knows how many there were before.
            ended = _limits.pop()
            if not _limits:
                ended.restore_original_limits()


def pool(processes: int) -> ProcessPoolExecutor:
    """Return processes that compute on one thread each."""
    # They start where we are, and would look there for modules first.
    os.environ["PYTHONSAFEPATH"] = "1"
    return ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_compute_alone
    )


def _compute_alone() -> None:
    """Set what is read when numerical libraries are loaded, and is too late after."""
    for name in _THREADS:
        os.environ[name] = "1"


def each(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    seconds: float,
    *,
    processes: int | None = None,
) -> list[Result]:
    """Return what a function makes of each job, in the order of the jobs.

    Parameters
    ----------
    function : callable
        Defined at the top of a module, so that other processes can call it.
    jobs : sequence
        What it is called with.
    seconds : float
        About how long all of them take; what is short is done in this process.
    processes : int, optional
        How many work at the same time; as many as there are cores by default.
    """
    if not jobs:
        return []
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    saved = seconds * (1 - 1 / workers)
    if saved < _LEAST_SAVED_SECONDS:
        with one_blas_thread():
            return [function(job) for job in jobs]
    share = -(-len(jobs) // (8 * workers))
    with pool(workers) as executor:
        return list(executor.map(function, jobs, chunksize=share))
