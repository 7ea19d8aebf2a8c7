"""The questions that have an answer: which rows of which mart, and what they mean.

A listing is data. ``desk.py`` turns it into one query, so every figure of an answer is
asked for, labelled, addressed and proved in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_OF_MONTH = "billing_month = $month"


@dataclass(frozen=True, slots=True)
class Measure:
    """A column with a figure, and the columns that qualify it.

    ``unit`` is a text, or the name of the column that has it in brackets: ``[unit]``.
    """

    column: str
    unit: str
    basis: str = "effective (amortised)"
    low: str | None = None
    high: str | None = None
    interval: str | None = None
    n: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One tool: rows of a mart as figures.

    Attributes
    ----------
    name, title : str
        Of the tool, and the question that it answers.
    page : str
        Page with the same answer: whoever may not open it gets no answer either.
    mart : str
        ``schema.mart``.
    keys : tuple of str
        Columns that identify a figure; together with ``fixed`` they are its address.
    measures : tuple of Measure
        What each row is asked for.
    where : str
        Condition with ``$month`` and parameters of the tool.
    fixed : tuple of (str, str)
        Columns, each with the SQL of the list of values that it must have.
    is_sum : bool
        Rows are added up by ``keys``; otherwise each row is a figure.
    """

    name: str
    title: str
    page: str
    mart: str
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    where: str = "true"
    fixed: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()
    is_sum: bool = False
    grade: str | None = None
    counted: str | None = None
    reason: str | None = None
    order: str = "ALL"


def _components(*left_out: str) -> str:
    listed = ", ".join(f"'{component}'" for component in left_out)
    return (
        "(SELECT list(DISTINCT component ORDER BY component) FROM"
        f" cost.fct_daily_model_costs WHERE component NOT IN ({listed}))"
    )


_SPEND = (("component", _components("tax", "credit")),)
_EFFECTIVE = Measure("effective_cost", "[currency]")
_BILLED = Measure("billed_cost", "[currency]", "billed (as invoiced)")
_RETURNS = (
    Measure(
        "net_value",
        "[currency]",
        "estimated",
        "net_value_low_90",
        "net_value_high_90",
        "90 %",
    ),
    Measure("cost", "[currency]"),
    Measure(
        "benefit",
        "[currency]",
        "estimated",
        "benefit_low_90",
        "benefit_high_90",
        "90 %",
    ),
    Measure(
        "other_cost",
        "[currency]",
        "estimated",
        "other_cost_low_90",
        "other_cost_high_90",
        "90 %",
    ),
    Measure("probability_net_positive", "probability", "estimated"),
)
#: Columns that cost may be grouped by.
Dimension = Literal[
    "model_id",
    "feature_id",
    "team_id",
    "cost_center",
    "provider",
    "platform_id",
    "lifecycle_stage",
    "component",
    "source",
    "assignment_method",
]


def cost_by(dimension: str, *, whole: bool = False) -> Listing:
    """Return the listing of a month's cost by one column.

    Parameters
    ----------
    dimension : str
        A :data:`Dimension`.
    whole : bool
        With tax and credits, as statements have it.
    """
    return Listing(
        "cost_by",
        f"What did AI cost by {dimension}?",
        "cost_by_model",
        "cost.fct_daily_model_costs",
        ("billing_month", "currency", dimension),
        (_EFFECTIVE, _BILLED),
        _OF_MONTH,
        () if whole or dimension == "component" else _SPEND,
        is_sum=True,
        order=f"effective_cost DESC, {dimension}",
    )


