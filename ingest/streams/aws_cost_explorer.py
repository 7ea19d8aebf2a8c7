"""Daily totals of AWS Cost Explorer: a bill without line items."""

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

AWS_COST_EXPLORER = Stream(
    name="aws_cost_explorer",
    period_column="billing_period_start",
    money_columns=("unblended_cost", "amortized_cost"),
    currency_column="currency",
    subject_columns=("usage_type", "service"),
    columns=(
        required(MONEY, "unblended_cost"),
        required(MONEY, "amortized_cost"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        required("BOOLEAN", "is_estimated"),
        required(TIMESTAMP, "billing_period_start"),
        required(TIMESTAMP, "usage_start"),
        required(TIMESTAMP, "usage_end"),
        *typed(QUANTITY, "usage_quantity"),
        *texts(
            "usage_unit",
            "grouped_by",
            "service",
            "usage_type",
            "linked_account",
            "region",
            "record_type",
        ),
        *typed(TAGS, "tags"),
    ),
    checks=(
        starts_in_range("billing_period_start"),
        starts_in_range("usage_start"),
        ("period_ends_before_it_starts", '"usage_end" < "usage_start"'),
    ),
)
