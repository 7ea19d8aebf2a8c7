"""Fitting of series on single threads, and in processes if many.

A series is short. Several threads of linear algebra wait for each other longer than
they compute, and two cores are better used by two series. A single thread also makes
the result independent of the number of cores.

Light to import: a new process sets the variables that numerical libraries read when
they start, and loads them then.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Lock, Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from typing import Self

    from threadpoolctl import threadpool_limits

    Job = TypeVar("Job")
    Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Each process loads the libraries again, about half as long: less is not worth it.
_LEAST_SAVED_SECONDS = 3.0
_limit_lock = Lock()
#: Held while a process starts that is not to run this process's script.
_main_lock = Lock()
_limits: list[threadpool_limits] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute linear algebra on a single thread while a block runs.

    Blocks of several threads may overlap: the limit ends with the last of them.
    """
    # Only libraries that are loaded can be limited, and both of these have their own.
    import scipy.linalg  # noqa: F401, PLC0415  (slow to load)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    with _limit_lock:
        _release_control()
        _limits.append(threadpool_limits(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _limit_lock:
            # The first limit, left to the end, knows how many there were before.
            ended = _limits.pop()
            if not _limits:
                _release_control()
                ended.restore_original_limits()
                _release_control()


def _release_control() -> None:
    """Let whichever thread sets a limit next be heard.

    Without it only the first thread that ever set a limit is, for as long as it lives.
    """
    from threadpoolctl import OpenBLASController  # noqa: PLC0415

    OpenBLASController.clear_controlling_thread(force=True)


def pool(processes: int) -> ProcessPoolExecutor:
    """Return processes that compute on a single thread each."""
    # They start where we are, and would look there for modules first.
    os.environ["PYTHONSAFEPATH"] = "1"
    return ProcessPoolExecutor(
        processes, mp_context=_ContextWithoutMain(), initializer=_compute_alone
    )


class _ProcessWithoutMain(SpawnProcess):
    """Process that does not run this process's script, unlike the default.

    If pages are drawn, that script is theirs, and takes two seconds to import.
    """

    def start(self) -> None:
        with _main_lock:
            main = sys.modules["__main__"]
            nothing = sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                # A page that began to be drawn meanwhile has put its own there.
                if sys.modules["__main__"] is nothing:
                    sys.modules["__main__"] = main


class _ContextWithoutMain(SpawnContext):
    Process = _ProcessWithoutMain


def _compute_alone() -> None:
    """Set variables that numerical libraries read only when loaded."""
    for name in _THREADS:
        os.environ[name] = "1"
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End with the parent process: if killed, it ends nobody."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class ProcessAhead:
    """Process that loads its libraries before its jobs are known.

    While the engine is busy with the marts, this process is idle, and the libraries of
    statistics take as long to load as two hundred series to forecast.

    Parameters
    ----------
    modules : sequence of str
        Modules loaded in it.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._executor: ProcessPoolExecutor | None = None
        self._begun: dict[bytes, Future[Any]] = {}

    def start(self) -> bool:
        """Start it, once, and return whether this was it.

        On a single core nothing is gained, and there is none.
        """
        if self.is_started or os.cpu_count() == 1:
            return False
        self._executor = pool(1)
        self._executor.submit(_load, self._modules)
        return True

    @property
    def is_started(self) -> bool:
        """Return True if the process is started."""
        return self._executor is not None

    def begin(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> None:
        """Begin jobs that will be requested."""
        with suppress(BrokenProcessPool):
            for job in jobs:
                self._begun[_content(function, job)] = self._submitted(function, job)

    def begun(
        self, function: Callable[[Job], Result], job: Job
    ) -> Future[Result] | None:
        """Return a begun job with the same content, once; otherwise ``None``."""
        return self._begun.pop(_content(function, job), None)

    def each(
        self, function: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> list[Result] | None:
        """Return a function's result for each job; ``None`` if not started.

        For a job with the same content that was begun, the begun result.
        """
        if self._executor is None:
            return None
        try:
            made: list[Future[Result]] = []
            for job in jobs:
                begun = self.begun(function, job)
                made.append(self._submitted(function, job) if begun is None else begun)
            return [future.result() for future in made]
        except BrokenProcessPool:
            self._executor = None  # what it did not live to do is done here
            return None

    def _submitted(self, function: Callable[[Job], Result], job: Job) -> Future[Result]:
        if self._executor is None:
            raise BrokenProcessPool
        return self._executor.submit(function, job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)


def _content(function: Callable[[Job], object], job: Job) -> bytes:
    return hashlib.sha256(pickle.dumps((function, job))).digest()


def _load(modules: Sequence[str]) -> None:
    for name in modules:
        import_module(name)


def each(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    seconds: float,
    *,
    processes: int | None = None,
    ahead: ProcessAhead | None = None,
) -> list[Result]:
    """Return a function's result for each job, in the order of the jobs.

    Parameters
    ----------
    function : callable
        Defined at the top of a module, so that other processes can call it.
    jobs : sequence
        Arguments of its calls.
    seconds : float
        Approximate total time of all jobs; short work is done in this process.
    processes : int, optional
        Number of processes at the same time; as many as there are cores by default.
    ahead : ProcessAhead, optional
        Does it instead, where it was started.
    """
    if not jobs:
        return []
    made = None if ahead is None else ahead.each(function, jobs)
    if made is not None:
        return made
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    saved = seconds * (1 - 1 / workers)
    if saved < _LEAST_SAVED_SECONDS:
        with one_blas_thread():
            return [function(job) for job in jobs]
    share = -(-len(jobs) // (8 * workers))
    with pool(workers) as executor:
        return list(executor.map(function, jobs, chunksize=share))
