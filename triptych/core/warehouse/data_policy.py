"""Visibility of a run's data per role, through any door.

*finance* sees everything; *engineering* and *analyst* everything but data that belongs
to closing a month; *viewer* the data a whole organisation may look at, without line
items. Users limited to cost centres see rows of these. Rows of people's answers and
bookings are shown to nobody, and a stream that is new to nobody until it is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.warehouse.restricted import Restriction
from triptych.core.warehouse.source_rows import STREAMS_OF_FINANCE, STREAMS_OF_INSIDE

if TYPE_CHECKING:
    from triptych.core.settings import Role

#: Marts needed only for closing a month: invoices, corrections, statements. The amount
#: that does not tie is on the summary, so that is not among them.
_OF_FINANCE = (
    "cost.mart_invoices",
    "cost.mart_period_reconciliation",
    "cost.mart_period_adjustments",
    "cost.mart_period_events",
    "cost.mart_open_items",
    *("cost.mart_statements", "cost.mart_statement_lines"),
    "cost.mart_focus_allocated",
    "cost.mart_accruals",
    "own.*",  # a model of the workspace may be made of any of these
)
#: Marts that the pages of a viewer read.
_OF_VIEWERS = (
    *("core.dim_dates", "core.dim_features", "core.dim_models", "core.dim_platforms"),
    *("core.dim_teams", "core.mart_run", "core.mart_source_freshness"),
    *("core.mart_month_completeness", "core.mart_refused_charges"),
    "cost.fct_daily_model_costs",
    "cost.fct_daily_pool_costs",
    "cost.mart_assistant_seats",
    "cost.mart_commitments",
    "cost.mart_cost_waterfall",
    "cost.mart_feature_monthly_costs",
    "cost.mart_meter_gaps",
    "cost.mart_metered_nodes",
    "cost.mart_model_unit_costs",
    "cost.mart_period_states",
    "cost.mart_task_costs",
    "cost.mart_unallocated_causes",
    "delivery.*",
    "outcomes.mart_outcome_trends",
    "attribution.*",
    *("roi.mart_evidence_mix", "roi.mart_feature_roi", "roi.mart_model_roi"),
    *("roi.mart_portfolio_roi", "roi.mart_roi_overlaps", "roi.mart_roi_sensitivity"),
    *("roi.mart_return_ladder", "roi.mart_study_ledger"),
)
#: Of a month others than finance need its state, and neither the ledger nor the signer;
#: of a study its result.
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
    ("core.mart_source_freshness", ("settled_reason",)),
    ("attribution.studies", ("registered_by",)),
    ("roi.mart_feature_roi", ("validated_by",)),
)
#: Columns of the user's rows that reveal wider scopes, others' rows among them.
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
#: Marts that describe the run and nobody's cost.
_OF_NOBODY = (
    *("core.dim_dates", "core.dim_platforms", "core.mart_run"),
    *("core.mart_month_completeness", "core.mart_source_freshness"),
    "core.mart_refused_charges",
    "cost.mart_period_states",
)


def restriction_of(
    role: Role, cost_centers: tuple[str, ...] | None
) -> Restriction | None:
    """Return the parts of a run that a role may see; None for all of it."""
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
        streams=STREAMS_OF_FINANCE if role == "finance" else STREAMS_OF_INSIDE,
    )
