"""Write, audit, publish: a run's public marts become a single new file.

The file is written under a name that no reader looks for, checked, renamed to the
run's own name and only then named by the pointer. A name is never used twice:
DuckDB serves a process that still has the old file open the old content under the
same name, and would replay a left-over write-ahead log into a new file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.file_names import literal
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse.bills import BILL_STREAMS, LEDGER_VIEWS
from triptych.core.warehouse.carried_over import CarriedOver, begin_as
from triptych.core.warehouse.explained_models import write_explained_models
from triptych.core.warehouse.published_checksum import checksum_file, write_checksum
from triptych.core.warehouse.published_file import has_table
from triptych.core.whole_files import sync_file, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from triptych.core.warehouse.carried_over import Contents

#: Schemas of the build database that readers get.
PUBLIC_SCHEMAS = (
    *("core", "cost", "delivery", "outcomes", "attribution", "roi"),
    "own",  # models of the workspace, which no build database of ours holds
)

_MODEL_VIEWS = (
    *(("staging", view) for bill in BILL_STREAMS for view in bill.staging_views),
    *(("intermediate", view) for view in LEDGER_VIEWS),
)


#: Inputs of returns beyond the marts: scenarios start from the very draws.
_EFFECTS = (
    "attribution_studies",
    "attribution_study_units",
    "attribution_monthly_draws",
)


class PublishError(TriptychError):
    """The new file differed from the build; nothing was published."""

    exit_code = 4


def publish(  # noqa: PLR0913  (places and facts of one run, each by its name)
    *,
    build_database: Path,
    raw_database: Path,
    published_dir: Path,
    pointer: Path,
    run_id: str,
    keep_runs: int,
    inputs_hash: str = "",
    fingerprint: str = "",
    journal_head: str = "",
    manifest: Mapping[str, Any] | None = None,
    add_more: Callable[[Path], bool] | None = None,
) -> Path:
    """Publish the public schemas of the build database as run ``run_id``.

    Parameters
    ----------
    build_database, raw_database : Path
        Databases of the marts and of the evidence views.
    published_dir, pointer : Path
        Folder of published files, and the file that names the current file.
    run_id : str
        Name of the new file.
    keep_runs : int
        Number of published files to keep, the new file included.
    inputs_hash, journal_head : str
        Of the build inputs, and of the audit log when the run began; :class:`Snapshot`
        returns them.
    fingerprint : str
        Of everything that another build could differ by.
    manifest : mapping, optional
        dbt's metadata of the models of the run; it lets every figure be explained.
    add_more : callable, optional
        Adds tables to the file; returns whether equal inputs give equal tables.

    Returns
    -------
    Path
        The published file.

    Raises
    ------
    PublishError
        The audit of the new file failed.
    """
    final = published_dir / f"{run_id}.duckdb"
    partial = _partial(published_dir, run_id)
    _write(partial, build_database, raw_database, manifest)
    if add_more is not None and not add_more(partial):
        fingerprint = ""
    _complete(partial, build_database, (inputs_hash, fingerprint, journal_head))
    _seal(partial)
    partial.rename(final)
    write_checksum(final, raw_database.parent)
    _move_pointer(pointer, final)
    _retire(published_dir, pointer, keep_runs)
    return final


def begin_publication(
    *,
    build_database: Path,
    published_dir: Path,
    run_id: str,
    later: Collection[tuple[str, str]],
    previous: Path | None = None,
    contents: Contents | None = None,
) -> None:
    """Copy tables that are final, while the rest is still computed.

    Contents that the previous file shares with the build are not copied again.

    Parameters
    ----------
    build_database : Path
        May be open in this process, with the settings that an engine has by default.
    published_dir, run_id
        As of :func:`publish`, which goes on with the file that this leaves.
    later : collection of (str, str)
        Schema and name of the tables that are still to come.
    previous : Path, optional
        The published file before, to go on from.
    contents : mapping of (str, str) to mapping, optional
        Schema and name of each table of the build → month → digest of its contents.
    """
    published_dir.mkdir(parents=True, exist_ok=True)
    _sweep(published_dir)
    # Two instances of the engine in the same process must not open the same file.
    begun = _begun(published_dir, run_id)
    begin_as(previous, begun, published_dir.parent.parent)
    with duckdb.connect(str(build_database)) as connection:
        connection.execute(f"ATTACH {literal(str(begun))} AS draft")
        here = str(_single(connection, "SELECT current_database()"))
        known = {key: of for key, of in (contents or {}).items() if key not in later}
        carried = CarriedOver(connection, "draft", here, known)
        carried.clear()
        for schema, table in _public_tables(connection, here):
            if (schema, table) not in later and not carried.bring((schema, table)):
                _copy(connection, schema, table, to="draft", source=here)
        carried.write_contents()
        connection.execute("DETACH draft")


def _begun(published_dir: Path, run_id: str) -> Path:
    return published_dir / f".{run_id}.begun.partial.duckdb"


def _partial(published_dir: Path, run_id: str) -> Path:
    """Return the name of the file to write, which may have been begun."""
    published_dir.mkdir(parents=True, exist_ok=True)
    partial = published_dir / f".{run_id}.partial.duckdb"
    begun = _begun(published_dir, run_id)
    _sweep(published_dir, but_for=begun)
    if begun.exists():
        begun.rename(partial)
    return partial


def _copy(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    *,
    to: str,
    source: str = "build",
) -> None:
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{to}"."{schema}"')
    connection.execute(
        f'CREATE TABLE "{to}"."{schema}"."{table}"'
        f' AS FROM "{source}"."{schema}"."{table}"'
    )


def _write(
    partial: Path,
    build_database: Path,
    raw_database: Path,
    manifest: Mapping[str, Any] | None,
) -> None:
    with database_in_spare_engine(partial) as connection:
        _attach(connection, build_database, "build")
        _attach(connection, raw_database, "raw")
        here = str(_single(connection, "SELECT current_database()"))
        begun = _public_tables(connection, here)
        for schema, table in _public_tables(connection):
            if (schema, table) not in begun:
                _copy(connection, schema, table, to=here)
        _write_lineage(connection)
        _write_effects(connection)
        write_explained_models(connection, manifest)
        connection.execute("DETACH build")
        connection.execute("DETACH raw")
        connection.execute("CHECKPOINT")


def _complete(partial: Path, build_database: Path, inputs: Sequence[str]) -> None:
    """Record the inputs of a file, once it holds the contents of the build."""
    with database_in_spare_engine(partial) as connection:
        _attach(connection, build_database, "build")
        _audit(connection, partial)
        connection.execute("DETACH build")
        connection.execute(
            "CREATE TABLE lineage.inputs"
            " (inputs_hash VARCHAR, fingerprint VARCHAR, journal_head VARCHAR)"
        )
        connection.execute("INSERT INTO lineage.inputs VALUES (?, ?, ?)", inputs)


def _public_tables(
    connection: duckdb.DuckDBPyConnection, database: str = "build"
) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        " WHERE database_name = ? AND list_contains(?, schema_name)"
        " AND table_name NOT LIKE '%\\_\\_dbt\\_%' ESCAPE '\\' ORDER BY ALL",
        [database, list(PUBLIC_SCHEMAS)],
    ).fetchall()


def _single(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


def _write_lineage(connection: duckdb.DuckDBPyConnection) -> None:
    """Store the views behind the ledger: a drill-down reads the run's own evidence."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS lineage")
    connection.execute(
        "CREATE TABLE lineage.views (position INTEGER, database_name VARCHAR,"
        " schema_name VARCHAR, view_name VARCHAR, sql VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE lineage.catalog_model_aliases AS"
        " FROM build.control.catalog_model_aliases"
    )
    # The files that they read in place must still be those the run has read.
    connection.execute(
        "CREATE TABLE lineage.files_in_place AS"
        " SELECT uri, files.byte_count, version, checksum"
        " FROM raw.catalogue.files_in_place AS files"
        " JOIN raw.catalogue.loads USING (load_id)"
        " WHERE status = 'current'"
    )
    aliases = "SELECT * FROM published.lineage.catalog_model_aliases"
    views = [("build", "control", "catalog_model_aliases", aliases)]
    views += [
        (
            "raw",
            "evidence",
            bill.name,
            _view_sql(connection, "raw", "evidence", bill.name),
        )
        for bill in BILL_STREAMS
    ]
    views += [
        ("build", schema, name, _view_sql(connection, "build", schema, name))
        for schema, name in _MODEL_VIEWS
    ]
    connection.executemany(
        "INSERT INTO lineage.views VALUES (?, ?, ?, ?, ?)",
        [[position, *view] for position, view in enumerate(views)],
    )


