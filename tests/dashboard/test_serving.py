"""The server loads what pages need before anybody opens one."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.dashboard.browsing import ROOT

#: Libraries that pages import and that take tenths of a second to load.
SLOW_TO_LOAD = {"altair", "duckdb", "pandas", "pyarrow", "typst", "xlsxwriter"}


def test_libraries_of_pages_are_loaded_before_the_server_listens() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dashboard.app.serving", "version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ended.stdout.startswith("Streamlit")
    loaded = set(re.findall(r"\| +(\w+)$", ended.stderr, re.MULTILINE))
    assert loaded >= SLOW_TO_LOAD
