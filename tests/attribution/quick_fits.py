"""What stands for a fit where a test is of the processes that fit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from attribution.studies.process import StudyJob


def refused_at_once(_: StudyJob) -> dict[str, pa.Table]:
    """Return a study that is refused, without the libraries that fit, which take long.

    Defined here, so that a process that starts anew loads nothing else for it.
    """
    import pyarrow as pa

    return {"attribution_studies": pa.table({"status": ["refused"]})}


def told_at_once(job: StudyJob) -> dict[str, pa.Table]:
    """Return the rows of a study whose message is the process that was asked."""
    from attribution.studies.rows import rows_of_failure

    return rows_of_failure(job.asked, str(os.getpid()))


class Deadly:
    """Ends the process that it is sent to, as the system does when memory runs out."""

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return os._exit, (9,)
