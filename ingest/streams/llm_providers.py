"""Model APIs: daily charges of their vendors, and tokens used.

The charge is the money. Usage is a meter, reported by the vendor or by a gateway in
front of it, and its amounts are only ever estimates.

Token identity, for every row that knows its parts: ``input_tokens`` is the sum of
``uncached_input_tokens``, ``cached_input_tokens`` and ``cache_write_input_tokens``.
"""

from __future__ import annotations

from ingest.streams.schema import (
    MONEY,
    QUANTITY,
    TAGS,
    TEXT,
    TIMESTAMP,
    Column,
    Stream,
    required,
    starts_in_range,
    texts,
    typed,
)

#: Reporter of the count: the vendor itself, or a gateway that requests went through.
REPORTERS = ("provider", "gateway")

LLM_PROVIDER_COSTS = Stream(
    name="llm_provider_costs",
    period_column="period_start",
    money_columns=("amount",),
    currency_column="currency",
    subject_columns=("line_item", "description", "provider_model"),
    columns=(
        required(TIMESTAMP, "period_start"),
        required(TIMESTAMP, "period_end"),
        required(TEXT, "provider"),
        required(MONEY, "amount"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        *texts(
            "project_id",
            "project_name",
            "api_key_id",
            "line_item",
            "description",
            "cost_type",
            "provider_model",
            "token_type",
            "service_tier",
            "context_window",
        ),
        *typed(QUANTITY, "quantity"),
        *texts("quantity_unit"),
        *typed(TAGS, "tags"),
    ),
    checks=(
        starts_in_range("period_start"),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
    ),
)

_TOKENS = (
    "uncached_input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "input_tokens",
    "output_tokens",
)
#: Parts of the above that may have a separate price.
_PARTS = (
    "cache_write_1h_input_tokens",
    "audio_input_tokens",
    "image_input_tokens",
    "reasoning_tokens",
    "audio_output_tokens",
    "image_output_tokens",
)
#: Agent and task of a request, as traces name them.
_BELONGING = (
    *("agent", "team_id", "tenant", "conversation_id"),
    *("task_id", "attempt_id", "task_step", "task_outcome"),
)
_COUNTS = ("requests", "successful_requests", *_TOKENS, *_PARTS, "quantity")
_KNOWN_REPORTERS = ", ".join(f"'{reporter}'" for reporter in REPORTERS)

LLM_USAGE = Stream(
    name="llm_usage",
    period_column="period_start",
    columns=(
        required(TIMESTAMP, "period_start"),
        required(TIMESTAMP, "period_end"),
        required(TEXT, "reported_by"),
        *texts(
            "gateway",
            "provider",
            "usage_kind",
            "provider_model",
            "service_tier",
            "context_window",
            "project_id",
            "project_name",
            "api_key_id",
            "model_id",
            "pool_id",
            "feature_tag",
            *_BELONGING,
        ),
        *typed(QUANTITY, "requests", "successful_requests", "seen_requests"),
        *typed(QUANTITY, *_TOKENS, *_PARTS),
        *typed(QUANTITY, "quantity"),
        *texts("quantity_unit"),
        *typed(MONEY, "estimated_spend_amount"),
        Column("currency", TEXT, is_currency=True),
    ),
    checks=(
        starts_in_range("period_start"),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
        ("unknown_reporter", f'"reported_by" NOT IN ({_KNOWN_REPORTERS})'),
        ("negative_quantity", " OR ".join(f'"{name}" < 0' for name in _COUNTS)),
        (
            "tokens_do_not_add_up",
            '"input_tokens" <> "uncached_input_tokens"'
            ' + coalesce("cached_input_tokens", 0)'
            ' + coalesce("cache_write_input_tokens", 0)',
        ),
    ),
)
