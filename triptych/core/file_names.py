"""File names in SQL, with every character taken literally.

The engine takes ``*``, ``?`` and ``[`` in the name of a file that it reads for a
pattern, and a comma in the folder that relative names refer to for the end of it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

import platformdirs

from triptych.core.errors import UsageError

_OF_A_PATTERN = re.compile(r"([*?\[])")
_SEPARATOR = ","


def literal(text: str) -> str:
    """Return text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def read_name(path: Path | str) -> str:
    """Return the SQL literal by which the engine reads exactly this file."""
    return literal(_OF_A_PATTERN.sub(r"[\1]", str(path)))


def search_path(root: Path) -> str:
    """Return the SQL literal of the folder that relative names refer to.

    A folder with a comma in its name is reached by a link from a folder without.

    Raises
    ------
    UsageError
        No such link can be made.
    """
    folder = str(root)
    return literal(str(_link_to(root)) if _SEPARATOR in folder else folder)


def _link_to(root: Path) -> Path:
    name = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    places = (platformdirs.user_cache_path("triptych"), Path(tempfile.gettempdir()))
    folders = (place for place in places if _SEPARATOR not in str(place))
    for folder in folders:
        link = folder / f"workspace-{name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(root, target_is_directory=True)
        except FileExistsError:
            pass  # another process was faster
        except OSError:
            continue
        if link.resolve() == root.resolve():
            return link
    raise UsageError(
        "The name of the workspace's folder has a comma, which the engine cannot read.",
        where=str(root),
        next_step="Move the workspace to a folder without one.",
    )
