"""What each role may open and see. Whoever has no role in here sees nothing.

A page that is not listed is for nobody who signs in. *finance* sees everything;
*engineering* and *analyst* everything but what belongs to closing a month; *viewer* the
pages that a whole organisation may look at, without line items. Whoever has single cost
centres sees those pages on which every row has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.warehouse.restricted import Restriction

if TYPE_CHECKING:
    from triptych.settings import Role

_EVERYBODY: frozenset[Role] = frozenset({"finance", "engineering", "analyst", "viewer"})
_INSIDE: frozenset[Role] = frozenset({"finance", "engineering", "analyst"})
_PLANNING: frozenset[Role] = frozenset({"finance", "analyst"})
_FINANCE: frozenset[Role] = frozenset({"finance"})

#: Page, by its address, and whom it is for.
AUDIENCES: dict[str, frozenset[Role]] = {
    "summary": _INSIDE,
    "cost_by_model": _EVERYBODY,
    "budget": _INSIDE,
    "gpu_idle": _EVERYBODY,
    "gateway_gaps": _INSIDE,
    "velocity": _EVERYBODY,
    "impact": _EVERYBODY,
    "scenarios": _PLANNING,
    "scorecard": _INSIDE,
    "close": _FINANCE,
    "statements": _FINANCE,
    "lineage": _INSIDE,
    "data_health": _INSIDE,
}
#: Pages on which every amount belongs to a cost centre, a team or a model.
_NARROWED = frozenset({"cost_by_model", "gpu_idle", "velocity"})

#: What only closing a month needs: invoices, corrections, statements. How much does not
#: tie is on the summary, so that is not among them.
_OF_FINANCE = (
    "cost.mart_invoices",
    "cost.mart_period_reconciliation",
    "cost.mart_period_adjustments",
    "cost.mart_period_events",
    "cost.mart_focus_allocated",
    "cost.mart_accruals",
)
#: What the pages of a viewer read.
_OF_VIEWERS = (
    *("core.dim_dates", "core.dim_features", "core.dim_models", "core.dim_platforms"),
    *("core.dim_teams", "core.mart_run", "core.mart_source_freshness"),
    *("core.mart_month_completeness", "core.mart_refused_charges"),
    "cost.fct_daily_model_costs",
    "cost.fct_daily_pool_costs",
    "cost.mart_commitments",
    "cost.mart_cost_waterfall",
    "cost.mart_meter_gaps",
    "cost.mart_metered_nodes",
    "cost.mart_model_unit_costs",
    "cost.mart_period_states",
    "cost.mart_unallocated_causes",
    "delivery.*",
    "outcomes.mart_outcome_trends",
    "attribution.*",
    *("roi.mart_evidence_mix", "roi.mart_feature_roi", "roi.mart_model_roi"),
    *("roi.mart_portfolio_roi", "roi.mart_roi_overlaps", "roi.mart_roi_sensitivity"),
)
#: Of a month others than finance need its state, and neither the ledger nor who signed;
#: of a study what it found.
_BLANK = (
    (
        "cost.mart_period_states",
        (
            *("locked_billed_cost", "locked_effective_cost"),
            *("current_billed_cost", "current_effective_cost"),
            *("difference_billed_cost", "difference_effective_cost"),
            *("locked_by", "approved_by"),
        ),
    ),
    ("attribution.studies", ("registered_by",)),
    ("roi.mart_feature_roi", ("validated_by",)),
)
#: Columns of one's own rows that tell of wider scopes, others' rows among them.
_OF_OTHERS = (
    (
        "delivery.mart_velocity_windows",
        (
            *("way_out", "wider_scope_kind", "wider_scope_id"),
            *("wider_window_months", "wider_n_used", "wider_metric_value"),
        ),
    ),
    ("delivery.mart_infra_hours", ("way_out",)),
)
#: Streams whose rows are looked at behind a figure; a new one is closed until it is
#: listed. Invoices, headcount and what closed months keep are for finance.
_STREAMS_OF_INSIDE = (
    *("focus", "aws_cur2", "aws_cost_explorer", "gcp_billing_export"),
    *("llm_provider_costs", "opencost_costs", "railway_usage"),
    *("sku_prices", "billing_projects", "fx_rates", "budgets", "commitments"),
    *("model_usage", "accelerator_usage", "llm_usage", "opencost_allocation"),
    *("serving_latency", "latency_histograms", "outcomes", "process_volumes"),
    *("deployments", "commits", "incidents", "training_runs"),
    *("model_versions", "promotions"),
)
#: What tells of the run and of nobody's cost.
_OF_NOBODY = (
    *("core.dim_dates", "core.dim_platforms", "core.mart_run"),
    *("core.mart_month_completeness", "core.mart_source_freshness"),
    "core.mart_refused_charges",
    "cost.mart_period_states",
)


def may_open(role: Role, page: str, *, is_limited: bool) -> bool:
    """Tell whether a page is for a role.

    Parameters
    ----------
    role : {'finance', 'engineering', 'analyst', 'viewer'}
        Of whoever looks.
    page : str
        Address of the page.
    is_limited : bool
        Whether they see single cost centres only.
    """
    is_for_role = role in AUDIENCES.get(page, frozenset())
    return is_for_role and (page in _NARROWED or not is_limited)


def restriction_of(
    role: Role, cost_centers: tuple[str, ...] | None
) -> Restriction | None:
    """Return what of a run a role may see; None for all of it."""
    if role == "finance" and cost_centers is None:
        return None
    is_viewer = role == "viewer"
    is_limited = cost_centers is not None
    name = f"the role {role}"
    if is_limited:
        name = f"{name} of single cost centres"
    return Restriction(
        name=name,
        shown=_OF_VIEWERS if is_viewer or is_limited else None,
        hidden=() if role == "finance" else _OF_FINANCE,
        blank=_BLANK + (_OF_OTHERS if is_limited else ()),
        cost_centers=cost_centers,
        whole=_OF_NOBODY,
        has_line_items=not is_viewer and cost_centers is None,
        streams=None if role == "finance" else _STREAMS_OF_INSIDE,
    )


__all__ = ["AUDIENCES", "may_open", "restriction_of"]
