"""Names studies whose outcome no source delivers, or in another unit."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from triptych.core.errors import TriptychError
from triptych.core.warehouse.reader import PublishedReader
from triptych.discovery.observation import Observation, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from attribution.causal.plan import Plan
    from ingest.connector import Connector
    from triptych.discovery.table_rows import OpenedTable

#: Stream → SQL of its metrics and their units of measure.
_METRICS: Final = {
    "outcomes": "metric, unit_of_measure",
    "process_volumes": "process_id, 'minutes'",
}
_PUBLISHED: Final = (
    "SELECT DISTINCT metric, unit_of_measure FROM outcomes.fct_daily_outcomes"
)


def delivered_units(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[OpenedTable],
    connectors: Sequence[Connector],
    root: Path,
) -> dict[str, set[str]] | None:
    """Return the units of each metric that files deliver or a run has published.

    ``None`` where a source, such as a database, has not been read yet.
    """
    units: dict[str, set[str]] = {}
    rows: list[tuple[object, object]] = []
    for table in tables:
        if columns := _METRICS.get(table.stream):
            sql = f"SELECT DISTINCT {columns} FROM {table.table}"
            rows += connection.execute(sql).fetchall()
    is_published = False
    with suppress(TriptychError):
        published = PublishedReader(root).snapshot().query(_PUBLISHED).to_pylist()
        rows += [(row["metric"], row["unit_of_measure"]) for row in published]
        is_published = True
    for metric, unit in rows:
        units.setdefault(str(metric), set()).update([str(unit)] if unit else [])
    opened = {table.source for table in tables}
    unread = {
        stream
        for each in connectors
        if each.config.name not in opened
        for stream in _METRICS.keys() & set(each.streams())
    }
    # What a run publishes has the metrics of outcomes, and no process.
    is_known = not unread or (is_published and "process_volumes" not in unread)
    return units if is_known else None


def undelivered_outcomes(
    plans: Iterable[Plan], units: Mapping[str, set[str]] | None
) -> Iterator[Observation]:
    """Name studies whose outcome no source delivers, or in another unit.

    Parameters
    ----------
    plans : iterable of Plan
        The studies of the workspace.
    units : mapping or None
        Delivered metric → its units of measure; ``None`` where that is not known yet.
    """
    if units is None:
        return
    for plan in plans:
        place = f"studies/{plan.id}.yml"
        delivered = units.get(plan.outcome)
        if delivered is None:
            yield Observation(
                "note",
                f"{place}: no source delivers its outcome {plan.outcome!r}"
                f"{nearest(plan.outcome, units)}.",
                "Deliver it by a source with stream: outcomes, or correct its name.",
            )
        elif delivered and plan.outcome_unit not in delivered:
            yield Observation(
                "note",
                f"{place}: its outcome {plan.outcome!r} is delivered in"
                f" {', '.join(sorted(delivered))}, and the plan says"
                f" {plan.outcome_unit}.",
                "Correct outcome_unit, or convert what is delivered.",
            )
