"""The format of a workspace: which programs may read and write it.

``lake/format.json`` names the format and the program that wrote it last. A workspace of
a newer format is refused before anything is opened; an older format is upgraded by the
next run, or by ``triptych upgrade``, after a backup. The line ``format:`` of
``triptych.yml`` is for programs of formats 1 and 2, which refuse an unknown setting.

===== ===================================================================
1     before formats were recorded
2     the lake names its format; estimates of earlier forms begin again
3     ``triptych.yml`` names it, too, and the audit log records the upgrade
===== ===================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triptych import WORKSPACE_FORMAT, __version__
from triptych.core.errors import SettingsError
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

FORMAT: Final = WORKSPACE_FORMAT
#: Of a workspace that names none.
_FIRST_FORMAT: Final = 1
_FILE: Final = "format.json"


class NewerWorkspaceError(SettingsError):
    """A newer program wrote the workspace; this program would misread it."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The step from a format to another, and the folder of its backup.

    ``backup`` is None where nothing was written.
    """

    from_format: int
    to_format: int
    written_by: str | None
    changes: tuple[str, ...]
    backup: Path | None = None


def read_format(lake: Path) -> tuple[int, str | None]:
    """Return the format of a workspace and the version that wrote it.

    Raises
    ------
    SettingsError
        The file cannot be read.
    """
    file = lake / _FILE
    try:
        content = json.loads(file.read_text("utf-8"))
        return int(content["format"]), str(content["written_by"])
    except FileNotFoundError:
        return _FIRST_FORMAT, None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(
            f"The format of the workspace cannot be read: {error}.",
            where=str(file),
            next_step="Restore this file from a backup of the lake.",
        ) from error


def refuse_newer(workspace: Workspace) -> None:
    """Refuse a workspace with a format unknown to this program.

    Raises
    ------
    NewerWorkspaceError
        A newer program wrote it; nothing was opened.
    """
    number, written_by = read_format(workspace.lake)
    if number > FORMAT:
        raise NewerWorkspaceError(
            f"triptych {written_by} wrote this workspace in format {number}; this is"
            f" triptych {__version__}, which knows formats up to {FORMAT}. Nothing was"
            " changed.",
            where=str(workspace.lake / _FILE),
            next_step=f"Install triptych {written_by} or newer, or put back the backup"
            " of the upgrade (folder backups/).",
        )


def pending_upgrade(workspace: Workspace) -> Upgrade | None:
    """Return the upgrade that the next run makes; None where none is due."""
    if not workspace.raw_database.exists():
        return None
    number, written_by = read_format(workspace.lake)
    if number >= FORMAT:
        return None
    changes = ["copy the catalogue and the logs to backups/"]
    if workspace.build_database.exists():
        changes.append("build every mart and estimate again; published runs stay")
    changes.append("record the upgrade in the audit log")
    changes.append(f'add the line "format: {FORMAT}" to triptych.yml')
    changes.append(f"write format {FORMAT} to lake/{_FILE}")
    return Upgrade(number, FORMAT, written_by, tuple(changes))


def write_format(workspace: Workspace) -> None:
    """Name the format of this program in the lake."""
    workspace.lake.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "written_by": __version__}
    write_whole(workspace.lake / _FILE, json.dumps(content))
