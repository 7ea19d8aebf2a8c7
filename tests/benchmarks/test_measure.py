from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import process_tree, run_measured

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = "import time; block = bytearray({size}); time.sleep({seconds})"


def test_memory_of_a_subprocess_counts(tmp_path: Path) -> None:
    child = _HOLD.format(size=120 * 2**20, seconds=0.4)
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    measured = run_measured([sys.executable, "-c", parent], cwd=tmp_path)
    assert measured.exit_code == 0
    assert measured.peak_rss_bytes > 120 * 2**20
    assert measured.seconds > 0.4


def test_a_child_that_is_still_its_parent_does_not_count(tmp_path: Path) -> None:
    """As a JVM starts a command: the child waits in its parent's memory."""
    held = (
        "import os, time; block = bytearray(200 * 2**20)\n"
        "pid = os.fork()\n"
        "time.sleep(0.5)\n"
        "os._exit(0) if pid == 0 else os.waitpid(pid, 0)\n"
    )
    measured = run_measured([sys.executable, "-c", held], cwd=tmp_path)
    assert measured.exit_code == 0
    assert 200 * 2**20 < measured.peak_rss_bytes < 300 * 2**20


def test_exit_code_and_output_are_kept(tmp_path: Path) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    measured = run_measured([sys.executable, "-c", script], cwd=tmp_path)
    assert (measured.exit_code, measured.output, measured.errors) == (
        3,
        "out\n",
        "err\n",
    )


def test_a_tree_names_grandchildren() -> None:
    nested = "import time; print('ready', flush=True); time.sleep(30)"
    outer = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nested!r}])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", outer], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        tree = process_tree(process.pid)
        assert len(tree) == 2
        assert tree[0] == process.pid
    finally:
        for pid in reversed(process_tree(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_processor_time_of_a_process_that_nobody_waits_for_counts(
    tmp_path: Path,
) -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    orphan_it = (
        "import os, pathlib, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {burn!r}])\n"
        "stat = pathlib.Path(f'/proc/{child.pid}/stat')\n"
        "while ') Z ' not in stat.read_text(): time.sleep(0.01)\n"
        "os._exit(0)\n"
    )
    measured = run_measured([sys.executable, "-c", orphan_it], cwd=tmp_path)
    assert measured.cpu_seconds >= 0.45
