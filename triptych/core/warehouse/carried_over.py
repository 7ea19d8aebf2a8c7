"""A new published file begins as a trusted copy of the file before it.

A run changes some tables, and of a long table some months. Contents of the previous
file that the build still has are carried over with the file; copying a table costs as
much as building it from a month.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from triptych.core.lake.bulk_rows import append_rows
from triptych.core.warehouse.published_checksum import difference, has_checksum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    #: Schema and name of a table.
    Table = tuple[str, str]
    #: Table → billing month → digest of its rows; :data:`ALL` is all of them.
    Contents = Mapping[Table, Mapping[str, str]]

#: In the place of a month: the whole table. Rows without a month are under "".
ALL: Final = "all"
#: So many files go on from each other; then all is copied again, and no gap is left.
_MOST_GENERATIONS: Final = 30
_SHAPES = """
SELECT schema_name, table_name, list((column_name, data_type) ORDER BY column_index)
FROM duckdb_columns() WHERE database_name = ? AND NOT internal GROUP BY ALL
"""


def begin_as(previous: Path | None, begun: Path, root: Path) -> None:
    """Copy the published file before, if it is still as it was published.

    Parameters
    ----------
    previous : Path or None
        The published file before.
    begun : Path
        The new file.
    root : Path
        The workspace; its key sealed the checksum.
    """
    if previous is None or not previous.is_file():
        return
    if has_checksum(previous, root) and difference(previous, root) is None:
        shutil.copyfile(previous, begun)


class CarriedOver:
    """Contents that a new file has from the file before it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With both attached.
    draft, build : str
        Names under which the new file and the build database are attached.
    contents : mapping of (str, str) to mapping of str to str
        Table of the build → month → digest of its current contents.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        draft: str,
        build: str,
        contents: Contents,
    ) -> None:
        self._connection = connection
        self._draft, self._build = draft, build
        self._contents = contents
        self._shapes = {name: _shapes(connection, name) for name in (draft, build)}
        self._held = self._read_held()
        self.generation = 0

    def clear(self) -> None:
        """Keep the parts that the build also holds; else begin with an empty file."""
        run = self._connection.execute
        generations = self._generations()
        self.generation = generations + 1
        is_usable = bool(self._held) and generations < _MOST_GENERATIONS
        if not is_usable:
            self.generation, self._held = 0, {}
        shapes = self._shapes[self._draft]
        staying = {table for table in shapes if self._can_stay(table)}
        # Of the run before alone: its lineage, and models of the workspace.
        for schema in {schema for schema, _ in shapes} - {each for each, _ in staying}:
            run(f'DROP SCHEMA {self._draft}."{schema}" CASCADE')
        for table in shapes.keys() - staying:
            run(f"DROP TABLE IF EXISTS {self._name(self._draft, table)}")
            del shapes[table]

    def bring(self, table: Table) -> bool:
        """Update a table month by month; return True if it is now up to date."""
        if table not in self._shapes[self._draft]:
            return False
        now, held = self._contents[table], self._held[table]
        if now[ALL] == held[ALL]:
            return True
        months = _differing(now, held)
        if months is None:
            self._connection.execute(f"DROP TABLE {self._name(self._draft, table)}")
            return False
        listed = ", ".join(f"'{month}'" for month in months)
        wanted = f"coalesce(billing_month, '') IN ({listed})"
        target, source = (
            self._name(name, table) for name in (self._draft, self._build)
        )
        self._connection.execute(f"DELETE FROM {target} WHERE {wanted}")
        self._connection.execute(f"INSERT INTO {target} FROM {source} WHERE {wanted}")
        return True

    def write_contents(self) -> None:
        """Record the contents of the new file, for the file after it."""
        run = self._connection.execute
        run(f"CREATE SCHEMA {self._draft}.lineage")
        run(
            f"CREATE TABLE {self._draft}.lineage.contents (schema_name VARCHAR,"
            " table_name VARCHAR, billing_month VARCHAR, digest VARCHAR,"
            " generation INTEGER)"
        )
        rows = [
            (*table, month, digest, self.generation)
            for table, content in self._contents.items()
            for month, digest in content.items()
        ]
        append_rows(self._connection, f"{self._draft}.lineage.contents", rows)

    def _can_stay(self, table: Table) -> bool:
        shapes = [self._shapes[name].get(table) for name in (self._draft, self._build)]
        is_known = table in self._held and table in self._contents
        return is_known and shapes[0] == shapes[1]

    def _read_held(self) -> dict[Table, dict[str, str]]:
        """Return table → month → digest of the file before."""
        held: dict[Table, dict[str, str]] = {}
        if ("lineage", "contents") in self._shapes[self._draft]:
            for schema, table, month, digest in self._connection.execute(
                "SELECT schema_name, table_name, billing_month, digest"
                f" FROM {self._draft}.lineage.contents"
            ).fetchall():
                held.setdefault((schema, table), {})[month] = digest
        return held

    def _generations(self) -> int:
        if not self._held:
            return 0
        row = self._connection.execute(
            f"SELECT max(generation) FROM {self._draft}.lineage.contents"
        ).fetchone()
        return int(row[0]) if row else 0

    @staticmethod
    def _name(database: str, table: Table) -> str:
        return f'"{database}"."{table[0]}"."{table[1]}"'


def _shapes(
    connection: duckdb.DuckDBPyConnection, database: str
) -> dict[Table, list[tuple[str, str]]]:
    rows = connection.execute(_SHAPES, [database]).fetchall()
    return {(schema, table): columns for schema, table, columns in rows}


def _differing(now: Mapping[str, str], held: Mapping[str, str]) -> list[str] | None:
    """Return the months that differ; None where most do, or they are not known."""
    months = sorted(
        month
        for month in (now.keys() | held.keys()) - {ALL}
        if now.get(month) != held.get(month)
    )
    if not months or 2 * len(months) > len(held):
        return None
    return months
