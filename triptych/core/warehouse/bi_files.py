"""Leaves public marts where BI tools find them: Parquet, CSV and a DuckDB file.

``published/current`` is a link to the folder of the run that is published. The names
below it never change, and the link is replaced in a single step, so a tool sees whole
files at any time. A folder that was shown is kept for as long as the run it belongs to.

If a mart's rows are unchanged, its files are linked from the run before, and the tables
of the DuckDB file are in a copy of that file. Nothing here is read by triptych itself:
whichever changes a client makes to these files, figures are not affected.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.file_names import literal
from triptych.core.lake.in_place import file_checksum
from triptych.core.spare_engines import spare_engine
from triptych.core.warehouse.bi_formats import (
    CELL_VERSION,
    FILE_FORMATS,
    copy_statement,
)
from triptych.core.warehouse.publish import PUBLIC_SCHEMAS
from triptych.core.warehouse.published_file import has_table, names_of_mart
from triptych.core.whole_files import sync_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from triptych.core.settings import BiSettings

#: Description of the marts of a folder, with the rows and types of each.
DESCRIPTION_FILE = "tables.json"
DUCKDB_FILE = "triptych.duckdb"
#: DuckDB 1.0 and all later versions read it.
_STORAGE_VERSION = "v1.0.0"
#: The smallest that the format has: most marts are a few rows.
_BLOCK_BYTES = 16384
#: Between the id of a run and how often its folder was written.
_AGAIN = "~"
#: Writer of the files: the engine, and the version of the cell format.
_ENGINE = f"{duckdb.__version__}/{CELL_VERSION}"


class BiFilesError(TriptychError):
    """The run is published, but files for BI tools are still those of another run."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class BiFolder:
    """Folder of files for BI tools, and their readers.

    Parameters
    ----------
    root : Path
        Holds ``current`` and the folders of runs.
    settings : BiSettings
        Formats, and whether the group of the files reads them.
    keep_runs : int
        Number of folders to keep, the current folder included.
    """

    root: Path
    settings: BiSettings
    keep_runs: int

    @property
    def current(self) -> Path:
        """Link to the folder of the published run."""
        return self.root / "current"

    def refresh(self, published: Path) -> None:
        """Make ``current`` the marts of a published file, unless it is already.

        Its readers are those of the current settings, also where nothing is new.

        Parameters
        ----------
        published : Path
            The published file of a run, named by its id.

        Raises
        ------
        BiFilesError
            The files could not be written; ``current`` is unchanged.
        """
        if not self.settings.formats:
            return
        before = _read_description(self.current)
        try:
            if not before.is_of(published.stem, self.settings.formats):
                self._write(published, before)
            elif not self._is_allowed():
                self._allow(self.current.resolve())
        except (OSError, duckdb.Error) as error:
            raise BiFilesError(
                f"Run {published.stem} is published, but its files for BI tools could"
                f" not be written: {error}",
                where=str(self.root),
                next_step='Mend it and run "triptych run": it writes them again.',
            ) from error

    def write_again(self, published: Path) -> None:
        """Write every file again, from the published file alone."""
        self._write(published, _Description())

    def _write(self, published: Path, before: _Description) -> None:
        runs = self.root / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        for left_over in runs.glob(".*"):
            shutil.rmtree(left_over)
        partial = runs / f".{published.stem}"
        partial.mkdir()
        with spare_engine() as connection:
            writer = _Writer(connection, published, partial, self.current, before)
            writer.write(self.settings.formats)
        self._allow(partial)
        final = _free_name(runs, published.stem)
        partial.rename(final)
        self._point_to(final)
        self._retire(final)

    def _is_allowed(self) -> bool:
        """Return True if the readers are those that the settings name."""
        group = self.settings.readable_by == "group"
        looked_at = (self.root, self.current / DESCRIPTION_FILE)
        return all(
            bool(path.stat().st_mode & stat.S_IRGRP) == group for path in looked_at
        )

    def _allow(self, folder: Path) -> None:
        """Let everybody who may read do that and nothing else."""
        group = self.settings.readable_by == "group"
        for path in (self.root, folder.parent, folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o750 if group else 0o700)
            else:
                path.chmod(0o440 if group else 0o400)

    def _point_to(self, final: Path) -> None:
        fresh = self.root / ".current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(final.relative_to(self.root))
        fresh.replace(self.current)

    def _retire(self, current: Path) -> None:
        folders = list(current.parent.iterdir())
        runs = sorted({_run_of(folder) for folder in folders})
        kept = {*runs[-max(self.keep_runs, 1) :], _run_of(current)}
        for old in folders:
            if _run_of(old) not in kept:
                shutil.rmtree(old)


