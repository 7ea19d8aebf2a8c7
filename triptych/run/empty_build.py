"""An empty build of the project, from which a new workspace starts.

Most marts of a small company stay empty: without a build of its own, a run would spend
more on them than on the rows. So the project is built once without any data, and kept
in the user's cache folder. A workspace without a build starts from a copy of it, as if
it had been its build before: what differs in any input is built again, by digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyRequest
from ingest.engine.lake import open_catalogue, places_of
from triptych import __version__
from triptych.core.control.rules import rule_sets
from triptych.core.control.tables import control_tables
from triptych.core.errors import TriptychError
from triptych.core.marts.build import MartBuild
from triptych.core.marts.recipe import cache_folder, recipe_digest
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import NO_HISTORY
from triptych.core.workspace import Workspace
from triptych.run.study_tables import study_tables

if TYPE_CHECKING:
    from triptych.core.marts.build import EngineSettings

_SETTINGS: Final = "organisation: Empty\ncurrency: USD\nsources: []\n"
#: Each is some megabytes; others are of earlier versions.
_KEPT_FILES: Final = 3
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def start_from_empty_build(workspace: Workspace, engine: EngineSettings) -> bool:
    """Give a workspace that has no build a copy of the empty one.

    It is made first, if this version has none. Where it cannot be made or kept, the
    workspace is built from nothing: made for one alone, it costs more than it saves.

    Parameters
    ----------
    workspace : Workspace
        The run lock is held.
    engine : EngineSettings
        Memory and threads.

    Returns
    -------
    bool
        True where it starts from a copy.
    """
    target = workspace.build_database
    if target.exists():
        return False
    with suppress(OSError, TriptychError, duckdb.Error):
        content = kept_build() or _made(engine)
        target.with_name(f"{target.name}.wal").unlink(missing_ok=True)
        _write(target, content)
        return True
    return False


def kept_build() -> bytes | None:
    """Return the empty build of this version; None where none can be trusted.

    Its name has the digests of the version and of its content.
    """
    for path in sorted(cache_folder().glob(f"{_stem()}_*.duckdb")):
        if _is_of_this_user(path):
            content = path.read_bytes()
            if path.stem.endswith(_digest(content)):
                return content
    return None


def _stem() -> str:
    """Return the part of the name that is of the project, libraries and version."""
    return f"build_{_digest(f'{recipe_digest({})}|{__version__}'.encode())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _is_of_this_user(path: Path) -> bool:
    """Return whether a file is one that nobody but this user can have written."""
    status = path.lstat()
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    is_file = stat.S_ISREG(status.st_mode)
    return is_file and is_own and not status.st_mode & _OTHERS_MAY_WRITE


def _write(target: Path, content: bytes) -> None:
    """Write a file in a single step, for this user alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        fresh.touch(0o600)
        fresh.write_bytes(content)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _made(engine: EngineSettings) -> bytes:
    """Return the empty build, made and kept now; an error where none can be kept."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    if not os.access(cache_folder(), os.W_OK):
        raise PermissionError(cache_folder())
    with tempfile.TemporaryDirectory(prefix="triptych-empty-") as folder:
        workspace = Workspace(Path(folder))
        workspace.settings_file.write_text(_SETTINGS, "utf-8")
        _build(workspace, engine)
        content = workspace.build_database.read_bytes()
    # A full disk: this workspace starts from it, and the next one makes it again.
    with suppress(OSError):
        _write(cache_folder() / f"{_stem()}_{_digest(content)}.duckdb", content)
        builds = sorted(cache_folder().glob("build_*.duckdb"), key=_modified_at)
        for old in builds[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
    return content


def _modified_at(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _build(workspace: Workspace, engine: EngineSettings) -> None:
    """Build all of a workspace without data; its build database is closed then."""
    # Slow to load, and only needed once in an installation.
    from triptych.run.second_half import build_from_estimates  # noqa: PLC0415

    with open_catalogue(places_of(workspace)):
        pass  # it has its tables and views now
    settings = load_settings(workspace.root)
    tables = control_tables(settings, run_id="", started_at=datetime.now(UTC))
    tables += study_tables([], locked=set())
    marts = MartBuild(workspace, engine, rule_sets(settings, NO_HISTORY), tables)
    progress = SilentProgress()
    studies = StudyRequest((), StudyRegister(workspace.study_register))
    with marts.held_open():
        with progress.task("build") as task:
            marts.first_half(task)
        build_from_estimates(workspace, marts=marts, studies=studies, progress=progress)
