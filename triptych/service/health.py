"""Health of the published data: fresh, stale or failed, with reasons.

*Failed* needs attention: the last run failed, a source of it did, or it was killed, the
catalogue cannot be read, a source counts that the settings do not have, a budget is of
a scope that nobody declared, or money, a rate or a quantity is probably not meant.
*Stale* is data older than it should be: nothing was published for too long, or a feed
is older than its owner expects. The published run stays either way.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from triptych.core.alert_outbox import read_alert_troubles
from triptych.core.alert_responses import read_acknowledged
from triptych.core.doubtful_inputs import read_doubtful_inputs
from triptych.core.errors import MachineError, RunLockedError
from triptych.core.lake.lake_log import StaleCatalogueError, refuse_lost
from triptych.core.machine_errors import as_expected
from triptych.core.marts.own_outcomes import read_ended
from triptych.core.run_record import (
    LastRun,
    is_somebody_at_it,
    read_last_run,
)
from triptych.core.warehouse.coverage_overlaps import read_open_overlaps
from triptych.core.warehouse.journal_check import (
    VERIFY,
    check_journal,
    in_words,
    key_or_none,
)
from triptych.core.warehouse.published_checksum import has_checksum
from triptych.core.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)
from triptych.core.warehouse.undecided_sources import read_undecided
from triptych.evidence.kept_files import in_short, missing_evidence
from triptych.run.study_journal import check_register

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Settings
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

State = Literal["fresh", "stale", "failed"]

#: Clocks of machines that share a folder differ by less.
_CLOCKS_DIFFER = timedelta(minutes=5)
_MEGABYTE = 1_000_000
#: Further output of a run: the build, records, logs.
_SPARE_BYTES = 50 * _MEGABYTE
_UNCHECKED = (
    "The checksum of the published file is missing or damaged, so nobody can tell"
    ' whether the file was edited. Run "triptych build" to publish it again.'
)
_PUBLISHED = "SELECT run_id, started_at FROM core.mart_run"
_OPEN_ITEMS = (
    "SELECT billing_month, open_item_count, oldest_open_item_days"
    " FROM cost.mart_period_states WHERE open_item_count > 0 ORDER BY billing_month"
)
#: Each source with a stale stream, and until when the newest of these has evidence.
STALE_SOURCES = (
    "SELECT DISTINCT ON (source) source, newest_evidence_at"
    " FROM core.mart_source_freshness WHERE is_stale"
    " ORDER BY source, newest_evidence_at DESC NULLS LAST"
)


@dataclass(frozen=True, slots=True)
class Health:
    """Report of ``triptych health``; ``reasons`` is empty if all is fresh.

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
    """Judge the last run and the published run, without changing anything.

    Parameters
    ----------
    workspace, settings
        Workspace, and the maximum age of a publication (``health.max_age_hours``).
    now : datetime, optional
        Time of judgement if not the present; aware.
    """
    last_run = read_last_run(workspace.runs_dir)
    is_busy = (
        last_run is not None
        and not last_run.is_over
        and is_somebody_at_it(workspace.lock_file)
    )
    published, stale_feeds, damage, own = _published(workspace)
    published_at = None if published is None else _utc(published["started_at"])
    limit = timedelta(hours=settings.health.max_age_hours)
    age = None if published_at is None else (now or datetime.now(UTC)) - published_at
    failed = (
        ()
        if is_busy
        else (
            *_failures(last_run),
            *damage,
            *_to_come(published, age),
            *_of_the_catalogue(workspace, settings),
            *_without_space(workspace),
            *_missing(workspace),
        )
    )
    failed += (*own, *_doubts(workspace), *_of_alerts(workspace.runs_dir))
    stale = (*(() if damage else _too_old(age, limit)), *stale_feeds)
    return Health(
        state="failed" if failed else "stale" if stale else "fresh",
        reasons=(*failed, *stale),
        published_run_id=None if published is None else published["run_id"],
        published_at=published_at,
        is_run_under_way=is_busy,
    )


def _of_the_catalogue(workspace: Workspace, settings: Settings) -> tuple[str, ...]:
    """Return the problems of the catalogue, or its undecided sources."""
    names = [source.name for source in settings.sources]
    try:
        refuse_lost(workspace.raw_database, workspace.lake)
        found = read_undecided(workspace.raw_database, names)
    except RunLockedError:
        return ()
    except (StaleCatalogueError, MachineError, duckdb.Error) as error:
        return (str(as_expected(error)),)
    return tuple(map(str, found))


def _of_alerts(runs_dir: Path) -> list[str]:
    """Return which channels fail, and which alerts may not have arrived."""
    return read_alert_troubles(runs_dir, read_acknowledged(runs_dir))


def _missing(workspace: Workspace) -> tuple[str, ...]:
    """Return which evidence is gone or damaged, the first three and their number."""
    try:
        differences = missing_evidence(workspace)
    except (RunLockedError, StaleCatalogueError, MachineError, duckdb.Error):
        return ()  # which the state of the catalogue says
    return tuple(map(str, in_short(differences)))


