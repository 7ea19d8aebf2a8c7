"""Prices, rates, invoices, budgets, commitments: comparisons for a bill."""

from __future__ import annotations

from ingest.streams.schema import (
    MONEY,
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

# List prices serve what-if questions; a bill is never computed from them.
SKU_PRICES = Stream(
    name="sku_prices",
    period_column="price_month",
    currency_column="currency",
    key=(
        "price_month",
        "service_id",
        "sku_id",
        "currency",
        "pricing_unit",
        "tier_start_quantity",
    ),
    columns=(
        required(TIMESTAMP, "price_month"),
        required(TEXT, "service_id"),
        required(TEXT, "sku_id"),
        required(TEXT, "pricing_unit"),
        required(QUANTITY, "tier_start_quantity"),
        required(MONEY, "list_unit_price"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        *typed(QUANTITY, "base_units_per_pricing_unit", "currency_conversion_rate"),
        *texts(
            "service_provider_name",
            "service_name",
            "sku_description",
            "resource_family",
            "resource_group",
            "usage_type",
            "region_ids",
            "base_unit",
            "aggregation_level",
            "aggregation_interval",
        ),
    ),
    checks=(
        starts_in_range("price_month"),
        ("negative_price", '"list_unit_price" < 0'),
    ),
)

BILLING_PROJECTS = Stream(
    name="billing_projects",
    period_column="observed_month",
    key=("observed_month", "billing_account_id", "project_id"),
    columns=(
        required(TIMESTAMP, "observed_month"),
        required(TEXT, "billing_account_id"),
        required(TEXT, "project_id"),
        *texts("billing_account_name", "account_currency"),
        *typed("BOOLEAN", "is_account_open", "is_billing_enabled"),
    ),
    checks=(starts_in_range("observed_month"),),
)

INVOICES = Stream(
    name="invoices",
    period_column="billing_period_start",
    money_columns=("invoiced_amount", "tax_amount", "credit_amount"),
    currency_column="currency",
    columns=(
        required(TEXT, "invoice_id", "invoice", "InvoiceId"),
        Column("invoice_issuer_name", aliases=("issuer", "InvoiceIssuerName")),
        required(
            TIMESTAMP, "billing_period_start", "billing_month", "BillingPeriodStart"
        ),
        Column("currency", TEXT, True, ("billing_currency", "BillingCurrency"), True),
        required(MONEY, "invoiced_amount", "amount", "total", "BilledCost"),
        *typed(MONEY, "tax_amount", "credit_amount"),
        *typed(TIMESTAMP, "issued_at", "due_at"),
        *texts("invoice_line_id", "description", "status"),
        *texts("line_type", "corrected_invoice_id"),
    ),
    checks=(
        starts_in_range("billing_period_start"),
        (
            "unknown_line_type",
            "lower(trim(\"line_type\")) NOT IN ('charge', 'tax', 'credit')",
        ),
    ),
)

FX_RATES = Stream(
    name="fx_rates",
    period_column="rate_date",
    key=("rate_date", "from_currency", "to_currency"),
    one_value="rate",
    columns=(
        required(TIMESTAMP, "rate_date", "date", "month", "TIME_PERIOD"),
        Column("from_currency", TEXT, True, ("base", "source_currency"), True),
        Column("to_currency", TEXT, True, ("quote", "target_currency"), True),
        required(QUANTITY, "rate", "exchange_rate", "OBS_VALUE"),
        # 'typed' (where nothing is said) or 'market': published against from_currency.
        *texts("rate_origin"),
    ),
    checks=(
        ("rate_not_positive", '"rate" <= 0'),
        ("currency_to_itself", '"from_currency" = "to_currency"'),
        ("rate_out_of_range", '"rate" < 0.0000001 OR "rate" >= 10000000'),
        ("unknown_rate_origin", "lower(\"rate_origin\") NOT IN ('typed', 'market')"),
    ),
)

BUDGETS = Stream(
    name="budgets",
    period_column="budget_month",
    money_columns=("budget_amount",),
    currency_column="currency",
    columns=(
        required(TIMESTAMP, "budget_month", "month", "billing_month"),
        required(TEXT, "scope_type"),
        required(TEXT, "scope_id"),
        required(MONEY, "budget_amount", "amount", "budget"),
        Column("currency", TEXT, True, (), True),
    ),
    checks=(
        starts_in_range("budget_month"),
        ("negative_budget", '"budget_amount" < 0'),
        ("scope_is_a_formula", "left(trim(\"scope_id\"), 1) IN ('=', '+', '-', '@')"),
    ),
)

_COMMITMENT_TYPES = (
    "'savings_plan'",
    "'reserved'",
    "'provisioned_throughput'",
    "'prepaid'",
    "'credit_grant'",
)
COMMITMENTS = Stream(
    name="commitments",
    period_column="starts_at",
    money_columns=("granted_amount",),
    currency_column="currency",
    key=("commitment_id",),
    columns=(
        # As the bill names it; any id if a bill does not name it.
        required(TEXT, "commitment_id", "id"),
        required(TEXT, "commitment_type", "type"),
        # The source of the bill on which it is used.
        required(TEXT, "bill_source"),
        required(TIMESTAMP, "starts_at", "start_date", "granted_at"),
        required(TIMESTAMP, "ends_at", "end_date", "expires_at"),
        required(MONEY, "granted_amount", "amount"),
        Column("currency", TEXT, True, (), True),
        # Used before the first bill that is loaded.
        *typed(MONEY, "used_before_amount"),
        # Beginning of the description of a grant's credits on the bill.
        *texts("commitment_name", "credit_description"),
    ),
    checks=(
        starts_in_range("starts_at"),
        ("ends_before_it_starts", '"ends_at" <= "starts_at"'),
        ("amount_not_positive", '"granted_amount" <= 0'),
        (
            "unknown_commitment_type",
            f'lower(trim("commitment_type")) NOT IN ({", ".join(_COMMITMENT_TYPES)})',
        ),
        (
            "credit_description_missing",
            "lower(trim(\"commitment_type\")) = 'credit_grant'"
            " AND coalesce(trim(\"credit_description\"), '') = ''",
        ),
    ),
)
