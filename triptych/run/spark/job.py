"""Input of the process on Spark, and its report on an early end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.errors import SettingsError, TransformError, TriptychError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Exit code of the process when it has written a verdict.
EXIT_WITH_VERDICT = 72


@dataclass(frozen=True, slots=True)
class SparkJob:
    """Complete input of the process.

    Parameters
    ----------
    root, raw_database : str
        Workspace folder and catalogue.
    months : sequence of str
        Billing months with line items to read.
    rules : mapping
        Rules by the names under which models look them up.
    recipe_hash : str
        Of the rules, the project and its compiler.
    compiled_file : str
        Location of the compiled models.
    dbt_options : sequence of str
        Options that give dbt its project and its log folder.
    master, remote, conf : str, str or None, mapping
        Address of Spark; see :class:`triptych.core.settings.SparkSettings`.
    export_dir : str
        Folder for the rows, as ``table.parquet``.
    verdict_file : str
        File for the reason, if the process ends early.
    """

    root: str
    raw_database: str
    months: Sequence[str]
    rules: Mapping[str, Any]
    recipe_hash: str
    compiled_file: str
    dbt_options: Sequence[str]
    master: str
    remote: str | None
    conf: Mapping[str, str]
    export_dir: str
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
    """Reason for an early end, in the words of the error to raise."""

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
        """Return the error that the run raises."""
        kind = SettingsError if self.is_about_settings else TransformError
        return kind(self.what, where=self.where, next_step=self.next_step)


def spark_failed(what: str) -> TransformError:
    """Return the error of a build that Spark did not finish."""
    return TransformError(
        what,
        where="spark",
        next_step="What is published stays. Run again.",
    )
