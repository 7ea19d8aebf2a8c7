"""Usage meters: triptych's canonical streams for the split of a bill."""

from __future__ import annotations

from ingest.streams.schema import (
    QUANTITY,
    TIMESTAMP,
    Column,
    Stream,
    starts_in_range,
)

MODEL_USAGE = Stream(
    name="model_usage",
    period_column="period_start",
    columns=(
        Column(
            "period_start",
            TIMESTAMP,
            is_required=True,
            aliases=("date", "day", "usage_date", "hour", "usage_start_time"),
        ),
        Column("period_end", TIMESTAMP, aliases=("usage_end_time",)),
        # Empty where a meter could not attribute the use: nobody's, not lost.
        Column("model_id", is_expected=True, aliases=("model", "model_name")),
        Column("pool_id", aliases=("pool", "cluster")),
        Column("platform_id", aliases=("platform",)),
        Column("requests", QUANTITY, aliases=("request_count", "calls")),
        Column(
            "successful_requests",
            QUANTITY,
            aliases=("successes", "success_count", "successful"),
        ),
        Column("input_tokens", QUANTITY, aliases=("tokens_in", "prompt_tokens")),
        Column("cached_input_tokens", QUANTITY, aliases=("cached_tokens",)),
        Column("cache_write_input_tokens", QUANTITY, aliases=("cache_write_tokens",)),
        Column("output_tokens", QUANTITY, aliases=("tokens_out", "completion_tokens")),
        # Those of the output that were never shown.
        Column("reasoning_tokens", QUANTITY),
        # The vendor's name for the model, as in its bill.
        Column("provider_model", aliases=("vendor_model",)),
        Column("service_tier", aliases=("tier",)),
        Column("accelerator_type", aliases=("gpu_model", "gpu_type")),
        Column("gpu_seconds", QUANTITY),
        Column("gpu_hours", QUANTITY),
        Column("cpu_core_hours", QUANTITY, aliases=("cpu_hours",)),
        Column("memory_gibibyte_hours", QUANTITY, aliases=("memory_gib_hours",)),
        Column("latency_histogram"),
    ),
    checks=(
        starts_in_range("period_start"),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
        (
            "negative_quantity",
            '"requests" < 0 OR "successful_requests" < 0 OR "input_tokens" < 0'
            ' OR "output_tokens" < 0 OR "gpu_seconds" < 0 OR "gpu_hours" < 0'
            ' OR "cache_write_input_tokens" < 0 OR "reasoning_tokens" < 0',
        ),
    ),
)

ACCELERATOR_USAGE = Stream(
    name="accelerator_usage",
    period_column="period_start",
    columns=(
        Column(
            "period_start",
            TIMESTAMP,
            is_required=True,
            aliases=("date", "day", "hour", "usage_date"),
        ),
        Column("period_end", TIMESTAMP),
        Column("pool_id", is_required=True, aliases=("pool", "cluster")),
        Column("model_id", aliases=("model", "workload")),
        Column("node_id", aliases=("node",)),
        Column("accelerator_type", aliases=("gpu_model", "gpu_type")),
        # spot, or anything else where it has the usual price.
        Column("purchase_option", aliases=("capacity_type",)),
        Column("capacity_gpu_hours", QUANTITY),
        Column("requested_gpu_hours", QUANTITY),
        Column("used_gpu_hours", QUANTITY, aliases=("active_gpu_hours",)),
    ),
    checks=(
        starts_in_range("period_start"),
        (
            "negative_quantity",
            '"capacity_gpu_hours" < 0 OR "requested_gpu_hours" < 0'
            ' OR "used_gpu_hours" < 0',
        ),
    ),
)

# Counts of a latency histogram in a single window: requests at or below each bound,
# cumulative as in Prometheus. Unlike percentiles these can be merged.
LATENCY_HISTOGRAMS = Stream(
    name="latency_histograms",
    period_column="period_start",
    key=(
        *("source_system", "period_start", "period_end", "series_id"),
        *("model_id", "service", "platform_id", "environment", "upper_bound_seconds"),
    ),
    columns=(
        Column("source_system", is_required=True),
        Column("period_start", TIMESTAMP, is_required=True),
        Column("period_end", TIMESTAMP, is_required=True),
        # Instance, pod or replica: histograms of several are added up.
        Column("series_id"),
        Column("model_id", is_expected=True, aliases=("model",)),
        Column("service"),
        Column("platform_id", aliases=("platform",)),
        Column("environment"),
        # Infinity is the last bound: every request that was counted.
        Column("upper_bound_seconds", "DOUBLE", is_required=True, aliases=("le",)),
        Column("request_count", QUANTITY, is_required=True),
    ),
    checks=(
        starts_in_range("period_start"),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
        ("negative_quantity", '"request_count" < 0 OR "upper_bound_seconds" < 0'),
    ),
)
