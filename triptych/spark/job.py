"""What the process on Spark is told, and how it says why it ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from triptych.errors import SettingsError, TransformError, TriptychError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Exit code of the process when it has written a verdict.
EXIT_WITH_VERDICT = 72


@dataclass(frozen=True, slots=True)
class SparkJob:
    """Everything that the process is told.

    Parameters
    ----------
    run_id : str
        Of the run that builds.
    root, raw_database, build_database : str
        Workspace folder, catalogue, and the database with the control tables.
    master, remote, conf : str, str or None, mapping
        Where Spark is; see :class:`triptych.settings.SparkSettings`.
    tables_dir : str
        Where a session that is started here keeps its tables.
    schema_prefix : str
        What the names of all schemas begin with.
    recipe_hash : str
        Of what decides the figures besides evidence.
    dbt_arguments : sequence of str
        Arguments of dbt after the program name.
    export_dir : str
        Where the public marts are written, as ``schema.table.parquet``.
    public_schemas : sequence of str
        Schemas whose tables are exported.
    verdict_file : str
        Where to say why, if the process ends early.
    """

    run_id: str
    root: str
    raw_database: str
    build_database: str
    master: str
    remote: str | None
    conf: Mapping[str, str]
    tables_dir: str
    schema_prefix: str
    recipe_hash: str
    dbt_arguments: Sequence[str]
    export_dir: str
    public_schemas: Sequence[str]
    verdict_file: str

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> SparkJob:
        """Read a job that :meth:`write` wrote."""
        return SparkJob(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the process ended early, in the words of the error to raise."""

    is_about_settings: bool
    what: str
    where: str
    next_step: str

    @staticmethod
    def of(error: TriptychError) -> Verdict:
        """Return the verdict that becomes ``error`` again."""
        return Verdict(
            isinstance(error, SettingsError), error.what, error.where, error.next_step
        )

    def write(self, path: Path) -> None:
        """Write the verdict as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Verdict:
        """Read a verdict that :meth:`write` wrote."""
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))

    def as_error(self) -> TriptychError:
        """Return what the run raises."""
        kind = SettingsError if self.is_about_settings else TransformError
        return kind(self.what, where=self.where, next_step=self.next_step)


def spark_failed(what: str) -> TransformError:
    """Return the error of a build that Spark did not finish."""
    return TransformError(
        what,
        where="spark",
        next_step="What is published stands. Run again: what was half written is"
        " built anew.",
    )


__all__ = ["EXIT_WITH_VERDICT", "SparkJob", "Verdict", "spark_failed"]
