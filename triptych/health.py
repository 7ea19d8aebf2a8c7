"""Whether readers see what they should: fresh, stale or failed, and why.

*Failed* is what somebody must look at: the last run failed, a source of it did, or it
was killed. *Stale* is what is older than it should be: nothing was published for too
long, or a feed is older than its owner expects. What is published stands either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from triptych.run_record import LastRun, is_somebody_at_it, read_last_run
from triptych.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)

if TYPE_CHECKING:
    from triptych.settings import Settings
    from triptych.workspace import Workspace

State = Literal["fresh", "stale", "failed"]

_PUBLISHED = "SELECT run_id, started_at FROM core.mart_run"
_STALE_FEEDS = (
    "SELECT source, max(newest_evidence_at) AS newest_evidence_at"
    " FROM core.mart_source_freshness WHERE is_stale GROUP BY source ORDER BY source"
)


@dataclass(frozen=True, slots=True)
class Health:
    """What ``triptych health`` tells; ``reasons`` is empty where all is fresh.

    ``published_at`` is the start of the run that readers see, UTC.
    """

    state: State
    reasons: tuple[str, ...]
    published_run_id: str | None
    published_at: datetime | None
    is_run_under_way: bool


def judge(
    workspace: Workspace, settings: Settings, *, now: datetime | None = None
) -> Health:
    """Look at the last run and at what is published, without changing anything.

    Parameters
    ----------
    workspace, settings
        Where, and how old a publication may be (``health.max_age_hours``).
    now : datetime, optional
        To judge at another time than the present one; aware.
    """
    last_run = read_last_run(workspace.runs_dir)
    is_busy = (
        last_run is not None
        and not last_run.is_over
        and is_somebody_at_it(workspace.lock_file)
    )
    published, stale_feeds = _published(workspace)
    published_at = None if published is None else _utc(published["started_at"])
    failed = () if is_busy else tuple(_failures(last_run))
    limit = timedelta(hours=settings.health.max_age_hours)
    age = None if published_at is None else (now or datetime.now(UTC)) - published_at
    stale = (*_too_old(age, limit), *stale_feeds)
    return Health(
        state="failed" if failed else "stale" if stale else "fresh",
        reasons=(*failed, *stale),
        published_run_id=None if published is None else published["run_id"],
        published_at=published_at,
        is_run_under_way=is_busy,
    )


def _failures(run: LastRun | None) -> list[str]:
    if run is None:
        return []
    if not run.is_over:
        return [f"Run {run.run_id} was stopped while {run.state}. Run again."]
    if run.state == "failed":
        return [f"Run {run.run_id} failed: {run.error or 'no reason was written down'}"]
    return list(run.failures)


def _too_old(age: timedelta | None, limit: timedelta) -> tuple[str, ...]:
    if age is None:
        return ("Nothing has been published yet.",)
    if age <= limit:
        return ()
    hours = age.total_seconds() / 3600
    allowed = limit.total_seconds() / 3600
    return (
        f"What is published is {hours:,.1f} hours old, and may be {allowed:,.1f}"
        " (health.max_age_hours).",
    )


def _published(workspace: Workspace) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return the run that readers see and its stale feeds, in words."""
    try:
        snapshot = PublishedReader(workspace.root).snapshot()
        run = snapshot.query(_PUBLISHED).to_pylist()[0]
        feeds = snapshot.query(_STALE_FEEDS).to_pylist()
    except (NothingPublishedError, PublishedFileError, duckdb.CatalogException):
        return None, ()
    return run, tuple(_told_of_feed(feed) for feed in feeds)


def _told_of_feed(feed: dict[str, Any]) -> str:
    newest = feed["newest_evidence_at"]
    if newest is None:
        return f"{feed['source']} has never delivered anything."
    return f"{feed['source']} is older than expected: its newest is of {newest} UTC."


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


__all__ = ["Health", "State", "judge"]
