"""A session on Apache Spark, under the rules that the models rely on.

Either a client of a Spark Connect server, or a session that is started here on a
master. UTC and ANSI rules are set in both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.errors import SettingsError
from triptych.run.spark.job import spark_failed
from triptych.run.spark.losses import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession

    from triptych.core.errors import TriptychError

#: Settings that the models rely on, regardless of the server's own settings.
_RULES = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    # A sum of 38 digits from which something is taken would lose its last decimal
    # without a word; so it keeps it, and a value that does not fit is an error.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
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


#: A JVM without memory goes on without some of its threads, and waits for them.
_JVM_OPTIONS = "-XX:+ExitOnOutOfMemoryError"
#: Compiles at once and once, rather than better and better.
_BRIEF_JVM_OPTIONS = " -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

#: Waits before a failed answer is requested again: 0.05, 0.2, 0.8, 3.2 and 5 seconds. A
#: server that is gone for longer has forgotten the session; pyspark itself would wait
#: ten minutes.
_RETRIES = 5
_LONGEST_WAIT_MILLISECONDS = 5_000


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """Place of the session: on a server, or started here on a master.

    Parameters
    ----------
    master : str
        Master to start a session on, where ``remote`` is ``None``.
    remote : str or None
        Address of a Spark Connect server, ``sc://host:port``.
    folder : Path
        Folder for files of a session that is started here.
    """

    master: str
    remote: str | None
    folder: Path

    def __str__(self) -> str:
        """Return the place without a token."""
        return (self.remote or self.master).split("/;", 1)[0].split(";", 1)[0]


def refuse_without_spark() -> None:
    """Raise a single helpful sentence where the extra is not installed.

    Raises
    ------
    SettingsError
        pyspark or dbt-spark is missing.
    """
    try:
        import dbt.adapters.spark  # noqa: F401, PLC0415
        import pyspark  # noqa: F401, PLC0415
    except ImportError as error:
        raise SettingsError(
            f"{error.name or 'pyspark'} is not installed.",
            where="--engine spark",
            next_step="Install it as triptych[spark]: the quick start says how.",
        ) from error


def open_session(
    place: SessionPlace, conf: Mapping[str, str], *, is_brief: bool = False
) -> SparkSession:
    """Open the session.

    Parameters
    ----------
    place : SessionPlace
        Place of the session.
    conf : mapping of str to str
        Further settings; they win over ours, apart from the rules.
    is_brief : bool
        There is little to do: a JVM that is started here shall not take time to become
        fast, which is half of the cost of a few thousand rows.

    Raises
    ------
    SettingsError
        Spark refuses a setting.
    TransformError
        Spark cannot be reached or started.
    """
    from pyspark.sql import SparkSession as Session  # noqa: PLC0415

    try:
        if place.remote is None:
            builder = Session.builder.master(place.master)
            options = _JVM_OPTIONS + _BRIEF_JVM_OPTIONS * is_brief
            session = _start(builder, conf, place.folder, options)
        else:
            # So that it is known here if there is a server to close.
            os.environ["SPARK_REMOTE"] = place.remote
            session = _connect(Session.builder.remote(place.remote))
    # Any exception of py4j, gRPC or the JVM: none of them has a common ancestor.
    except Exception as error:
        raise _no_session(place, error) from error
    if place.remote is not None:
        _configure(session, place, conf)
    return session


def stop_what_is_running() -> None:
    """Stop this process's work on a server; a local JVM just ends."""
    if "SPARK_REMOTE" not in os.environ:
        return
    from pyspark.sql import SparkSession as Session  # noqa: PLC0415

    session = Session.builder.getOrCreate()
    session.interruptAll()
    session.stop()


def _connect(builder: SparkSession.Builder) -> SparkSession:
    from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415

    policy = DefaultPolicy(_RETRIES, max_backoff=_LONGEST_WAIT_MILLISECONDS)
    session: SparkSession = builder.getOrCreate()
    session.client.set_retry_policies([policy])
    session.sql("SELECT 1").collect()
    return session


def _configure(
    session: SparkSession, place: SessionPlace, conf: Mapping[str, str]
) -> None:
    for key, value in _CLIENT_DEFAULTS.items():
        if session.conf.get(key, None) is None:
            session.conf.set(key, value)
    for key, value in {**conf, **_RULES}.items():
        try:
            session.conf.set(key, value)
        except Exception as error:
            raise SettingsError(
                f"The Spark server at {place} refuses {key}: {first_line(str(error))}",
                where="spark.conf",
                next_step="Set it where that server is started, and not here.",
            ) from error


def _start(
    builder: SparkSession.Builder, conf: Mapping[str, str], folder: Path, options: str
) -> SparkSession:
    ours = {
        "spark.app.name": "triptych",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder),
        "spark.driver.extraJavaOptions": options,
    }
    for key, value in {**ours, **conf, **_RULES}.items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    return session


def _no_session(place: SessionPlace, error: Exception) -> TriptychError:
    text = str(error)
    if place.remote is None and "must be at least" in text:
        return SettingsError(
            f"Spark does not start with so little memory: {first_line(text)}",
            where="spark.driver_memory",
            next_step="Give it 1GB or more.",
        )
    if place.remote is None:
        return spark_failed(
            f"Spark cannot be started on {place}: {first_line(text)} It needs Java 17"
            " or 21, and a spark.master that it can reach."
        )
    return spark_failed(
        f"Spark cannot be reached at {place}: {first_line(text)} Start the server, or"
        " correct spark.remote."
    )
