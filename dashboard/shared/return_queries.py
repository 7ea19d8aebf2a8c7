"""Feature returns: headline, features, evidence, and uncounted returns.

A return has separate months, those that its study measured. As of a month it has none
of the later months. It comes from the published marts; nothing is drawn or added up
here. A run that was published before there were returns has none, which is no error.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb

from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

#: Bands of the 50 and 90 % intervals and the point, for bars.
_NET = """
    features.net_value, features.net_value_low_50, features.net_value_high_50,
    features.net_value_low_90, features.net_value_high_90
"""
#: Windows that begin with the data known by a month; the last of them is the newest.
_AS_OF = """
    (returns.window = 'to_date' or returns.window like 'until!_%' escape '!')
        and coalesce(returns.until_month, '') <= $until
"""
_NEWEST = "returns.until_month desc, returns.window = 'to_date' desc"
#: Each feature as of a month; a feature without data by then has no window.
_NAMED = f"""
    from (
        select
            returns.*,
            row_number() over (
                partition by returns.feature_id order by {_NEWEST}
            ) as place
        from roi.mart_feature_roi as returns
        where {_AS_OF}
    ) as features
    left join {named_sql("feature")} as named using (feature_id)
    where features.place = 1
"""


@per_run
def return_headline(snapshot: Snapshot, until: str) -> dict[str, Any] | None:
    """Return the portfolio as of a month; ``None`` where the run has no returns.

    Before the first measured month it has no figures, and ``begins`` is that month.
    """
    try:
        whole = rows(
            snapshot,
            "select * from roi.mart_portfolio_roi as portfolio"
            " where portfolio.window = 'to_date'",
        )
    except duckdb.CatalogException:
        return None
    found = rows(
        snapshot,
        "select returns.*, null as begins from roi.mart_portfolio_roi as returns"
        f" where {_AS_OF} order by {_NEWEST} limit 1",
        until=until,
    )
    if found or not whole:
        return found[0] if found else None
    return _before_the_first(whole[0])


def _before_the_first(row: dict[str, Any]) -> dict[str, Any]:
    """Return a portfolio of which nothing is measured yet."""
    counts = ("counted", "beside", "not_computable")
    names = [f"{name}_feature_count" for name in counts]
    return {
        **dict.fromkeys(row),
        "currency": row["currency"],
        **dict.fromkeys(names, 0),
        names[-1]: sum(row[name] for name in names),
        "begins": row["first_month"],
    }


@per_run
def return_ladder(snapshot: Snapshot, window: str) -> pa.Table:
    """Return each counted line, from benefit to value to date."""
    return table(
        snapshot,
        """
        select line, is_sum, until_month, currency, amount, amount_low_90,
            amount_high_90, probability_positive
        from roi.mart_return_ladder as ladder
        where ladder.scope_type = 'portfolio' and ladder.window = $window
        order by line_order
        """,
        window=window,
    )


@per_run
def return_months(snapshot: Snapshot, until: str) -> list[dict[str, Any]]:
    """Return the counted returns by month, oldest first, up to a month."""
    return rows(
        snapshot,
        """
        select portfolio.window as month, net_value, net_value_low_90,
            net_value_high_90
        from roi.mart_portfolio_roi as portfolio
        where portfolio.window <= $until and net_value is not null
        order by month
        """,
        until=until,
    )


@per_run
def return_grades(snapshot: Snapshot, until: str) -> dict[str, int]:
    """Return features by grade as of a month, the strongest first."""
    found = rows(
        snapshot, f"select features.grade {_NAMED} order by grade", until=until
    )
    return dict(Counter(row["grade"] for row in found))


@per_run
def feature_returns(snapshot: Snapshot, until: str) -> pa.Table:
    """Return each feature with a return as of a month: those that count first."""
    return table(
        snapshot,
        f"""
        select
            coalesce(named.feature, features.feature_id) as feature,
            features.feature_id,
            features.grade,
            case when features.counted then 'counted' else 'not counted' end
                as standing,
            features.first_month,
            features.last_month,
            features.until_month,
            features.currency,
            features.benefit,
            features.cost,
            features.other_cost,
            {_NET},
            features.finding,
            features.baseline_source,
            features.baseline_month,
            features.baseline_cost,
            features.replaced_cost,
            features.roi,
            features.roi_low_90,
            features.roi_high_90,
            features.investment_cost,
            features.other_investment,
            features.net_after_investment,
            features.net_after_investment_low_90,
            features.net_after_investment_high_90,
            features.cost_since,
            features.other_cost_since,
            features.replaced_cost_since,
            features.carried_benefit,
            features.net_to_date,
            features.to_date_month,
            features.since_month_count,
            features.probability_net_positive,
            features.probability_above_hurdle,
            features.released_hours,
            features.npv,
            features.payback_months_p50,
            features.probability_never_paid_back,
            features.break_even_ratio,
            features.run_rate_month,
            features.run_rate_net,
            features.effect_status,
            features.lifecycle_stage,
            features.study_ids,
            features.reason,
            features.left_out
        {_NAMED} and features.net_value is not null
        order by not features.counted, features.grade, features.net_value desc
        """,
        until=until,
    )


@per_run
def not_counted_returns(snapshot: Snapshot, until: str) -> pa.Table:
    """Return returns outside the headline as of a month, with the reasons."""
    return table(
        snapshot,
        f"""
        select
            coalesce(named.feature, features.feature_id) as feature,
            features.feature_id,
            features.grade,
            features.currency,
            features.cost,
            features.other_cost,
            features.replaced_cost,
            features.net_value,
            features.finding,
            features.not_counted_reason as why,
            features.break_even_effect,
            features.outcome_unit,
            features.left_out
        {_NAMED} and not features.counted
        order by features.grade, feature
        """,
        until=until,
    )


@per_run
def study_ledger(snapshot: Snapshot, until: str | None = None) -> list[dict[str, Any]]:
    """Return every study of the ledger, or those launched by the end of a month.

    None where the run was published without. Standings and benefits are as of today.
    """
    try:
        return rows(
            snapshot,
            f"""
            select ledger.*, coalesce(named.feature, ledger.feature_id) as feature
            from roi.mart_study_ledger as ledger
            left join {named_sql("feature")} as named using (feature_id)
            where $until is null or strftime(ledger.launch_date, '%Y-%m') <= $until
            order by not ledger.counted, ledger.study_id
            """,
            until=until,
        )
    except duckdb.CatalogException:
        return []


@per_run
def evidence_mix(snapshot: Snapshot) -> pa.Table:
    """Return money by grade, counted and not."""
    known = table(snapshot, "select * from roi.mart_evidence_mix limit 0").column_names
    # A run of an earlier version does not distinguish people and integration.
    other_cost = "other_cost" if "other_cost" in known else "null::double"
    return table(
        snapshot,
        f"""
        select
            grade,
            case when counted then 'in the headline' else 'not counted' end as standing,
            feature_count,
            currency,
            benefit,
            cost,
            {other_cost} as other_cost,
            replaced_cost,
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
    """Return the main drivers of the headline, with their break-even points."""
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
