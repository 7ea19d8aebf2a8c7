"""Operations: incidents, hours, heads, and survey answers.

No stream has a column for a name, an address or a text that somebody wrote. Who
answered a survey is a hash before it is stored, and leaves the evidence as a count.
"""

from __future__ import annotations

from ingest.streams.schema import (
    QUANTITY,
    TEXT,
    TIMESTAMP,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

INCIDENT_STATUSES = ("open", "acknowledged", "resolved", "unknown")
_KNOWN_STATUSES = ", ".join(f"'{status}'" for status in INCIDENT_STATUSES)

# A row is a state that an incident was seen in, so that an incident which was opened
# again is still a single incident. ``impact_started_at`` is when users felt it; where a
# system only knows when the record was made, ``starts_at_record`` marks it.
INCIDENTS = Stream(
    name="incidents",
    period_column="event_time",
    keeps_declared_only=True,
    key=("source_system", "incident_id", "status", "event_time"),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "incident_id", "id"),
        required(TEXT, "status"),
        required(TIMESTAMP, "event_time"),
        *typed(
            TIMESTAMP,
            "observed_at",
            "created_at",
            "impact_started_at",
            "acknowledged_at",
            "resolved_at",
        ),
        *texts(
            "native_status",
            "severity",
            "service",
            "service_id",
            "environment",
            "team_id",
            "model_id",
            "feature_id",
            "deployment_id",
            "commit_sha",
            "model_version",
        ),
        *typed("BOOLEAN", "starts_at_record", "is_test", "is_retrospective"),
        *typed(QUANTITY, "engaged_seconds", "engaged_people"),
    ),
    checks=(
        starts_in_range("event_time"),
        ("unknown_status", f'"status" NOT IN ({_KNOWN_STATUSES})'),
        ("negative_quantity", '"engaged_seconds" < 0 OR "engaged_people" < 0'),
    ),
)

# ``category`` is infra, incident or any other that an organisation books on;
# ``platform_id`` the platform of the catalogue that it was for. A worklog that was
# deleted comes once more, with ``is_deleted``.
WORKLOGS = Stream(
    name="worklogs",
    period_column="started_at",
    keeps_declared_only=True,
    key=("source_system", "worklog_id", "updated_at", "is_deleted"),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "worklog_id", "source_id", "id"),
        required(TIMESTAMP, "started_at", "work_date", "started"),
        required(QUANTITY, "hours"),
        *typed(TIMESTAMP, "updated_at", "observed_at"),
        *texts(
            "team_id",
            "category",
            "issue_id",
            "project",
            "incident_id",
            "model_id",
            "feature_id",
            "platform_id",
        ),
        *typed("BOOLEAN", "is_deleted"),
    ),
    checks=(
        starts_in_range("started_at"),
        ("negative_quantity", '"hours" < 0'),
    ),
)

SURVEY_RESPONSES = Stream(
    name="survey_responses",
    period_column="submitted_on",
    keeps_declared_only=True,
    key=("wave_id", "item_id", "respondent_hash", "group_id"),
    columns=(
        required(TEXT, "wave_id", "wave"),
        required(TIMESTAMP, "submitted_on"),
        required(TEXT, "group_id", "group"),
        required(TEXT, "item_id", "item"),
        required("DOUBLE", "scale_min"),
        required("DOUBLE", "scale_max"),
        # Empty in the row that gives how many of a group were asked.
        *typed("DOUBLE", "value"),
        *typed("BIGINT", "invited_count"),
        *texts("respondent_hash"),
    ),
    checks=(
        starts_in_range("submitted_on"),
        ("scale_without_range", '"scale_min" >= "scale_max"'),
        ("value_off_the_scale", '"value" < "scale_min" OR "value" > "scale_max"'),
        ("negative_quantity", '"invited_count" < 0'),
    ),
)

HEADCOUNT = Stream(
    name="headcount",
    period_column="period_start",
    keeps_declared_only=True,
    key=("team_id", "period_start"),
    columns=(
        required(TIMESTAMP, "period_start", "month"),
        required(TEXT, "team_id", "team"),
        required(QUANTITY, "headcount"),
        *typed(TIMESTAMP, "period_end"),
        *typed(QUANTITY, "working_hours_per_head", "leave_hours"),
    ),
    checks=(
        starts_in_range("period_start"),
        (
            "negative_quantity",
            '"headcount" < 0 OR "working_hours_per_head" < 0 OR "leave_hours" < 0',
        ),
    ),
)