#: Of a month, the newest that is reconciled where none is named.
MONTHLY: Final = (
    Listing(
        "spending",
        "What did AI cost, on which basis, and is that final? Tax and credits apart.",
        "cost_by_model",
        "cost.fct_daily_model_costs",
        ("billing_month", "currency"),
        (_EFFECTIVE, _BILLED),
        "billing_month IN ($month, strftime(CAST($month || '-01' AS DATE)"
        " - INTERVAL 1 MONTH, '%Y-%m'))",
        _SPEND,
        is_sum=True,
    ),
    Listing(
        "waterfall",
        "From the bill to what models cost: each step, unallocated cost among them.",
        "cost_by_model",
        "cost.mart_cost_waterfall",
        ("billing_month", "currency", "step"),
        (_EFFECTIVE, _BILLED),
        _OF_MONTH,
        is_sum=True,
    ),
    Listing(
        "budget",
        "How does cost compare with the budget?",
        "budget",
        "cost.mart_budget_variance",
        ("billing_month", "currency", "scope_type", "scope_id"),
        (
            Measure("budget_amount", "[currency]", "budgeted"),
            Measure("actual_cost", "[currency]"),
            Measure("variance_amount", "[currency]"),
        ),
        _OF_MONTH,
        labels=("state",),
        reason="reason",
    ),
    Listing(
        "cost_drivers",
        "What drove the change from the month before?",
        "budget",
        "cost.mart_cost_bridge",
        ("billing_month", "prior_billing_month", "basis", "currency"),
        tuple(
            Measure(f"{bar}_amount", "[currency]")
            for bar in ("price", "volume", "mix", "new", "retired", "fx", "other")
        ),
        _OF_MONTH + " AND basis = 'effective' AND prior_billing_month ="
        " strftime(CAST($month || '-01' AS DATE) - INTERVAL 1 MONTH, '%Y-%m')",
        (
            (
                "cost_line",
                "(SELECT list(DISTINCT cost_line ORDER BY cost_line)"
                " FROM cost.mart_cost_bridge"
                " WHERE cost_line NOT IN ('tax', 'credit'))",
            ),
        ),
        is_sum=True,
    ),
    Listing(
        "unit_costs",
        "What does a thousand requests, a million tokens or a GPU hour cost?",
        "cost_by_model",
        "cost.mart_model_unit_costs",
        ("billing_month", "model_id", "currency"),
        (
            Measure("cost_per_thousand_requests", "[currency] per thousand requests"),
            Measure("token_cost_per_million_tokens", "[currency] per million tokens"),
            Measure("gpu_cost_per_gpu_hour", "[currency] per GPU hour"),
            Measure("fully_loaded_cost", "[currency]"),
            Measure("request_metered_cost", "[currency]"),
            Measure("requests", "requests", "as metered"),
            Measure("requests_day_count", "days", "metered"),
            Measure("requests_cost_day_count", "days", "with cost"),
        ),
        _OF_MONTH,
        labels=("request_cost_reason", "token_cost_reason", "gpu_cost_reason"),
    ),
    Listing(
        "invoices",
        "Does the ledger tie to the invoices?",
        "close",
        "cost.mart_invoice_reconciliation",
        ("billing_month", "invoice_issuer_name", "invoice_id", "source", "currency"),
        (
            Measure("invoiced_amount", "[currency]", "billed (as invoiced)"),
            Measure("unexplained_amount", "[currency]", "billed (as invoiced)"),
        ),
        _OF_MONTH,
        labels=("state",),
        reason="reason",
    ),
    Listing(
        "accruals",
        "What must be accrued?",
        "close",
        "cost.mart_accruals",
        ("billing_month", "invoice_issuer_name", "source", "currency"),
        (
            Measure(
                "accrual_amount",
                "[currency]",
                "estimated",
                "accrual_amount_low",
                "accrual_amount_high",
                "80 %",
                "backtest_month_count",
            ),
        ),
        _OF_MONTH,
        labels=("state",),
        reason="reason",
    ),
    Listing(
        "adjustments",
        "What changed since the month was closed, and what does it book of others?",
        "close",
        "cost.mart_period_adjustments",
        (
            *("locked_month", "booked_month", "kind", "source", "currency"),
            *("is_in_ledger_of_booked_month", "is_booked"),
        ),
        (_EFFECTIVE, _BILLED),
        "(locked_month = $month OR booked_month = $month)",
        is_sum=True,
    ),
    Listing(
        "idle_gpus",
        "How much GPU capacity is paid for and idle?",
        "gpu_idle",
        "delivery.mart_accelerator_efficiency",
        ("billing_month", "currency", "pool_id"),
        (
            Measure("requested_idle_effective_cost", "[currency]"),
            Measure("infrastructure_idle_effective_cost", "[currency]"),
            Measure("total_effective_cost", "[currency]"),
        ),
        _OF_MONTH,
        is_sum=True,
    ),
    Listing(
        "delivery_costs",
        "What does a deployment, a training run or an incident cost?",
        "velocity",
        "delivery.mart_delivery_costs",
        ("month", "scope_kind", "scope_id", "currency"),
        (
            Measure(
                "cost_per_deployment",
                "[currency] per deployment",
                n="deployment_count",
            ),
            Measure(
                "cost_per_training_run",
                "[currency] per training run",
                n="training_run_count",
            ),
            Measure("cost_per_incident", "[currency] per incident", n="incident_count"),
        ),
        "month = $month",
    ),
    Listing(
        "velocity",
        "How fast is software delivered, by model, service and team?",
        "velocity",
        "delivery.mart_velocity",
        ("month", "scope_kind", "scope_id", "metric"),
        (
            Measure(
                "metric_value",
                "[unit]",
                "as recorded",
                "interval_low",
                "interval_high",
                "90 %",
                "n_used",
            ),
        ),
        "month = $month AND ($metric IS NULL OR metric = $metric)"
        " AND ($scope_kind IS NULL OR scope_kind = $scope_kind)",
        labels=("statistic",),
        reason="excluded_by_reason",
    ),
    Listing(
        "returns",
        "What did each feature return, with how strong evidence?",
        "impact",
        "roi.mart_feature_roi",
        ("feature_id", "window", "currency"),
        _RETURNS,
        "\"window\" = 'until_' || $month",
        grade="grade",
        counted="counted",
        reason="not_counted_reason",
    ),
    Listing(
        "net_value",
        "Net value of all features with proven results (grades A and B).",
        "summary",
        "roi.mart_portfolio_roi",
        ("window", "currency"),
        _RETURNS,
        "\"window\" = 'until_' || $month",
    ),
    Listing(
        "data_gaps",
        "Which charges are missing from a month's figures?",
        "data_health",
        "core.mart_month_completeness",
        ("billing_month", "source", "currency"),
        (
            Measure("missing_amount", "[currency]", "billed (as invoiced)"),
            Measure("missing_row_count", "rows", "as delivered"),
        ),
        _OF_MONTH + " AND NOT is_complete",
        reason="missing",
    ),
)
