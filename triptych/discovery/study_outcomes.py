"""Names studies whose outcome no source delivers, and whose feature nobody has."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from triptych.core.errors import TriptychError
from triptych.core.settings.match import is_template
from triptych.core.warehouse.reader import PublishedReader
from triptych.discovery.observation import Observation, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from attribution.causal.plan import Plan
    from ingest.connector import Connector
    from triptych.core.settings import Settings
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


def doubtful_studies(
    plans: Sequence[Plan], units: Mapping[str, set[str]] | None, settings: Settings
) -> Iterator[Observation]:
    """Name studies that cannot be answered by their outcome or their feature."""
    yield from _undelivered_outcomes(plans, units)
    yield from _undeclared_features(plans, settings)


def _undelivered_outcomes(
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


def _undeclared_features(
    plans: Iterable[Plan], settings: Settings
) -> Iterator[Observation]:
    """Name studies of a feature that the catalogue does not have.

    Without features in the catalogue, or where tags name features, all are possible.
    """
    declared = [feature.id for feature in settings.catalog.features]
    named_by_tags = any(
        rule.target_kind == "feature" and is_template(rule.target)
        for rule in settings.allocation.assignments
    )
    for plan in plans if declared and not named_by_tags else ():
        if plan.feature not in declared:
            yield Observation(
                "note",
                f"studies/{plan.id}.yml: catalog.yml has no feature"
                f" {plan.feature!r}{nearest(plan.feature, declared)}.",
                f"Features: {', '.join(declared[:8])}. Correct the plan.",
            )
