"""Canonical streams of software delivery and of serving in production.

Every connector that sees deployments delivers ``deployments``; a connector that sees
how long requests take delivers ``serving_latency``. Both keep every observation: a
later state of a deployment is another row, and percentiles are never merged.
"""

from __future__ import annotations

from ingest.streams.schema import (
    LATEST_END,
    QUANTITY,
    TEXT,
    TIMESTAMP,
    Column,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

#: States of a deployment, regardless of its system's names. ``success``, ``failure``
#: and ``cancelled`` end a rollout; ``inactive`` (replaced, removed, asleep) does not
#: show how it ended; ``unknown`` is a state that no mapping names.
DEPLOYMENT_STATUSES = (
    "open",
    "success",
    "failure",
    "cancelled",
    "inactive",
    "unknown",
)
_KNOWN_STATUSES = ", ".join(f"'{status}'" for status in DEPLOYMENT_STATUSES)

# A row is a state that a deployment was seen in. Polled systems forget: today's state
# of a replaced deployment is not its outcome, so each state that was seen is kept, and
# the outcome is the first of those that end a rollout.
DEPLOYMENTS = Stream(
    name="deployments",
    period_column="event_time",
    keeps_declared_only=True,
    key=(
        *("source_system", "deployment_id", "attempt", "native_status", "event_time"),
        # A single deployment may ship several services or repositories at once.
        *("service", "repository"),
    ),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "deployment_id", "id"),
        Column("attempt", "BIGINT", aliases=("run_attempt",)),
        required(TEXT, "status"),
        Column("native_status"),
        required(TIMESTAMP, "event_time"),
        *typed(TIMESTAMP, "observed_at", "started_at", "finished_at"),
        Column("service", aliases=("service_name",)),
        *texts(
            "service_id",
            "project",
            "repository",
            "branch",
            "commit_sha",
            "artifact_id",
            "environment",
            "environment_id",
            "environment_tier",
            "region",
            "model_id",
            "registered_model",
            "model_version",
            "feature_id",
            "incident_id",
            "url",
        ),
        *typed("BOOLEAN", "is_rollback", "is_rework"),
        Column("change_hint"),
    ),
    checks=(
        starts_in_range("event_time"),
        ("unknown_status", f'"status" NOT IN ({_KNOWN_STATUSES})'),
    ),
)

# A commit may be delivered once for each deployment that first contained it, by a
# source that can compare two revisions. No name and no message of a person comes along.
COMMITS = Stream(
    name="commits",
    period_column="committed_at",
    keeps_declared_only=True,
    key=("source_system", "repository", "commit_sha", "deployment_id"),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "repository"),
        required(TEXT, "commit_sha", "sha"),
        required(TIMESTAMP, "committed_at"),
        *typed(TIMESTAMP, "observed_at", "authored_at"),
        *texts("branch", "service", "project", "deployment_id", "deployed_sha"),
        *texts("pull_request_id"),
        *typed(TIMESTAMP, "pull_request_opened_at", "merged_at"),
        *typed("BOOLEAN", "is_squash"),
        *texts("model_id", "feature_id"),
    ),
    checks=(starts_in_range("committed_at"),),
)

# Seconds, and only as the source computed them over a single window: percentiles of
# several windows, instances or models have no joint percentile.
SERVING_LATENCY = Stream(
    name="serving_latency",
    period_column="period_start",
    columns=(
        required(TIMESTAMP, "period_start"),
        required(TIMESTAMP, "period_end"),
        required(TEXT, "source_system"),
        *texts(
            "model_id",
            "pool_id",
            "platform_id",
            "service",
            "service_id",
            "project",
            "environment",
            "environment_id",
        ),
        *typed(
            "DOUBLE",
            "latency_p50_seconds",
            "latency_p90_seconds",
            "latency_p95_seconds",
            "latency_p99_seconds",
        ),
        *typed(QUANTITY, "requests", "successful_requests"),
    ),
    checks=(
        starts_in_range("period_start"),
        ("date_out_of_range", f'"period_end" >= {LATEST_END}'),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
        (
            "negative_quantity",
            '"latency_p50_seconds" < 0 OR "latency_p90_seconds" < 0'
            ' OR "latency_p95_seconds" < 0 OR "latency_p99_seconds" < 0'
            ' OR "requests" < 0 OR "successful_requests" < 0',
        ),
        (
            "percentiles_out_of_order",
            '"latency_p50_seconds" > "latency_p90_seconds"'
            ' OR "latency_p90_seconds" > "latency_p95_seconds"'
            ' OR "latency_p95_seconds" > "latency_p99_seconds"'
            ' OR "latency_p50_seconds" > "latency_p99_seconds"',
        ),
    ),
)
