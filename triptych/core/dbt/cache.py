"""dbt on the workspace databases, with a cache of its parsed project.

Reading the project takes dbt seconds, so the result is kept in the user's cache folder,
for as long as the project is the same.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import os
import shutil
import uuid
from typing import TYPE_CHECKING

import platformdirs

from triptych.core.child_processes import isolated_environment
from triptych.core.dbt.commands import PROJECT_FOLDERS, project_fingerprint
from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from triptych.core.workspace import Workspace

#: Variables of the profile that are not the same for every workspace.
_PROFILE_VARIABLES = (
    "TRIPTYCH_MEMORY_LIMIT",
    "TRIPTYCH_THREADS",
    "TRIPTYCH_SCHEMA_PREFIX",
)


def environment_of_dbt(workspace: Workspace) -> dict[str, str]:
    """Return the variables that the profile and the process of dbt read."""
    return {
        **isolated_environment(),
        "TRIPTYCH_ROOT": str(workspace.root),
        "TRIPTYCH_BUILD_DATABASE": _below(workspace.root, workspace.build_database),
        "TRIPTYCH_RAW_DATABASE": _below(workspace.root, workspace.raw_database),
        "TRIPTYCH_MEMORY_LIMIT": "2GB",
        "TRIPTYCH_THREADS": "2",
        "TRIPTYCH_SPILL_DIRECTORY": _below(
            workspace.root, workspace.warehouse_dir / ".spill"
        ),
        # Each statement at level debug: megabytes for each run.
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "info"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        # dbt would take variables from any .env of this folder and of those above.
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


class ProjectAsItWasRead:
    """Parsed dbt project of this installation, cached for other workspaces.

    A context manager around the command of dbt that reads the project.

    Parameters
    ----------
    parsed : Path
        ``partial_parse.msgpack`` of a workspace, where dbt looks for it and leaves it.
    environment : mapping
        Variables of the process of dbt. Those that the profile reads may differ between
        workspaces, and a project parsed with a different value is of no use.
    engine : str
        Target of the profile.
    """

    def __init__(
        self, parsed: Path, environment: Mapping[str, str], *, engine: str = "duckdb"
    ) -> None:
        values = [environment.get(name, "") for name in _PROFILE_VARIABLES]
        project = dbt_project_dir()
        folder = platformdirs.user_cache_path("triptych", appauthor=False)
        self._name = f"dbt_project_{_digest([str(project), engine, *values])}"
        # dbt's cache of another version can be in its way: it has taken a model that is
        # now described in another file for a model that is described twice.
        version = _digest(project_fingerprint(project, PROJECT_FOLDERS))
        self._kept = folder / f"{self._name}_{version}.msgpack"
        self._parsed = parsed

    def __enter__(self) -> None:
        """Put the cached files where dbt looks for them."""
        self._parsed.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            shutil.copyfile(self._kept, self._parsed)

    def __exit__(self, *_: object) -> None:
        """Keep the files that dbt parsed."""
        # Without a place to keep it the next workspace reads the project again.
        with contextlib.suppress(OSError):
            if not (self._kept.exists() and filecmp.cmp(self._kept, self._parsed)):
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                # Others may be reading or writing it.
                mine = self._kept.with_name(f".{self._kept.name}.{uuid.uuid4().hex}")
                shutil.copyfile(self._parsed, mine)
                mine.replace(self._kept)
            for former in self._kept.parent.glob(f"{self._name}*.msgpack"):
                if former != self._kept:
                    former.unlink(missing_ok=True)


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
