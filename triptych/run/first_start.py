"""Slow parts of a first start, begun in the background.

dbt compiles the project once for an installation. And where an installer compiles no
Python, the first import of a module does: seconds for the libraries of statistics and
pages. Subprocesses do both while the sample company is simulated.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from triptych.core.child_processes import isolated_environment, python_module

if TYPE_CHECKING:
    from collections.abc import Callable

#: The largest library that simulating imports, which is not at once.
_FIRST: Final = "pandas"
#: A library that pages import, and with it much of the others.
_OF_PAGES: Final = "streamlit"


def begin_first_start() -> None:
    """Begin the work that was never done here, and return at once."""
    importing = None
    if _can_be_compiled(_FIRST):
        importing = _started((sys.executable, "-P", "-c", f"import {_FIRST}"))
    # Only now: the process has begun before anything else is imported.
    from triptych.core.marts.recipe import read_recipe_ahead  # noqa: PLC0415

    Thread(target=_go_on, args=(importing, read_recipe_ahead), daemon=True).start()


def is_compiled(library: str) -> bool:
    """Return whether a library has been imported here before, or compiled."""
    spec = find_spec(library)
    if spec is None or spec.origin is None or not spec.has_location:
        return True
    return Path(cache_from_source(spec.origin)).exists()


def _can_be_compiled(library: str) -> bool:
    return not (sys.dont_write_bytecode or is_compiled(library))


def _go_on(
    importing: subprocess.Popen[bytes] | None,
    compile_ahead: Callable[[], Thread | None],
) -> None:
    """Have dbt compile once a process is done, then import later modules."""
    if importing is not None:
        importing.wait()
    compiling = compile_ahead()
    if compiling is not None:
        compiling.join()
    if _can_be_compiled(_OF_PAGES):
        _started(python_module("triptych.run.first_start")).wait()


def _started(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=isolated_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def import_all() -> None:
    """Import the modules of pages and statistics, which compiles them."""
    from dashboard.app.serving import load  # noqa: PLC0415
    from triptych.run.statistics_ahead import load_statistics  # noqa: PLC0415

    load()
    load_statistics()


if __name__ == "__main__":
    import_all()
