"""Origin and promotion of models: runs, versions, aliases.

Registries forget. None keeps when an alias was moved, so every record of a move is kept
as it was seen: the event, or the whole list of aliases at a moment.
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

#: States of a training run, regardless of its system's names.
TRAINING_STATUSES = ("running", "finished", "failed", "killed", "scheduled", "unknown")
#: Meaning of a row of ``promotions``. ``alias_seen`` is a line of a whole list of
#: aliases; a registered model that has none is in the list without an alias.
PROMOTION_EVENTS = ("alias_set", "alias_deleted", "alias_seen", "other")


def _one_of(column: str, allowed: tuple[str, ...]) -> str:
    known = ", ".join(f"'{one}'" for one in allowed)
    return f'"{column}" NOT IN ({known})'


# The newest of the rows of a run is its known state: a run is seen again for as long as
# it is open, and once more when somebody deletes it.
TRAINING_RUNS = Stream(
    name="training_runs",
    period_column="started_at",
    keeps_declared_only=True,
    key=("source_system", "run_id", "status", "observed_at"),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "run_id"),
        required(TEXT, "status"),
        required(TIMESTAMP, "started_at", "start_time"),
        *typed(TIMESTAMP, "ended_at", "observed_at", "last_metric_at"),
        *texts(
            "native_status",
            "experiment",
            "parent_run_id",
            "registered_model",
            "model_id",
            "feature_id",
            "architecture",
            "accelerator",
            "instance_type",
            "commit_sha",
            "repository",
        ),
        *typed("BOOLEAN", "is_deleted"),
        *typed(QUANTITY, "gpu_count"),
    ),
    checks=(
        starts_in_range("started_at"),
        ("unknown_status", _one_of("status", TRAINING_STATUSES)),
        ("negative_quantity", '"gpu_count" < 0'),
    ),
)

MODEL_VERSIONS = Stream(
    name="model_versions",
    period_column="created_at",
    keeps_declared_only=True,
    key=("source_system", "registered_model", "model_version", "observed_at"),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "registered_model", "model_name"),
        required(TEXT, "model_version", "version"),
        required(TIMESTAMP, "created_at", "creation_timestamp"),
        *typed(TIMESTAMP, "observed_at", "updated_at"),
        *texts("run_id", "status", "commit_sha", "model_id", "feature_id"),
        *typed("BOOLEAN", "is_deleted"),
    ),
    checks=(starts_in_range("created_at"),),
)

# A list of aliases equal to the list before is not delivered again, so a line also
# gives the time at which the list before was read: the alias moved after that.
PROMOTIONS = Stream(
    name="promotions",
    period_column="event_time",
    keeps_declared_only=True,
    key=(
        *("source_system", "event_id", "event", "registered_model"),
        *("alias", "model_version", "event_time"),
    ),
    columns=(
        required(TEXT, "source_system"),
        required(TEXT, "event"),
        required(TEXT, "registered_model", "model_name"),
        required(TIMESTAMP, "event_time"),
        *typed(TIMESTAMP, "observed_at", "previously_observed_at"),
        *texts("event_id", "alias", "model_version", "model_id", "environment"),
    ),
    checks=(
        starts_in_range("event_time"),
        ("unknown_event", _one_of("event", PROMOTION_EVENTS)),
    ),
)
