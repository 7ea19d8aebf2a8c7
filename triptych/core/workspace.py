"""Folders and files of a user's workspace, and initial files of a new."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError
from triptych.core.whole_files import write_new

if TYPE_CHECKING:
    from pathlib import Path

#: Folder of a new workspace's files, under the names they will have.
_TEMPLATES = files("triptych") / "new_workspace"
_TEMPLATE_FILES = {
    "triptych.yml": "triptych.yml",
    "catalog.yml": "catalog.yml",
    "allocation.yml": "allocation.yml",
    "assumptions.yml": "assumptions.yml",
    "budgets.csv": "budgets.csv",
    "gitignore": ".gitignore",
}
#: Files that people write; any other ending of theirs is not read.
FILES_OF_SETTINGS = tuple(name for name in _TEMPLATE_FILES if name.endswith(".yml"))
#: Commented scenarios, named as the command line calls them.
_SCENARIOS = files("triptych") / "scenario_templates"
_FOLDERS = ("bills", "studies", "scenarios")


@dataclass(frozen=True, slots=True, init=False)
class Workspace:
    """Paths of a workspace.

    Parameters
    ----------
    root : Path
        The folder that holds ``triptych.yml``; made absolute.
    """

    root: Path

    def __init__(self, root: Path) -> None:
        object.__setattr__(self, "root", root.expanduser().resolve())

    @property
    def settings_file(self) -> Path:
        """``triptych.yml``."""
        return self.root / "triptych.yml"

    @property
    def studies_dir(self) -> Path:
        """Plans of studies, a YAML file each; may be absent."""
        return self.root / "studies"

    @property
    def study_register(self) -> Path:
        """Locked plans, and the times of their locks."""
        return self.studies_dir / "register.jsonl"

    @property
    def scenarios_dir(self) -> Path:
        """Scenarios, a YAML file each; may be absent."""
        return self.root / "scenarios"

    @property
    def scenario_results(self) -> Path:
        """Results of scenarios, a file each, named by its id and never changed."""
        return self.scenarios_dir / "results"

    @property
    def lake(self) -> Path:
        """Evidence: immutable loads, written only by ingest."""
        return self.root / "lake"

    @property
    def inbox(self) -> Path:
        """Events as they were received, each a file; written by the receiver alone."""
        return self.root / "inbox"

    @property
    def telemetry(self) -> Path:
        """Spans as they were received and stripped; written by the receiver alone."""
        return self.root / "telemetry"

    @property
    def staging(self) -> Path:
        """Folder of loads before they are committed; swept by the next run."""
        return self.lake / ".staging"

    @property
    def raw_database(self) -> Path:
        """The catalogue of loads, with the views over them."""
        return self.root / "raw.duckdb"

    @property
    def warehouse_dir(self) -> Path:
        """The build and everything published."""
        return self.root / "warehouse"

    @property
    def build_database(self) -> Path:
        """Database that dbt and attribution write, and no reader opens."""
        return self.warehouse_dir / "build.duckdb"

    @property
    def own_build_database(self) -> Path:
        """Build of the workspace's own models; no reader opens it.

        Its name is that of the build database: queries name both the same.
        """
        return self.warehouse_dir / "own" / self.build_database.name

    @property
    def published_dir(self) -> Path:
        """Folder with a file for each published run that is kept."""
        return self.warehouse_dir / "published"

    @property
    def bi_dir(self) -> Path:
        """Copies of the public marts for BI tools; absent where none are asked for."""
        return self.root / "published"

    @property
    def locked_dir(self) -> Path:
        """Files of closed months, a folder for each lock; never changed."""
        return self.warehouse_dir / "locked"

    @property
    def pointer(self) -> Path:
        """Names the run that readers see."""
        return self.warehouse_dir / "CURRENT"

    @property
    def runs_dir(self) -> Path:
        """A folder of records and logs for each run."""
        return self.root / "runs"

    @property
    def lock_file(self) -> Path:
        """Lock held by the only run that is under way."""
        return self.runs_dir / "lock"

    def close_to_others(self) -> None:
        """Close files with figures or people's words to other users.

        Files that a newer command writes are theirs alone anyway; this is for existing
        files.
        """
        folders = (
            self.lake,
            self.warehouse_dir,
            self.runs_dir,
            self.inbox,
            self.telemetry,
        )
        for folder in (*folders, self.scenario_results):
            _take_from_others(folder, 0o700)
        _take_from_others(self.raw_database, 0o600)


def _take_from_others(path: Path, mode: int) -> None:
    # Somebody else's, where several people run triptych: its owner decides.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.chmod(mode)


def initialise(directory: Path) -> Workspace:
    """Write a commented, valid workspace that runs once a bill is in ``bills/``.

    Raises
    ------
    UsageError
        ``directory`` is a file, is not empty, or cannot be written.
    """
    workspace = Workspace(directory)
    _refuse_what_is_in_use(workspace.root)
    try:
        for folder in _FOLDERS:
            (workspace.root / folder).mkdir(parents=True, exist_ok=True)
        for template, name in _TEMPLATE_FILES.items():
            text = (_TEMPLATES / template).read_text(encoding="utf-8")
            (workspace.root / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The folder cannot be written: {error.strerror}.",
            where=str(workspace.root),
            next_step="Name another folder.",
        ) from error
    return workspace


def write_scenario_template(template: str, path: Path) -> None:
    """Write a commented scenario.

    Parameters
    ----------
    template : str
        Name of the template: ``move-platform``.
    path : Path
        The file; its folder is made.

    Raises
    ------
    UsageError
        There is such a file, or it cannot be written.
    """
    name = f"{template.replace('-', '_')}.yml"
    text = (_SCENARIOS / name).read_text(encoding="utf-8")
    write_new(path, text)


def _refuse_what_is_in_use(root: Path) -> None:
    if root.is_dir() and any(root.iterdir()):
        raise UsageError(
            "The folder is not empty.",
            where=str(root),
            next_step="Name a new or an empty folder; nothing was written.",
        )
    if root.exists() and not root.is_dir():
        raise UsageError(
            "This is a file, not a folder.",
            where=str(root),
            next_step="Name a new or an empty folder; nothing was written.",
        )
