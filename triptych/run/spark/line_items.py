"""Sums of line items, computed in a single session of Spark.

Evidence and models become views of the session. Of each table that is summed over line
items, the rows of the months to build come back as a Parquet file; all else is built
from those, elsewhere.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from ingest.engine.runner import stream_views
from triptych.core.warehouse.bills import BILL_STREAMS
from triptych.core.warehouse.spark_evidence import (
    LoadedFiles,
    read_loaded_files,
    stream_query,
)
from triptych.run.spark.compiled import evidence_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from triptych.run.spark.compiled import CompiledModel
    from triptych.run.spark.job import SparkJob

_OF_A_PATTERN = re.compile(r"([\\*?\[\]{}])")
_BILLS = {bill.name for bill in BILL_STREAMS}


def files_to_read(job: SparkJob) -> list[LoadedFiles]:
    """Return the files of current bills that have charges of the months to build.

    Raises
    ------
    SettingsError
        A load cannot be read on Spark.
    """
    with duckdb.connect(job.raw_database, read_only=True) as raw:
        return read_loaded_files(
            raw, root=Path(job.root), streams=_BILLS, months=job.months
        )


def line_item_count(job: SparkJob) -> int:
    """Return how many rows the current bills have in the months to build."""
    with duckdb.connect(job.raw_database, read_only=True) as raw:
        row = raw.execute(
            "SELECT sum(totals.row_count) FROM catalogue.load_totals AS totals"
            " JOIN catalogue.loads AS loads USING (load_id) WHERE status = 'current'"
            " AND list_contains(?, stream) AND list_contains(?, billing_month)",
            [sorted(_BILLS), list(job.months)],
        ).fetchone()
    return int(row[0] or 0) if row else 0


def sum_line_items(
    session: SparkSession,
    job: SparkJob,
    files: Sequence[LoadedFiles],
    models: Sequence[CompiledModel],
) -> None:
    """Write the line item sums of some months, a file for each table.

    Parameters
    ----------
    session : SparkSession
        Session to use.
    job : SparkJob
        Of which months, and into which folder.
    files : sequence of LoadedFiles
        Files to read.
    models : sequence of CompiledModel
        Models, in the order in which they read each other.
    """
    _report(f"reading {len(job.months)} billing months on Spark")
    _give_evidence(session, files)
    for model in models:
        if model.is_table:
            _export(session, model.of_months(job.months), job, model.name)
        else:
            _create_view(session, model.view, model.of_months(job.months))


def _give_evidence(session: SparkSession, files: Sequence[LoadedFiles]) -> None:
    for part in files:
        session.read.parquet(*map(_as_it_is, part.locations)).createOrReplaceTempView(
            part.view
        )
    for view in stream_views():
        if view.name in _BILLS:
            own = [part for part in files if part.stream == view.name]
            _create_view(session, evidence_view(view.name), stream_query(view, own))


def _as_it_is(location: str) -> str:
    """Return the name of a file in which Spark sees no pattern."""
    return _OF_A_PATTERN.sub(r"\\\1", location)


def _create_view(session: SparkSession, name: str, sql: str) -> None:
    session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {sql}")


def _export(session: SparkSession, sql: str, job: SparkJob, table: str) -> None:
    rows = session.sql(sql).toArrow()
    target = Path(job.export_dir) / f"{table}.parquet"
    fresh = target.with_suffix(".new")
    pq.write_table(rows, fresh)
    fresh.replace(target)
    _report(table, name="LogModelResult")


def _report(message: str, *, name: str = "Spark") -> None:
    """Print a message in the form of dbt's JSON log."""
    event = {"info": {"level": "info", "msg": message, "name": name}}
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()