def _write_effects(connection: duckdb.DuckDBPyConnection) -> None:
    for table in _EFFECTS:
        if has_table(connection, "build", "estimates", table):
            connection.execute(
                f"CREATE TABLE lineage.{table} AS FROM build.estimates.{table}"
            )


def _view_sql(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, name: str
) -> str:
    row = connection.execute(
        "SELECT sql FROM duckdb_views()"
        " WHERE database_name = ? AND schema_name = ? AND view_name = ?",
        [database, schema, name],
    ).fetchone()
    if row is None:
        raise PublishError(
            f"The build has no view {schema}.{name}.",
            where=database,
            next_step='Run "triptych build" again.',
        )
    return str(row[0]).split(" AS ", 1)[1].rstrip().rstrip(";")


def _audit(connection: duckdb.DuckDBPyConnection, partial: Path) -> None:
    candidate = str(_single(connection, "SELECT current_database()"))
    expected, counted = (
        _row_counts(connection, database) for database in ("build", candidate)
    )
    for table, count in expected.items():
        if counted.get(table) != count:
            raise PublishError(
                f"{table} has {count} rows in the build, {counted.get(table, 'none')}"
                " in the new file.",
                where=str(partial),
                next_step='Nothing was published. Run "triptych build" again.',
            )


def _row_counts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    """Return public table → row count, with a single query."""
    counts = " UNION ALL ".join(
        f'SELECT \'{schema}.{table}\', count(*) FROM "{database}"."{schema}"."{table}"'
        for schema, table in _public_tables(connection, database)
    )
    return dict(connection.execute(counts).fetchall()) if counts else {}


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    connection.execute(f"ATTACH {literal(str(path))} AS {alias} (READ_ONLY)")


def _seal(path: Path) -> None:
    sync_file(path)
    # A client that writes locks every reader out, so none may.
    path.chmod(0o400)


def _move_pointer(pointer: Path, final: Path) -> None:
    write_whole(pointer, f"{final.relative_to(pointer.parent).as_posix()}\n")


def _retire(published_dir: Path, pointer: Path, keep_runs: int) -> None:
    current = pointer.read_text("utf-8").strip().rsplit("/", 1)[-1]
    for old in _by_age(published_dir)[: -max(keep_runs, 1)]:
        if old.name != current:
            # A reader that has it open keeps its data; the name is not used again.
            old.unlink(missing_ok=True)
            checksum_file(old).unlink(missing_ok=True)


def _by_age(published_dir: Path) -> Sequence[Path]:
    return sorted(published_dir.glob("[!.]*.duckdb"))


def _sweep(published_dir: Path, *, but_for: Path | None = None) -> None:
    for left_over in published_dir.glob(".*.partial.duckdb*"):
        if left_over != but_for:
            left_over.unlink(missing_ok=True)
