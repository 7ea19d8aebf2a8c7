"""Digests of non-model inputs: evidence, catalogue, settings, estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.marts.digests import (
    Digest,
    digest_of,
    digest_of_relation,
    digest_of_rows,
)
from triptych.core.warehouse.bills import BILL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from triptych.core.marts.recipe import Recipe
    from triptych.core.warehouse.build import ControlTable

_BILLS = frozenset(stream.name for stream in BILL_STREAMS)
_LOADS_OF_STREAMS = """
SELECT loads.stream, coalesce(totals.billing_month, '') AS billing_month,
  -- A load that is of another source now has other rows.
  list_sort(list_distinct(array_agg(loads.load_id || ' ' || loads.source))) AS load_ids
FROM raw.catalogue.loads AS loads
LEFT JOIN raw.catalogue.load_totals AS totals USING (load_id)
WHERE loads.status = 'current'
GROUP BY ALL ORDER BY ALL
"""


def source_digests(
    connection: duckdb.DuckDBPyConnection,
    recipe: Recipe,
    control: Mapping[str, Digest],
    *,
    estimates: bool,
) -> dict[str, Digest | CatalogueTable]:
    """Return unique id of a source → digest of its current contents.

    Parameters
    ----------
    connection : DuckDBPyConnection
        On the build database, with the catalogue attached as ``raw``.
    recipe : Recipe
        Recipe that names the sources.
    control : mapping of str to Digest
        Control table → digest of the rows written into it.
    estimates : bool
        True if the statistics have run: their tables are read only then.
    """
    evidence = _evidence(connection)
    digests: dict[str, Digest | CatalogueTable] = {}
    for key in recipe.sources:
        _, _, group, table = key.split(".")
        if group == "evidence":
            digests[key] = evidence.get(table, _no_loads(table))
        elif group == "control":
            digests[key] = control.get(table, Digest(""))
        elif group == "catalogue":
            digests[key] = CatalogueTable(connection, f"raw.catalogue.{table}")
        elif estimates:
            digests[key] = digest_of_relation(
                connection, f"build.estimates.{table}", ()
            )
    return digests


def control_digests(tables: Iterable[ControlTable]) -> dict[str, Digest]:
    """Return control table → digest, whole and by column."""
    return {
        table.name: digest_of_rows(list(table.columns), table.rows) for table in tables
    }


def _no_loads(stream: str) -> Digest:
    return Digest.by_month({}) if stream in _BILLS else Digest(digest_of([]))


def _evidence(connection: duckdb.DuckDBPyConnection) -> dict[str, Digest]:
    """Return stream → digest of its current loads; by month where it is a bill's."""
    months: dict[str, dict[str, str]] = {}
    for stream, month, load_ids in connection.execute(_LOADS_OF_STREAMS).fetchall():
        months.setdefault(stream, {})[month] = digest_of(load_ids)
    return {
        stream: Digest.by_month(of_months)
        if stream in _BILLS
        else Digest(digest_of(sorted(of_months.items())))
        for stream, of_months in months.items()
    }


class CatalogueTable:
    """A table of the catalogue, digested over the columns that somebody reads of it."""

    months = None

    def __init__(self, connection: duckdb.DuckDBPyConnection, relation: str) -> None:
        self._connection = connection
        self._relation = relation
        described = connection.execute(f"DESCRIBE {relation}").fetchall()
        self.columns = dict.fromkeys((str(row[0]) for row in described), "")
        self._known: dict[tuple[str, ...], str] = {}

    @property
    def whole(self) -> str:
        """Return the digest of all columns."""
        return self.of_columns(self.columns)

    def of_columns(self, names: Iterable[str]) -> str:
        """Return the digest of the rows in some columns, in any order."""
        wanted = tuple(sorted(names))
        if wanted not in self._known:
            listed = ", ".join(f'"{name}"' for name in wanted)
            row = self._connection.execute(
                f"SELECT count(*), sum(hash(row({listed}))::HUGEINT)"
                f" FROM {self._relation}"
                if wanted
                else f"SELECT count(*) FROM {self._relation}"
            ).fetchone()
            self._known[wanted] = digest_of(row)
        return self._known[wanted]
