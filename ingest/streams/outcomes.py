"""Business outcomes by day and unit, and process volumes."""

from __future__ import annotations

from ingest.streams.schema import (
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

OUTCOMES = Stream(
    name="outcomes",
    period_column="outcome_date",
    columns=(
        required(TIMESTAMP, "outcome_date", "date", "day"),
        required(TEXT, "metric", "metric_id"),
        required(TEXT, "unit", "unit_id"),
        required("DOUBLE", "value"),
        *texts("feature_id", "unit_of_measure", "currency", "arm"),
        Column("is_treated", "BOOLEAN", aliases=("treated",)),
    ),
    checks=(
        starts_in_range("outcome_date"),
        ("not_finite", 'NOT isfinite("value")'),
    ),
)

PROCESS_VOLUMES = Stream(
    name="process_volumes",
    period_column="volume_date",
    columns=(
        required(TIMESTAMP, "volume_date", "date", "day"),
        required(TEXT, "process_id", "process"),
        required(QUANTITY, "volume", "count"),
        *typed(QUANTITY, "automated_volume", "handling_minutes"),
        *texts("unit", "feature_id"),
    ),
    checks=(
        starts_in_range("volume_date"),
        (
            "negative_quantity",
            '"volume" < 0 OR "automated_volume" < 0 OR "handling_minutes" < 0',
        ),
        ("more_automated_than_done", '"automated_volume" > "volume"'),
    ),
)
