"""Digests of a node's inputs: equal digests mean equal content.

A digest is whole, or per billing month, or per column. A month's digest lets a node be
built again for the months that differ, a column's keeps a node from being built again
because of a column that it does not read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

#: Column of a model that may be built by month; its values are like 2026-03.
MONTH = "billing_month"
#: Tables of so many rows have a digest for each column.
_FEW_ROWS = 50
#: The month of rows that have none.
NO_MONTH = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """Digest of the contents of a relation.

    Attributes
    ----------
    whole : str
        Of all of it.
    months : mapping of str to str or None
        Of each billing month; None where it is not known by month.
    columns : mapping of str to str
        Of each column, for small tables of settings; empty for others.
    """

    whole: str
    months: Mapping[str, str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def of_columns(self, names: Iterable[str]) -> str:
        """Return the digest of some columns; of all where none is known by itself."""
        if not self.columns:
            return self.whole
        return digest_of([self.columns[name] for name in sorted(names)])

    @classmethod
    def by_month(cls, months: Mapping[str, str]) -> Digest:
        """Return the digest of a relation that is known by month."""
        return cls(digest_of(sorted(months.items())), dict(months))


def digest_of(content: object) -> str:
    """Return a text that differs whenever the content does."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Digest:
    """Return the digest of a small table, whole and by column."""
    by_column = {
        name: digest_of([row[place] for row in rows])
        for place, name in enumerate(columns)
    }
    return Digest(digest_of(sorted(by_column.items())), None, by_column)


def digest_of_relation(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> Digest:
    """Return the digest of the rows of a relation, in any order."""
    if MONTH in columns:
        return Digest.by_month(month_digests(connection, relation))
    row = connection.execute(f"SELECT {_OF_ROWS} FROM {relation} AS t").fetchone()
    if row is not None and 0 < row[0] <= _FEW_ROWS and columns:
        rows = connection.execute(f"FROM {relation}").fetchall()
        return digest_of_rows(columns, sorted(rows, key=repr))
    return Digest(digest_of(row))


def month_digests(
    connection: duckdb.DuckDBPyConnection, relation: str, months: Sequence[str] = ()
) -> dict[str, str]:
    """Return the digest of each billing month of a relation, or of some months."""
    limit = f"WHERE {in_months(MONTH, months)}" if months else ""
    rows = connection.execute(
        f"SELECT coalesce({MONTH}, '{NO_MONTH}'), {_OF_ROWS}"
        f" FROM {relation} AS t {limit} GROUP BY ALL"
    ).fetchall()
    return {str(month): digest_of(rest) for month, *rest in rows}


def in_months(column: str, months: Sequence[str]) -> str:
    """Return the SQL condition that a month label is among the given months."""
    listed = ", ".join(f"'{month}'" for month in months)
    return f"coalesce({column}, '{NO_MONTH}') IN ({listed})"


#: Rows are hashed and their hashes added: their order is not defined.
_OF_ROWS = "count(*), sum(hash(t)::HUGEINT)"
