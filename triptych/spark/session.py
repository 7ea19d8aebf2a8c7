"""A session on Apache Spark, under the rules that the models rely on.

Either a client of a Spark Connect server, or a session that is started here on a
master. UTC and ANSI rules are set in both; where tables and their catalogue are kept
is set only where the session is ours.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession

#: What the models rely on, whatever the server's own settings are.
_RULES = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}

#: Settings of the client that a server which is not Apache's own may not know.
_CLIENT_DEFAULTS = {
    "spark.sql.session.localRelationCacheThreshold": "67108864",
    "spark.sql.session.localRelationSizeLimit": "3221225472",
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": "16777216",
    "spark.sql.session.localRelationBatchOfChunksSizeBytes": "16777216",
    "spark.sql.execution.pandas.convertToArrowArraySafely": "false",
    "spark.sql.execution.pandas.inferPandasDictAsMap": "false",
    "spark.sql.execution.pandas.structHandlingMode": "legacy",
    "spark.sql.pyspark.inferNestedDictAsStruct.enabled": "false",
    "spark.sql.pyspark.legacy.inferArrayTypeFromFirstElement.enabled": "false",
    "spark.sql.pyspark.legacy.inferMapTypeFromFirstPair.enabled": "false",
}


class NoSparkError(Exception):
    """No session could be had; the message says why, and what to do."""


def open_session(
    *, master: str, remote: str | None, conf: Mapping[str, str], tables_dir: Path
) -> SparkSession:
    """Open the session in which dbt will run.

    Parameters
    ----------
    master : str
        Master to start a session on, where ``remote`` is ``None``.
    remote : str or None
        Address of a Spark Connect server, ``sc://host:port``.
    conf : mapping of str to str
        Further settings; they win over ours, apart from the rules.
    tables_dir : Path
        Folder for the tables of a session that is started here.

    Raises
    ------
    NoSparkError
        pyspark is not installed, or Spark cannot be reached or started.
    """
    try:
        from pyspark.sql import SparkSession as Session  # noqa: PLC0415
    except ImportError as error:
        raise NoSparkError(
            "pyspark is not installed. Install triptych with its extra:"
            ' pip install "triptych[spark]".'
        ) from error
    try:
        if remote is not None:
            # dbt asks for the session by itself, and finds it by this variable.
            os.environ["SPARK_REMOTE"] = remote
            return _connect(Session.builder.remote(remote), conf)
        return _start(Session.builder.master(master), conf, tables_dir)
    # Whatever py4j, gRPC or the JVM raise: none of them has a common ancestor.
    except Exception as error:
        place = remote or master
        raise NoSparkError(
            f"Spark cannot be reached at {_without_token(place)}: {_first_line(error)}"
            " Start the server, or correct spark.remote or spark.master."
        ) from error


def _connect(builder: SparkSession.Builder, conf: Mapping[str, str]) -> SparkSession:
    session: SparkSession = builder.getOrCreate()
    for key, value in _CLIENT_DEFAULTS.items():
        if session.conf.get(key, None) is None:
            session.conf.set(key, value)
    for key, value in {**conf, **_RULES}.items():
        session.conf.set(key, value)
    return session


def _start(
    builder: SparkSession.Builder, conf: Mapping[str, str], tables_dir: Path
) -> SparkSession:
    tables_dir.mkdir(parents=True, exist_ok=True)
    ours = {
        "spark.app.name": "triptych",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(tables_dir),
    }
    for key, value in {**ours, **conf, **_RULES}.items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    return session


def lost_spark(error: Exception) -> str:
    """Say in one paragraph what became of Spark while a build was under way."""
    text = f"{type(error).__name__}: {error}"
    for marks, meaning in _MEANINGS:
        if any(mark in text for mark in marks):
            return f"{meaning} ({_first_line(error)})"
    return f"Spark failed: {_first_line(error)}"


#: What the messages of Spark, gRPC and py4j mean, the more telling first.
_MEANINGS = (
    (
        ("OutOfMemoryError", "Java heap space", "GC overhead", "Resources exhausted"),
        "Spark ran out of memory. Give spark.driver_memory (or the executors) more, or"
        " build fewer months at once.",
    ),
    (
        ("ExecutorLostFailure", "Executor heartbeat", "SparkContext was shut down"),
        "An executor was lost and could not be replaced.",
    ),
    (
        (
            *("UNAVAILABLE", "Connection refused", "Socket closed", "Broken pipe"),
            *("Answer from Java side is empty", "Connection reset", "is not running"),
            *("Stream removed", "SESSION_CLOSED", "SESSION_NOT_FOUND"),
        ),
        "The Spark server went away.",
    ),
)


def _without_token(address: str) -> str:
    return address.split(";", 1)[0].split("/;", 1)[0]


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line[:300] if line.endswith(".") else f"{line[:300]}."


__all__ = ["NoSparkError", "lost_spark", "open_session"]
