"""What stands for a fit where a test is of the processes that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from attribution.studies.process import StudyJob


def refused_at_once(_: StudyJob) -> dict[str, pa.Table]:
    """Return a study that is refused, without the libraries that fit, which take long.

    Defined here, so that a process that starts anew loads nothing else for it.
    """
    import pyarrow as pa

    return {"attribution_studies": pa.table({"status": ["refused"]})}
