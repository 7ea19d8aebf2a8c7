"""Start of child processes: our modules, not those of the folder.

Python looks for modules in the folder that a command starts in. A workspace holds
bills, settings and any files that people put there, and none of it may ever be
executed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE_PATH = "PYTHONPATH"
#: Files that Python executes before or after the code it was started for.
_EXECUTED_BY_PYTHON = ("PYTHONSTARTUP", "PYTHONINSPECT")


def python_module(name: str) -> tuple[str, ...]:
    """Return the command that runs a triptych module."""
    return (sys.executable, "-P", "-m", name)


def isolated_environment(
    variables: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return variables without those that make folders of others importable.

    Parameters
    ----------
    variables : mapping, optional
        Those of this process by default.
    """
    given = os.environ if variables is None else variables
    kept = {
        name: value for name, value in given.items() if name not in _EXECUTED_BY_PYTHON
    }
    # An empty or relative entry means a folder below the child's working folder.
    paths = kept.pop(_MODULE_PATH, "").split(os.pathsep)
    absolute = [path for path in paths if Path(path).is_absolute()]
    if absolute:
        kept[_MODULE_PATH] = os.pathsep.join(absolute)
    # Inherited by the processes that the child starts in its turn.
    return {**kept, "PYTHONSAFEPATH": "1"}
