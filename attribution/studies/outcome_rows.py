"""Read outcomes that were delivered, and from when each unit had the feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from triptych.core.warehouse.reader import Snapshot

_METRICS: Final = """
SELECT DISTINCT metric, coalesce(unit_of_measure, '') AS unit_of_measure, feature_id
FROM outcomes.fct_daily_outcomes ORDER BY ALL
"""
_ROWS: Final = """
SELECT coalesce(unit, 'all') AS unit, outcome_date AS date, value AS outcome,
    feature_id, arm, is_treated, coalesce(unit_of_measure, '') AS unit_of_measure
FROM outcomes.fct_daily_outcomes WHERE metric = $metric ORDER BY ALL
"""


@dataclass(frozen=True)
class OutcomeRows:
    """Outcomes of a metric, as studies read them.

    Attributes
    ----------
    frame : DataFrame
        ``unit``, ``date``, ``outcome``; ``arm`` as 0 or 1 where all units have an arm.
    starts : mapping of str to date
        First date with the feature by unit.
    unit_of_measure, feature : str
        As delivered; empty where nothing was.
    """

    frame: pd.DataFrame
    starts: dict[str, date]
    unit_of_measure: str
    feature: str


def delivered_metrics(published: Snapshot) -> list[tuple[str, str, str | None]]:
    """Return metric, unit of measure and feature of all delivered outcomes."""
    rows = published.query(_METRICS).to_pylist()
    return [(row["metric"], row["unit_of_measure"], row["feature_id"]) for row in rows]


def outcome_rows(published: Snapshot, metric: str) -> OutcomeRows:
    """Return the outcomes of a metric with the starts that were delivered with them.

    Raises
    ------
    UsageError
        Nothing of the metric was delivered; the message names those that were.
    """
    rows = published.query(_ROWS, {"metric": metric}).to_pandas()
    if rows.empty:
        names = sorted({name for name, _, _ in delivered_metrics(published)})
        raise UsageError(
            f"No outcome {metric!r} is delivered.",
            next_step=f"Name one of: {', '.join(names)}."
            if names
            else "Deliver outcomes: unit, date and value (docs/how_to/read_tables.md).",
        )
    frame = rows[["unit", "date", "outcome"]].copy()
    if rows["arm"].notna().all():
        frame["arm"] = (rows["arm"].str.lower() != "control").astype(int)
    treated = rows[rows["is_treated"].fillna(value=False).astype(bool)]
    first = treated.groupby("unit")["date"].min()
    starts = {str(unit): pd.Timestamp(day).date() for unit, day in first.items()}
    features = sorted(set(rows["feature_id"].dropna()))
    return OutcomeRows(
        frame,
        starts,
        str(rows["unit_of_measure"].iloc[0]),
        features[0] if len(features) == 1 else "",
    )
