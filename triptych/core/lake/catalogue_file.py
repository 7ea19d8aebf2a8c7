"""The file of the catalogue: opening it, and the tables that it has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import duckdb

from triptych.core.errors import RunLockedError
from triptych.core.file_names import search_path
from triptych.core.lake import lake_log
from triptych.core.lake.loads import FIRST_HASH_FUNCTION

if TYPE_CHECKING:
    from pathlib import Path

#: Created where they are not there; evidence has a view of each stream beside them.
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
"""

_LOCK_WAIT_SECONDS = 20.0


def connect(
    path: Path, *, root: Path, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open ``raw.duckdb``, waiting a little while another process holds it.

    Parameters
    ----------
    path : Path
        The database file.
    root : Path
        Workspace folder, which relative file names in the views refer to.
    read_only : bool
        Open for reading only.

    Raises
    ------
    RunLockedError
        Another process kept the file for longer than a commit takes.
    StaleCatalogueError
        The file is no database any more.
    """
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if not is_held_elsewhere(error):
                raise _unreadable(path, error) from error
            if time.monotonic() > deadline:
                raise RunLockedError(
                    "Another process is writing the catalogue.",
                    where=str(path),
                    next_step="Wait for the run to finish and try again.",
                ) from error
            time.sleep(0.1)
        else:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET file_search_path = {search_path(root)}")
            return connection


def is_held_elsewhere(error: duckdb.Error) -> bool:
    """Tell whether a database cannot be opened because another process has it open.

    A damaged one is told of by its blocks, which are no locks.
    """
    message = str(error).lower()
    return "set lock on file" in message or "used by another process" in message


def _unreadable(path: Path, error: duckdb.Error) -> lake_log.StaleCatalogueError:
    text = str(error).splitlines()[0].rstrip(".!") + "."
    is_forbidden = "permission denied" in text.lower()
    return lake_log.StaleCatalogueError(
        f"raw.duckdb cannot be opened: {text}",
        where=str(path),
        next_step="Let this user read and write the file and its folder."
        if is_forbidden
        else lake_log.RECOVER,
    )
