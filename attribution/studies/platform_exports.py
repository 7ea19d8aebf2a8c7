"""Read assignments that experiment platforms export.

A row is an exposure: the unit, the time, the experiment and the arm. Columns are those
that GrowthBook documents; Statsig and Eppo let an export name its columns so.

Source: GrowthBook, *Data sources: experiment assignment queries*.
"""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING, Final

from attribution.causal.random_assignment import list_hash
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attribution.causal.plan_parts import Assignment
    from attribution.studies.register import StudyRegister
    from attribution.studies.register_entries import Entry


_UNIT, _AT, _EXPERIMENT, _ARM = "user_id", "timestamp", "experiment_id", "variation_id"
#: Names that platforms give the arm without the feature.
_CONTROL: Final = frozenset({"0", "control"})


def record_export(
    register: StudyRegister, study_id: str, file: Path, *, by: str, at: datetime
) -> Entry:
    """Keep the arms of a platform's export in the register.

    Raises
    ------
    UsageError
        The study is not locked or names no platform, or the file does not fit it.
    """
    from attribution.causal.plan import Plan  # noqa: PLC0415  (slow to load)

    locking = [each for each in register.entries(study_id) if each.locks_a_plan]
    assigned = Plan.model_validate(locking[-1].plan).assignment if locking else None
    if assigned is None or assigned.platform is None:
        raise UsageError(
            f"Study {study_id!r} is not locked with a platform.",
            next_step="Name `platform` and `experiment` in its plan, and register it.",
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _refused(f"The export cannot be read: {error}.", str(file)) from error
    arms = delivered_arms(content, assigned, where=str(file))
    return register.assigned(study_id, arms, by=by, at=at)


def delivered_arms(
    content: bytes, assigned: Assignment, *, where: str
) -> dict[str, str]:
    """Return what the register keeps of an export.

    Parameters
    ----------
    content : bytes
        CSV with a header.
    assigned : Assignment
        Platform and experiment of the plan.
    where : str
        File name, for messages.

    Raises
    ------
    UsageError
        Columns are missing, a unit was in both arms, or the experiment has no row.
    """
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    missing = {_UNIT, _AT, _EXPERIMENT, _ARM} - set(reader.fieldnames or ())
    if missing:
        raise _refused(f"The export lacks {', '.join(sorted(missing))}.", where)
    arms: dict[str, int] = {}
    exposures = []
    for row in reader:
        if row[_EXPERIMENT] != assigned.experiment:
            continue
        arm = int(row[_ARM].strip().lower() not in _CONTROL)
        if arms.setdefault(row[_UNIT], arm) != arm:
            raise _refused(f"{row[_UNIT]!r} was exposed to both arms.", where)
        exposures.append(row[_AT])
    if not exposures:
        raise _refused(f"The export has no row of {assigned.experiment!r}.", where)
    return {
        "platform": str(assigned.platform),
        "experiment": str(assigned.experiment),
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "list_sha256": list_hash(arms),
        "treated": str(sum(arms.values())),
        "control": str(len(arms) - sum(arms.values())),
        "first_exposure": min(exposures),
    }


def _refused(text: str, where: str) -> UsageError:
    return UsageError(
        text, where=where, next_step="Export the experiment's assignments again."
    )
