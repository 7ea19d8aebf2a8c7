"""Opens a published file so that a query can read its figures, and do nothing else.

Every client (a page, ``triptych sql``, an explanation) gets a connection that cannot
attach another database, write or read a file, or lift any of that again. Only where
line items are looked at, the files of evidence can also be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.file_names import literal, search_path
from triptych.core.lake.in_place import is_in_bucket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    Parameters = Sequence[Any] | Mapping[str, Any] | None

#: Alias under which the published file is attached.
ATTACHED_AS = "published"
#: Folder of the workspace that evidence is named below.
_LAKE = "lake"
#: PIVOT is the statement that consists of several.
_READING = frozenset(
    {
        duckdb.StatementType.SELECT,
        duckdb.StatementType.EXPLAIN,
        duckdb.StatementType.MULTI,
    }
)


def names_of_mart(schema: str, model: str) -> set[str]:
    """Return the names under which a run may have published a model.

    A model that has its schema's name in its own, such as ``mart_cost_waterfall`` of
    ``cost``, may go without it.
    """
    return {f"{schema}.{model}", f"{schema}.{model.replace(f'mart_{schema}_', '')}"}


def attach_published(
    path: Path, root: Path, *, name: str = ATTACHED_AS, reads_evidence: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a database in memory with a published file attached as ``published``.

    Parameters
    ----------
    path : Path
        The published file.
    root : Path
        Workspace folder, which relative names of evidence files refer to.
    name : str
        To attach it under another name.
    reads_evidence : bool
        True if the files that the run was built from can be read.
    """
    connection = duckdb.connect(":memory:")
    connection.execute(f'ATTACH {literal(str(path))} AS "{name}" (READ_ONLY)')
    connection.execute(f"SET GLOBAL file_search_path = {search_path(root)}")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if reads_evidence:
        # A relative name is checked as it is, and again where it was found.
        folders = [_LAKE, str(root / _LAKE)]
        connection.execute("SET GLOBAL allowed_directories = ?", [folders])
        files = _files_in_place(connection, name)
        connection.execute("SET GLOBAL allowed_paths = ?", [files])
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL lock_configuration = true")
    return connection


def has_table(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str
) -> bool:
    """Return True if an attached database has a table."""
    row = connection.execute(
        "SELECT count(*) FROM duckdb_tables()"
        " WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [database, schema, table],
    ).fetchone()
    return bool(row and row[0])


def answer(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters
) -> pa.Table:
    """Execute a single read-only statement.

    Raises
    ------
    duckdb.Error
        It is invalid, not a single statement, or would do more than read.
    """
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise duckdb.InvalidInputException(
            f"Expected one statement, not {len(statements)}."
        )
    if statements[0].type not in _READING:
        raise duckdb.InvalidInputException(
            f"{statements[0].type.name} is refused: figures can be read, not changed."
            " Ask with SELECT, DESCRIBE, SHOW, PIVOT or EXPLAIN."
        )
    relation = cursor.sql(sql, params=parameters)
    if relation is None:
        raise duckdb.InvalidInputException("The statement returns no rows.")
    return relation.to_arrow_table()


def _files_in_place(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    if not has_table(connection, name, "lineage", "files_in_place"):
        return []  # Published before evidence could stay in place.
    rows = connection.execute(
        f'SELECT uri FROM "{name}".lineage.files_in_place ORDER BY uri'
    ).fetchall()
    return [uri for (uri,) in rows if not is_in_bucket(uri)]
