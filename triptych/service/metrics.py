"""Metrics of the last run for Prometheus, as a text file for node_exporter.

A run is a batch job: it is over before anybody could scrape it. It leaves a file that
the textfile collector of node_exporter reads, replaced in a single step.

Source: Prometheus, *Exposition formats*, text format 0.0.4. Amounts are the sums of
their marts; a metric with an unknown value is left out, and never zero.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from triptych import __version__
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query
from triptych.core.run_record import read_last_run
from triptych.core.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)
from triptych.service.health import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from triptych.core.run_record import LastRun
    from triptych.core.settings import Settings
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace
    from triptych.service.health import Health

_HEALTH_STATES = ("fresh", "stale", "failed")
_FEEDS = (
    "SELECT source, stream, newest_evidence_at, expected_lag_hours, is_stale,"
    " quarantined_row_count FROM core.mart_source_freshness ORDER BY source, stream"
)
#: Both directions count: an invoice too high does not make up for an invoice too low.
_UNRECONCILED = compile_query(
    query("unreconciled_amount", by=("billing_month", "currency"))
)
_MONTHS = "SELECT state FROM cost.mart_period_states ORDER BY state"


@dataclass(frozen=True, slots=True)
class Metric:
    """Family of samples: its measured quantity, its unit, and its values."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]
    kind: Literal["gauge"] = field(default="gauge")


def collect(
    workspace: Workspace, settings: Settings, *, now: datetime | None = None
) -> tuple[Metric, ...]:
    """Return the metrics of the last run and of the published run.

    Parameters
    ----------
    workspace, settings
        Workspace, and the limit of staleness.
    now : datetime, optional
        Aware; the present time by default.
    """
    moment = now or datetime.now(UTC)
    health = judge(workspace, settings, now=moment)
    found = [
        *_of_run(
            read_last_run(workspace.runs_dir), is_under_way=health.is_run_under_way
        ),
        *_of_health(health, moment),
        *_of_publication(workspace),
    ]
    return tuple(metric for metric in found if metric.samples)


def _of_run(run: LastRun | None, *, is_under_way: bool) -> Iterator[Metric]:
    if run is None:
        return
    yield _one(
        "triptych_last_run_info",
        "The last run: its state, and the version of triptych that tells of it.",
        1,
        run_id=run.run_id,
        state=run.state,
        version=__version__,
    )
    is_success = (
        run.state in {"published", "unchanged", "ingested"} and not run.failures
    )
    yield _one(
        "triptych_last_run_success",
        "1 if the last run succeeded, else 0; none while it is under way.",
        None if is_under_way else is_success,
    )
    yield _one(
        "triptych_last_run_start_timestamp_seconds",
        "When the last run began.",
        datetime.fromisoformat(run.started_at).timestamp(),
    )
    yield _one(
        "triptych_last_run_duration_seconds",
        "How long the last run took, or has taken when it wrote this down.",
        run.duration_seconds,
    )
    yield _one(
        "triptych_last_run_failed_sources",
        "Sources that could not be read in the last run.",
        len(run.failures),
    )
    yield Metric(
        "triptych_last_run_failed_tests",
        "Models and tests that failed (error) or warned (warn) in the last run.",
        (
            ({"severity": "error"}, float(len(run.failed_nodes))),
            ({"severity": "warn"}, float(len(run.warnings))),
        ),
    )


def _of_health(health: Health, now: datetime) -> Iterator[Metric]:
    yield Metric(
        "triptych_health",
        "1 for the state of the workspace when this was written, 0 for the others.",
        tuple(({"state": s}, float(s == health.state)) for s in _HEALTH_STATES),
    )
    if health.published_at is not None:
        yield _one(
            "triptych_published_timestamp_seconds",
            "When the run that readers see began. Its age now is time() less this.",
            health.published_at.timestamp(),
        )
        yield _one(
            "triptych_published_age_seconds",
            "Age of what readers see, when this was written.",
            (now - health.published_at).total_seconds(),
        )


def _of_publication(workspace: Workspace) -> Iterator[Metric]:
    try:
        snapshot = PublishedReader(workspace.root).snapshot()
    except (NothingPublishedError, PublishedFileError):
        return
    feeds = _rows(snapshot, _FEEDS)
    yield _by_feed(
        "triptych_source_newest_evidence_timestamp_seconds",
        "Until when a source's stream has evidence.",
        [(feed, _seconds(feed["newest_evidence_at"])) for feed in feeds],
    )
    yield _by_feed(
        "triptych_source_expected_lag_seconds",
        "How old its owner expects it to be at most.",
        [(feed, _times(feed["expected_lag_hours"], 3600)) for feed in feeds],
    )
    yield _by_feed(
        "triptych_source_stale",
        "1 if it was older than that when the published run was made, else 0.",
        [(feed, float(feed["is_stale"])) for feed in feeds],
    )
    yield _by_feed(
        "triptych_source_quarantined_rows",
        "Rows of its current loads that were refused.",
        [(feed, float(feed["quarantined_row_count"])) for feed in feeds],
    )
    yield Metric(
        "triptych_unreconciled_amount",
        "What nothing explains between invoices and bills that do not tie, both ways.",
        tuple(
            (
                {"billing_month": row["billing_month"], "currency": row["currency"]},
                float(row["unreconciled_amount"]),
            )
            for row in _rows(snapshot, _UNRECONCILED)
            if row["unreconciled_amount"] is not None
        ),
    )
    yield Metric(
        "triptych_months",
        "Billing months by state.",
        tuple(
            ({"state": state}, float(count))
            for state, count in Counter(
                row["state"] for row in _rows(snapshot, _MONTHS)
            ).items()
        ),
    )


def _rows(snapshot: Snapshot, sql: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = snapshot.query(sql).to_pylist()
    except duckdb.CatalogException:
        return []  # published by a triptych that did not know the mart
    return rows


def _one(name: str, about: str, value: float | None, **labels: str) -> Metric:
    samples = () if value is None else ((labels, float(value)),)
    return Metric(name, about, samples)


def _by_feed(
    name: str, about: str, found: list[tuple[dict[str, Any], float | None]]
) -> Metric:
    return Metric(
        name,
        about,
        tuple(
            ({"source": feed["source"], "stream": feed["stream"]}, value)
            for feed, value in found
            if value is not None
        ),
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()


def _times(value: float | None, factor: int) -> float | None:
    return None if value is None else float(value) * factor


def render(metrics: tuple[Metric, ...]) -> str:
    """Return metrics in the text format of Prometheus."""
    lines: list[str] = []
    for metric in metrics:
        lines += [
            f"# HELP {metric.name} {_escaped(metric.help)}",
            f"# TYPE {metric.name} {metric.kind}",
            *(
                f"{metric.name}{_labels(labels)} {value!r}"
                for labels, value in metric.samples
            ),
        ]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{key}="{_quoted(str(text))}"' for key, text in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")


def write(metrics: tuple[Metric, ...], target: Path) -> None:
    """Write metrics to a world-readable file, replaced in a single step.

    Raises
    ------
    OSError
        The folder is not there, or may not be written.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as fresh:
            fresh.write(render(metrics))
        # node_exporter runs as somebody else.
        os.chmod(name, 0o644)  # noqa: PTH101
        os.replace(name, target)  # noqa: PTH105
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise
