"""One build on Apache Spark, in a process of its own.

It ends as soon as the run that started it is gone, and as soon as Spark is: dbt would
go on to try every model that is left. Why it ended early it writes into a file, for
standard output carries whatever dbt, py4j and the JVM say.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.dbt_process import end_with_the_run
from triptych.errors import TriptychError
from triptych.spark.build import SparkBuild
from triptych.spark.job import EXIT_WITH_VERDICT, SparkJob, Verdict, spark_failed
from triptych.spark.losses import lost_spark, meaning_of
from triptych.spark.session import SessionPlace, open_session, stop_what_is_running

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A server that does not answer is not waited for when nobody waits for us.
_FAREWELL_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job whose file is the one argument; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    job = SparkJob.read(Path(given[0]))
    try:
        return _build(job)
    except TriptychError as error:
        Verdict.of(error).write(Path(job.verdict_file))
    # Whatever py4j, gRPC or the JVM raise: none of them has a common ancestor.
    except Exception as error:  # noqa: BLE001
        Verdict.of(spark_failed(lost_spark(error))).write(Path(job.verdict_file))
    return EXIT_WITH_VERDICT


def _build(job: SparkJob) -> int:
    place = SessionPlace(job.master, job.remote, Path(job.tables_dir))
    session = open_session(place, job.conf)

    def end_if_spark_is_lost(event: Any) -> None:  # noqa: ANN401  (dbt's own type)
        if event.info.name != "NodeFinished":
            return
        result = event.data.run_result
        meaning = meaning_of(result.message) if result.status == "error" else None
        if meaning is not None:
            Verdict.of(spark_failed(meaning)).write(Path(job.verdict_file))
            os._exit(EXIT_WITH_VERDICT)

    return 0 if SparkBuild(job, session, on_event=end_if_spark_is_lost).run() else 1


def _end_with_the_run() -> None:
    """End this process with the run, and first what it had begun on a server."""

    def say_farewell() -> None:
        farewell = threading.Thread(target=stop_what_is_running, daemon=True)
        farewell.start()
        farewell.join(_FAREWELL_SECONDS)

    end_with_the_run(say_farewell)


if __name__ == "__main__":
    sys.exit(main())