def _failures(run: LastRun | None) -> list[str]:
    if run is None:
        return []
    if not run.is_over:
        return [f"Run {run.run_id} was stopped while {run.state}. Run again."]
    if run.state == "failed":
        return [f"Run {run.run_id} failed: {run.error or 'no reason was written down'}"]
    return list(run.failures)


def _to_come(
    published: dict[str, Any] | None, age: timedelta | None
) -> tuple[str, ...]:
    """Return that the published run has a date which is yet to come."""
    if published is None or age is None or age >= -_CLOCKS_DIFFER:
        return ()
    return (
        f"Run {published['run_id']} began on {published['started_at']:%Y-%m-%d %H:%M},"
        " which is yet to come: a clock was or is wrong. Set it and run again.",
    )


def _without_space(workspace: Workspace) -> list[str]:
    """Return whether the next run would fill the disk: it publishes a new file."""
    files = workspace.published_dir.glob("*.duckdb")
    needed = max((file.stat().st_size for file in files), default=0) + _SPARE_BYTES
    free = free_bytes(workspace.root)
    if free >= needed:
        return []
    return [
        f"{workspace.root}: {free / _MEGABYTE:,.0f} MB are free on this disk, and a run"
        f" takes {needed / _MEGABYTE:,.0f} MB or more: it would fail. Free some, such"
        ' as with "triptych prune" or a smaller warehouse.keep_runs, and run again.'
    ]


def free_bytes(folder: Path) -> int:
    """Return how much this user can still write where a folder is."""
    return shutil.disk_usage(folder).free


def _doubts(workspace: Workspace) -> tuple[str, ...]:
    """Return the doubts on the audit log, the register and closed months."""
    doubts = (*check_journal(workspace), *check_register(workspace))
    return tuple(f"{in_words(doubt)} {VERIFY}" for doubt in doubts)


def _too_old(age: timedelta | None, limit: timedelta) -> tuple[str, ...]:
    if age is None:
        return ('Nothing has been published yet. Run "triptych run".',)
    if age <= limit:
        return ()
    hours = age.total_seconds() / 3600
    allowed = limit.total_seconds() / 3600
    return (
        f"What is published is {hours:,.1f} hours old, and may be {allowed:,.1f}"
        ' (health.max_age_hours). Run "triptych run".',
    )


def _published(
    workspace: Workspace,
) -> tuple[dict[str, Any] | None, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the current run, stale feeds, damage, and unsettled items."""
    try:
        snapshot = PublishedReader(workspace.root).snapshot()
        run = snapshot.query(_PUBLISHED).to_pylist()[0]
        feeds = snapshot.query(STALE_SOURCES).to_pylist()
        is_checked = has_checksum(snapshot.path, workspace.root)
        # Published by an earlier version, and nothing was written since.
        is_checked |= not snapshot.journal_head and key_or_none(workspace.root) is None
        own = (
            *_own_failures(snapshot),
            *_open_since_close(snapshot),
            *(str(each) for each in read_doubtful_inputs(snapshot) if each.is_red),
            *map(str, read_open_overlaps(snapshot)),
        )
    except (NothingPublishedError, duckdb.CatalogException):
        return None, (), (), ()
    except (PublishedFileError, duckdb.Error) as error:
        return None, (), (str(as_expected(error)),), ()
    unchecked = () if is_checked else (_UNCHECKED,)
    return run, tuple(_told_of_feed(feed) for feed in feeds), unchecked, own


def _own_failures(snapshot: Snapshot) -> tuple[str, ...]:
    """Return which models of the workspace the published run lacks, and why."""
    return tuple(
        " ".join(f"Your model {e.name}: {e.message} All else is published.".split())
        for e in read_ended(snapshot)
        if e.is_failure
    )


def _open_since_close(snapshot: Snapshot) -> tuple[str, ...]:
    """Return which closed months have items that nobody settled, and for how long."""
    try:
        months = snapshot.query(_OPEN_ITEMS).to_pylist()
    except duckdb.BinderException:
        return ()  # published by a version that had no open items
    return tuple(
        f"{month['billing_month']} is closed and has {month['open_item_count']} open"
        f' since, the oldest for {month["oldest_open_item_days"]} days. Run "triptych'
        f' reconcile --period {month["billing_month"]}" to see them.'
        for month in months
    )


def _told_of_feed(feed: dict[str, Any]) -> str:
    newest = feed["newest_evidence_at"]
    if newest is None:
        return (
            f"{feed['source']} has no delivery that counts: none came, or all were"
            " withdrawn (triptych loads list --all)."
        )
    return (
        f"{feed['source']} is older than expected: its newest is of {newest} UTC."
        f' Run "triptych ingest {feed["source"]}"; if nothing comes, ask its vendor, or'
        " allow more with expected_lag_hours."
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
