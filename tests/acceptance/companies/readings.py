"""Read figures of a published run by the names of the truth.

Each query gives rows of ``name``, ``value`` and perhaps ``reason``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot


@dataclass(frozen=True, slots=True)
class Reading:
    """What a surface says of a figure.

    Parameters
    ----------
    value : Decimal or None
        None is unknown.
    reason : str or None
        Why it is unknown.
    """

    value: Decimal | None
    reason: str | None = None


Readings = dict[str, Reading]

_COSTS = """
SELECT billing_month || '.ai_cost.effective' AS name, sum(effective_cost) AS value
FROM cost.fct_daily_model_costs WHERE is_ai_cost GROUP BY billing_month
UNION ALL
SELECT billing_month || '.ai_cost.billed', sum(billed_cost)
FROM cost.fct_daily_model_costs WHERE is_ai_cost GROUP BY billing_month
UNION ALL
SELECT billing_month || '.model.' || model_id, sum(effective_cost)
FROM cost.fct_daily_model_costs WHERE model_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT billing_month || '.team.' || team_id, sum(effective_cost)
FROM cost.fct_daily_model_costs WHERE team_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT billing_month || '.platform.' || platform_id, sum(effective_cost)
FROM cost.fct_daily_model_costs WHERE is_ai_cost GROUP BY ALL
"""
_STEPS = """
WITH months AS (SELECT DISTINCT billing_month FROM cost.mart_cost_waterfall),
  steps AS (
    SELECT billing_month, step, sum(effective_cost) AS effective,
      sum(billed_cost) AS billed
    FROM cost.mart_cost_waterfall GROUP BY ALL)
SELECT billing_month || '.' || step AS name, effective AS value FROM steps
UNION ALL
SELECT billing_month || '.unallocated.effective', coalesce(effective, 0)
FROM months LEFT JOIN (FROM steps WHERE step = 'unallocated') USING (billing_month)
UNION ALL
SELECT billing_month || '.unallocated.billed', coalesce(billed, 0)
FROM months LEFT JOIN (FROM steps WHERE step = 'unallocated') USING (billing_month)
UNION ALL
SELECT billing_month || '.' || name, 0
FROM months, (VALUES ('unallocated'), ('credit'), ('unused_commitment')) AS t(name)
WHERE (billing_month, name) NOT IN (SELECT (billing_month, step) FROM steps)
"""
_BUDGETS = """
SELECT billing_month || '.budget' AS name, budget_amount AS value
FROM cost.mart_budget_variance WHERE scope_type = 'all'
UNION ALL
SELECT billing_month || '.budget.variance', variance_amount
FROM cost.mart_budget_variance WHERE scope_type = 'all'
UNION ALL
SELECT billing_month || '.budget.share', actual_to_budget_ratio
FROM cost.mart_budget_variance WHERE scope_type = 'all'
UNION ALL
SELECT billing_month || '.budget.over_ratio', variance_ratio
FROM cost.mart_budget_variance WHERE scope_type = 'all'
"""
_UNITS = """
WITH units AS (FROM cost.mart_model_unit_costs)
SELECT billing_month || '.requests.' || model_id AS name, requests AS value FROM units
UNION ALL
SELECT billing_month || '.cost_per_thousand_requests.' || model_id,
  cost_per_thousand_requests FROM units
UNION ALL
SELECT billing_month || '.tokens.cached_input.' || model_id, cached_input_tokens
FROM units
UNION ALL
SELECT billing_month || '.tokens.output.' || model_id, output_tokens FROM units
UNION ALL
SELECT billing_month || '.cost_per_million.input.' || model_id,
  cost_per_million_input_tokens FROM units
UNION ALL
SELECT billing_month || '.cost_per_million.cached_input.' || model_id,
  cost_per_million_cached_input_tokens FROM units
UNION ALL
SELECT billing_month || '.cost_per_million.output.' || model_id,
  cost_per_million_output_tokens FROM units
UNION ALL
SELECT billing_month || '.cost_per_million.tokens.' || model_id,
  token_cost_per_million_tokens FROM units
UNION ALL
SELECT billing_month || '.cache_hit_ratio.' || model_id, cache_hit_ratio FROM units
UNION ALL
SELECT billing_month || '.cost_per_gpu_hour.' || model_id,
  gpu_cost_per_gpu_hour FROM units
