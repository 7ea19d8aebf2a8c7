"""What features returned: headline, features, evidence, and what is not counted.

A return has months of its own, those that its study looked at. It comes from the
published marts; nothing is drawn or added up here. A run that was published before
there were returns has none, which is no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from dashboard.data.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.warehouse.reader import Snapshot

#: Bands of the 50 and 90 % intervals and the point, for bars.
_NET = """
    features.net_value, features.net_value_low_50, features.net_value_high_50,
    features.net_value_low_90, features.net_value_high_90
"""
_NAMED = """
    from roi.mart_feature_roi as features
    left join (
        select feature_id, any_value(feature_name) as feature_name
        from core.dim_features group by feature_id
    ) as named using (feature_id)
    where features.window = 'to_date'
"""


@per_run
def return_headline(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the portfolio to date; ``None`` where the run has no returns."""
    try:
        found = rows(
            snapshot,
            "select * from roi.mart_portfolio_roi as portfolio"
            " where portfolio.window = 'to_date'",
        )
    except duckdb.CatalogException:
        return None
    return found[0] if found else None


@per_run
def return_months(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return what counts by month, oldest first."""
    return rows(
        snapshot,
        """
        select portfolio.window as month, net_value, net_value_low_90,
            net_value_high_90
        from roi.mart_portfolio_roi as portfolio
        where portfolio.window <> 'to_date' and net_value is not null
        order by month
        """,
    )


@per_run
def feature_returns(snapshot: Snapshot) -> pa.Table:
    """Return each feature with a return to date: those that count first."""
    return table(
        snapshot,
        f"""
        select
            coalesce(named.feature_name, features.feature_id) as feature,
            features.feature_id,
            features.grade,
            case when features.counted then 'counted' else 'beside' end as standing,
            features.first_month,
            features.last_month,
            features.currency,
            features.benefit,
            features.cost,
            features.other_cost,
            {_NET},
            features.roi,
            features.roi_low_90,
            features.roi_high_90,
            features.probability_net_positive,
            features.probability_above_hurdle,
            features.released_hours,
            features.npv,
            features.payback_months_p50,
            features.probability_never_paid_back,
            features.break_even_ratio,
            features.lifecycle_stage,
            features.study_ids,
            features.reason,
            features.left_out
        {_NAMED} and features.net_value is not null
        order by not features.counted, features.grade, features.net_value desc
        """,
    )


@per_run
def not_counted_returns(snapshot: Snapshot) -> pa.Table:
    """Return what is not in the headline, each with why."""
    return table(
        snapshot,
        f"""
        select
            coalesce(named.feature_name, features.feature_id) as feature,
            features.feature_id,
            features.grade,
            features.currency,
            features.cost,
            features.net_value,
            features.not_counted_reason as why,
            features.break_even_effect,
            features.outcome_unit,
            features.left_out
        {_NAMED} and not features.counted
        order by features.grade, feature
        """,
    )


@per_run
def evidence_mix(snapshot: Snapshot) -> pa.Table:
    """Return money by grade, counted and not."""
    return table(
        snapshot,
        """
        select
            grade,
            case when counted then 'in the headline' else 'not counted' end as standing,
            feature_count,
            currency,
            cost,
            benefit,
            net_value,
            net_value_low_90,
            net_value_high_90,
            feature_ids
        from roi.mart_evidence_mix
        order by grade, counted desc
        """,
    )


@per_run
def return_drivers(snapshot: Snapshot) -> pa.Table:
    """Return what moves the headline most, and where each thing breaks even."""
    return table(
        snapshot,
        """
        select driver, kind, unit, assumed, break_even, variance_share,
            measure, currency, measure_at_low, measure_at_high
        from roi.mart_roi_sensitivity
        where scope_type = 'portfolio'
        order by driver_order
        """,
    )


__all__ = [
    "evidence_mix",
    "feature_returns",
    "not_counted_returns",
    "return_drivers",
    "return_headline",
    "return_months",
]
