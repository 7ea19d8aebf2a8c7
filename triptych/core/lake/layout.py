"""The tables and views of a catalogue, made where they are missing."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import duckdb

from triptych.core.lake import audit_log
from triptych.core.lake.evidence_views import create_views
from triptych.core.lake.loads import FIRST_HASH_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.lake.loads import StreamView

#: Created where they are not there; evidence has a view of each stream.
SCHEMA: Final = f"""
CREATE SCHEMA IF NOT EXISTS catalogue;
CREATE SCHEMA IF NOT EXISTS evidence;
CREATE TABLE IF NOT EXISTS catalogue.loads (
    load_id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('current', 'superseded')),
    fingerprint VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    files VARCHAR[] NOT NULL,
    origins VARCHAR[] NOT NULL,
    checksums VARCHAR[] NOT NULL,
    byte_count BIGINT NOT NULL,
    projections VARCHAR[] NOT NULL,
    signatures VARCHAR[] NOT NULL,
    absent_columns VARCHAR[] NOT NULL,
    row_count BIGINT NOT NULL,
    quarantined_row_count BIGINT NOT NULL,
    loaded_at TIMESTAMP NOT NULL,
    superseded_by VARCHAR,
    superseded_at TIMESTAMP,
    spark_projections VARCHAR[] NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.files_in_place (
    load_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    byte_count BIGINT NOT NULL,
    version VARCHAR NOT NULL,
    checksum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.files_at_rest (
    load_id VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    byte_count BIGINT NOT NULL,
    checksum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.load_totals (
    load_id VARCHAR NOT NULL,
    billing_month VARCHAR NOT NULL,
    currency VARCHAR,
    row_count BIGINT NOT NULL,
    first_amount DECIMAL(38, 18),
    second_amount DECIMAL(38, 18)
);
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS sketch BIGINT[];
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS first_charge_at TIMESTAMP;
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS last_charge_at TIMESTAMP;
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS first_account VARCHAR;
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS last_account VARCHAR;
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS outline BIGINT[];
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS hash_function BIGINT
    DEFAULT {FIRST_HASH_FUNCTION};
ALTER TABLE catalogue.load_totals ADD COLUMN IF NOT EXISTS charge_count BIGINT;
CREATE TABLE IF NOT EXISTS catalogue.quarantine (
    load_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    row_number BIGINT,
    reason VARCHAR NOT NULL,
    row_content VARCHAR,
    quarantined_at TIMESTAMP NOT NULL,
    billing_month VARCHAR,
    subject VARCHAR,
    is_charge BOOLEAN,
    amount DECIMAL(38, 18),
    currency VARCHAR,
    amount_basis VARCHAR,
    compared_row_count BIGINT
);
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS billing_month VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS subject VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS is_charge BOOLEAN;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS amount DECIMAL(38, 18);
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS currency VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS amount_basis VARCHAR;
ALTER TABLE catalogue.quarantine ADD COLUMN IF NOT EXISTS compared_row_count BIGINT;
CREATE TABLE IF NOT EXISTS catalogue.seen_files (
    path VARCHAR PRIMARY KEY,
    byte_count BIGINT NOT NULL,
    version VARCHAR NOT NULL,
    checksum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.named_columns (name VARCHAR PRIMARY KEY);
CREATE TABLE IF NOT EXISTS catalogue.sources (
    source VARCHAR PRIMARY KEY,
    source_type VARCHAR NOT NULL,
    streams VARCHAR[] NOT NULL,
    expected_lag_hours BIGINT NOT NULL,
    last_attempt_at TIMESTAMP NOT NULL,
    last_success_at TIMESTAMP,
    last_error VARCHAR
);
CREATE TABLE IF NOT EXISTS catalogue.renamed_loads (
    load_id VARCHAR PRIMARY KEY,
    landed_source VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS catalogue.layout (digest VARCHAR NOT NULL);
"""


def lay_out(
    connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamView]
) -> None:
    """Create missing tables; needed only at first and after an upgrade.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing, no transaction being open.
    streams : sequence of StreamView
        Streams that get a view.
    """
    digest = _digest(tuple(streams))
    if _is_laid_out(connection, digest):
        return
    connection.execute(SCHEMA)
    connection.execute(audit_log.SCHEMA)
    connection.execute("BEGIN")
    try:
        _create_missing_views(connection, streams)
        connection.execute("DELETE FROM catalogue.layout")
        connection.execute("INSERT INTO catalogue.layout VALUES (?)", [digest])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _is_laid_out(connection: duckdb.DuckDBPyConnection, digest: str) -> bool:
    """Check by a stored digest: no-op statements cost tens of milliseconds."""
    try:
        rows = connection.execute("SELECT digest FROM catalogue.layout").fetchall()
    except duckdb.CatalogException:
        return False
    return rows == [(digest,)]


@lru_cache(maxsize=8)
def _digest(streams: tuple[StreamView, ...]) -> str:
    text = f"{SCHEMA}\n{audit_log.SCHEMA}\n{streams!r}"
    return hashlib.sha256(text.encode()).hexdigest()


def _create_missing_views(
    connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamView]
) -> None:
    existing: dict[str, set[str]] = defaultdict(set)
    for name, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns()"
        " WHERE database_name = current_database() AND schema_name = 'evidence'"
    ).fetchall():
        existing[name].add(column)
    missing = [
        view
        for view in streams
        if not {column for column, _ in view.columns} <= existing.get(view.name, set())
    ]
    create_views(connection, missing)