UNION ALL
SELECT billing_month || '.gpu_hours.held.' || model_id, held_gpu_hours FROM units
UNION ALL
SELECT billing_month || '.tokens.cache_write.' || model_id, cache_write_tokens
FROM units
UNION ALL
SELECT billing_month || '.tokens.input.' || model_id,
  input_tokens - cached_input_tokens - coalesce(cache_write_tokens, 0) FROM units
UNION ALL
SELECT billing_month || '.cost_per_million.cache_write.' || model_id,
  cost_per_million_cache_write_tokens FROM units
UNION ALL
SELECT billing_month || '.gpu_hours.used.' || model_id, gpu_hours FROM units
"""
_BRIDGE = """
SELECT 'bridge.change' AS name, sum(change_amount) AS value
FROM cost.mart_cost_bridge
WHERE basis = 'effective' AND cost_line NOT IN ('tax', 'credit')
UNION ALL
SELECT 'bridge.rate', sum(abs(rate_amount))
FROM cost.mart_cost_bridge WHERE basis = 'effective'
UNION ALL
SELECT 'bridge.corrections', sum(correction_amount)
FROM cost.mart_cost_bridge
WHERE basis = 'effective' AND cost_line NOT IN ('tax', 'credit')
"""
_IDLE = """
WITH pools AS (
  SELECT billing_month,
    sum(total_effective_cost) AS total, sum(used_effective_cost) AS used,
    sum(requested_idle_effective_cost) AS requested,
    sum(infrastructure_idle_effective_cost) AS idle,
    sum(capacity_gpu_hours) AS hours,
    sum(infrastructure_idle_gpu_hours) AS idle_hours
  FROM delivery.mart_accelerator_efficiency GROUP BY billing_month)
SELECT billing_month || '.idle.infrastructure' AS name, idle AS value FROM pools
UNION ALL SELECT billing_month || '.idle.requested', requested FROM pools
UNION ALL SELECT billing_month || '.idle.used', used FROM pools
UNION ALL SELECT billing_month || '.idle.share', idle / total FROM pools
UNION ALL SELECT billing_month || '.price.gpu_hour', total / hours FROM pools
UNION ALL
SELECT billing_month || '.price.gpu_hour.' || purchase_kind, cost_per_gpu_hour
FROM delivery.mart_accelerator_prices
UNION ALL SELECT billing_month || '.capacity_gpu_hours', hours FROM pools
UNION ALL SELECT billing_month || '.idle_gpu_hours', idle_hours FROM pools
UNION ALL
SELECT billing_month || '.team.' || team_id || '.idle',
  sum(infrastructure_idle_effective_cost)
FROM delivery.mart_accelerator_idle_costs WHERE model_id IS NULL GROUP BY ALL
"""
_COMMITMENTS = """
SELECT billing_month || '.reservation.purchased' AS name,
  purchased_billed_cost AS value FROM cost.mart_commitments
UNION ALL
SELECT billing_month || '.reservation.used', used_effective_cost
FROM cost.mart_commitments
UNION ALL
SELECT billing_month || '.reservation.unused', unused_effective_cost
FROM cost.mart_commitments
UNION ALL
SELECT billing_month || '.reservation.utilisation', utilisation_ratio
FROM cost.mart_commitments
UNION ALL
SELECT 'reservation.used_to_date', used_to_date_amount
FROM cost.mart_commitment_burn_down WHERE is_newest
UNION ALL
SELECT 'reservation.lapsed', lapsed_to_date_amount
FROM cost.mart_commitment_burn_down WHERE is_newest
UNION ALL
SELECT 'reservation.left', remaining_amount
FROM cost.mart_commitment_burn_down WHERE is_newest
"""
_DELIVERY = """
SELECT month || '.' || metric AS name, metric_value AS value
FROM delivery.mart_velocity WHERE scope_kind = 'model' AND n_used > 0
UNION ALL
SELECT month || '.firefighting', firefighting_self_report_ratio
FROM delivery.mart_infra_effort
UNION ALL
SELECT month || '.deployments', deployment_count FROM delivery.mart_delivery_costs
WHERE scope_kind = 'model'
UNION ALL
SELECT month || '.cost_per_deployment.' || scope_id, cost_per_deployment
FROM delivery.mart_delivery_costs WHERE scope_kind = 'model'
UNION ALL
SELECT 'infra_hours_per_deployment.' || month, infra_hours_per_deployment
FROM delivery.mart_infra_hours WHERE scope_kind = 'team' AND window_months = 3
UNION ALL
SELECT month || '.latency.p95_to_threshold', max(p95_to_threshold_ratio)
FROM delivery.mart_latency_percentiles GROUP BY month
UNION ALL
SELECT month || '.latency.windows_over', avg(cast(is_over_threshold AS INTEGER))
FROM delivery.mart_latency_percentiles GROUP BY month
"""
_PLATFORMS = """
WITH measured AS (
  SELECT *,
    CASE metric
      WHEN 'charged_per_thousand_inferences' THEN 'cost_per_thousand'
      WHEN 'delivered_windows_over_threshold_ratio' THEN 'windows_over'
      WHEN 'delivered_p95_to_threshold_ratio' THEN 'p95_to_threshold'
      WHEN 'proprietary_spend_ratio' THEN 'lock_in'
    END AS figure
  FROM roi.mart_platform_scorecard
  WHERE subject_kind = 'platform' AND basis = 'all')