def _free_name(runs: Path, run_id: str) -> Path:
    """Name a folder of a run; a run with changed formats has several.

    The current folder stays where it is: a client may be reading it.
    """
    names = chain([run_id], (f"{run_id}{_AGAIN}{number}" for number in count(2)))
    return next(runs / name for name in names if not (runs / name).exists())


def _run_of(folder: Path) -> str:
    return folder.name.partition(_AGAIN)[0]


@dataclass(frozen=True, slots=True)
class _Description:
    """Contents of a folder's ``tables.json``."""

    run_id: str = ""
    engine: str = ""
    formats: tuple[str, ...] = ()
    duckdb_sha256: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    byte_counts: Mapping[str, int] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)

    def is_of(self, run_id: str, formats: tuple[str, ...]) -> bool:
        return self.run_id == run_id and set(self.formats) == set(formats)


def _read_description(folder: Path) -> _Description:
    try:
        text = (folder / DESCRIPTION_FILE).read_text("utf-8")
        content = json.loads(text)
        return _Description(
            content["run_id"],
            content["engine"],
            tuple(content["formats"]),
            content["duckdb_sha256"],
            {name: mart["digest"] for name, mart in content["marts"].items()},
            {
                file: size
                for mart in content["marts"].values()
                for file, size in mart["files"].items()
            },
            # An earlier version wrote none.
            {
                file: checksum
                for mart in content["marts"].values()
                for file, checksum in mart.get("sha256", {}).items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError):
        return _Description()  # nothing is taken over then


def recorded_bi_files(folder: Path) -> Iterator[tuple[Path, int | None, str]]:
    """Yield the files of a folder with their size and SHA-256, as it describes them.

    Either is empty where it was not written down.
    """
    described = _read_description(folder)
    for file, size in described.byte_counts.items():
        yield folder / file, size, described.checksums.get(file, "")
    if described.duckdb_sha256:
        yield folder / DUCKDB_FILE, None, described.duckdb_sha256


@dataclass(frozen=True, slots=True)
class _Mart:
    schema: str
    table: str
    columns: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        return f'"{self.schema}"."{self.table}"'

    def file(self, kind: str) -> str:
        return f"{self.schema}/{self.table}.{kind}"


class _Writer:
    """Writes the folder of a single run, and takes over unchanged files."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        published: Path,
        folder: Path,
        previous: Path,
        before: _Description,
    ) -> None:
        self._published = published
        self._folder = folder
        self._previous = previous
        self._before = before
        self._connection = connection
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute(f"ATTACH {literal(str(published))} AS run (READ_ONLY)")
        self._marts = list(_marts(self._connection))
        # Digests of two versions of the engine may differ for the same rows, and so do
        # the files of two versions of their writer.
        is_same_writer = before.engine == _ENGINE
        self._known = before.digests if is_same_writer else {}
        self._digests = {mart.name: self._digest(mart) for mart in self._marts}
        self._checksums: dict[str, str] = {}

    def write(self, formats: tuple[str, ...]) -> None:
        for kind in FILE_FORMATS:
            if kind in formats:
                for mart in self._marts:
                    self._write_file(mart, kind)
        if "duckdb" in formats:
            self._write_duckdb()
        self._write_description(formats)

    def _digest(self, mart: _Mart) -> str:
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(hash(mart)), 0), bit_xor(hash(mart))"
            f" FROM run.{mart.quoted} AS mart"
        ).fetchone()
        text = json.dumps([mart.columns, [str(value) for value in row or ()]])
        return hashlib.sha256(text.encode()).hexdigest()

    def _is_same(self, mart: _Mart) -> bool:
        return self._known.get(mart.name) == self._digests[mart.name]

    def _write_file(self, mart: _Mart, kind: str) -> None:
        target = self._folder / mart.file(kind)
        target.parent.mkdir(exist_ok=True)
        if self._is_same(mart) and self._take_over(mart.file(kind)):
            return
        self._connection.execute(
            copy_statement(f"run.{mart.quoted}", mart.columns, kind, str(target))
        )
        sync_file(target)
        self._checksums[mart.file(kind)] = file_checksum(target)

    def _take_over(self, file: str) -> bool:
        old = self._previous / file
        try:
            if old.stat().st_size != self._before.byte_counts[file]:
                return False
            self._checksums[file] = self._before.checksums[file]
            os.link(old.resolve(), self._folder / file)
        except (OSError, KeyError):
            return False  # it is gone, or this file system has no links
        return True

    def _write_duckdb(self) -> None:
        target = self._folder / DUCKDB_FILE
        is_copy = self._copy_previous(target)
        self._connection.execute(
            f"ATTACH {literal(str(target))} AS file"
            f" (STORAGE_VERSION '{_STORAGE_VERSION}', BLOCK_SIZE {_BLOCK_BYTES})"
        )
        if is_copy:
            self._drop_what_differs()
        for mart in self._marts:
            if not (is_copy and self._is_same(mart)):
                self._connection.execute(
                    f'CREATE SCHEMA IF NOT EXISTS file."{mart.schema}"'
                )
                self._connection.execute(
                    f"CREATE TABLE file.{mart.quoted} AS FROM run.{mart.quoted}"
                )
        self._connection.execute("DETACH file")
        sync_file(target)

    def _copy_previous(self, target: Path) -> bool:
        old = self._previous / DUCKDB_FILE
        if not self._known or not old.exists():
            return False
        shutil.copyfile(old, target)
        if file_checksum(target) == self._before.duckdb_sha256:
            return True
        target.unlink()  # somebody changed it
        return False

    def _drop_what_differs(self) -> None:
        same = {mart.name for mart in self._marts if self._is_same(mart)}
        for mart in list(_marts(self._connection, "file")):
            if mart.name not in same:
                self._connection.execute(f"DROP TABLE file.{mart.quoted}")

    def _write_description(self, formats: tuple[str, ...]) -> None:
        database = self._folder / DUCKDB_FILE
        meanings = self._descriptions()
        content = {
            "run_id": self._published.stem,
            "engine": _ENGINE,
            "formats": formats,
            "duckdb_sha256": file_checksum(database) if database.exists() else "",
            "marts": {
                mart.name: self._described(mart, meanings) for mart in self._marts
            },
        }
        target = self._folder / DESCRIPTION_FILE
        target.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
        sync_file(target)

    def _described(
        self, mart: _Mart, meanings: Mapping[tuple[str, str], str]
    ) -> dict[str, Any]:
        files = {
            mart.file(kind): self._folder / mart.file(kind) for kind in FILE_FORMATS
        }
        return {
            "files": {
                name: file.stat().st_size
                for name, file in files.items()
                if file.exists()
            },
            "sha256": {
                name: self._checksums[name] for name in files if name in self._checksums
            },
            "digest": self._digests[mart.name],
            "columns": [
                {
                    "name": column,
                    "type": kind,
                    "description": meanings.get((mart.name, column)),
                }
                for column, kind in mart.columns
            ],
        }

    def _descriptions(self) -> dict[tuple[str, str], str]:
        if not has_table(self._connection, "run", "lineage", "model_columns"):
            return {}
        rows = self._connection.execute(
            "SELECT models.schema_name, models.model_name, columns.column_name,"
            " columns.description FROM run.lineage.model_columns AS columns"
            " JOIN run.lineage.models AS models USING (model_name)"
            " WHERE models.is_public"
        ).fetchall()
        return {
            (mart, column): text
            for schema, model, column, text in rows
            for mart in names_of_mart(schema, model)
        }


def _marts(
    connection: duckdb.DuckDBPyConnection, database: str = "run"
) -> Iterator[_Mart]:
    rows = connection.execute(
        "SELECT schema_name, table_name,"
        " list((column_name, data_type) ORDER BY column_index)"
        " FROM duckdb_columns() WHERE database_name = ?"
        " AND list_contains(?, schema_name) GROUP BY ALL ORDER BY ALL",
        [database, list(PUBLIC_SCHEMAS)],
    ).fetchall()
    for schema, table, columns in rows:
        yield _Mart(schema, table, tuple((name, kind) for name, kind in columns))
