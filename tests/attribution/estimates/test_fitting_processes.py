"""Linear algebra is limited to one thread for as long as anything is fitted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import scipy.linalg  # noqa: F401  (its libraries are what is limited)
from threadpoolctl import threadpool_info, threadpool_limits

from attribution import Refusal, estimate
from attribution.causal import estimating
from attribution.causal.panel import panel_of
from attribution.estimates.fitting_processes import (
    ProcessAhead,
    each,
    one_blas_thread,
)
from tests.attribution.studies_for_tests import series_study

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd

    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan

REPOSITORY = Path(__file__).parents[3]


def _threads() -> set[int]:
    return {
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }


def test_a_block_that_ends_leaves_the_limit_of_another_that_goes_on() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        during = _threads()
        second.__exit__(None, None, None)
        assert (during, _threads()) == ({1}, {2})


def test_a_block_limits_and_restores_from_any_thread() -> None:
    def during_another(first: AbstractContextManager[None]) -> set[int]:
        with one_blas_thread():
            first.__exit__(None, None, None)
            return _threads()

    with threadpool_limits(limits=2, user_api="blas"):
        first = one_blas_thread()
        first.__enter__()
        with ThreadPoolExecutor(1) as thread:
            during = thread.submit(during_another, first).result()
            assert (during, _threads()) == ({1}, {2})
            # This thread has limited, and lives on; so does the other.
            with one_blas_thread():
                assert _threads() == {1}
            first = one_blas_thread()
            first.__enter__()
            assert thread.submit(during_another, first).result() == {1}
        assert _threads() == {2}


def test_a_study_computes_on_one_thread_whatever_the_libraries_would_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[int] = set()

    def watched(frame: pd.DataFrame, plan: Plan) -> Panel:
        seen.update(_threads())
        return panel_of(frame, plan)

    monkeypatch.setattr(estimating, "panel_of", watched)
    with threadpool_limits(limits=2, user_api="blas"):
        if max(_threads()) < 2:
            pytest.skip("linear algebra has one thread here at most")
        assert isinstance(estimate(*series_study(before=40, after=10)), Refusal)
        assert (seen, _threads()) == ({1}, {2})


def _own_process(_: str) -> int:
    return os.getpid()


def _noted(note: str) -> int:
    with Path(note).open("a", encoding="utf-8") as file:
        file.write("called ")
    return os.getpid()


def _end(_: str) -> int:
    os._exit(1)


@pytest.mark.skipif(os.cpu_count() == 1, reason="there is no other core")
def test_processes_do_what_was_begun_or_is_asked_for_and_if_they_end_it_is_done_here(
    tmp_path: Path,
) -> None:
    with ProcessAhead(["json"]) as ahead:
        assert each(_own_process, ["not yet"], 0.0, ahead=ahead) == [os.getpid()]
        ahead.start()
        note = str(tmp_path / "calls")
        ahead.begin(_noted, [note])
        assert os.getpid() not in each(_noted, [note], 0.0, ahead=ahead)
        assert Path(note).read_text("utf-8") == "called "
        ahead.begin(_end, [""])
        assert ahead.each(_end, [""]) is None
        assert each(_own_process, [""], 0.0, ahead=ahead) == [os.getpid()]


_KILLED = """
import os, signal, time
from attribution.estimates.fitting_processes import pool
if __name__ == "__main__":
    workers = pool(1)
    workers.submit(os.getpid).result()
    for _ in range(3):
        workers.submit(time.sleep, 0.1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_with_the_one_that_started_it_even_if_that_is_killed(
    tmp_path: Path,
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(_KILLED, "utf-8")
    ended = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
        timeout=20,  # it lasts until the last process ends that could write to it
    )
    assert ended.returncode == -signal.SIGKILL


#: Pools begin in several threads at once, as where several pages are drawn.
_HEAVY = """
import os, sys
with open(sys.argv[1], "a") as file:
    file.write("imported ")
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from attribution.estimates.fitting_processes import pool

def parent_of_child(beginning):
    with pool(1) as workers:
        beginning.wait()
        return workers.submit(os.getppid).result()

if __name__ == "__main__":
    with ThreadPoolExecutor(4) as threads:
        assert {*threads.map(parent_of_child, [Barrier(4)] * 4)} == {os.getpid()}
    assert sys.modules["__main__"].pool is pool
"""


def test_no_process_imports_the_script_that_started_it(tmp_path: Path) -> None:
    """A page's script imports the whole dashboard, which fits nothing."""
    script, note = tmp_path / "heavy.py", tmp_path / "imports"
    script.write_text(_HEAVY, "utf-8")
    subprocess.run(
        [sys.executable, script, note],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        timeout=60,
    )
    assert note.read_text("utf-8") == "imported "
