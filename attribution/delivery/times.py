"""Times of delivery with open items: medians and shares, as rows.

Items of ``delivery.mart_velocity_events`` by the month or quarter in which they began,
and all of them together; open items are censored. Computed once for each state of the
evidence and never on a page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Final

import duckdb

from attribution.delivery.survival import share_by, time_to_event
from attribution.estimates import store as estimate_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

#: Changes whenever the same items would be judged in another way.
METHOD_VERSION = 2
_SUBJECT = "delivery_times"
_SECONDS_PER_DAY: Final = 86_400
#: Durations for which an open item is informative.
METRICS: Final = (
    *("change_lead_time", "failed_deployment_recovery", "pilot_to_production"),
    *("registration_to_production", "time_to_restore", "training_to_production"),
)
#: Events that come to some items only: a share is more informative than a median.
CONVERSIONS: Final = ("pilot_to_production", "registration_to_production")
HORIZON_DAYS: Final = (7, 14, 30, 60, 90, 180)
_SCOPES: Final = {
    "service": "deployed_unit",
    "model": "model_id",
    "feature": "feature_id",
    "team": "team_id",
}
_COHORTS: Final = {
    "month": "started_month",
    "quarter": "started_quarter",
    "all": "'all'",
}
#: Items that began after the as-of moment of the run carry no information yet.
_ITEMS: Final = f"""
select metric, event_kind, item_key, deployed_unit, model_id, feature_id, team_id,
    started_month, started_quarter, state = 'used' as has_ended,
    coalesce(event_value, open_seconds) as seconds, started_at
from delivery.mart_velocity_events
where metric in {METRICS} and state in ('used', 'open')
    and coalesce(event_value, open_seconds) >= 0
"""
#: A deployment that reached several services of the same owner counts once, as it does
#: in ``delivery.mart_velocity``.
_GROUPS: Final = """
with scoped as (
    select metric, {scope} as scope_id, {cohort} as cohort, has_ended, seconds,
        started_at
    from items
    where {scope} is not null and (event_kind <> 'deployment' or {is_service})
    union all
    select metric, {scope}, {cohort}, bool_or(has_ended),
        coalesce(max(seconds) filter (has_ended), max(seconds)), max(started_at)
    from items
    where {scope} is not null and event_kind = 'deployment' and not {is_service}
    group by metric, {scope}, {cohort}, item_key
)
select metric, scope_id, cohort, list(seconds) as seconds, list(has_ended) as has_ended,
    max(started_at) as last_started_at
from scoped
group by metric, scope_id, cohort
order by metric, scope_id, cohort
"""


@dataclass(frozen=True, slots=True)
class DeliveryTimesReport:
    """Report on the groups of items estimated, and if they are unchanged."""

    group_count: int
    is_unchanged: bool


@dataclass(frozen=True, slots=True)
class _Group:
    """Items of a single metric, owner and cohort; times in seconds."""

    key: dict[str, str]
    last_started_at: datetime
    times: NDArray[np.float64]
    has_ended: NDArray[np.bool_]


def update_delivery_times(build_database: Path) -> DeliveryTimesReport:
    """Estimate the duration of delivery, including open items.

    Nothing is estimated again while no item has changed, nor the moment as of which the
    run looks.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    """
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        connection.execute(f"create or replace temp table items as {_ITEMS}")
        digest = _digest(connection)
        is_unchanged = estimate_store.is_current(connection, _SUBJECT, digest)
        if not is_unchanged:
            rows = time_to_event_rows(connection)
            estimate_store.replace(connection, _SUBJECT, digest, rows)
        count = estimate_store.count(connection, "delivery_times_to_event")
        return DeliveryTimesReport(count, is_unchanged)


def time_to_event_rows(
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, list[dict[str, Any]]]:
    """Return rows by table of the store, from the table ``items``."""
    medians: list[dict[str, Any]] = []
    shares: list[dict[str, Any]] = []
    for group in _groups(connection):
        medians.append(_median_row(group))
        if group.key["metric"] in CONVERSIONS:
            shares += _share_rows(group)
    return {"delivery_times_to_event": medians, "delivery_conversions": shares}


def _groups(connection: duckdb.DuckDBPyConnection) -> Iterator[_Group]:
    for (kind, scope), (cohort_kind, cohort) in product(
        _SCOPES.items(), _COHORTS.items()
    ):
        sql = _GROUPS.format(
            scope=scope,
            cohort=cohort,
            is_service="true" if kind == "service" else "false",
        )
        found = connection.sql(sql).to_arrow_table()
        times = _lists(found, "seconds")
        ended = _lists(found, "has_ended")
        for place, row in enumerate(
            found.drop_columns(["seconds", "has_ended"]).to_pylist()
        ):
            key = {
                "metric": row["metric"],
                "scope_kind": kind,
                "scope_id": row["scope_id"],
                "cohort_kind": cohort_kind,
                "cohort": row["cohort"],
            }
            yield _Group(
                key, row["last_started_at"], times[place], ended[place].astype(bool)
            )


def _lists(table: Any, column: str) -> list[NDArray[Any]]:  # noqa: ANN401  (of pyarrow)
    """Return the lists of a column as views on a single array."""
    found: list[NDArray[Any]] = []
    for chunk in table[column].chunks:
        values = chunk.values.to_numpy(zero_copy_only=False)
        offsets = chunk.offsets.to_numpy()
        found += [values[start:end] for start, end in pairwise(offsets)]
    return found


def _median_row(group: _Group) -> dict[str, Any]:
    found = time_to_event(group.times, group.has_ended)
    return {
        **group.key,
        "item_count": found.item_count,
        "event_count": found.event_count,
        "median_seconds": found.median,
        "median_seconds_low": found.median_low,
        "median_seconds_high": found.median_high,
        "median_seconds_of_ended": found.median_of_ended,
        "longest_seconds": found.longest,
    }


def _share_rows(group: _Group) -> Iterator[dict[str, Any]]:
    for days in HORIZON_DAYS:
        share = share_by(group.times, group.has_ended, days * _SECONDS_PER_DAY)
        yield {
            **group.key,
            "last_started_at": group.last_started_at,
            "horizon_days": days,
            "item_count": len(group.times),
            "followed_count": share.followed_count,
            "event_count": share.event_count,
            "share": share.share,
            "share_low": share.low,
            "share_high": share.high,
        }


def _digest(connection: duckdb.DuckDBPyConnection) -> str:
    found = connection.execute(
        # The order of rows is not defined: their hashes are added.
        "select count(*), sum(hash(t)::hugeint % 1000000007) from items as t"
    ).fetchall()
    return hashlib.sha256(f"{METHOD_VERSION}|{found}".encode()).hexdigest()
