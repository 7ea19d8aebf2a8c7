"""The streams a connector may deliver, with the schema each row must meet.

Column names and meanings of ``focus`` are those of FOCUS 1.0 to 1.4 (dataset Cost
and Usage); of ``gcp_billing_export`` those of Google's detailed usage cost export;
of ``aws_cur2`` those of AWS Data Exports CUR 2.0. Canonical streams are triptych's
own and documented in ``docs/reference/streams.md``.

A column's ``type`` is the DuckDB type in which the evidence views expose it. Money
is DECIMAL(38, 18): wide enough for a token price, and it sums exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

MONEY = "DECIMAL(38, 18)"
QUANTITY = "DECIMAL(38, 18)"
TEXT = "VARCHAR"
TIMESTAMP = "TIMESTAMP"
TAGS = "MAP(VARCHAR, VARCHAR)"


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column.

    ``is_required``: the header must have it and every row must fill it.
    ``aliases``: other spellings that are accepted in a delivery, compared without
    regard to case.
    """

    name: str
    type: str = TEXT
    is_required: bool = False
    aliases: tuple[str, ...] = ()
    is_currency: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of row.

    Parameters
    ----------
    name : str
        Stream name, also its view in the catalogue's ``evidence`` schema.
    columns : tuple of Column
        Schema of the evidence view.
    period_column : str
        Column whose UTC month decides which billing month a row belongs to.
    money_columns : tuple of str
        Columns summed per month and currency when a load is committed, to compare
        the ledger with later; empty where the stream holds no money.
    currency_column : str
        Column that holds the currency of ``money_columns``.
    key : tuple of str
        Columns that identify a row within a load; empty where rows may repeat
        (a bill may hold two equal lines, and both count).
    money_predicate : str
        SQL predicate over canonical columns: rows whose money counts. Others only
        repeat money that stands in another row.
    checks : tuple of (str, str)
        Reason code and SQL predicate over canonical columns; a row for which it
        is true goes to quarantine.
    """

    name: str
    columns: tuple[Column, ...]
    period_column: str
    money_columns: tuple[str, ...] = ()
    currency_column: str = ""
    key: tuple[str, ...] = ()
    money_predicate: str = "true"
    checks: tuple[tuple[str, str], ...] = ()

    def column(self, name: str) -> Column:
        """Return the column called ``name``; :class:`KeyError` if there is none."""
        return next(column for column in self.columns if column.name == name)


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _typed(type_: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_) for name in names)


def _required(type_: str, name: str, *aliases: str) -> Column:
    return Column(name, type_, is_required=True, aliases=aliases)


_EARLIEST = "TIMESTAMP '2000-01-01'"
_LATEST_START = "(CAST(now() AS TIMESTAMP) + INTERVAL 400 DAY)"
_LATEST_END = "TIMESTAMP '2100-01-01'"


def _starts_in_range(column: str) -> tuple[str, str]:
    return (
        "date_out_of_range",
        f'"{column}" < {_EARLIEST} OR "{column}" > {_LATEST_START}',
    )


FOCUS = Stream(
    name="focus",
    period_column="BillingPeriodStart",
    money_columns=("BilledCost", "EffectiveCost"),
    currency_column="BillingCurrency",
    columns=(
        _required(MONEY, "BilledCost"),
        _required(MONEY, "EffectiveCost"),
        Column("BillingCurrency", TEXT, is_required=True, is_currency=True),
        _required(TIMESTAMP, "BillingPeriodStart"),
        _required(TIMESTAMP, "ChargePeriodStart"),
        _required(TIMESTAMP, "ChargePeriodEnd"),
        _required(TEXT, "ChargeCategory"),
        *_typed(TIMESTAMP, "BillingPeriodEnd"),
        *_typed(MONEY, "ListCost", "ContractedCost"),
        *_typed(
            MONEY,
            "ListUnitPrice",
            "ContractedUnitPrice",
            "PricingCurrencyContractedUnitPrice",
            "PricingCurrencyEffectiveCost",
            "PricingCurrencyListUnitPrice",
        ),
        *_typed(
            QUANTITY,
            "PricingQuantity",
            "ConsumedQuantity",
            "CommitmentDiscountQuantity",
        ),
        Column("ProviderName", aliases=("provider",)),
        Column("PublisherName", aliases=("publisher",)),
        Column("InvoiceIssuerName", aliases=("invoiceissuer",)),
        Column("RegionId", aliases=("region",)),
        *_text(
            "ServiceProviderName",
            "HostProviderName",
            "InvoiceId",
            "InvoiceDetailId",
            "BillingAccountId",
            "BillingAccountName",
            "BillingAccountType",
            "SubAccountId",
            "SubAccountName",
            "SubAccountType",
            "ChargeClass",
            "ChargeDescription",
            "ChargeFrequency",
            "PricingCategory",
            "PricingUnit",
            "PricingCurrency",
            "ConsumedUnit",
            "ServiceName",
            "ServiceCategory",
            "ServiceSubcategory",
            "SkuId",
            "SkuMeter",
            "SkuPriceId",
            "SkuPriceDetails",
            "ResourceId",
            "ResourceName",
            "ResourceType",
            "RegionName",
            "AvailabilityZone",
            "CommitmentDiscountId",
            "CommitmentDiscountName",
            "CommitmentDiscountCategory",
            "CommitmentDiscountType",
            "CommitmentDiscountStatus",
            "CommitmentDiscountUnit",
            "CommitmentProgramEligibilityDetails",
            "ContractApplied",
            "CapacityReservationId",
            "CapacityReservationStatus",
            "AllocatedMethodId",
            "AllocatedMethodDetails",
            "AllocatedResourceId",
            "AllocatedResourceName",
        ),
        *_typed(TAGS, "AllocatedTags", "Tags"),
    ),
    checks=(
        _starts_in_range("BillingPeriodStart"),
        _starts_in_range("ChargePeriodStart"),
        ("date_out_of_range", f'"ChargePeriodEnd" >= {_LATEST_END}'),
        ("period_ends_before_it_starts", '"ChargePeriodEnd" < "ChargePeriodStart"'),
    ),
)

AWS_CUR2 = Stream(
    name="aws_cur2",
    period_column="bill_billing_period_start_date",
    money_columns=("line_item_unblended_cost",),
    currency_column="line_item_currency_code",
    columns=(
        _required(MONEY, "line_item_unblended_cost"),
        Column("line_item_currency_code", TEXT, is_required=True, is_currency=True),
        _required(TIMESTAMP, "bill_billing_period_start_date"),
        _required(TIMESTAMP, "line_item_usage_start_date"),
        _required(TIMESTAMP, "line_item_usage_end_date"),
        _required(TEXT, "line_item_line_item_type"),
        *_typed(TIMESTAMP, "bill_billing_period_end_date"),
        *_typed(
            MONEY,
            "line_item_net_unblended_cost",
            "pricing_public_on_demand_cost",
            "pricing_public_on_demand_rate",
            "reservation_effective_cost",
            "reservation_unused_amortized_upfront_fee_for_billing_period",
            "reservation_unused_recurring_fee",
            "savings_plan_savings_plan_effective_cost",
            "savings_plan_total_commitment_to_date",
            "savings_plan_used_commitment",
            "split_line_item_split_cost",
            "split_line_item_unused_cost",
        ),
        *_typed(
            QUANTITY,
            "line_item_usage_amount",
            "line_item_normalized_usage_amount",
            "split_line_item_split_usage",
            "split_line_item_actual_usage",
            "split_line_item_reserved_usage",
        ),
        *_text(
            "bill_invoice_id",
            "bill_invoicing_entity",
            "bill_payer_account_id",
            "bill_payer_account_name",
            "bill_bill_type",
            "bill_billing_entity",
            "identity_line_item_id",
            "identity_time_interval",
            "line_item_availability_zone",
            "line_item_legal_entity",
            "line_item_line_item_description",
            "line_item_operation",
            "line_item_product_code",
            "line_item_resource_id",
            "line_item_usage_account_id",
            "line_item_usage_account_name",
            "line_item_usage_type",
            "pricing_term",
            "pricing_unit",
            "product_region_code",
            "product_servicecode",
            "product_instance_type",
            "reservation_reservation_a_r_n",
            "savings_plan_savings_plan_a_r_n",
            "savings_plan_offering_type",
            "split_line_item_parent_resource_id",
        ),
        *_typed(TAGS, "resource_tags", "cost_category", "product"),
    ),
    money_predicate=(
        "coalesce(line_item_operation, '') NOT IN ('EKSPod-EC2', 'ECSTask-EC2')"
    ),
    checks=(
        _starts_in_range("bill_billing_period_start_date"),
        _starts_in_range("line_item_usage_start_date"),
        (
            "period_ends_before_it_starts",
            '"line_item_usage_end_date" < "line_item_usage_start_date"',
        ),
    ),
)

GCP_BILLING_EXPORT = Stream(
    name="gcp_billing_export",
    period_column="invoice_month_start",
    money_columns=("cost", "credits_amount"),
    currency_column="currency",
    columns=(
        _required(MONEY, "cost"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        _required(TIMESTAMP, "invoice_month_start"),
        _required(TIMESTAMP, "usage_start_time"),
        _required(TIMESTAMP, "usage_end_time"),
        _required(TEXT, "cost_type"),
        *_typed(MONEY, "credits_amount", "promotion_amount", "cost_at_list"),
        *_typed(
            QUANTITY,
            "usage_amount",
            "usage_amount_in_pricing_units",
            "currency_conversion_rate",
        ),
        *_typed(TIMESTAMP, "export_time"),
        *_text(
            "billing_account_id",
            "service_id",
            "service_description",
            "sku_id",
            "sku_description",
            "project_id",
            "project_name",
            "location_region",
            "location_zone",
            "usage_unit",
            "usage_pricing_unit",
            "resource_name",
            "resource_global_name",
            "consumption_model_id",
            "transaction_type",
            "seller_name",
            "adjustment_type",
            "adjustment_reason",
            "credits",
        ),
        *_typed(TAGS, "labels", "system_labels", "project_labels", "tags"),
    ),
    checks=(
        _starts_in_range("invoice_month_start"),
        _starts_in_range("usage_start_time"),
        (
            "period_ends_before_it_starts",
            '"usage_end_time" < "usage_start_time"',
        ),
    ),
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
        _required(TIMESTAMP, "price_month"),
        _required(TEXT, "service_id"),
        _required(TEXT, "sku_id"),
        _required(TEXT, "pricing_unit"),
        _required(QUANTITY, "tier_start_quantity"),
        _required(MONEY, "list_unit_price"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        *_typed(QUANTITY, "base_units_per_pricing_unit", "currency_conversion_rate"),
        *_text(
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
        _starts_in_range("price_month"),
        ("negative_price", '"list_unit_price" < 0'),
    ),
)

BILLING_PROJECTS = Stream(
    name="billing_projects",
    period_column="observed_month",
    key=("observed_month", "billing_account_id", "project_id"),
    columns=(
        _required(TIMESTAMP, "observed_month"),
        _required(TEXT, "billing_account_id"),
        _required(TEXT, "project_id"),
        *_text("billing_account_name", "account_currency"),
        *_typed("BOOLEAN", "is_account_open", "is_billing_enabled"),
    ),
    checks=(_starts_in_range("observed_month"),),
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
        Column("model_id", is_required=True, aliases=("model", "model_name")),
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
        Column("output_tokens", QUANTITY, aliases=("tokens_out", "completion_tokens")),
        Column("gpu_seconds", QUANTITY),
        Column("gpu_hours", QUANTITY),
        Column("cpu_core_hours", QUANTITY, aliases=("cpu_hours",)),
        Column("memory_gibibyte_hours", QUANTITY, aliases=("memory_gib_hours",)),
        Column("latency_histogram"),
    ),
    checks=(
        _starts_in_range("period_start"),
        ("period_ends_before_it_starts", '"period_end" < "period_start"'),
        (
            "negative_quantity",
            '"requests" < 0 OR "successful_requests" < 0 OR "input_tokens" < 0'
            ' OR "output_tokens" < 0 OR "gpu_seconds" < 0 OR "gpu_hours" < 0',
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
        Column("capacity_gpu_hours", QUANTITY),
        Column("requested_gpu_hours", QUANTITY),
        Column("used_gpu_hours", QUANTITY, aliases=("active_gpu_hours",)),
    ),
    checks=(
        _starts_in_range("period_start"),
        (
            "negative_quantity",
            '"capacity_gpu_hours" < 0 OR "requested_gpu_hours" < 0'
            ' OR "used_gpu_hours" < 0',
        ),
    ),
)

INVOICES = Stream(
    name="invoices",
    period_column="billing_period_start",
    money_columns=("invoiced_amount",),
    currency_column="currency",
    columns=(
        _required(TEXT, "invoice_id", "invoice", "InvoiceId"),
        Column("invoice_issuer_name", aliases=("issuer", "InvoiceIssuerName")),
        _required(
            TIMESTAMP, "billing_period_start", "billing_month", "BillingPeriodStart"
        ),
        Column("currency", TEXT, True, ("billing_currency", "BillingCurrency"), True),
        _required(MONEY, "invoiced_amount", "amount", "total", "BilledCost"),
        *_typed(MONEY, "tax_amount", "credit_amount"),
        *_typed(TIMESTAMP, "issued_at", "due_at"),
        *_text("invoice_line_id", "description", "status"),
    ),
    checks=(_starts_in_range("billing_period_start"),),
)

FX_RATES = Stream(
    name="fx_rates",
    period_column="rate_date",
    key=("rate_date", "from_currency", "to_currency"),
    columns=(
        _required(TIMESTAMP, "rate_date", "date", "month", "TIME_PERIOD"),
        Column("from_currency", TEXT, True, ("base", "source_currency"), True),
        Column("to_currency", TEXT, True, ("quote", "target_currency"), True),
        _required(QUANTITY, "rate", "exchange_rate", "OBS_VALUE"),
    ),
    checks=(("rate_not_positive", '"rate" <= 0'),),
)

OUTCOMES = Stream(
    name="outcomes",
    period_column="outcome_date",
    columns=(
        _required(TIMESTAMP, "outcome_date", "date", "day"),
        _required(TEXT, "metric", "metric_id"),
        _required(TEXT, "unit", "unit_id"),
        _required("DOUBLE", "value"),
        *_text("feature_id", "unit_of_measure", "currency", "arm"),
        Column("is_treated", "BOOLEAN", aliases=("treated",)),
    ),
    checks=(_starts_in_range("outcome_date"),),
)

PROCESS_VOLUMES = Stream(
    name="process_volumes",
    period_column="volume_date",
    columns=(
        _required(TIMESTAMP, "volume_date", "date", "day"),
        _required(TEXT, "process_id", "process"),
        _required(QUANTITY, "volume", "count"),
        *_typed(QUANTITY, "automated_volume", "handling_minutes"),
        *_text("unit", "feature_id"),
    ),
    checks=(_starts_in_range("volume_date"),),
)

BUDGETS = Stream(
    name="budgets",
    period_column="budget_month",
    money_columns=("budget_amount",),
    currency_column="currency",
    columns=(
        _required(TIMESTAMP, "budget_month", "month", "billing_month"),
        _required(TEXT, "scope_type"),
        _required(TEXT, "scope_id"),
        _required(MONEY, "budget_amount", "amount", "budget"),
        Column("currency", TEXT, True, (), True),
    ),
    checks=(_starts_in_range("budget_month"),),
)

#: Every stream by name. What ``triptych`` can build on exists here and nowhere else.
STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        FOCUS,
        AWS_CUR2,
        GCP_BILLING_EXPORT,
        SKU_PRICES,
        BILLING_PROJECTS,
        MODEL_USAGE,
        ACCELERATOR_USAGE,
        INVOICES,
        FX_RATES,
        OUTCOMES,
        PROCESS_VOLUMES,
        BUDGETS,
    )
}
