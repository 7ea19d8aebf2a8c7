"""Bills that were loaded from an API or a bucket: their newest months, from evidence.

Files on disk are opened as they are. The content requested from a source over the
network is only known once it is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from triptych.core.file_names import literal, search_path
from triptych.discovery.ledger_sample import BILL_STREAMS, ledger_query

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MOST_ROWS = 2_000_000
_RAW = "raw_of_workspace"
_PERIODS = {
    "focus": "BillingPeriodStart",
    "aws_cur2": "bill_billing_period_start_date",
    "gcp_billing_export": "invoice_month_start",
}


def loaded_tables(
    connection: duckdb.DuckDBPyConnection,
    raw_database: Path,
    *,
    root: Path,
    without: Collection[str],
) -> list[str]:
    """Make a table of the newest two months of each stream of bills.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection of the new tables, with the ledger's columns and ``source``.
    raw_database : Path
        The catalogue; where there is none, or a run holds it, nothing is made.
    root : Path
        Workspace folder.
    without : collection of str
        Sources that are known from their files.
    """
    if not raw_database.is_file():
        return []
    try:
        connection.execute(f"SET file_search_path = {search_path(root)}")
        connection.execute(f"ATTACH {literal(str(raw_database))} AS {_RAW} (READ_ONLY)")
    except duckdb.Error:
        return []
    tables = [_table(connection, stream, sorted(without)) for stream in BILL_STREAMS]
    return [table for table in tables if table]


def _table(
    connection: duckdb.DuckDBPyConnection, stream: str, without: Collection[str]
) -> str:
    period, table = _PERIODS[stream], f"loaded_{stream}"
    rows = (
        f"SELECT * FROM {_RAW}.evidence.{stream}"
        f" WHERE NOT list_contains($without, _source) AND {period} >= ("
        f"SELECT max({period}) - INTERVAL 1 MONTH FROM {_RAW}.evidence.{stream}"
        " WHERE NOT list_contains($without, _source))"
    )
    query = ledger_query(stream, rows, more="_source AS source")
    try:
        connection.execute(
            f"CREATE TABLE {table} AS {query} LIMIT {_MOST_ROWS}",
            {"without": list(without)},
        )
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    except duckdb.Error:
        # Evidence that stays in a bucket cannot be looked at from here.
        return ""
    return table if row and row[0] else ""
