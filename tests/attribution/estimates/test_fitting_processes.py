"""Linear algebra is limited to one thread for as long as anything is fitted."""

from __future__ import annotations

import scipy.linalg  # noqa: F401  (its libraries are what is limited)
from threadpoolctl import threadpool_info, threadpool_limits

from attribution.estimates.fitting_processes import one_blas_thread


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
