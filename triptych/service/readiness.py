"""Requirements to judge a feature, and those that a run found measured.

And of each platform, which controls somebody has evidence for.

The page *Platform scorecard* reads the same mart, so that both agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

_READINESS = """
SELECT feature_id, measurement, measurement_name AS name, is_measured,
    measured_since, measured_until, next_step
FROM roi.mart_measurement_readiness
ORDER BY feature_id, measurement_order
"""


_CONTROLS = """
SELECT platform_id, control, control_name AS name, detail, state, source, evidenced_on,
    expires_on, reason, next_step
FROM roi.mart_platform_controls
ORDER BY platform_id, control_order, detail
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Requirement of a feature: its presence, its start, its remedy."""

    feature_id: str
    measurement: str
    name: str
    is_measured: bool
    measured_since: date | None
    measured_until: date | None
    next_step: str | None


@dataclass(frozen=True, slots=True)
class Control:
    """Security or compliance control of a platform, with its evidence."""

    platform_id: str
    control: str
    name: str
    detail: str | None
    state: str
    source: str | None
    evidenced_on: date | None
    expires_on: date | None
    reason: str | None
    next_step: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Requirements that features and platforms of a workspace have or lack."""

    run_id: str
    measurements: tuple[Measurement, ...]
    controls: tuple[Control, ...]

    @property
    def features(self) -> dict[str, tuple[Measurement, ...]]:
        """The measurements of each feature, in the order of the list."""
        names = dict.fromkeys(
            measurement.feature_id for measurement in self.measurements
        )
        return {
            name: tuple(
                measurement
                for measurement in self.measurements
                if measurement.feature_id == name
            )
            for name in names
        }

    @property
    def platforms(self) -> dict[str, tuple[Control, ...]]:
        """The controls of each platform, in the order of the list."""
        names = dict.fromkeys(entry.platform_id for entry in self.controls)
        return {
            name: tuple(entry for entry in self.controls if entry.platform_id == name)
            for name in names
        }


def read_readiness(workspace_root: Path) -> Readiness:
    """Read the published run's data on each feature and platform.

    Parameters
    ----------
    workspace_root : Path
        The workspace.

    Raises
    ------
    UsageError
        The run was made by a version that did not look.
    NothingPublishedError
        No run has been published.
    """
    snapshot = PublishedReader(workspace_root).snapshot()
    try:
        rows = snapshot.query(_READINESS).to_pylist()
        controls = snapshot.query(_CONTROLS).to_pylist()
    except duckdb.CatalogException as error:
        raise UsageError(
            f"The run {snapshot.run_id} has no audit of measurements and controls.",
            where="roi.mart_measurement_readiness and roi.mart_platform_controls",
            next_step="It was made by an earlier version: run 'triptych build'.",
        ) from error
    return Readiness(
        snapshot.run_id,
        tuple(Measurement(**row) for row in rows),
        tuple(Control(**row) for row in controls),
    )
