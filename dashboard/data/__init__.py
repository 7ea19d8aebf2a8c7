"""Every query of the dashboard. Pages hold no SQL and do no arithmetic.

Money is summed as DECIMAL inside DuckDB and arrives as :class:`decimal.Decimal`;
ratios are formed there as well. Each question goes to one snapshot, so a page shows
one run. Small answers are remembered for that run.
"""

from __future__ import annotations

from dashboard.data.accelerators import (
    ACCELERATOR_PARTS,
    AcceleratorHeadline,
    AcceleratorHours,
    CommitmentHeadline,
    accelerator_headline,
    accelerator_hours,
    accelerator_months,
    accelerator_pools,
    commitment_headline,
    commitments,
    hours_of_week,
    idle_of_other_pools,
    idle_owners,
    pools_of_the_week,
)
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
from dashboard.data.savings import saving_candidates
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
    "ACCELERATOR_PARTS",
    "COMPONENTS",
    "LINE_ITEM_LIMIT",
    "OTHER_MODELS",
    "AcceleratorHeadline",
    "AcceleratorHours",
    "Basis",
    "CommitmentHeadline",
    "GatewayHeadline",
    "Headline",
    "Loading",
    "Period",
    "Run",
    "Selection",
    "Standing",
    "Unit",
    "UnitSummary",
    "accelerator_headline",
    "accelerator_hours",
    "accelerator_months",
    "accelerator_pools",
    "commitment_headline",
    "commitments",
    "coverage",
    "currencies",
    "freshness",
    "gateway_days",
    "gateway_headline",
    "gateway_months",
    "gateway_vendors",
    "headline",
    "hours_of_week",
    "idle_of_other_pools",
    "idle_owners",
    "lifecycle_costs",
    "line_items",
    "loads",
    "model_costs",
    "model_parts",
    "month_completeness",
    "monthly_costs",
    "periods",
    "pool_cost",
    "pools_of_the_week",
    "quality_issues",
    "quarantine_reasons",
    "resources",
    "run",
    "saving_candidates",
    "scopes",
    "standing",
    "unallocated_causes",
    "unit_costs",
    "unit_summary",
    "unit_trend",
    "waterfall",
]
