"""One run at a time, and a lock that a dead holder leaves open."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from triptych.core.errors import RunLockedError
from triptych.core.lock import hold_run_lock

if TYPE_CHECKING:
    from pathlib import Path

_HOLD_AND_DIE = """\
import os, sys
from pathlib import Path
from triptych.core.lock import hold_run_lock
with hold_run_lock(Path(sys.argv[1])):
    os._exit(9)
"""


def test_a_second_holder_is_refused_with_the_first_one(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    refused = pytest.raises(RunLockedError, match=r"process \d+ on .+ since 2")
    with hold_run_lock(lock), refused, hold_run_lock(lock):
        pytest.fail("two at once")
    with hold_run_lock(lock):
        assert lock.with_suffix(".json").is_file()


def test_a_holder_that_died_leaves_the_lock_open(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    died = subprocess.run([sys.executable, "-c", _HOLD_AND_DIE, str(lock)], check=False)
    assert died.returncode == 9
    with hold_run_lock(lock):
        assert lock.with_suffix(".json").is_file()