SELECT 'platform.' || subject_id || '.' || figure AS name, metric_value AS value, reason
FROM measured WHERE figure IS NOT NULL
UNION ALL
SELECT 'lock_in.' || subject_id, metric_value, reason
FROM measured WHERE figure = 'lock_in'
UNION ALL
SELECT 'latency.' || subject_id, metric_value, reason
FROM measured WHERE figure = 'p95_to_threshold'
"""
_MOVE = """
WITH changes AS (FROM roi.mart_platform_migrations WHERE basis = 'all'),
  costs AS (FROM roi.mart_platform_migration_costs),
  hours AS (
    SELECT * FROM delivery.mart_infra_effort, costs
    WHERE CAST(month || '-01' AS DATE) >= migration_to)
SELECT 'story.over_budget' AS name, before_figure - 1 AS value FROM changes
WHERE metric = 'spend_to_budget_ratio'
UNION ALL
SELECT 'story.times_budget', before_figure FROM changes
WHERE metric = 'spend_to_budget_ratio'
UNION ALL
SELECT 'story.latency_before', before_figure FROM changes
WHERE metric = 'delivered_p95_to_threshold_ratio'
UNION ALL
SELECT 'story.latency_after', after_figure FROM changes
WHERE metric = 'delivered_p95_to_threshold_ratio'
UNION ALL
SELECT 'story.firefighting_before', before_figure FROM changes
WHERE metric = 'firefighting_booked_ratio'
UNION ALL
SELECT 'story.firefighting_quarter_after', after_figure FROM changes
WHERE metric = 'firefighting_booked_ratio'
UNION ALL
SELECT 'story.monthly_cost_before', before_figure FROM changes
WHERE metric = 'spend_per_month'
UNION ALL
SELECT 'story.monthly_cost_after', after_figure FROM changes
WHERE metric = 'spend_per_month'
UNION ALL
SELECT 'story.monthly_cost_since', since_figure FROM changes
WHERE metric = 'spend_per_month'
UNION ALL
SELECT 'story.monthly_cost_change', change_ratio FROM changes
WHERE metric = 'spend_per_month'
UNION ALL
SELECT 'story.months_to_normal',
  count(*) FILTER (month < (
    SELECT min(month) FROM hours WHERE firefighting_self_report_ratio <= 0.1)) + 1
FROM hours
UNION ALL SELECT 'move.integration_hours', integration_hours FROM costs
UNION ALL SELECT 'move.labour', integration_labour_amount FROM costs
UNION ALL SELECT 'move.dual_running', dual_running_amount FROM costs
UNION ALL SELECT 'move.unused_commitment', unused_commitment_amount FROM costs
UNION ALL SELECT 'move.cost', cost_of_moving_amount FROM costs
UNION ALL SELECT 'move.monthly_saving', monthly_saving FROM costs
UNION ALL SELECT 'move.payback_months', break_even_months FROM costs
"""
_QUERIES = (
    *(_COSTS, _STEPS, _BUDGETS, _UNITS, _BRIDGE, _IDLE, _COMMITMENTS),
    *(_DELIVERY, _PLATFORMS, _MOVE),
)


def read_marts(snapshot: Snapshot) -> Readings:
    """Read each figure that the published marts have, by its name in the truth."""
    readings: Readings = {}
    for query in _QUERIES:
        for row in snapshot.query(query).to_pylist():
            value = row["value"]
            number = None if value is None else Decimal(str(value))
            readings[row["name"]] = Reading(number, row.get("reason"))
    return readings
