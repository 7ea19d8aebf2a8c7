"""Railway's bill: metered usage that is priced here, and the lines of its invoices.

Railway's API gives quantities, not amounts. A usage row is the quantity of a day times
a price of the price table; until the invoice of its billing period is there, that is an
estimate and nothing is billed.
"""

from __future__ import annotations

from ingest.streams.schema import (
    LATEST_END,
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

#: Kind of a line: metered usage, an item of an invoice, or ``gap``: the distance of
#: Railway's own figure of the running period from the priced usage, reported without
#: money.
LINE_KINDS = (
    "usage",
    "invoiced_usage",
    "plan_fee",
    "seats",
    "credit",
    "tax",
    "other",
    "gap",
)
_KNOWN_KINDS = ", ".join(f"'{kind}'" for kind in LINE_KINDS)

RAILWAY_USAGE = Stream(
    name="railway_usage",
    period_column="billing_period_start",
    money_columns=("billed_cost", "effective_cost"),
    currency_column="currency",
    key=("line_id",),
    subject_columns=("measurement", "product_id", "description", "line_kind"),
    columns=(
        required(TEXT, "line_id"),
        required(TEXT, "line_kind"),
        required(MONEY, "billed_cost"),
        required(MONEY, "effective_cost"),
        Column("currency", TEXT, is_required=True, is_currency=True),
        required("BOOLEAN", "is_estimated"),
        required(TIMESTAMP, "billing_period_start"),
        required(TIMESTAMP, "billing_period_end"),
        required(TIMESTAMP, "charge_period_start"),
        required(TIMESTAMP, "charge_period_end"),
        *typed(MONEY, "list_cost", "list_unit_price"),
        *typed(MONEY, "reported_usage_amount", "priced_usage_amount"),
        *typed(QUANTITY, "quantity", "invoice_factor"),
        *typed(TIMESTAMP, "price_valid_from"),
        *texts(
            "measurement",
            "quantity_unit",
            "description",
            "invoice_id",
            "product_id",
            "price_id",
            "workspace_id",
            "workspace_name",
            "project_id",
            "project_name",
            "environment_id",
            "environment_name",
            "service_id",
            "service_name",
            "region",
        ),
        *typed(TAGS, "tags"),
    ),
    checks=(
        starts_in_range("billing_period_start"),
        starts_in_range("charge_period_start"),
        ("date_out_of_range", f'"charge_period_end" >= {LATEST_END}'),
        ("period_ends_before_it_starts", '"charge_period_end" < "charge_period_start"'),
        ("negative_quantity", '"line_kind" = \'usage\' AND "quantity" < 0'),
        ("unknown_line_kind", f'"line_kind" NOT IN ({_KNOWN_KINDS})'),
    ),
)
