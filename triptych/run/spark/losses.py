"""Description of a loss of Spark, in a single paragraph.

Spark, gRPC and py4j report the same misfortune in many ways, over many lines. They have
a few words in common; the more specific words come first.
"""

from __future__ import annotations

import re

_GRPC_DETAILS = re.compile(r'details = "(.+?)"\n')

_NO_MEMORY = (
    "Spark ran out of memory. Give it more (spark.driver_memory, or the executors and"
    " the server where they are started), or more partitions"
    " (spark.sql.shuffle.partitions in spark.conf)."
)
_NO_EXECUTOR = "Spark lost executors and could not go on without them."
_NO_SERVER = (
    "The Spark server went away, or forgot this session. Start it again; if nobody"
    " stopped it, its machine was probably short of memory."
)

_MEANINGS = (
    (
        (
            *("OutOfMemoryError", "Java heap space", "GC overhead limit exceeded"),
            *("UNABLE_TO_ACQUIRE_MEMORY", "Resources exhausted", "maxResultSize"),
            *("OOMKilled", "exit code 137", "exited with code 137"),
        ),
        _NO_MEMORY,
    ),
    (
        (
            *("ExecutorLostFailure", "Executor heartbeat timed out"),
            *("remote RPC client disassociated", "Worker lost"),
            *("executors have failed", "FetchFailed"),
        ),
        _NO_EXECUTOR,
    ),
    (
        (
            *("UNAVAILABLE", "Connection refused", "Socket closed", "Broken pipe"),
            *("Answer from Java side is empty", "Connection reset", "is not running"),
            *("Stream removed", "SESSION_CLOSED", "SESSION_NOT_FOUND"),
            *("SESSION_CHANGED", "RetriesExceeded", "stopped SparkContext"),
            *("SparkContext was shut down", "error while sending or receiving"),
            *("Error while sending", "OPERATION_NOT_FOUND"),
        ),
        _NO_SERVER,
    ),
)


def meaning_of(text: str) -> str | None:
    """Explain a loss of Spark; ``None`` if ``text`` describes no loss of it."""
    return next(
        (
            f"{meaning} (It said: {first_line(text)})"
            for marks, meaning in _MEANINGS
            if any(mark in text for mark in marks)
        ),
        None,
    )


def lost_spark(error: BaseException) -> str:
    """Explain an error outside dbt, from any origin."""
    text = f"{type(error).__name__}: {error}"
    return meaning_of(text) or f"Spark failed: {first_line(text)}"


def first_line(text: str) -> str:
    """Return the first statement of an error, as a sentence.

    gRPC begins with the name of its class, and gives its details further down.
    """
    details = _GRPC_DETAILS.search(text)
    lines = (line.strip() for line in text.splitlines())
    line = details.group(1) if details else next(filter(None, lines), "nothing")
    return line[:300] if line.endswith(".") else f"{line[:300]}."
