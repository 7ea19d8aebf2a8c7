"""Further publications: models of the workspace, files for BI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.storage.publication import Publication
from triptych.core.errors import SourceError
from triptych.core.marts.own_build import OwnBuild
from triptych.core.warehouse.bi_files import BiFolder
from triptych.core.warehouse.publish import begin_publication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ingest.storage.publication import Target
    from triptych.core.marts.build import MartBuild
    from triptych.core.progress import Progress
    from triptych.core.settings import BiSettings, Settings
    from triptych.core.workspace import Workspace


def own_folder(workspace: Workspace, settings: Settings) -> Path | None:
    """Return where the models of a workspace are; None where it has none."""
    name = settings.own_models.folder
    return None if name is None else workspace.root / name


def beginning_publication(
    workspace: Workspace, marts: MartBuild, run_id: str, before: Path | None
) -> Callable[[], None]:
    """Return a function that copies first-half marts during estimation.

    Parameters
    ----------
    workspace : Workspace
        Location of the databases.
    marts : MartBuild
        The build, after its first half.
    run_id : str
        Name of the file that is begun.
    before : Path or None
        The published file to go on from.
    """

    def begin() -> None:
        begin_publication(
            build_database=workspace.build_database,
            published_dir=workspace.published_dir,
            run_id=run_id,
            later=marts.joined_tables,
            previous=before,
            contents=marts.contents,
        )
        marts.write_out()

    return begin


def adding_own_models(
    workspace: Workspace, settings: Settings, marts: MartBuild, progress: Progress
) -> Callable[[Path], bool] | None:
    """Return a function that adds workspace models to a file; None if none.

    Parameters
    ----------
    workspace, settings
        Location of the models.
    marts : MartBuild
        The build that they are made of.
    progress : Progress
        Receiver of progress.
    """
    folder = own_folder(workspace, settings)
    if folder is None:
        return None

    def add(draft: Path) -> bool:
        database = workspace.own_build_database
        own = OwnBuild(folder, database, marts.engine, marts.recipe.manifest)
        with progress.task("your models") as task:
            return own.add_to(draft, task)

    return add


def leave_files_for_bi(
    workspace: Workspace, settings: Settings, published: Path
) -> None:
    """Make the copies for BI tools those of a published file.

    Raises
    ------
    BiFilesError, SourceError
        The run is published, but the copies are still those of another run.
    """
    keep_runs = settings.warehouse.keep_runs
    folder = BiFolder(workspace.bi_dir, settings.bi, keep_runs)
    folder.refresh(published)
    failures: list[SourceError] = []
    for target in _targets(settings.bi):
        try:
            Publication(target, keep_runs).refresh(folder.current.resolve())
        except SourceError as error:
            # A refusal by either is no reason to keep the files from the other.
            failures.append(error)
    if failures:
        raise failures[0]


def _targets(settings: BiSettings) -> Iterator[Target]:
    """Yield further targets of the files; clients are loaded only if needed."""
    if settings.s3 is not None:
        from ingest.storage.s3_target import S3Target  # noqa: PLC0415

        yield S3Target(settings.s3)
    if settings.azure is not None:
        from ingest.storage.azure_target import AzureTarget  # noqa: PLC0415

        yield AzureTarget(settings.azure)
