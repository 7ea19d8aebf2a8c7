"""Estimates of all studies of a workspace, between two halves of a build.

All studies are looked at before any is fitted; those that cannot begin are refused
there. The others are fitted on all cores, each for itself, and stored as soon as they
are done. A study is not fitted again while its plan, its data, its entries in the
register, the method and the seed are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from attribution.estimates import store as estimate_store
from attribution.estimates.library_versions import library_versions
from attribution.studies.asked import Asked, Registered
from attribution.studies.concluded import concluded_studies, restore
from attribution.studies.declared import declared_studies
from attribution.studies.panels import (
    Delivered,
    delivered_studies,
    refused_by_delivery,
    study_frame,
)
from attribution.studies.process import StudyJob, fit_study, fitted
from attribution.studies.request import StudyReport
from attribution.studies.restating import accepted_data, settled
from attribution.studies.rows import rows_of_refusal
from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from attribution.causal.plan import Plan
    from attribution.causal.refusal import Refusal
    from attribution.estimates.fitting_processes import ProcessAhead
    from attribution.studies.concluded import Concluded
    from attribution.studies.declared import DeclaredStudy
    from attribution.studies.request import StudyRequest
    from triptych.core.progress import Progress

_HAS_COSTS = """
SELECT 1 FROM duckdb_tables()
WHERE schema_name = 'cost' AND table_name = 'fct_daily_model_costs'
"""
_NEWEST_MONTH = "SELECT max(billing_month) FROM cost.fct_daily_model_costs"
#: Changes whenever the same plan and data would be estimated in another way.
METHOD_VERSION = 9
_STUDIES = "attribution_studies"
#: A single process fits the studies begun, so most of many are left to a process on
#: each core.
_BEGUN_AT_MOST = 8


def update_study_estimates(
    build_database: Path,
    request: StudyRequest,
    progress: Progress,
    *,
    ahead: ProcessAhead | None = None,
) -> StudyReport:
    """Estimate the studies that are new or have a changed basis.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    request : StudyRequest
        Studies to estimate.
    progress : Progress
        A single task, with a unit for each study that is fitted.
    ahead : ProcessAhead, optional
        Process in which :func:`begin_studies` has begun some.

    Raises
    ------
    SettingsError
        A study was locked when it was estimated last, and the register has no entry of
        it any more.
    """
    entries = request.register.entries()
    declared = declared_studies(request.plans, entries)
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        _refuse_lost_entries(connection, {entry.study_id for entry in entries})
        kept = concluded_studies(entries)
        lost = restore(connection, request.register.kept_folder, kept)
        stored = estimate_store.studies(connection)
        removed = sorted(stored.keys() - {one.plan.id for one in declared})
        estimate_store.remove_studies(connection, removed)
        # Without a plan there is no panel to look at, however much was delivered.
        delivered = delivered_studies(connection) if declared else {}
        due = _due(request, declared, delivered, stored, _newest(connection, delivered))
        store = partial(_store, connection, lost)
        _estimate(connection, due, delivered, request, progress, ahead, store)
        return StudyReport(
            tuple(asked.plan.id for asked, _ in due),
            tuple(removed),
            _statuses(connection),
        )


def begin_studies(
    connection: duckdb.DuckDBPyConnection, request: StudyRequest, ahead: ProcessAhead
) -> None:
    """Have a process begin studies that :func:`update_study_estimates` will ask for.

    It is started where there are any. Nothing is written. Costs may not be there yet:
    a study that is over by their newest month alone is fitted again.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database with the data of studies as they are going to be.
    request : StudyRequest
        Studies to begin.
    ahead : ProcessAhead
        A process.
    """
    declared = declared_studies(request.plans, request.register.entries())
    if not declared:
        return
    is_prepared = estimate_store.is_prepared(connection, _STUDIES)
    stored = estimate_store.studies(connection) if is_prepared else {}
    delivered = delivered_studies(connection)
    due = _due(request, declared, delivered, stored, _newest(connection, delivered))
    _, able = _divided(due, delivered)
    if able:
        ahead.start()
        ahead.begin(fit_study, _jobs(connection, able[:_BEGUN_AT_MOST]))


def _refuse_lost_entries(
    connection: duckdb.DuckDBPyConnection, known: Collection[str]
) -> None:
    """Refuse a register that was cut off: nobody takes a study out of it like that."""
    lost = [name for name in estimate_store.locked(connection) if name not in known]
    if lost:
        names = ", ".join(map(repr, lost))
        raise SettingsError(
            f"{names}: locked when it was last estimated, and the register has no entry"
            " of it now.",
            where="studies/register.jsonl",
            next_step="Restore the file from a copy. Two people take a study out of"
            ' what counts with "triptych study withdraw".',
        )


def seed_of(study_id: str, seed: int) -> int:
    """Return the seed of a study, independent of other studies."""
    digest = hashlib.sha256(f"{seed}|{study_id}".encode()).digest()
    return int.from_bytes(digest[:4])


def method_version() -> str:
    """Return the version of the method and of the libraries that compute."""
    return f"{METHOD_VERSION} ({library_versions()})"


def _due(
    request: StudyRequest,
    declared: Sequence[DeclaredStudy],
    delivered: Mapping[str, Delivered],
    stored: Mapping[str, str],
    newest: date | None,
) -> list[tuple[Asked, str]]:
    """Return the studies to estimate, each with the digest of its basis."""
    method = method_version()
    due = []
    for one in declared:
        plan = one.plan
        if request.only and plan.id not in request.only:
            continue
        found = delivered.get(plan.id, Delivered())
        asked = Asked(
            plan,
            _registered(one),
            seed_of(plan.id, request.seed),
            found.last_date,
            method,
            is_over=_is_over(plan, found.last_date, newest),
        )
        digest = _digest(asked, found)
        if stored.get(plan.id) != digest:
            due.append((asked, digest))
    return due


def _newest(
    connection: duckdb.DuckDBPyConnection, delivered: Mapping[str, Delivered]
) -> date | None:
    """Return a day that has surely come, by the newest evidence of any kind.

    A study with figures that stop is over when others go on past its end: nobody keeps
    a bad study open by delivering nothing.
    """
    days = [one.last_date for one in delivered.values() if one.last_date]
    # Asked first: an error would end the transaction of a build.
    if connection.execute(_HAS_COSTS).fetchall():
        ((month,),) = connection.execute(_NEWEST_MONTH).fetchall()
        if month:
            # Charges can be dated ahead within their month: its first day has to do.
            days.append(date.fromisoformat(f"{month}-01"))
    return max(days, default=None)


def _is_over(plan: Plan, last: date | None, newest: date | None) -> bool:
    """Return whether the registered end has passed, or all its periods are seen."""
    ends = [day for day in (newest, last and next_period(plan, last)) if day]
    return bool(ends) and max(ends) >= plan.window.end


def next_period(plan: Plan, day: date) -> date:
    """Return the first day of the period after that of a given day."""
    if plan.period == "day":
        return day + timedelta(days=1)
    if plan.period == "week":
        return day + timedelta(days=7 - day.weekday())
    if plan.period == "year":
        return day.replace(year=day.year + 1, month=1, day=1)
    left = 3 - (day.month - 1) % 3 if plan.period == "quarter" else 1
    months = day.month - 1 + left
    return date(day.year + months // 12, months % 12 + 1, 1)


def _digest(asked: Asked, delivered: Delivered) -> str:
    basis = {
        "plan": asked.plan.hash,
        "registered": asdict(asked.registered),
        "seed": asked.seed,
        "method": asked.method_version,
        "is_over": asked.is_over,
        "data": asdict(delivered),
    }
    text = json.dumps(basis, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _registered(declared_study: DeclaredStudy) -> Registered:
    locking = [entry for entry in declared_study.entries if entry.locks_a_plan]
    if not locking:
        return Registered(declared_study.state)
    return Registered(
        declared_study.state,
        locking[0].at,
        locking[0].by,
        locking[-1].minimum_detectable_effect,
        locking[-1].low_power_reason,
        declared_study.withdrawal,
        declared_study.notes,
        declared_study.draw,
        accepted_data(declared_study.entries),
    )


def _store(
    connection: duckdb.DuckDBPyConnection,
    lost: Mapping[str, Concluded],
    asked: Asked,
    digest: str,
    rows: Mapping[str, pa.Table],
) -> None:
    """Store the results of a study, unless its concluded figure stays."""
    stored = settled(connection, asked, rows, lost)
    if stored is None:
        estimate_store.keep_study(connection, asked.plan.id, digest)
    else:
        estimate_store.replace_study(connection, asked.plan.id, digest, stored)


def _estimate(
    connection: duckdb.DuckDBPyConnection,
    due: Sequence[tuple[Asked, str]],
    delivered: Mapping[str, Delivered],
    request: StudyRequest,
    progress: Progress,
    ahead: ProcessAhead | None,
    store: Callable[[Asked, str, Mapping[str, pa.Table]], None],
) -> None:
    if not due:
        return
    refused, able = _divided(due, delivered)
    with progress.task("attribute", len(due)) as task:
        for asked, digest, refusal in refused:
            store(asked, digest, rows_of_refusal(asked, refusal))
            task.advance()
        if not able:
            return
        processes = min(len(able), request.processes or os.cpu_count() or 1)
        # A cursor: results are stored on the connection while this cursor is half read.
        jobs = _jobs(connection.cursor(), able)
        for job, tables in fitted(jobs, processes=processes, ahead=ahead):
            store(job.asked, job.digest, tables)
            task.advance()


def _divided(
    due: Sequence[tuple[Asked, str]], delivered: Mapping[str, Delivered]
) -> tuple[list[tuple[Asked, str, Refusal]], list[tuple[Asked, str]]]:
    """Separate the studies that cannot begin from those that can be fitted."""
    refused, able = [], []
    for asked, digest in due:
        found = delivered.get(asked.plan.id, Delivered())
        refusal = refused_by_delivery(asked.plan, found)
        if refusal is None:
            able.append((asked, digest))
        else:
            refused.append((asked, digest, refusal))
    return refused, able


def _jobs(
    connection: duckdb.DuckDBPyConnection, able: Sequence[tuple[Asked, str]]
) -> Iterator[StudyJob]:
    for asked, digest in able:
        yield StudyJob(asked, study_frame(connection, asked.plan), digest)


def _statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    statuses = connection.execute(
        "SELECT study_id, status FROM estimates.attribution_studies ORDER BY study_id"
    ).fetchall()
    return dict(statuses)
