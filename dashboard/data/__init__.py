"""Every query of the dashboard. Pages hold no SQL and do no arithmetic.

Money is summed as DECIMAL inside DuckDB and arrives as :class:`decimal.Decimal`;
ratios are formed there as well. Each question goes to one snapshot, so a page shows
one run. Small answers are remembered for that run.
"""

from __future__ import annotations

from dashboard.data.costs import (
    COMPONENTS,
    OTHER_MODELS,
    Headline,
    Loading,
    headline,
    lifecycle_costs,
    model_costs,
    monthly_costs,
    unallocated_causes,
    waterfall,
)
from dashboard.data.drill import (
    LINE_ITEM_LIMIT,
    line_items,
    model_parts,
    pool_cost,
    resources,
)
from dashboard.data.gateways import (
    GatewayHeadline,
    gateway_days,
    gateway_headline,
    gateway_months,
    gateway_vendors,
)
from dashboard.data.health import (
    coverage,
    freshness,
    loads,
    month_completeness,
    quality_issues,
    quarantine_reasons,
)
from dashboard.data.selection import (
    Basis,
    Period,
    Run,
    Selection,
    Standing,
    currencies,
    periods,
    run,
    scopes,
    standing,
)
from dashboard.data.unit_costs import (
    Unit,
    UnitSummary,
    unit_costs,
    unit_summary,
    unit_trend,
)

__all__ = [
    "COMPONENTS",
    "LINE_ITEM_LIMIT",
    "OTHER_MODELS",
    "Basis",
    "GatewayHeadline",
    "Headline",
    "Loading",
    "Period",
    "Run",
    "Selection",
    "Standing",
    "Unit",
    "UnitSummary",
    "coverage",
    "currencies",
    "freshness",
    "gateway_days",
    "gateway_headline",
    "gateway_months",
    "gateway_vendors",
    "headline",
    "lifecycle_costs",
    "line_items",
    "loads",
    "model_costs",
    "model_parts",
    "month_completeness",
    "monthly_costs",
    "periods",
    "pool_cost",
    "quality_issues",
    "quarantine_reasons",
    "resources",
    "run",
    "scopes",
    "standing",
    "unallocated_causes",
    "unit_costs",
    "unit_summary",
    "unit_trend",
    "waterfall",
]
