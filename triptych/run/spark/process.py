"""Apache Spark for a run, in a subprocess.

It ends as soon as the run that started it is gone. It writes the reason for an early
end into a file, for standard output carries all output of dbt, py4j and the JVM.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.core.dbt.process import end_with_the_run
from triptych.core.errors import TriptychError
from triptych.run.spark.compiled import compiled_models
from triptych.run.spark.job import EXIT_WITH_VERDICT, SparkJob, Verdict, spark_failed
from triptych.run.spark.line_items import files_to_read, line_item_count, sum_line_items
from triptych.run.spark.losses import lost_spark
from triptych.run.spark.session import SessionPlace, open_session, stop_what_is_running

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A server that does not answer is not waited for when nobody waits for us.
_FAREWELL_SECONDS = 5.0
#: From here on a JVM that compiles its code better repays the time that it takes.
_LINE_ITEMS_WORTH_COMPILING_FOR = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job of the single argument, a file; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    job = SparkJob.read(Path(given[0]))
    try:
        _work(job)
    except TriptychError as error:
        Verdict.of(error).write(Path(job.verdict_file))
    # Any exception of py4j, gRPC or the JVM: none of them has a common ancestor.
    except Exception as error:  # noqa: BLE001
        Verdict.of(spark_failed(lost_spark(error))).write(Path(job.verdict_file))
    else:
        return 0
    return EXIT_WITH_VERDICT


def _work(job: SparkJob) -> None:
    files = files_to_read(job)
    models = compiled_models(
        Path(job.compiled_file),
        key=job.recipe_hash,
        rules=job.rules,
        options=job.dbt_options,
    )
    place = SessionPlace(job.master, job.remote, Path(job.export_dir))
    is_brief = line_item_count(job) < _LINE_ITEMS_WORTH_COMPILING_FOR
    session = open_session(place, job.conf, is_brief=is_brief)
    sum_line_items(session, job, files, models)


def _end_with_the_run() -> None:
    """End this process with the run, after its work on a server."""

    def say_farewell() -> None:
        farewell = threading.Thread(target=stop_what_is_running, daemon=True)
        farewell.start()
        farewell.join(_FAREWELL_SECONDS)

    end_with_the_run(say_farewell)


if __name__ == "__main__":
    sys.exit(main())
