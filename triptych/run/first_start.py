"""What a first start waits for, begun in the background.

dbt compiles the project once for an installation. And where an installer compiles no
Python, the first import of a module does: seconds for the libraries of statistics and
pages. Processes of their own do both while the sample company is simulated.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from threading import Thread
from typing import Final

from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.marts.recipe import read_recipe_ahead

#: A library that pages import, and with it much of the others.
_OF_PAGES: Final = "streamlit"


def begin_first_start() -> None:
    """Begin what has never been done here, and return at once."""
    compiling = read_recipe_ahead()
    if not (sys.dont_write_bytecode or is_compiled(_OF_PAGES)):
        Thread(target=_import_apart, args=(compiling,), daemon=True).start()


def is_compiled(library: str) -> bool:
    """Return whether a library has been imported here before, or compiled."""
    spec = find_spec(library)
    if spec is None or spec.origin is None or not spec.has_location:
        return True
    return Path(cache_from_source(spec.origin)).exists()


def _import_apart(compiling: Thread | None) -> None:
    """Have a process import what is imported later, once dbt is done."""
    if compiling is not None:
        compiling.join()
    subprocess.run(
        python_module("triptych.run.first_start"),
        env=isolated_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def import_all() -> None:
    """Import what pages and statistics need, which leaves it compiled."""
    from dashboard.app.serving import load  # noqa: PLC0415
    from triptych.run.statistics_ahead import load_statistics  # noqa: PLC0415

    load()
    load_statistics()


if __name__ == "__main__":
    import_all()
