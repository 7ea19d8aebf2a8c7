"""Status of a workspace: the last run, the published run, its sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.run_record import LastRun, RebuiltNodes, read_last_run, read_rebuilt
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS
from triptych.core.warehouse.inspection import (
    SourceState,
    ask_catalogue,
    read_source_states,
)
from triptych.core.warehouse.locks import read_history
from triptych.core.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)
from triptych.service.health import Health, judge

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace

_STUDIES = "SELECT status FROM attribution.studies"
#: The loads of a closed month are evidence of no source.
_CURRENT_LOADS = (
    "SELECT load_id FROM {loads} WHERE status = 'current'"
    f" AND NOT starts_with(stream, '{LOCKED_STREAMS}')"
)
_PERIODS = (
    "SELECT billing_month, state, reason, adjustment_count"
    " FROM cost.mart_period_states ORDER BY billing_month DESC"
)


@dataclass(frozen=True, slots=True)
class PeriodState:
    """State of a month in the published run, and the reason."""

    billing_month: str
    state: str
    reason: str | None
    adjustment_count: int


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """Number of loads added or withdrawn since the published build."""

    added_count: int
    withdrawn_count: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Full report of ``triptych status``.

    ``sources`` has those that were ingested; ``untried_sources`` those that are
    configured and were not. ``published_run_id`` is the run that readers see, and
    ``periods`` are its months, newest first; ``studies`` counts its studies by status.
    ``rebuilt`` lists the nodes that the published run executed and the reasons, and
    ``unbuilt`` the changes it does not know yet. ``audit_log_hash`` represents the
    whole audit log.
    """

    is_synthetic: bool
    health: Health
    last_run: LastRun | None
    rebuilt: RebuiltNodes | None
    unbuilt: Unbuilt
    published_run_id: str | None
    sources: tuple[SourceState, ...]
    untried_sources: tuple[str, ...]
    periods: tuple[PeriodState, ...]
    studies: dict[str, int]
    audit_log_hash: str


def status(workspace: Workspace, settings: Settings) -> StatusReport:
    """Look at the workspace without changing it.

    Raises
    ------
    AuditLogError
        Somebody changed the audit log.
    """
    history = read_history(workspace)
    sources = tuple(read_source_states(workspace.raw_database))
    published_run_id = _published_run(workspace.pointer)
    tried = {source.source for source in sources}
    return StatusReport(
        is_synthetic=settings.is_synthetic,
        health=judge(workspace, settings),
        last_run=read_last_run(workspace.runs_dir),
        rebuilt=None
        if published_run_id is None
        else read_rebuilt(workspace.runs_dir, published_run_id),
        unbuilt=_unbuilt(workspace),
        published_run_id=published_run_id,
        sources=sources,
        untried_sources=tuple(
            source.name for source in settings.sources if source.name not in tried
        ),
        periods=tuple(PeriodState(**row) for row in _published(workspace, _PERIODS)),
        studies=dict(Counter(row["status"] for row in _published(workspace, _STUDIES))),
        audit_log_hash=history.head_hash,
    )


def _unbuilt(workspace: Workspace) -> Unbuilt:
    built = {
        row["load_id"]
        for row in _published(workspace, _CURRENT_LOADS.format(loads="core.mart_loads"))
    }
    rows = ask_catalogue(
        workspace.raw_database, _CURRENT_LOADS.format(loads="catalogue.loads"), []
    )
    current = {row[0] for row in rows}
    return Unbuilt(len(current - built), len(built - current))


def _published(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = (
            PublishedReader(workspace.root).snapshot().query(sql).to_pylist()
        )
    except (NothingPublishedError, PublishedFileError, duckdb.CatalogException):
        return []  # never published, or by a triptych that knew no such table
    return rows


def _published_run(pointer: Path) -> str | None:
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return name.rpartition("/")[2].removesuffix(".duckdb")


__all__ = ["Health", "LastRun", "PeriodState", "StatusReport", "status"]
