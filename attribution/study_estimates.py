"""What every study of a workspace says, between the two halves of a build.

All studies are looked at before any is fitted; those that cannot begin are refused
there. The others are fitted on all cores, each for itself, and stored as soon as they
are done. A study is not fitted again while its plan, its data, what the register says
of it, the method and the seed are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import duckdb

from attribution import estimate_store
from attribution.library_versions import library_versions
from attribution.studies.register import state_of_entries
from attribution.study_panels import (
    Delivered,
    delivered_studies,
    refused_by_delivery,
    study_frame,
)
from attribution.study_process import StudyJob, fitted
from attribution.study_request import StudyReport
from attribution.study_rows import Asked, Registered, rows_of_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from attribution.plan import Plan
    from attribution.refusal import Refusal
    from attribution.studies.register import Entry, StudyRegister
    from attribution.study_request import StudyRequest
    from triptych.progress import Progress

#: Changes whenever the same plan and data would be estimated in another way.
METHOD_VERSION = 3


def update_study_estimates(
    build_database: Path, request: StudyRequest, progress: Progress
) -> StudyReport:
    """Estimate the studies that are new or whose basis has changed.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    request : StudyRequest
        Which studies.
    progress : Progress
        One task, with a unit for each study that is fitted.
    """
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        stored = estimate_store.studies(connection)
        removed = sorted(stored.keys() - {plan.id for plan in request.plans})
        estimate_store.remove_studies(connection, removed)
        # Without a plan there is no panel to look at, however much was delivered.
        delivered = delivered_studies(connection) if request.plans else {}
        due = _due(request, delivered, stored)
        _estimate(connection, due, delivered, request, progress)
        return StudyReport(
            tuple(asked.plan.id for asked, _ in due),
            tuple(removed),
            _statuses(connection),
        )


def seed_of(study_id: str, seed: int) -> int:
    """Return the seed of a study, which does not depend on what other studies are."""
    digest = hashlib.sha256(f"{seed}|{study_id}".encode()).digest()
    return int.from_bytes(digest[:4])


def method_version() -> str:
    """Return the version of the method and of the libraries that compute."""
    return f"{METHOD_VERSION} ({library_versions()})"


def _due(
    request: StudyRequest, delivered: Mapping[str, Delivered], stored: Mapping[str, str]
) -> list[tuple[Asked, str]]:
    """Return the studies to estimate, each with the digest of its basis."""
    method, entries = method_version(), _entries(request.register)
    due = []
    for plan in sorted(request.plans, key=lambda plan: plan.id):
        if request.only and plan.id not in request.only:
            continue
        found = delivered.get(plan.id, Delivered())
        asked = Asked(
            plan,
            _registered(plan, entries.get(plan.id, [])),
            seed_of(plan.id, request.seed),
            found.last_date,
            method,
        )
        digest = _digest(asked, found)
        if stored.get(plan.id) != digest:
            due.append((asked, digest))
    return due


def _digest(asked: Asked, delivered: Delivered) -> str:
    basis = {
        "plan": asked.plan.hash,
        "registered": asdict(asked.registered),
        "seed": asked.seed,
        "method": asked.method_version,
        "data": asdict(delivered),
    }
    text = json.dumps(basis, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _entries(register: StudyRegister) -> dict[str, list[Entry]]:
    """Return the entries by study; the chain is checked once, not for each."""
    found: dict[str, list[Entry]] = {}
    for entry in register.entries():
        found.setdefault(entry.study_id, []).append(entry)
    return found


def _registered(plan: Plan, entries: Sequence[Entry]) -> Registered:
    if not entries:
        return Registered("EXPLORATORY")
    return Registered(
        state_of_entries(entries, plan),
        entries[0].at,
        entries[0].by,
        entries[-1].minimum_detectable_effect,
        entries[-1].low_power_reason,
    )


def _estimate(
    connection: duckdb.DuckDBPyConnection,
    due: Sequence[tuple[Asked, str]],
    delivered: Mapping[str, Delivered],
    request: StudyRequest,
    progress: Progress,
) -> None:
    if not due:
        return
    refused, able = _divided(due, delivered)
    with progress.task("attribute", len(due)) as task:
        for asked, digest, refusal in refused:
            rows = rows_of_refusal(asked, refusal)
            estimate_store.replace_study(connection, asked.plan.id, digest, rows)
            task.advance()
        if not able:
            return
        processes = min(len(able), request.processes or os.cpu_count() or 1)
        for job, tables in fitted(_jobs(connection, able), processes=processes):
            study = job.asked.plan.id
            estimate_store.replace_study(connection, study, job.digest, tables)
            task.advance()


def _divided(
    due: Sequence[tuple[Asked, str]], delivered: Mapping[str, Delivered]
) -> tuple[list[tuple[Asked, str, Refusal]], list[tuple[Asked, str]]]:
    """Tell the studies that cannot begin from those that can be fitted."""
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
    # A cursor: results are stored on the connection while this one is half read.
    reader = connection.cursor()
    for asked, digest in able:
        yield StudyJob(asked, study_frame(reader, asked.plan), digest)


def _statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    found = connection.execute(
        "SELECT study_id, status FROM estimates.attribution_studies ORDER BY study_id"
    ).fetchall()
    return dict(found)


__all__ = [
    "METHOD_VERSION",
    "method_version",
    "seed_of",
    "update_study_estimates",
]
